"""One example of every message, made from its fields: always the same."""

from __future__ import annotations

import types
import typing
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from shared.message import Message

_SPACE = UUID("00000000-0000-5000-8000-000000000000")
_PATTERNS = {
    r"^[A-Z]{2}$": "RU",
    r"^[A-Z]{3}$": "RUB",
    r"^[a-z]{2,3}$": "ru",
    r"^[0-9a-f]{64}$": "0" * 64,
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$": "RU-MOW",
}


def example(model: type[BaseModel]) -> BaseModel:
    """An instance of `model` with every field filled."""
    return model.model_validate(
        {name: _value(name, field.annotation, field) for name, field in model.model_fields.items()}
    )


def messages() -> dict[str, type[Message]]:
    """Every message of the language by name."""
    import shared.commands
    import shared.events
    import shared.questions  # noqa: F401

    return dict(sorted(Message.registry.items()))


def _value(name: str, kind: Any, field: FieldInfo | None = None) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _value(name, next(a for a in arguments if a is not type(None)), field)
    if origin is typing.Annotated:
        info = FieldInfo.from_annotation(kind)
        return _value(name, info.annotation, info)
    if origin is list:
        return [_value(name, arguments[0])]
    if origin is dict:
        return {"client/1": 3}
    if origin is typing.Literal:
        return arguments[0]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return example(kind)
    if kind is str and field is not None:
        for constraint in field.metadata:
            pattern = getattr(constraint, "pattern", None)
            if pattern:
                return _PATTERNS[pattern]
    plain: dict[Any, Any] = {
        UUID: uuid5(_SPACE, name),
        int: 7,
        float: 1.5,
        bool: True,
        str: name,
        date: date(2026, 11, 23),
        AwareDatetime: datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
    }
    return plain[kind]
