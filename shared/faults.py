"""What is the matter: whether a fault passes by itself, and how it is put in words that hold nobody's data."""

from __future__ import annotations

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_PASSING_STATES = ("08", "40", "53", "55", "57", "58")


def is_passing(fault: Exception) -> bool:
    """Whether a fault will pass by itself: a lost connection, a deadlock, a server that restarts, a number just taken."""
    if isinstance(fault, DBAPIError) and fault.connection_invalidated:
        return True
    said = _below(fault)
    if isinstance(said, asyncpg.PostgresError):
        # Or another has said something in the same history meanwhile: its number is taken, and there is a next one.
        return (said.sqlstate or "")[:2] in _PASSING_STATES or said.constraint_name == "outbox_history"
    if isinstance(said, asyncpg.InterfaceError):
        return not isinstance(said, ValueError)  # the connection is gone; a value that does not fit stays as it is
    # asyncpg's own confusion is what is left of a connection that was lost in the middle of a word.
    return isinstance(said, asyncpg.InternalClientError | OSError | PoolTimeout | TimeoutError)


def _below(fault: Exception) -> Exception:
    """What the driver said, when SQLAlchemy or its adapter passed it on."""
    said = (getattr(fault, "orig", None) or fault).__cause__
    return (
        said
        if isinstance(said, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError)
        else fault
    )


def describe(fault: Exception) -> str:
    """A fault in words fit to be stored: which field and what is wrong, never the value (personal data)."""
    if isinstance(fault, ValidationError):
        return "; ".join(
            f"field {'.'.join(map(str, error['loc'])) or '(whole message)'}: {error['msg']}"
            for error in fault.errors(include_url=False, include_input=False, include_context=False)
        )
    if isinstance(fault, ExceptionGroup):
        return "; ".join(describe(one) for one in fault.exceptions)
    said = _below(fault)
    if isinstance(said, asyncpg.PostgresError):
        return f"{type(said).__name__} {said.sqlstate or ''} {getattr(said, 'constraint_name', None) or ''}".strip()
    if isinstance(said, asyncpg.InterfaceError | DBAPIError):
        return type(said).__name__  # its text may hold a value
    return f"{type(fault).__name__}: {fault}"
