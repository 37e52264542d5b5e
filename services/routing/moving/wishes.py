"""What people wish to move: each wish is looked over, kept, and begun; the walk does the rest, part by part (R2-23)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.moving.walk import begin_dismissal, move_clients
from services.routing.rules.field import Field
from services.routing.rules.moving import Leaving, Tally
from services.routing.rules.moving_owner import owner_of
from services.routing.rules.moving_rights import (
    faults_of_dismissal,
    faults_of_successor,
    faults_of_word,
    warnings_of,
)
from shared.commands import DismissStaff, HandoverOffice, TransferClient, UndoMove
from shared.database import to_json
from shared.events import Fault, MoveBegun, MoveFinished, MoveRefused
from shared.message import Batch, Event, Heard, NotYet, Said

_UNHEARD = "no company file has been applied yet: run `estafeta apply company.toml`"


async def transfer_clients(wishes: Batch[TransferClient], db: AsyncConnection) -> Said:
    """Give each of these clients to another at once, or refuse it with every fault (R1-42)."""
    said: Said = []
    for heard in wishes:  # a person's word: few a day, each with a fixed number of statements
        said += await _transfer(heard, wishes.now, db)
    return said


async def _transfer(heard: Heard[TransferClient], now: datetime, db: AsyncConnection) -> Said:
    wish, move_id = heard.message, heard.new_id("move")
    field = await _field(db, now)
    found = await store.held_clients(db, [wish.client_id])
    faults = faults_of_transfer(wish.client_id, found, wish.to, wish.by, wish.consent, field)
    if faults:
        return [heard.says(MoveRefused(move_id=move_id, faults=faults))]
    move = _row(heard, move_id, now, kind="transfer", client_id=wish.client_id, to_staff=wish.to)
    move |= {"state": "done", "began_at": now, "ended_at": now, "warnings": warnings_of(wish.to, field)}
    await store.put_move(db, move)
    told, moves, unfit = await move_clients(db, move, leaving_of_client(found[0], wish.to), found, field, now)
    if unfit:
        move["warnings"] = [*move["warnings"], *unfit]
        await store.set_move(db, move_id, now, warnings=to_json(move["warnings"]))
    tally = Tally.empty()
    tally.add(moves)
    return [
        heard.says(_begun(move)),
        *told,
        heard.says(MoveFinished(move_id=move_id, received=tally.clients, queued=sum(tally.queued.values()))),
    ]


def leaving_of_client(client: Any, to: str | None) -> Leaving:
    """What a transfer takes from whom: everything, from whoever has it."""
    holders = (client.curator, client.open_with, client.given_to)
    return Leaving(frozenset(who for who in holders if who is not None), to=to, everything=True)


def faults_of_transfer(
    client_id: UUID, found: Sequence[Any], to: str | None, by: str | None, consent: str | None, field: Field
) -> list[Fault]:
    """What forbids a transfer: no such client, nobody to take him, or somebody who may not say so."""
    if not found:
        return [
            Fault(
                field="client_id",
                problem=f"Routing knows no client {client_id}.",
                remedy="Check that all of the id was copied; a client who has just come is known in a moment.",
            )
        ]
    owner = owner_of(found[0], field)
    person = field.people.get(owner.person or "")
    holders = {found[0].curator, found[0].open_with or found[0].given_to} - {None}
    return [
        *faults_of_successor(to, holders if len(holders) == 1 else (), field),
        *faults_of_word(by, consent, person.office if person else None, field),
    ]


async def dismiss_staff(wishes: Batch[DismissStaff], db: AsyncConnection) -> Said:
    """Dismiss each of these, now or on the day that is named, or refuse it with every fault (R2-23)."""
    said: Said = []
    for heard in wishes:
        wish, move_id, now = heard.message, heard.new_id("move"), wishes.now
        await store.directory(db)  # held, so that nobody is given a lead while he is dismissed
        field = await _field(db, now)
        faults = await faults_of_dismissing(db, wish.staff, wish.to, wish.by, field)
        if faults:
            said.append(heard.says(MoveRefused(move_id=move_id, faults=faults)))
            continue
        starts_at = max(wish.starts_at or now, now)
        move = _row(heard, move_id, now, kind="dismissal", staff_id=wish.staff, to_staff=wish.to, starts_at=starts_at)
        move |= {"state": "planned", "warnings": warnings_of(wish.to, field)}
        await store.put_move(db, move)
        said.append(heard.says(_begun(move)))
        if starts_at <= now:
            said += [heard.says(event) for event in await begin_dismissal(db, move, now)]
    return said


async def faults_of_dismissing(
    db: AsyncConnection, staff: str, to: str | None, by: str | None, field: Field
) -> list[Fault]:
    """What forbids a dismissal."""
    if standing := await store.dismissal_of(db, staff):
        begun = "is planned for" if standing["state"] == "planned" else "has stood since"
        return [
            Fault(
                field="staff",
                problem=f"The dismissal of `{staff}` {begun} {standing['starts_at']:%Y-%m-%d %H:%M} UTC.",
                remedy="Take that one back first: `estafeta staff reinstate`.",
            )
        ]
    faults = faults_of_dismissal(staff, field)
    if faults:
        return faults
    if by == staff:
        return [Fault(field="by", problem="Nobody dismisses himself.", remedy="Let his head say so.")]
    return [*faults_of_successor(to, {staff}, field), *faults_of_word(by, None, field.people[staff].office, field)]


async def hand_over_offices(wishes: Batch[HandoverOffice], db: AsyncConnection) -> Said:
    """Begin to hand over the base of each of these offices, or refuse it with every fault (R2-10)."""
    said: Said = []
    for heard in wishes:
        wish, move_id, now = heard.message, heard.new_id("move"), wishes.now
        field = await _field(db, now)
        known = await store.people_of(db, wish.office)
        faults = faults_of_handover(wish.office, wish.to_office, wish.by, field, has_people=bool(known))
        if faults:
            said.append(heard.says(MoveRefused(move_id=move_id, faults=faults)))
            continue
        move = _row(heard, move_id, now, kind="handover", office_id=wish.office, to_office=wish.to_office)
        move |= {"state": "moving", "began_at": now, "warnings": warnings_of_handover(wish.office, field)}
        await store.put_move(db, move)
        said.append(heard.says(_begun(move)))
    return said


def faults_of_handover(office: str, to: str, by: str | None, field: Field, *, has_people: bool) -> list[Fault]:
    """What forbids a hand-over: an office nobody knows, or that works no more, or the same."""
    faults = []
    if office not in field.offices and not has_people:
        faults.append(_no_office("office", office, field))
    if to not in field.offices:
        faults.append(_no_office("to_office", to, field))
    elif to == office:
        faults.append(Fault(field="to_office", problem="It is the same office.", remedy="Name another."))
    return faults or faults_of_word(by, None, office, field)


def _no_office(named: str, office: str, field: Field) -> Fault:
    return Fault(
        field=named, problem=f"No office has the id `{office}`.", remedy=f"One of: {', '.join(field.offices)}."
    )


def warnings_of_handover(office: str, field: Field) -> list[str]:
    """What somebody should see to: regions that go on sending leads to an office which gives its base away."""
    regions = field.offices[office].regions if office in field.offices else ()
    if not regions:
        return []
    return [
        f"{office} still serves {', '.join(regions)}: new leads go on going there until the company file says otherwise"
    ]


async def undo_moves(wishes: Batch[UndoMove], db: AsyncConnection) -> Said:
    """Begin to take moves back, within the time that was set for each, or refuse it (R2-23).

    A dismissed person works here again at once, with the shifts and absences that ended with him. What is only planned
    is called off.
    """
    said: Said = []
    for heard in wishes:
        wish, now = heard.message, wishes.now
        move = await store.hold_move(db, wish.move_id)
        await store.directory(db)
        fault = await _why_not_undone(db, move, wish, now)
        if fault is not None:
            said.append(heard.says(MoveRefused(move_id=wish.move_id, faults=[fault])))
            continue
        assert move is not None  # noqa: S101  # there is a fault where there is none
        state = "cancelled" if move["state"] == "planned" else "undone" if wish.alone else "undoing"
        await store.set_move(db, wish.move_id, now, state=state, undone_at=now, undone_by=wish.by, after=None)
        if move["kind"] == "dismissal" and move["began_at"] is not None:
            events = await store.restore_person(db, move["staff_id"], move["began_at"], now)
            said += [heard.says(event) for event in events]
    return said


async def _why_not_undone(db: AsyncConnection, move: RowMapping | None, wish: UndoMove, now: datetime) -> Fault | None:
    if move is None:
        return Fault(field="move_id", problem=f"There is no move {wish.move_id}.", remedy="See `estafeta moves`.")
    if move["state"] not in ("planned", "moving", "done"):
        return Fault(field="move_id", problem=f"It is {move['state']} already.", remedy="There is nothing to do.")
    if wish.alone and move["kind"] != "dismissal":
        return Fault(field="alone", problem="Only a dismissed person can come back alone.", remedy="Leave it out.")
    if now > move["undo_until"] and not wish.alone and move["state"] != "planned":
        return Fault(
            field="move_id",
            problem=f"It could be undone until {move['undo_until']:%Y-%m-%d %H:%M} UTC.",
            remedy="Move what should go back by a transfer"
            + ("; the person comes back alone by `--alone`." if move["kind"] == "dismissal" else "."),
        )
    field = await _field(db, now)
    office = move["office_id"]
    if move["staff_id"] is not None:
        office = field.people[move["staff_id"]].office
    elif move["client_id"] is not None:
        had = [who for who in await _had(db, move) if who in field.people]
        office = field.people[had[0]].office if had else None
    return next(iter(faults_of_word(wish.by, None, office, field)), None)


async def _had(db: AsyncConnection, move: RowMapping) -> list[str]:
    """Who had the client of a transfer."""
    key = (move["id"], move["client_id"])
    rows = await store.moved_of(db, [key])
    before = rows[key]["before"] if key in rows else {}
    return [who for who in (before.get("open_with"), before.get("curator")) if who]


async def _field(db: AsyncConnection, now: datetime) -> Field:
    field = await store.field_of_play(db, now)
    if field is None:
        raise NotYet(_UNHEARD)
    return field


def _row(heard: Heard[Any], move_id: UUID, now: datetime, **facts: Any) -> dict[str, Any]:
    wish = heard.message
    starts_at = facts.get("starts_at", now)
    return {
        "id": move_id,
        "staff_id": None,
        "office_id": None,
        "client_id": None,
        "to_staff": None,
        "to_office": None,
        "asked_by": wish.by,
        "reason": wish.reason,
        "cause": heard.id,
        "correlation": heard.correlation,
        "asked_at": now,
        "starts_at": starts_at,
        "began_at": None,
        "ended_at": None,
        "undo_until": starts_at + timedelta(days=wish.undo_days),
        **facts,
    }


def _begun(move: dict[str, Any]) -> Event:
    return MoveBegun(
        move_id=move["id"],
        kind=move["kind"],
        client_id=move["client_id"],
        staff_id=move["staff_id"],
        office_id=move["office_id"],
        to_staff=move["to_staff"],
        to_office=move["to_office"],
        by=move["asked_by"],
        reason=move["reason"],
        starts_at=move["starts_at"],
        undo_until=move["undo_until"],
        warnings=move["warnings"],
    )
