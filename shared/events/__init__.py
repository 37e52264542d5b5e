"""Every fact that is told on the bus, by the room that owns it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from shared.events.every_room import (
    CopiesRebuilt,
    MessageDied,
)
from shared.events.fault import (
    Fault,
)
from shared.events.intake import (
    Agreement,
    CardWithdrawn,
    ClientRegistered,
    ClientsMerged,
    ClientsSplit,
    ContactKept,
    EarlierContact,
    EntryDelayed,
    JoinAudited,
    JudgementRefused,
    LeadAccepted,
    LeadRecalled,
    LeadRejected,
    MergeProposed,
    ProposalSettled,
    ReceiptReleased,
    ReviewJudged,
    WrongJoinSettled,
)
from shared.events.meeting import (
    AgreedMeeting,
    MeetingClash,
    SetMeeting,
)
from shared.events.process import (
    HandOnAnswered,
    LeadJoined,
    LeadWithdrawn,
    MoveFollowed,
    MoveReturned,
    ProcessClosed,
    ProcessOpened,
    RecallAnswered,
    SalesJoined,
    SalesParted,
    StageMoved,
    TaskClosed,
    TaskMoved,
    TaskSet,
    TouchRecorded,
    TouchRefused,
)
from shared.events.reminders import (
    AnswerDue,
    DeadlineReached,
    DeadlineSet,
    LateEntryTold,
)
from shared.events.routing import (
    AnswerRefused,
    AssignmentAnswered,
    AssignmentRecalled,
    AssignmentReopened,
    ClientMoved,
    CompanyApplied,
    CompanyRefused,
    DirectoryChanged,
    DirectoryRefused,
    DutyGap,
    DutyGapsFound,
    FeedOpened,
    FeedRefused,
    FeedRevoked,
    LeadAssigned,
    LeadHandedOn,
    MergeRelayed,
    MoveBegun,
    MoveFinished,
    MoveKind,
    MoveRecalled,
    MoveRefused,
    MoveUndone,
    OfficeChanged,
    PresenceRefused,
    PresenceSaid,
    SplitRelayed,
    StaffChanged,
)
from shared.message import ROOMS, Event

EVENTS: tuple[type[Event], ...] = tuple(Event.__subclasses__())


def sources_of(room: str) -> tuple[str, ...]:
    """The rooms that `room` listens to, in the order of a lead's way."""
    return tuple(owner for owner in ROOMS if any(e.owner == owner and room in e.heard_by for e in EVENTS))


@cache
def listeners_of(room: str) -> Mapping[str, frozenset[str]]:
    """Who listens to `room`: aggregate kind (`client`, `office` …) → the rooms that must hear all of it, in order."""
    kinds: dict[str, set[str]] = {}
    for event in EVENTS:
        if event.owner == room and event.heard_by:
            kinds.setdefault(kind_of(event.about), set()).update(event.heard_by)
    return {kind: frozenset(rooms) for kind, rooms in kinds.items()}


def subjects_for(room: str, source: str) -> tuple[str, ...]:
    """The subjects of all that `source` says about the kinds of aggregates `room` listens to: whole histories, no others."""
    kinds = {kind for kind, rooms in listeners_of(source).items() if room in rooms}
    return tuple(
        event.subject_in(source) for event in EVENTS if event.owner == source and kind_of(event.about) in kinds
    )


def kind_of(aggregate: str) -> str:
    """The kind of an aggregate: `client/6f1c…` → `client`."""
    return aggregate.partition("/")[0]


__all__ = [
    "EVENTS",
    "AgreedMeeting",
    "Agreement",
    "AnswerDue",
    "AnswerRefused",
    "AssignmentAnswered",
    "AssignmentRecalled",
    "AssignmentReopened",
    "CardWithdrawn",
    "ClientMoved",
    "ClientRegistered",
    "ClientsMerged",
    "ClientsSplit",
    "CompanyApplied",
    "CompanyRefused",
    "ContactKept",
    "CopiesRebuilt",
    "DeadlineReached",
    "DeadlineSet",
    "DirectoryChanged",
    "DirectoryRefused",
    "DutyGap",
    "DutyGapsFound",
    "EarlierContact",
    "EntryDelayed",
    "Fault",
    "FeedOpened",
    "FeedRefused",
    "FeedRevoked",
    "HandOnAnswered",
    "JoinAudited",
    "JudgementRefused",
    "LateEntryTold",
    "LeadAccepted",
    "LeadAssigned",
    "LeadHandedOn",
    "LeadJoined",
    "LeadRecalled",
    "LeadRejected",
    "LeadWithdrawn",
    "MeetingClash",
    "MergeProposed",
    "MergeRelayed",
    "MessageDied",
    "MoveBegun",
    "MoveFinished",
    "MoveFollowed",
    "MoveKind",
    "MoveRecalled",
    "MoveRefused",
    "MoveReturned",
    "MoveUndone",
    "OfficeChanged",
    "PresenceRefused",
    "PresenceSaid",
    "ProcessClosed",
    "ProcessOpened",
    "ProposalSettled",
    "RecallAnswered",
    "ReceiptReleased",
    "ReviewJudged",
    "SalesJoined",
    "SalesParted",
    "SetMeeting",
    "SplitRelayed",
    "StaffChanged",
    "StageMoved",
    "TaskClosed",
    "TaskMoved",
    "TaskSet",
    "TouchRecorded",
    "TouchRefused",
    "WrongJoinSettled",
    "kind_of",
    "listeners_of",
    "sources_of",
    "subjects_for",
]
