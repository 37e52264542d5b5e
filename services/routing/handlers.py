"""What routing does when it hears something: apply the company file, give leads out, learn of clients and their sales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.handing_on import follow_sales
from services.routing.rules.acceptance import as_said, asks
from services.routing.rules.assignment import Decision, assign_all, pools_needed
from services.routing.rules.case import Lead, Meeting
from services.routing.rules.company import faults_in, field_of, warnings_about
from services.routing.rules.directory_changes import changes, offices_as_said, staff_as_said
from services.routing.rules.fair_share import parts_of
from services.routing.rules.field import Field
from services.routing.rules.moving_file import curator_as_stated, without
from services.routing.rules.record import alarm_of
from services.routing.rules.whole_list import list_pool
from shared.commands import ApplyCompany
from shared.events import (
    AssignmentRecalled,
    CardWithdrawn,
    ClientRegistered,
    CompanyApplied,
    CompanyRefused,
    LeadAccepted,
    LeadAssigned,
    LeadJoined,
    LeadRecalled,
    LeadWithdrawn,
    ProcessClosed,
    ProcessOpened,
)
from shared.message import Batch, Heard, NotYet, Said
from shared.words import Outcome


async def apply_company(companies: Batch[ApplyCompany], db: AsyncConnection) -> Said:
    """Make the directory what each file says, in order; what contradicts itself is refused whole, with its faults.

    Says only what really changed; a file that was applied before changes nothing and counts nothing.
    """
    said: Said = []
    for heard in companies:  # whole files, a handful a day: each is written with a fixed number of statements
        said += await _apply(heard, companies, db)
    return said


async def _apply(heard: Heard[ApplyCompany], companies: Batch[ApplyCompany], db: AsyncConnection) -> Said:
    offices, people = await store.directory(db)
    company, kept_out = without(heard.message, await store.dismissed(db))
    if faults := faults_in(company):
        return [heard.says(CompanyRefused(faults=faults))]
    offices_now, people_now = offices_as_said(company), staff_as_said(company)
    counts = await store.save_directory(db, company, offices_now, companies.now)
    warnings = [*kept_out, *warnings_about(company)]
    unknown = await store.unknown_curators(db)
    known = _now_known(unknown, field_of(company))
    if known:
        await store.find_curators(db, known)
    strangers = Counter({row["name"]: row["clients"] for row in unknown if row["name"] not in known})
    if strangers:
        some = ", ".join(f"{name} ({count})" for name, count in strangers.most_common(10))
        warnings.append(f"curators who are not in the directory, with the number of their clients: {some}")
    warnings += [
        f"{row['manager']} has left with {row['sales']} open sales: hand them over"
        for row in await store.left_behind(db)
    ]
    return [
        *(heard.says(event) for event in changes(offices, offices_now)),
        *(heard.says(event) for event in changes(people, people_now)),
        heard.says(CompanyApplied(**counts, warnings=warnings)),
    ]


def _now_known(unknown: Sequence[RowMapping], field: Field) -> Mapping[str, str]:
    return {row["name"]: person.id for row in unknown if (person := field.find(row["name"])) is not None}


async def assign_leads(leads: Batch[LeadAccepted], db: AsyncConnection) -> Said:
    """Give each accepted lead to the manager the regulation names for it, and keep why (R1-33 … G8).

    Who is here and who is on duty is asked for `leads.now`: whoever is here now can serve, not whoever was when the
    lead came. Raises NotYet as long as no company file has been applied.
    """
    field = await store.field_of_play(db, leads.now)
    if field is None:
        raise NotYet("no company file has been applied yet: run `estafeta apply company.toml`")
    asked = [_lead(heard.message) for heard in leads]
    clients = await store.clients_of_new_leads(db, (lead.client_id for lead in asked))
    ledgers = await store.ledgers_of(db, pools_needed(asked, clients, field))
    loads = await store.loads_of(db, [person.id for person in field.capped], leads.now)
    diary = await store.diary_for(db, asked, leads.now)
    decisions = assign_all(asked, clients, field, ledgers, loads, diary)
    then = {d.client.client_id: d.then for d in decisions}
    here = [client for client_id, client in then.items() if clients[client_id].known]
    new = [client for client_id, client in then.items() if not clients[client_id].known]
    imports, received = leads.map(lambda lead: lead.import_id), leads.map(lambda lead: lead.received_at)
    await store.remember(
        db, decisions, imports, received, field, leads.now, clients=here, new_clients=new, ledgers=ledgers
    )
    if diary:
        await store.keep_meetings(db, list(zip(asked, leads.map(lambda lead: lead), strict=True)), leads.now)
    return [heard.says(_assigned(heard.message, decision)) for heard, decision in zip(leads, decisions, strict=True)]


def _lead(lead: LeadAccepted) -> Lead:
    return Lead(
        lead_id=lead.lead_id,
        client_id=lead.client_id,
        source=lead.source,
        region=lead.region,
        named=lead.named_manager,
        submitter=lead.submitter,
        known=lead.outcome is Outcome.SAME,
        worked_with=lead.worked_with,
        list_id=None if lead.import_id is None else str(lead.import_id),
        meeting=Meeting(lead.meeting.at, lead.meeting.until) if lead.meeting else None,
    )


def _assigned(lead: LeadAccepted, decision: Decision) -> LeadAssigned:
    return LeadAssigned(
        lead_id=lead.lead_id,
        client_id=lead.client_id,
        manager=decision.receiver,
        queue=decision.queue,
        office_id=decision.office,
        rule=decision.rule,
        told=list(decision.told),
        alarm=alarm_of(decision),
        source=lead.source,
        campaign=lead.campaign,
        import_id=lead.import_id,
        received_at=lead.received_at,
        region=lead.region,
        company=lead.company,
        contact=lead.contact,
        phone=lead.phone,
        email=lead.email,
        interest=lead.interest,
        named_date=lead.named_date,
        spoken_on=lead.spoken_on,
        wishes_call=lead.wishes_call,
        awaits=1 if asks(decision) else None,
        meeting=lead.meeting,
    )


async def learn_clients(cards: Batch[ClientRegistered], db: AsyncConnection) -> Said:
    """Take clients of the base into the copy, with their curators.

    A curator who is not in the directory is kept as he was named, and found when a later company file knows him;
    until then `CompanyApplied.warnings` and `ListStaff` name him.
    """
    field = await store.field_of_play(db, cards.now)
    clients = await store.clients_of(db, cards.map(lambda card: card.client_id))
    for heard in cards:
        card = heard.message
        person = field.find(card.curator) if field else None
        client = clients[card.client_id]
        clients[card.client_id] = replace(
            client,
            region=client.region if card.region in ("", "unknown") else card.region,
            curator=curator_as_stated(client, card.curator, person),
            stated_curator=card.curator or client.stated_curator,
        )
    await store.save_clients(db, clients.values())
    return []


async def note_opened(sales: Batch[ProcessOpened], db: AsyncConnection) -> Said:
    """A client has an open sale: from now on all his leads go to its manager (R1-33)."""
    await store.open_sales(db, sales.map(lambda sale: (sale.client_id, sale.process_id, sale.lead_id, sale.manager)))
    return []


async def note_joined(leads: Batch[LeadJoined], db: AsyncConnection) -> Said:
    """A lead was added to a sale that was open already: it was not net-new, so a share taken for it is given back (G6)."""
    said = await follow_sales(leads, leads.now, db)
    clients = await store.clients_of(db, leads.map(lambda lead: lead.client_id))
    for heard in leads:
        lead = heard.message
        client = replace(clients[lead.client_id], process_id=lead.process_id, open_with=lead.manager)
        if client.given_lead == lead.lead_id:
            client = replace(client, given_to=None, given_lead=None)
        clients[lead.client_id] = client
    await store.save_clients(db, clients.values())
    await _give_back(leads.map(lambda lead: lead.lead_id), leads.now, db)
    return said + await _nothing_awaited(leads, db)


async def _nothing_awaited(leads: Batch[LeadJoined] | Batch[LeadWithdrawn], db: AsyncConnection) -> Said:
    """Nobody is asked any more whether he takes these leads."""
    causes = {heard.message.lead_id: heard for heard in leads}
    return [
        causes[row["lead_id"]].says(as_said({**row})) for row in await store.end_awaiting(db, list(causes), leads.now)
    ]


async def _give_back(lead_ids: Sequence[UUID], now: datetime, db: AsyncConnection) -> None:
    """Give the shares back that were taken for these leads, each once: in the pool, and in the list's own ledger (G6)."""
    shares = [(share, _ledgers_of(share)) for share in await store.shares_of(db, lead_ids)]
    if shares:
        ledgers = await store.ledgers_of(db, {pool for _, pools in shares for pool in pools})
        for share, pools in shares:
            for pool in pools:
                ledgers[pool].give_back(parts_of(share["ledger"]["before"], share["ledger"]["after"]))
        await store.save_ledgers(db, ledgers)
        await store.mark_given_back(db, [share["lead_id"] for share, _ in shares], now)


def _ledgers_of(share: RowMapping) -> list[str]:
    """The ledgers that a share moved."""
    own = [list_pool(share["pool"], str(share["import_id"]))] if share["import_id"] else []
    return [share["pool"], *own]


async def pass_recalls(leads: Batch[LeadRecalled], db: AsyncConnection) -> Said:
    """Ask process to take leads of an undone import back: it knows whether somebody has touched them since."""
    return [heard.says(AssignmentRecalled.model_validate(heard.message.model_dump())) for heard in leads]


async def note_withdrawn(leads: Batch[LeadWithdrawn], db: AsyncConnection) -> Said:
    """A lead was taken back because its import was undone: so are the share that was taken for it and its meeting (G6)."""
    clients = await store.clients_of(db, leads.map(lambda lead: lead.client_id))
    changed = [
        replace(clients[lead.client_id], given_to=None, given_lead=None)
        for lead in leads.map(lambda lead: lead)
        if clients[lead.client_id].given_lead == lead.lead_id
    ]
    await store.save_clients(db, changed)
    await store.free_meetings_of_leads(db, leads.map(lambda lead: lead.lead_id), leads.now)
    await _give_back(leads.map(lambda lead: lead.lead_id), leads.now, db)
    return await _nothing_awaited(leads, db)


async def forget_clients(cards: Batch[CardWithdrawn], db: AsyncConnection) -> Said:
    """A card is gone with the import that opened it, and so is its copy here, unless a sale is still open."""
    await store.forget_clients(db, cards.map(lambda card: card.client_id))
    return []


async def note_closed(sales: Batch[ProcessClosed], db: AsyncConnection) -> Said:
    """A sale ended: the client may be given anew, first to his curator (R1-34); one who has bought is current (R1-09)."""
    clients = await store.clients_of(db, sales.map(lambda sale: sale.client_id))
    for heard in sales:
        sale = heard.message
        client = clients[sale.client_id]
        if client.process_id == sale.process_id:
            client = replace(client, process_id=None, open_with=None)
        clients[sale.client_id] = replace(client, current=client.current or sale.ended == "won" or None)
    await store.save_clients(db, clients.values())
    await store.free_meetings_of_clients(db, clients, sales.now)
    return []
