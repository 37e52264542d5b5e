"""What commands are made of: names, cells of raw text, and records within them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Cell = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
StaffId = Annotated[str, Field(min_length=1, max_length=64)]
MAX_ROWS = 500


class Part(BaseModel):
    """A part of a command: frozen, and a field this reader does not know is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)
