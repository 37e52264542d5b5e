"""What becomes of sales when their clients turn out to be one, or not to be: one goes on, the other is joined, and parts again.

A merge is told in the histories of both clients; it is followed in the survivor's, once the loser's has come that far.
A split is followed in the survivor's as well, and the loser's waits for it. Merges are a person's work, so each is
written by itself, with a fixed number of statements.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.joining import by_progress, set_anew, which_goes_on
from services.process.rules.sale import Sale, Task
from shared.events import MergeRelayed, SalesJoined, SalesParted, SplitRelayed, TaskClosed, TaskSet
from shared.message import Batch, Event, Heard, NotYet, Said


async def join_sales(merges: Batch[MergeRelayed], db: AsyncConnection) -> Said:
    """The survivor has one open sale: the further one goes on, the other is joined to it with all its history (R1-33, R1-42).

    Tasks that change client are set anew under the survivor, so that each client's deadlines stay in order (R4-11).
    Raises NotYet while the loser's own history has not been heard up to the merge.
    """
    facts = merges.map(lambda merge: merge)
    await store.note_merges(
        db,
        [
            {"id": one.merge_id, "survivor_id": one.survivor_id, "loser_id": one.loser_id}
            for one in facts
            if one.client_id == one.loser_id
        ],
    )
    due = [heard for heard in merges if heard.message.client_id == heard.message.survivor_id]
    kept = await store.merges_of(db, [heard.message.merge_id for heard in due])
    if any(heard.message.merge_id not in kept for heard in due):
        raise NotYet("the loser of a merge has more to tell before it")
    await store.lock_clients(
        db, [each for heard in due for each in (heard.message.survivor_id, heard.message.loser_id)]
    )
    said: Said = []
    for heard in due:
        said += [heard.says(event) for event in await _join(heard, merges, db)]
    return said


async def _join(heard: Heard[MergeRelayed], merges: Batch[MergeRelayed], db: AsyncConnection) -> list[Event]:
    merge, now = heard.message, merges.now
    held = await store.lock_clients(db, [merge.survivor_id, merge.loser_id])
    open_ones = {sale.client_id: sale for sale in await store.lock_sales(db, (), (merge.survivor_id, merge.loser_id))}
    kept, joined = which_goes_on(open_ones.get(merge.survivor_id), open_ones.get(merge.loser_id))
    moved = held.get(merge.loser_id, [])
    # its leads came for a client whose sale was open: the shares taken for them are given back (G6)
    shared = await store.leads_in(db, joined.id) if joined else []
    told: list[Event] = []
    if joined and kept:
        told.append(_closed(joined, now))
        await store.join_sale(db, joined.id, kept.id, now)
    await store.move_sales(db, moved, merge.survivor_id)
    if kept and kept.client_id == merge.loser_id:
        told += await _set_anew(kept, merge.survivor_id, heard.new_id(f"task/{merge.merge_id}"), db, now)
    await store.set_merge(db, merge.merge_id, "followed")
    told += [
        SalesJoined(
            merge_id=merge.merge_id,
            client_id=side,
            survivor_id=merge.survivor_id,
            loser_id=merge.loser_id,
            process_id=kept.id if kept else None,
            manager=kept.manager if kept else None,
            joined_id=joined.id if joined else None,
            leads=shared,
        )
        for side in (merge.loser_id, merge.survivor_id)
    ]
    return told


async def part_sales(splits: Batch[SplitRelayed], db: AsyncConnection) -> Said:
    """Each client has his sales back; one that was joined to a sale of the other is open again with the task it had.

    If its client has got another open sale meanwhile, it is joined to that one (R1-42, R4-11).

    Raises NotYet in the loser's history while the split has not been followed in the survivor's.
    """
    kept = await store.merges_of(db, splits.map(lambda split: split.merge_id))
    due = [heard for heard in splits if heard.message.client_id == heard.message.survivor_id]
    done = {heard.message.merge_id for heard in due}
    for split in splits.map(lambda split: split):
        if split.merge_id not in done and kept[split.merge_id]["state"] != "undone":
            raise NotYet("the split has not been heard of in the survivor's history")
    said: Said = []
    for heard in due:
        said += [heard.says(event) for event in await _part(heard, splits, db)]
    return said


async def _part(heard: Heard[SplitRelayed], splits: Batch[SplitRelayed], db: AsyncConnection) -> list[Event]:
    split, now = heard.message, splits.now
    await store.lock_clients(db, [split.survivor_id, split.loser_id])
    back = await store.sales_from(db, split.survivor_id, split.cards)
    await store.move_sales(db, back, split.loser_id)
    told: list[Event] = []
    for sale in await store.lock_sales(db, back, ()):
        if sale.is_open:
            was = replace(sale, client_id=split.survivor_id)
            told += await _set_anew(was, split.loser_id, heard.new_id(f"task/{split.merge_id}/{sale.id}"), db, now)
    for side in (split.survivor_id, split.loser_id):
        open_one = await store.open_sale_of(db, side)
        strays = await store.lock_sales(db, await store.strays_of(db, side), ())
        if strays and open_one is None:
            open_one, *strays = by_progress(strays)
            task = set_anew(
                await store.last_task(db, open_one.id), heard.new_id(f"task/{split.merge_id}/{open_one.id}")
            )
            await store.replace_task(db, open_one, task, now, parted=True)
            told.append(_task_set(open_one, task, side))
        if strays and open_one is not None:
            await store.rejoin(db, [one.id for one in strays], open_one.id)
        told.append(
            SalesParted(
                merge_id=split.merge_id,
                client_id=side,
                survivor_id=split.survivor_id,
                loser_id=split.loser_id,
                process_id=open_one.id if open_one else None,
                manager=open_one.manager if open_one else None,
            )
        )
    await store.set_merge(db, split.merge_id, "undone")
    return told


async def _set_anew(sale: Sale, client: UUID, task_id: UUID, db: AsyncConnection, now: datetime) -> list[Event]:
    """The next task of an open sale, set again under its new client."""
    assert sale.task is not None  # noqa: S101  # an open sale has one (R4-11)
    task = set_anew(sale.task, task_id)
    await store.replace_task(db, sale, task, now)
    return [_closed(sale, now), _task_set(sale, task, client)]


def _closed(sale: Sale, now: datetime) -> TaskClosed:
    assert sale.task is not None  # noqa: S101  # an open sale has one (R4-11)
    return TaskClosed(task_id=sale.task.id, process_id=sale.id, client_id=sale.client_id, closed_at=now, how="replaced")


def _task_set(sale: Sale, task: Task, client: UUID) -> TaskSet:
    return TaskSet(
        task_id=task.id,
        process_id=sale.id,
        client_id=client,
        manager=sale.manager,
        office_id=sale.office_id,
        kind=task.kind,
        due_at=task.due_at,
        source=sale.source,
        received_at=sale.received_at,
        named_date=task.named_date,
        company=sale.company,
        note=task.note,
        meeting_at=task.meeting_at,
    )
