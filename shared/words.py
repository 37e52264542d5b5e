"""The words that messages are spoken in: kinds, results, functions, stages."""

from enum import StrEnum


class Source(StrEnum):
    """Where a lead comes from (R1-07, R0-06)."""

    INBOUND_CALL = "inbound_call"
    AGENT = "agent"
    WEBSITE = "website"
    EVENT = "event"
    OTHER = "other"
    REFERRAL = "referral"


class Outcome(StrEnum):
    """What the six-key check found (REGULATION §2)."""

    SAME = "same"
    POSSIBLE = "possible"
    NEW = "new"


class Function(StrEnum):
    """What a member of staff is there for."""

    SALES = "sales"
    AGENT = "agent"
    ACCOUNT = "account"
    HEAD = "head"
    HEAD_OF_SALES = "head_of_sales"
    DIRECTOR = "director"


class TaskKind(StrEnum):
    """What is to be done next (R4-15)."""

    CALL = "call"
    MESSAGE = "message"
    OFFER = "offer"
    MEETING = "meeting"
    MATERIALS = "materials"
    REVIEW = "review"
    OTHER = "other"


class TouchKind(StrEnum):
    """How the client was touched (R0-13)."""

    CALL = "call"
    MESSAGE = "message"
    OFFER = "offer"
    MEETING = "meeting"
    MATERIALS = "materials"


class TouchResult(StrEnum):
    """What came of a touch; an attempt that failed is a touch as well (R4-03)."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    INTERESTED = "interested"
    REFUSED = "refused"
    AGREED = "agreed"
    SENT = "sent"
    HELD = "held"
    CANCELLED = "cancelled"


class Direction(StrEnum):
    """Who sought the contact."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Stage(StrEnum):
    """How far a sale has come (REGULATION §4, stages)."""

    OPENED = "opened"
    CONTACTED = "contacted"
    MEETING_SET = "meeting_set"
    MEETING_HELD = "meeting_held"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    CONTRACT = "contract"
    WON = "won"
    LOST = "lost"
    DEFERRED = "deferred"
