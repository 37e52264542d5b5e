"""What a calendar says to which somebody subscribes: as little of clients as it can, and only to who meets them (R1-44, R2-10).

An address is copied, forwarded and kept by programs of others. So the roster of an office names the people on duty and
nothing else, and somebody's own calendar names the company that he meets: no contact, no telephone, no e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.routing.rules.field import Field
from services.routing.rules.moving import has_left
from services.routing.rules.moving_rights import may_say
from shared.agenda import Entry, uid_of_shift
from shared.commands import OpenFeed
from shared.events import Fault

BEFORE, AHEAD = timedelta(days=14), timedelta(days=184)
"""How much of the past and of the future a calendar shows."""
AGAIN = timedelta(minutes=30)
"""How often programs are asked to look again."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "roster": "Дежурства · {name}",
        "own": "Смены и встречи · {name}",
        "on_duty": "Дежурство: {name}",
        "shift": "Дежурство",
        "meeting": "Встреча: {company}",
        "unnamed": "Встреча с клиентом",
        "ours": "у нас: {office}",
        "theirs": "у клиента",
        "client": "Клиент {id}",
    },
    "en": {
        "roster": "Duty roster · {name}",
        "own": "Shifts and meetings · {name}",
        "on_duty": "On duty: {name}",
        "shift": "On duty",
        "meeting": "Meeting: {company}",
        "unnamed": "Meeting with a client",
        "ours": "at our office: {office}",
        "theirs": "at the client's",
        "client": "Client {id}",
    },
}


def title(feed: Mapping[Any, Any]) -> str:
    """What the calendar of a `feed` (`staff_id`, `name`, `lang`) is called."""
    return _WORDS[feed["lang"]]["own" if feed["staff_id"] else "roster"].format(name=feed["name"])


def shift_entry(shift: Mapping[Any, Any], feed: Mapping[Any, Any]) -> Entry:
    """A shift: `office_id, office, staff_id, name, starts_at, ends_at, changed_at, changes`."""
    words = _WORDS[feed["lang"]]
    return Entry(
        uid_of_shift(shift["office_id"], shift["staff_id"], shift["starts_at"], shift["ends_at"]),
        shift["starts_at"],
        shift["ends_at"],
        words["shift"] if feed["staff_id"] else words["on_duty"].format(name=shift["name"]),
        shift["changed_at"],
        shift["changes"],
        location=shift["office"],
        staff=shift["staff_id"],
    )


def meeting_entry(meeting: Mapping[Any, Any], feed: Mapping[Any, Any]) -> Entry:
    """A meeting of the feed's owner: `id, client_id, company, place, starts_at, ends_at, changed_at, changes`."""
    words = _WORDS[feed["lang"]]
    company = meeting["company"]
    return Entry(
        f"{meeting['id']}@estafeta",
        meeting["starts_at"],
        meeting["ends_at"],
        words["meeting"].format(company=company) if company else words["unnamed"],
        meeting["changed_at"],
        meeting["changes"],
        location=words[meeting["place"]].format(office=feed["office"]) if meeting["place"] else "",
        description=words["client"].format(id=meeting["client_id"]),
        category="MEETING",
    )


def faults_of_opening(wish: OpenFeed, field: Field) -> list[Fault]:
    """What forbids a calendar: it is nobody's, or `by` may not have it made; the operator (None) may have any."""
    if (wish.staff is None) == (wish.office is None):
        return [
            Fault(field="staff", problem="It names not exactly one of staff and office.", remedy="Name one of them.")
        ]
    owner = field.people.get(wish.staff or "")
    if wish.staff is not None and (owner is None or has_left(owner)):
        return [_nobody("staff", wish.staff)]
    if wish.office is not None and wish.office not in field.offices:
        remedy = f"One of: {', '.join(field.offices)}."
        return [Fault(field="office", problem=f"No office has the id `{wish.office}`.", remedy=remedy)]
    return faults_of_speaker(wish.by, wish.staff, owner.office if owner else wish.office, field)


def faults_of_speaker(by: str | None, staff: str | None, office: str | None, field: Field) -> list[Fault]:
    """What forbids `by` to open or revoke a calendar: one's own is for oneself and one's heads, a roster for its office."""
    if by is None:
        return []
    speaker = field.people.get(by)
    if speaker is None or has_left(speaker):
        return [_nobody("by", by)]
    if by == staff or may_say(speaker, office) or (staff is None and speaker.office == office):
        return []
    whose = f"the calendar of `{staff}`" if staff else f"the roster of `{office}`"
    remedy = "Let its owner say so, or a head." if staff else "Let somebody of the office say so, or a head."
    return [Fault(field="by", problem=f"`{by}` has no say about {whose}.", remedy=remedy)]


def _nobody(field: str, who: str) -> Fault:
    remedy = "Give the id of a member of staff as the company file has it."
    return Fault(field=field, problem=f"Nobody with the id `{who}` works here.", remedy=remedy)
