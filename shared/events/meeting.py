"""A meeting as it travels: with its lead, or with the sale in which it was set."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class AgreedMeeting(BaseModel):
    """A meeting agreed with a client: from when until when, and whether at our office or at theirs, if that was said."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    until: AwareDatetime
    place: Literal["ours", "theirs"] | None = None


class SetMeeting(BaseModel):
    """A meeting that a manager has set in a sale; `holder` is empty when it is whoever works the sale."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    until: AwareDatetime
    holder: str | None = None
    company: str = ""


class MeetingClash(BaseModel):
    """A meeting that came to somebody with its client, and why he is not free for it: he agrees on another time."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    until: AwareDatetime
    because: str
    because_ru: str
