"""How submissions are taken in, one or many by the same path: stored, recognised, decided and told (R0-10, R1-40)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import early, store
from services.intake.early import Early
from services.intake.rules.acceptance import faults_of
from services.intake.rules.agreed_meeting import faults_of_meeting, meeting_of
from services.intake.rules.arrival import arrival_of
from services.intake.rules.audit import audited_as_one_in
from services.intake.rules.call_script import ENTERED_WITHIN, entry_lag
from services.intake.rules.early_contact import no_lead_yet
from services.intake.rules.keys import RegularLead
from services.intake.rules.match import Decision, Judgement
from services.intake.rules.questionnaire import wish_of
from services.intake.rules.recognition import Recognised, recognise
from services.intake.rules.region import By
from services.intake.rules.regular import make_regular
from services.intake.rules.review import priority, suggest
from services.intake.rules.submission import Submission
from services.intake.rules.survivorship import Arrival, Card
from shared.events import ClientRegistered, EarlierContact, EntryDelayed, Fault, LeadAccepted, LeadRejected
from shared.message import Event, Said, id_of

REJECTED = "rejected"


async def take_in(
    submissions: Sequence[Submission], db: AsyncConnection, now: datetime, not_of: Mapping[UUID, UUID] | None = None
) -> Said:
    """Store raw, make regular, recognise, store what was decided, and say it. A repeat changes and says nothing.

    `not_of`: lead → the client of whom a person has said that the lead is not his.
    """
    async with store.under_way(store.keep_submissions(db, submissions, now)) as keeping:
        given = [_read(one, now) for one in submissions]
    fresh = keeping.result()
    records: list[_Read] = []
    not_yet: list[Early] = []
    for read in given:
        one, _, _, arrival, rule = read
        if one.id in fresh:
            fresh.discard(one.id)
            if arrival and rule:
                not_yet.append(Early(one, arrival, rule))
            else:
                records.append(read)

    arrivals = [read.arrival for read in records if read.arrival]
    keys = dict.fromkeys(key for arrival in (*arrivals, *(one.arrival for one in not_yet)) for key in arrival.keys)
    new = await store.hold_keys(db, keys, holders=1)
    known = await store.look_up(db, keys, new)
    before = set(known.cards)
    recognised = recognise(arrivals, known, not_of or {})

    opened = store.opening_cards([card for client_id, card in known.cards.items() if client_id not in before], now)
    gains: dict[UUID, list[Arrival]] = {}
    for result in recognised:
        if result.changed and result.card.client_id in before:
            gains.setdefault(result.card.client_id, []).append(result.arrival)
    held = await store.hold_cards(db, gains, known.versions)
    await store.change_cards(
        db, [_with(now_it_is, gains[id_]) if now_it_is else known.cards[id_] for id_, now_it_is in held.items()]
    )

    await early.keep(not_yet, db, now)
    places = {one.id: place for place, one in enumerate(submissions)}
    found_again = await early.find_again(recognised, known, places, db, now)
    results = {result.arrival.lead_id: result for result in recognised}
    contacts, decisions, said = [], [], []
    ended = any(one.call and one.call.ended_at for one, *_ in records)
    term = await store.entry_term(db) if ended else ENTERED_WITHIN  # lists and forms are not asked for it
    async with store.under_way(store.keep_keys(db, recognised, new, before, opened)):
        for one, record, faults, _, _ in records:
            found = results.get(one.id)
            if found and found.changed:
                contacts += _contact(one, record, found)
            decisions.append(_row(one, record, found, faults, now))
            events = (_event(one, record, found, faults, found_again.get(one.id, ())), _delayed(one, found, now, term))
            said += [one.cause.says(event) for event in events if event]
        doubts = [doubt for one, *_ in records for doubt in _doubts(one, results.get(one.id), now)]
    await store.keep_shared_keys(db, recognised)
    await store.keep_decisions(db, decisions, contacts)
    await store.open_reviews(db, doubts)
    await store.open_audits(db, [row for result in recognised for row in _audits(result, now)])
    met = {(each.contact_id, results[lead].card.client_id) for lead, told in found_again.items() for each in told}
    return said + await early.tell(not_yet, known, met, db, now)


class _Read(NamedTuple):
    """A submission made regular, what is wrong with it, what recognition needs of it if nothing is, why it is no lead yet."""

    one: Submission
    record: RegularLead
    faults: list[Fault]
    arrival: Arrival | None = None
    rule: str | None = None


def _read(one: Submission, now: datetime) -> _Read:
    record = make_regular(one.fields, one.country)
    faults = faults_of(one.fields, record) + faults_of_meeting(one.call, one.said_at or now)
    if faults:
        return _Read(one, record, faults)
    arrival = arrival_of(one.id, one.card_id, one.fields, record, one.curator)
    return _Read(one, record, faults, arrival, no_lead_yet(one.source, one.fields, one.occasion, one.call))


def _with(card: Card, arrivals: Sequence[Arrival]) -> Card:
    """The card as it stands in the base now, with what this batch adds: somebody may have added to it meanwhile."""
    for arrival in arrivals:
        card = card.joined_by(arrival)
    return card


def _event(
    one: Submission,
    record: RegularLead,
    result: Recognised | None,
    faults: list[Fault],
    earlier: Sequence[EarlierContact] = (),
) -> Event | None:
    if result is None:
        return LeadRejected(lead_id=one.id, import_id=one.import_id, row=one.row, faults=faults)
    region, region_by = result.region
    if one.purpose == "clients":
        if not (result.opened or result.curated):
            return None
        return ClientRegistered(
            client_id=result.card.belongs_to,
            name=result.card.name,
            region=region,
            curator=result.card.curator,
            import_id=one.import_id,
            row=one.row,
        )
    wish = wish_of(one.fields, one.received_at.date())
    phone = next((phone.e164 or phone.local for phone in record.phones), one.fields.phone)
    email = next((box.email for box in record.mailboxes), one.fields.email)
    return LeadAccepted(
        lead_id=one.id,
        client_id=result.card.belongs_to,
        outcome=result.decision.outcome,
        source=one.source,
        campaign=one.campaign,
        submitter=one.submitter,
        named_manager=one.named_manager,
        worked_with=(one.call.worked_with or None) if one.call else None,
        import_id=one.import_id,
        row=one.row,
        received_at=one.received_at,
        region=region,
        region_by=cast(By, region_by),
        company=one.fields.company or result.card.name,
        contact=record.contact or one.fields.contact,
        phone=phone,
        email=email,
        interest=one.fields.interest,
        named_date=wish.named_date,
        spoken_on=wish.spoken_on,
        wishes_call=wish.wishes_call,
        earlier=list(earlier),
        meeting=meeting_of(one.call),
    )


def _delayed(one: Submission, result: Recognised | None, now: datetime, term: timedelta) -> Event | None:
    """A call that was entered too late is told: its head wants to know (R1-22)."""
    ended_at = one.call.ended_at if one.call else None
    if result is None or ended_at is None or (lag := entry_lag(ended_at, now)) <= term:
        return None
    return EntryDelayed(
        lead_id=one.id,
        client_id=result.card.belongs_to,
        submitter=one.submitter,
        ended_at=ended_at,
        lag_s=round(lag.total_seconds(), 1),
        allowed_s=term.total_seconds(),
    )


# ── rows of the decision log ────────────────────────────────────────────────────────────────────────────────────────


def _row(
    one: Submission, record: RegularLead, result: Recognised | None, faults: list[Fault], now: datetime
) -> dict[str, Any]:
    if result is None:
        return store.decision_row(one, REJECTED, "R1-40", now, {"flags": record.flags, "faults": faults})
    decision, (region, region_by) = result.decision, result.region
    return store.decision_row(
        one,
        decision.outcome.value,
        decision.rule,
        now,
        {
            "evidence": decision.evidence,
            "candidates": _candidates(decision),
            "flags": (*record.flags, *result.arrival.region_flags),
        },
        client_id=result.card.client_id,
        score=decision.score,
        region=region,
        region_by=region_by,
    )


def _candidates(decision: Decision) -> list[dict[str, Any]]:
    return [_candidate(one, review=True) for one in decision.possible] + [
        _candidate(one, review=False) for one in decision.others
    ]


def _candidate(one: Judgement, *, review: bool) -> dict[str, Any]:
    return {
        "client_id": one.card.client_id,
        "name": one.card.name,
        "for_review": review,
        "rule": one.rule,
        "score": one.score,
        "conflicts": one.comparison.conflicts,
        "evidence": one.comparison.evidence,
    }


def _doubts(one: Submission, result: Recognised | None, now: datetime) -> list[dict[str, Any]]:
    """What a person is to settle: whether the card that this submission opened is each of the clients it may be."""
    if result is None:
        return []
    return [
        {
            "id": id_of(one.id, f"review/{doubt.card.belongs_to}"),
            "card_id": result.card.client_id,
            "other_id": doubt.card.belongs_to,
            "lead_id": one.id,
            "import_id": one.import_id,
            "rule": doubt.rule,
            "score": doubt.score,
            "priority": priority(one.source, doubt),
            "suggested": suggest(doubt),
            "conflicts": doubt.comparison.conflicts,
            "evidence": doubt.comparison.evidence,
            "opened_at": now,
        }
        for doubt in result.decision.possible
    ]


def _audits(result: Recognised, now: datetime) -> list[dict[str, Any]]:
    """A lead that was joined to a card by itself and that a person is to look at (MATCHING §11)."""
    decision = result.decision
    one_in = audited_as_one_in(decision.outcome, decision.rule, result.arrival.lead_id)
    row = {
        "lead_id": result.arrival.lead_id,
        "client_id": result.card.client_id,
        "rule": decision.rule,
        "score": decision.score,
        "one_in": one_in,
        "opened_at": now,
    }
    return [row] if one_in else []


def _contact(one: Submission, record: RegularLead, result: Recognised) -> list[dict[str, Any]]:
    """Whom the submission names and how he is reached, as one line; nothing when it names nobody and no way."""
    fields = one.fields
    row = {
        "client_id": result.card.client_id,
        "submission_id": one.id,
        "name": record.contact or fields.contact,
        "position": fields.position,
        "phone": "; ".join(filter(None, (fields.phone, fields.fax))),
        "email": fields.email,
        "website": fields.website,
    }
    return [row] if any(row[name] for name in ("name", "phone", "email", "website")) else []
