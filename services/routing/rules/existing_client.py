"""A client we know: his open sale, his account owner, his curator (R1-33, R1-09, R1-34)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case, Nobody, Note, To, Verdict
from services.routing.rules.field import Person
from shared.words import Function, Source


def with_his_manager(case: Case) -> Verdict | None:
    """A sale is open, or a lead was given out and its sale is about to open: its manager, whatever the source (R1-33).

    He alone may work it (R1-42), so an absent one still receives and his head is told; one who has left leaves the
    lead with his head, who must hand the client over.
    """
    holder = case.client.open_with or case.client.given_to
    if holder is None:
        return None
    case.rules.append("R1-33")
    person = case.field.find(holder)
    if person is None:
        return Nobody("handover", None, Note("manager_left", holder))
    reason = why_not(person)
    if reason is None:
        return To("R1-33", person)
    if reason["why"] == "left":
        case.passed[person.id] = reason
        return Nobody(f"handover:{person.office}", person.office, Note("manager_left", person.id))
    case.note("manager_away", person.id)
    for head in case.field.staff_of(person.office, Function.HEAD)[:1]:
        case.tell(head.id)
    return To("R1-33", person)


def is_existing(case: Case) -> bool:
    """Whether the client was there before this lead (R1-34)."""
    return case.client.known or case.lead.known


def with_account_owner(case: Case) -> Verdict | None:
    """A current client's call goes to his account owner, never to the duty manager (R1-09).

    Current is one who has bought, or whose curator serves accounts. While the owner is absent his head answers.
    """
    owner = _curator(case)
    if case.lead.source is not Source.INBOUND_CALL or owner is None:
        return None
    if not (case.client.current or owner.function is Function.ACCOUNT):
        return None
    reason = why_not(owner)
    if reason is None and owner.function is not Function.AGENT:
        case.rules.append("R1-09")
        return To("R1-09", owner)
    if reason is None or reason["why"] == "left":
        return None
    case.rules.append("R1-09")
    case.passed[owner.id] = reason
    case.tell(owner.id)
    return Nobody(f"account:{owner.office}", owner.office, Note("owner_away", owner.id))


def with_his_curator(case: Case) -> Verdict | None:
    """A client without an open sale goes to his curator if he can take him, and no share is counted (R1-34, G6).

    An absent curator is told and stays curator; one who has left is passed over.
    """
    curator = _curator(case)
    if curator is None:
        if case.client.stated_curator and not case.client.curator:
            case.note("curator_unknown", case.client.stated_curator)
        return None
    reason = why_not(curator)
    if reason is None and curator.function is Function.AGENT:
        reason = {"why": "function", "function": curator.function}
    if reason is None:
        return To("R1-34", curator)
    case.passed[curator.id] = reason
    case.note(f"curator_{reason['why']}", curator.id)
    if reason["why"] == "absent":
        case.tell(curator.id)
    return None


def _curator(case: Case) -> Person | None:
    return case.field.find(case.client.curator) if is_existing(case) else None
