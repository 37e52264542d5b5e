"""A meeting as it travels with its lead."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class AgreedMeeting(BaseModel):
    """A meeting agreed with a client: from when until when, and whether at our office or at theirs, if that was said."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    until: AwareDatetime
    place: Literal["ours", "theirs"] | None = None
