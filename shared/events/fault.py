"""What is wrong with a wish: refusals by a rule are events that tell each fault."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Fault(BaseModel):
    """One thing that is wrong with a submission: which field, what, and how to mend it."""

    model_config = ConfigDict(frozen=True)

    field: str
    problem: str
    remedy: str
