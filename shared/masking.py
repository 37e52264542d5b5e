"""Personal data made unreadable where an operator need not read it: what kind of text it was stays visible."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d([T ][\d:.+Z-]*)?|[a-z][a-z_]{0,23}|[A-Z]{2}(-[A-Z0-9]{1,3})?|"
)


def masked(payload: str) -> str:
    """A JSON text with every free text masked; ids, dates, codes and numbers stay. What is no JSON is only measured."""
    try:
        content = json.loads(payload)
    except ValueError:
        return f"({len(payload)} characters that are no JSON)"
    return json.dumps(_mask(content), ensure_ascii=False)


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mask(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_mask(one) for one in value]
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f"{value[0]}…({len(value)})"
    return value
