"""What a room remembers in order to be reliable: each statement on its outbox, watermarks and dead letters, captioned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import commit, execute, fetch, to_json
from shared.events import listeners_of
from shared.ledger_tables import add_ledger
from shared.letter import LINES, Letter
from shared.message import Said, in_bulk

__all__ = ["Book", "Ledger", "Mark", "add_ledger"]


FEW = 8
"""How many messages a batch, and what is said at once, has at most to be taken for what people wait for."""
PIECE = 500
"""How many messages one row of the queue names at most: what the relay takes at once, and one row more, is still no more
than NATS takes as one atomic batch (1,000)."""
SILENCE = 3
"""Seconds after which a leader of whom nothing is heard leads no more."""


@dataclass(slots=True)
class Mark:
    """How far one aggregate of a source has been applied, and the dead letter that holds it, if any.

    `stands` is what is written of both already.
    """

    applied: int
    held_by: int | None = None
    stands: tuple[int, int | None] | None = None


_LOCK_MARKS = (
    "select aggregate, applied, held_by, false as is_new, clock_timestamp() as now from watermarks"
    " where source = $1 and aggregate = any($2::text[]) order by aggregate for update"
)

_PUT = (
    # Two who say something in one history at once take the same number: its key refuses the second, who tries again.
    "with numbered as (select n.aggregate, n.more + coalesce((select o.sequence from outbox o"
    " where o.aggregate = n.aggregate order by o.sequence desc limit 1), 0) as said"
    " from unnest($1::text[], $2::bigint[]) as n(aggregate, more)),"
    " queued as (insert into outbox (message_id, aggregate, sequence, subject, type, payload, cause,"
    " by_command, correlation, traceparent) select u.message_id, aggregate, n.said - u.behind, u.subject, u.type,"
    " u.payload, u.cause, u.by_command, u.correlation, u.traceparent from unnest($6::uuid[], $7::text[],"
    " $8::bigint[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::boolean[], $14::uuid[], $15::text[])"
    " with ordinality as u(message_id, aggregate, behind, subject, type, payload, cause, by_command, correlation,"
    " traceparent, nth) join numbered n using (aggregate) order by u.nth returning id, sequence, said_at,"
    " split_part(aggregate, '/', 1) = any($3::text[]) as heard),"
    # A row of the queue names all of them: a list of five hundred costs it as little as a single message.
    " compared_later as (insert into unheard select min(id), array_agg(id order by id) from queued where heard"
    " having count(*) > 0), sent_later as (insert into unsent select $4, min(id), array_agg(id order by id) from queued)"
    " select id, sequence, said_at from queued where $5 order by id"
)

# For each row its messages by the primary key, whatever the planner believes to know of a table that small.
_OF_QUEUE = "cross join lateral (select * from outbox o where o.id = any(q.ids) offset 0) o"
_FIRST_OF_QUEUE = (
    "(select bulk, id, ids from (select bulk, id, ids, sum(cardinality(ids)) over (order by bulk, id)"
    " - cardinality(ids) as before from (select bulk, id, ids from unsent order by bulk, id limit {most}) u) u"
    " where before < {most}) q"
)
_FIRST_UNHEARD = (
    "(select id, ids from (select id, ids, sum(cardinality(ids)) over (order by id) - cardinality(ids) as before"
    " from (select id, ids from unheard where id > $1 order by id limit {most}) u) u where before < {most}) q"
)


class Book:
    """Where the ledgers of one room come from: each opening is a transaction, or a leader's connection."""

    def __init__(self, engine: AsyncEngine, room: str) -> None:
        self.engine, self.room = engine, room

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Ledger]:
        """A ledger in one transaction, committed at the end: the only commit in the house."""
        async with self.engine.connect() as db:
            ledger = Ledger(db, self.room)
            yield ledger
            await ledger.end()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Ledger]:
        """A ledger whose every statement is a transaction of its own, for what follows what is committed already.

        It does not wait for the disk: what a crash takes back here is only sent, or compared, once more.
        """
        async with self._alone() as db:
            await execute(db, "set synchronous_commit = off")
            try:
                yield Ledger(db, self.room)
            finally:
                await db.invalidate()  # its setting is its own: it is not lent to others

    @asynccontextmanager
    async def lead(self) -> AsyncIterator[Ledger | None]:
        """The same, for the one replica that leads; None for all others. Leadership ends with the connection.

        Whoever leads must use it more often than every `SILENCE` seconds.
        """
        async with self._alone() as db:
            [row] = await fetch(
                db, "select pg_try_advisory_lock(hashtext('estafeta relay'), hashtext($1)) as leads", self.room
            )
            if not row["leads"]:
                yield None
                return
            # A leader that is frozen keeps its connection, and with it the lock: the server ends it for him.
            await execute(db, f"set idle_session_timeout = '{SILENCE}s'")
            try:
                yield Ledger(db, self.room)
            finally:
                await db.invalidate()  # the lock belongs to the connection: close it, do not lend it to others

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            yield db


class Ledger:
    """The ledger of `room` inside one transaction."""

    def __init__(self, db: AsyncConnection, room: str) -> None:
        self.db, self.room = db, room
        self._said: Said = []
        self.fresh: list[Mapping[str, Any]] = []
        """What was put and people wait for, as `unsent` tells it, once the transaction has ended."""

    async def now(self) -> datetime:
        """The moment by the database's clock, UTC."""
        [row] = await fetch(self.db, "select clock_timestamp() as now")
        now: datetime = row["now"].astimezone(UTC)
        return now

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def lock_marks(self, source: str, aggregates: Mapping[str, int]) -> tuple[datetime, dict[str, Mark]]:
        """Lock the watermarks of `aggregates`, in order, and tell the moment. Whoever comes second waits here.

        One that is new is written at once as it will stand when all goes well: at the number named for it.
        """
        names = sorted(aggregates)
        # Few are made and locked at once; of many, those that stand already are not written for that.
        rows = list(await fetch(self.db, _LOCK_MARKS, source, names)) if len(names) > FEW else []
        here = {row["aggregate"] for row in rows}
        if missing := [name for name in names if name not in here]:
            rows += await fetch(
                self.db,
                "insert into watermarks as w (source, aggregate, applied)"
                " select $1, n.aggregate, n.applied from unnest($2::text[], $3::bigint[]) as n(aggregate, applied)"
                " on conflict (source, aggregate) do update set applied = w.applied"
                " returning aggregate, applied, held_by, xmax = 0 as is_new, clock_timestamp() as now",
                source,
                missing,
                [aggregates[name] for name in missing],
            )
        marks = {}
        for row in rows:
            applied = 0 if row["is_new"] else row["applied"]
            marks[row["aggregate"]] = Mark(applied, row["held_by"], (row["applied"], row["held_by"]))
        return rows[0]["now"].astimezone(UTC), marks

    async def set_marks(self, source: str, marks: Mapping[str, Mark]) -> None:
        """Write the watermarks, but for those that stand so already."""
        moved = {name: mark for name, mark in marks.items() if mark.stands != (mark.applied, mark.held_by)}
        if not moved:
            return
        await execute(
            self.db,
            "update watermarks w set applied = n.applied, held_by = n.held_by"
            " from unnest($2::text[], $3::bigint[], $4::bigint[]) as n(aggregate, applied, held_by)"
            " where w.source = $1 and w.aggregate = n.aggregate",
            source,
            list(moved),
            [mark.applied for mark in moved.values()],
            [mark.held_by for mark in moved.values()],
        )

    async def note_passed(self, source: str, line: str, place: int) -> None:
        """Remember that everything `source` queued before this place in this line has come past here."""
        await execute(
            self.db,
            "insert into watermarks (source, aggregate, applied) values ($1, $2, $3)"
            " on conflict (source, aggregate) do update set applied = greatest(watermarks.applied, excluded.applied)",
            source,
            line,
            place,
        )

    async def enter_commands(self, ids: Sequence[UUID]) -> tuple[datetime, set[UUID]]:
        """Mark commands as done and return those that were not done before."""
        [row] = await fetch(
            self.db,
            "with entered as (insert into commands_done (id) select id from unnest($1::uuid[]) id order by id"
            " on conflict do nothing returning id) select clock_timestamp() as now, array(select id from entered) as ids",
            list(ids),
        )
        return row["now"].astimezone(UTC), set(row["ids"])

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, said: Said) -> None:
        """Say these events: they are stored, in the order they were put, with the last statement of the transaction."""
        self._said += said

    async def end(self) -> None:
        """Store what was said, and commit."""
        if self._said:
            await self.store_said(is_last=True)
        else:
            await commit(self.db)

    async def store_said(self, *, is_last: bool = False) -> None:
        """Number each event in its aggregate's history and queue it; ids are the same however often the cause comes."""
        pieces = []
        for bulk, line in groupby(self._said, lambda saying: saying.cause.bulk):
            while piece := list(islice(line, PIECE)):
                pieces.append((piece, bulk))
        self._said = []
        nth: dict[tuple[UUID, str], int] = defaultdict(int)
        for n, (piece, bulk) in enumerate(pieces, 1):
            await self._store(piece, bulk, nth, is_last=is_last and n == len(pieces))

    async def _store(self, said: Said, bulk: bool, nth: dict[tuple[UUID, str], int], *, is_last: bool) -> None:
        aggregates = [saying.event.aggregate() for saying in said]
        counts = Counter(aggregates)
        names = sorted(counts)
        left = dict(counts)
        rows = []
        for saying, aggregate in zip(said, aggregates, strict=True):
            left[aggregate] -= 1
            event, cause = saying.event, saying.cause
            subject = event.subject_in(self.room)
            nth[cause.id, subject] += 1
            rows.append(
                {
                    "message_id": cause.new_id(f"{subject}/{nth[cause.id, subject]}"),
                    "aggregate": aggregate,
                    "behind": left[aggregate],
                    "subject": in_bulk(subject) if bulk else subject,
                    "type": event.type_name(),
                    "payload": event.model_dump_json(),
                    "cause": cause.id,
                    "by_command": cause.is_command,
                    "correlation": cause.correlation,
                    "traceparent": cause.traceparent,
                }
            )
        is_awaited = len(rows) <= FEW and not bulk
        heard = list(listeners_of(self.room))
        columns = ([row[column] for row in rows] for column in rows[0])
        given = (names, [counts[name] for name in names], heard, bulk, is_awaited, *columns)
        stored = await fetch(self.db, _PUT, *given, is_last=is_last)
        for row, where in zip(rows, stored, strict=False):
            self.fresh.append({**row, **where, "put": stored[0]["id"], "resends": 0})

    # ── dead letters ────────────────────────────────────────────────────────────────────────────────────────────

    async def bury(
        self, source: str, letter: Letter, *, reason: str, handler: str, state: str = "dead"
    ) -> tuple[int, bool]:
        """Keep a letter that cannot be applied (`dead`) or stands behind one (`waiting`); its number, and if it is new."""
        rows = await fetch(
            self.db,
            "insert into dead_letters as d (message_id, source, aggregate, sequence, subject, headers, payload, reason,"
            " handler, tries, state) values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11)"
            " on conflict (subject, message_id) do update set reason = excluded.reason, tries = d.tries + 1,"
            " state = excluded.state, settled_at = null, settled_why = null returning id, d.xmax = 0 as is_new",
            letter.id,
            source,
            letter.aggregate or None,
            letter.sequence or None,
            letter.subject,
            to_json(letter.headers),
            letter.payload.decode(errors="replace").replace("\x00", "\ufffd"),
            reason[:2000].replace("\x00", "\ufffd"),
            handler,
            letter.tries,
            state,
        )
        return rows[0]["id"], rows[0]["is_new"]

    async def settle(self, letters: Sequence[int], why: str) -> None:
        """Close dead letters: they were applied, or somebody decided that they never will be."""
        await execute(
            self.db,
            "update dead_letters set state = 'settled', settled_at = clock_timestamp(), settled_why = $2"
            " where id = any($1::bigint[])",
            list(letters),
            why,
        )

    async def revived(self, most: int) -> Sequence[RowMapping]:
        """Letters to be tried again now, in the order of their aggregates' histories; other replicas pass them over."""
        return await fetch(
            self.db,
            "select d.id, d.source, d.subject, d.headers, d.payload from dead_letters d"
            " left join watermarks w on w.source = d.source and w.aggregate = d.aggregate"
            " where d.state in ('again', 'waiting') and w.held_by is null"
            " order by d.aggregate, d.sequence, d.id limit $1",
            most,
        )

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def unsent(self, most: int) -> Sequence[RowMapping]:
        """What waits to be sent, at least `most` messages if there are that many: what people wait for before what is
        part of a list, each in order. `put` names the row of the queue, for `mark_sent`.

        (Never "id > cursor": ids are not committed in order.)
        """
        return await fetch(
            self.db,
            "select bulk, q.id as put, o.id, message_id, resends, aggregate, sequence, subject, type, payload, cause,"
            f" correlation, traceparent, said_at from {_FIRST_OF_QUEUE.format(most=f'{most:d}')} {_OF_QUEUE}"
            " order by bulk, q.id, o.id",
        )

    async def mark_sent(self, puts: Iterable[int]) -> None:
        """All that these rows of the queue name is in the stream."""
        await execute(self.db, "delete from unsent where bulk in (false, true) and id = any($1::bigint[])", list(puts))

    async def unheard(self, after: int, most: int) -> Sequence[RowMapping]:
        """What is not yet known to be applied by all who listen, at least `most` messages if there are that many, behind
        the row `after`: `put, id, aggregate, sequence`, without the last three if nothing is left of a row."""
        return await fetch(
            self.db,
            "select q.id as put, o.id, o.aggregate, o.sequence"
            f" from {_FIRST_UNHEARD.format(most=f'{most:d}')} {_OF_QUEUE.replace('cross', 'left')} on true"
            " order by q.id, o.id",
            after,
        )

    async def places(self) -> tuple[int, int]:
        """Up to which place of the queue all that is committed has been sent: of single messages, of those of lists."""
        rows = await fetch(
            self.db,
            "select coalesce((select min(id) from unsent where bulk = l.bulk), (select max(id) + 1 from outbox), 0) as place"
            " from (values (false), (true)) l(bulk) order by l.bulk",
        )
        return rows[0]["place"], rows[1]["place"]

    async def note_heard(self, left: Mapping[int, Sequence[int]]) -> None:
        """Of these rows of `unheard`, only these messages may still be unheard by somebody."""
        await execute(
            self.db,
            "with gone as (delete from unheard where id = any($1::bigint[])) update unheard u set ids = n.ids from"
            " (select put, array_agg(id order by id) as ids from unnest($2::bigint[], $3::bigint[]) as l(put, id)"
            " group by put) n where u.id = n.put",
            [put for put, ids in left.items() if not ids],
            [put for put, ids in left.items() for _ in ids],
            [id for ids in left.values() for id in ids],
        )

    async def send_again(self, behind: Mapping[str, int], said: Mapping[str, int], passed: Sequence[int]) -> int:
        """Queue again, at new places, what a listener never applied of `said` though it stood before the places that
        passed the listener by (of single messages, of those of lists); return how many messages."""
        return await execute(
            self.db,
            # What waits to be sent is not lost: it may have been committed after the mark was made.
            "with waiting as materialized (select unnest(ids) as id from unsent where id < greatest($4::bigint, $5::bigint)),"
            " queued as (update outbox o set id = default, resends = o.resends + 1 from (select q.id"
            " from unnest($1::text[], $2::bigint[], $3::bigint[]) as b(aggregate, applied, said) join outbox q"
            " on q.aggregate = b.aggregate and q.sequence > b.applied and q.sequence <= b.said"
            " where q.id < case when starts_with(q.subject, 'evt.bulk.') then $5::bigint else $4::bigint end"
            " and not exists (select from waiting w where w.id = q.id)"
            " order by q.id for update) b where o.id = b.id returning o.id, starts_with(o.subject, 'evt.bulk.') as bulk),"
            " compared_later as (insert into unheard select id, array[id] from queued)"
            " insert into unsent select bulk, id, array[id] from queued",
            list(behind),
            list(behind.values()),
            [said[name] for name in behind],
            *passed,
        )

    async def watermarks(self, source: str, said: Mapping[str, int]) -> Mapping[str, Any]:
        """How far this room has applied what `source` said: `{passed, behind, held}` (see `TellWatermarks`)."""
        rows = await fetch(
            self.db,
            "select n.aggregate, coalesce(w.applied, 0) as applied, w.held_by is not null as held"
            " from unnest($2::text[], $3::bigint[]) as n(aggregate, said)"
            " left join watermarks w on w.source = $1 and w.aggregate = n.aggregate"
            " where coalesce(w.applied, 0) < n.said or n.said < 0",
            source,
            [*said, *LINES],
            [*said.values(), *(-1 for _ in LINES)],
        )
        applied = {row["aggregate"]: row["applied"] for row in rows if not row["held"]}
        return {
            "passed": [applied.pop(line) for line in LINES],
            "behind": applied,
            "held": [row["aggregate"] for row in rows if row["held"]],
        }
