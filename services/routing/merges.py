"""What routing does when clients turn out to be one, or not to be: it follows in order, and process follows it.

A merge is told in the histories of both clients. The telling in the loser's says that all of his own was heard; the one
in the survivor's is when it is done, so it waits for the other. With a split it is the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.acceptance import as_said
from services.routing.rules.fair_share import parts_of
from services.routing.rules.merged import facts_of, merged, parted
from shared.events import ClientsMerged, ClientsSplit, MergeRelayed, SalesJoined, SalesParted, SplitRelayed
from shared.message import Batch, NotYet, Said


async def follow_merges(merges: Batch[ClientsMerged], db: AsyncConnection) -> Said:
    """The survivor takes over what he lacked: curator, region, whoever works the loser; process is told (R1-33, R1-34).

    Raises NotYet while the loser's own history has not been heard up to the merge.
    """
    await store.note_merges(
        db,
        [
            {"id": merge.merge_id, "survivor_id": merge.survivor_id, "loser_id": merge.loser_id}
            for merge in merges.map(lambda merge: merge)
            if merge.client_id == merge.loser_id
        ],
    )
    due = [heard for heard in merges if heard.message.client_id == heard.message.survivor_id]
    kept = await store.merges_of(db, (heard.message.merge_id for heard in due))
    _all_there((heard.message.merge_id in kept for heard in due), "the loser of a merge has more to tell before it")
    clients = await store.clients_of(
        db, [each for heard in due for each in (heard.message.survivor_id, heard.message.loser_id)]
    )
    rows, said = [], []
    of_a_curator: dict[UUID, tuple[UUID, UUID]] = {}
    for heard in due:
        merge = heard.message
        before = clients[merge.survivor_id]
        if before.curator is not None:
            of_a_curator[merge.loser_id] = (merge.survivor_id, merge.merge_id)
        after = clients[merge.survivor_id] = merged(before, clients[merge.loser_id])
        rows.append({"id": merge.merge_id, "state": "followed", "before": facts_of(before), "after": facts_of(after)})
        said += [
            heard.says(
                MergeRelayed(
                    merge_id=merge.merge_id,
                    client_id=side,
                    survivor_id=merge.survivor_id,
                    loser_id=merge.loser_id,
                    by=merge.by,
                )
            )
            for side in (merge.loser_id, merge.survivor_id)
        ]
    await store.save_clients(db, clients.values())
    await store.set_merges(db, rows)
    await _give_back(await store.leads_of_curated(db, of_a_curator), merges.now, db)
    return said


async def follow_splits(splits: Batch[ClientsSplit], db: AsyncConnection) -> Said:
    """The survivor gives back what the merge had given him; process is told.

    Raises NotYet in the loser's history while the split has not been done in the survivor's.
    """
    kept = await store.merges_of(db, splits.map(lambda split: split.merge_id))
    due = [heard for heard in splits if heard.message.client_id == heard.message.survivor_id]
    done = {heard.message.merge_id for heard in due}
    _all_there(
        (split.merge_id in done or kept[split.merge_id]["state"] == "undone" for split in splits.map(lambda one: one)),
        "the split has not been heard of in the survivor's history",
    )
    clients = await store.clients_of(db, [heard.message.survivor_id for heard in due])
    rows, said = [], []
    for heard in due:
        split = heard.message
        merge = kept[split.merge_id]
        clients[split.survivor_id] = parted(clients[split.survivor_id], merge["before"], merge["after"])
        rows.append({**merge, "state": "undone"})
        said += [
            heard.says(
                SplitRelayed(
                    merge_id=split.merge_id,
                    client_id=side,
                    survivor_id=split.survivor_id,
                    loser_id=split.loser_id,
                    cards=split.cards,
                    by=split.by,
                )
            )
            for side in (split.survivor_id, split.loser_id)
        ]
    await store.save_clients(db, clients.values())
    await store.set_merges(db, rows)
    return said


async def note_sales_joined(sales: Batch[SalesJoined], db: AsyncConnection) -> Said:
    """Two clients have one sale, worked by its manager alone; what was shared out for the other is given back (R1-33, G6)."""
    clients = await store.clients_of(db, sales.map(lambda sale: sale.client_id))
    for sale in sales.map(lambda sale: sale):
        client = clients[sale.client_id]
        waits = client.given_to if client.given_lead else None
        clients[sale.client_id] = (
            replace(client, process_id=sale.process_id, open_with=sale.manager, given_to=waits)
            if sale.client_id == sale.survivor_id
            else replace(client, process_id=None, open_with=None, given_to=waits)
        )
    await store.save_clients(db, clients.values())
    # in the loser's history alone: there the merge comes before its split, whatever stands between the two elsewhere
    merge_of = {
        lead_id: sale.merge_id
        for sale in sales.map(lambda sale: sale)
        if sale.client_id == sale.loser_id
        for lead_id in sale.leads
    }
    await _give_back(merge_of, sales.now, db)
    # whoever was asked whether he takes one of these leads is asked no more: it is part of another's sale now
    causes = {lead_id: heard for heard in sales for lead_id in heard.message.leads if lead_id in merge_of}
    return [causes[row["lead_id"]].says(as_said({**row})) for row in await store.end_awaiting(db, merge_of, sales.now)]


async def note_sales_parted(sales: Batch[SalesParted], db: AsyncConnection) -> Said:
    """Each client has his own sale again, and what was given back for the merge counts again (G6)."""
    clients = await store.clients_of(db, sales.map(lambda sale: sale.client_id))
    for sale in sales.map(lambda sale: sale):
        clients[sale.client_id] = replace(clients[sale.client_id], process_id=sale.process_id, open_with=sale.manager)
    await store.save_clients(db, clients.values())
    merges = [sale.merge_id for sale in sales.map(lambda sale: sale) if sale.client_id == sale.loser_id]
    shares = await store.retake_shares(db, merges)
    if shares:
        ledgers = await store.ledgers_of(db, {share["pool"] for share in shares})
        for share in shares:
            moved = parts_of(share["ledger"]["before"], share["ledger"]["after"])
            ledgers[share["pool"]].give_back({who: -part for who, part in moved.items()})
        await store.save_ledgers(db, ledgers)
    return []


async def _give_back(merge_of: Mapping[UUID, UUID], now: datetime, db: AsyncConnection) -> None:
    """Give the shares back that were taken for these leads (lead → merge): their client was another's already (G6)."""
    shares = await store.shares_of(db, merge_of)
    if shares:
        ledgers = await store.ledgers_of(db, {share["pool"] for share in shares})
        for share in shares:
            ledgers[share["pool"]].give_back(parts_of(share["ledger"]["before"], share["ledger"]["after"]))
        await store.save_ledgers(db, ledgers)
        await store.mark_given_back_for(db, {one["lead_id"]: merge_of[one["lead_id"]] for one in shares}, now)


def _all_there(heard: Iterable[bool], why: str) -> None:
    if not all(heard):
        raise NotYet(why)
