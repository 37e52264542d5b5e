"""Logs: one line per fact, fields from an allow-list, no personal data, to standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.settings import Settings

_FIELDS = frozenset(
    """
    event level timestamp room replica name type tries reason fault letter letters aggregate durable stream messages
    waiting refusal seconds applied said buried port pid code path revision problem problems count lag step
    """.split()  # noqa: SIM905 - reads better as words
)


def _only_allowed(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field nobody has allowed: what is not named here cannot leak."""
    for key in [key for key in line if key not in _FIELDS and not key.endswith("_id")]:
        del line[key]
    return line


def start_logging(settings: Settings, room: str) -> None:
    """Set logging up for one process."""
    structlog.contextvars.bind_contextvars(room=room, **({"replica": settings.replica} if settings.replica else {}))
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s %(message)s")
