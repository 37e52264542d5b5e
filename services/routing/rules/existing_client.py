"""A client we know: his open sale, his account owner, his curator (R1-33, R1-09, R1-34)."""

from __future__ import annotations

from services.routing.rules.availability import why_not, why_not_new
from services.routing.rules.case import Among, Bench, Case, Nobody, Note, Passed, To, Verdict
from services.routing.rules.field import Person
from services.routing.rules.region import territory
from services.routing.rules.sharing import region_of
from shared.words import Function, Source


def with_his_manager(case: Case) -> Verdict | None:
    """A sale is open, or a lead was given out and its sale is about to open: its manager, whatever the source (R1-33).

    He alone may work it (R1-42), so a busy or absent one still receives; of an absence his head is told. One who is not
    free at the time of its meeting must agree on another. One who has left leaves the lead with his head, who must hand
    the client over.
    """
    holder = case.client.open_with or case.client.given_to
    if holder is None:
        return None
    case.rules.append("R1-33")
    person = case.field.find(holder)
    if person is None:
        return Nobody("handover", None, Note("manager_left", holder))
    if person.id in case.engaged:
        case.note("manager_engaged", person.id)
    reason = why_not(person)
    if reason is None:
        return To("R1-33", person)
    if reason["why"] == "left":
        case.passed[person.id] = reason
        return Nobody(f"handover:{person.office}", person.office, Note("manager_left", person.id))
    if reason["why"] == "busy":
        return To("R1-33", person)
    case.note("manager_away", person.id)
    for head in case.field.staff_of(person.office, Function.HEAD)[:1]:
        case.tell(head.id)
    return To("R1-33", person)


def is_existing(case: Case) -> bool:
    """Whether the client was there before this lead (R1-34)."""
    return case.client.known or case.lead.known


def with_account_owner(case: Case) -> Verdict | None:
    """A current client's call goes to his account owner, never to the duty manager (R1-09).

    Current is one who has bought or, where nobody has said, whose curator serves accounts. While the owner cannot take
    the call his head does; if there is none any more, the head of the client's region.
    """
    if case.lead.source is not Source.INBOUND_CALL or not is_existing(case):
        return None
    owner, current = _curator(case), case.client.current
    if not (current or (current is None and owner is not None and owner.function is Function.ACCOUNT)):
        return None
    case.rules.append("R1-09")
    if owner is None:
        office = territory(region_of(case), case.field).office
        return _with_a_head(office, Note("owner_unknown", case.client.curator or case.client.stated_curator or ""))
    reason = why_not(owner)
    if reason is None and owner.function is Function.AGENT:
        reason = {"why": "function", "function": owner.function}
    if reason is None:
        return To("R1-09", owner)
    case.passed[owner.id] = reason
    if reason["why"] in ("absent", "busy"):
        case.tell(owner.id)
    return _with_a_head(owner.office, Note(_OWNER.get(reason["why"], "owner_away"), owner.id))


_OWNER = {why: f"owner_{why}" for why in ("busy", "left", "function", "declined", "silent")}


def _with_a_head(office: str | None, alarm: Note) -> Nobody:
    return Nobody(f"account:{office}" if office else "account", office, alarm)


def with_his_curator(case: Case, below: Verdict) -> Verdict | None:
    """Of those who may receive a known client by the rules `below`, his curator does, and no share is counted (R1-34, G6).

    One who may not (absent, off duty, of another region) is told and stays curator, and the rules below go on. So does
    everybody while the duty manager only serves a call for somebody else (R1-23).
    """
    if not is_existing(case) or not isinstance(below, Among) or "R1-23" in case.rules:
        return None
    curator = _curator(case)
    if curator is None:
        if case.client.stated_curator and not case.client.curator:
            case.note("curator_unknown", case.client.stated_curator)
        return None
    reason = _why_not_him(curator, below.bench, case)
    if reason is None:
        return To("R1-34", curator)
    case.passed[curator.id] = reason
    case.note(f"curator_{reason['why']}", curator.id)
    if reason["why"] not in ("left", "function"):
        case.tell(curator.id)
    return None


def _why_not_him(curator: Person, bench: Bench, case: Case) -> Passed | None:
    reason = why_not_new(curator) or case.stopped(curator.id)
    if reason is not None:
        return reason
    if curator.function is Function.AGENT:
        return {"why": "function", "function": curator.function}
    if any(who == curator.id for who, _ in bench.weights):
        return None
    if bench.pool.startswith("duty:"):
        return {"why": "off_duty"}
    return None if curator.office == bench.office else {"why": "other_region"}


def _curator(case: Case) -> Person | None:
    return case.field.find(case.client.curator) if is_existing(case) else None
