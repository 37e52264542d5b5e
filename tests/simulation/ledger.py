"""Each statement of the ledger in memory: the same names, the same answers (`test_fake_ledger.py` holds it to that)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby, islice
from typing import Any
from uuid import UUID

import asyncpg

from shared.events import kind_of, listeners_of
from shared.ledger import FEW, PIECE, Mark
from shared.letter import LINES, Letter
from shared.message import Said, in_bulk
from tests.simulation.postgres import Connection


class FakeLedger:
    """`shared.ledger.Ledger`, statement by statement: the same names, the same answers."""

    def __init__(self, db: Connection, *, auto: bool = False) -> None:
        self.db, self.room, self.auto = db, db.base.room, auto
        self.fresh: list[Mapping[str, Any]] = []

    async def _done(self) -> None:
        """A statement outside a transaction commits itself; its answer may be lost."""
        if self.auto:
            self.db.commit()
            await self.db.step()

    async def now(self) -> datetime:
        if self.db.broken:
            raise ConnectionError("the server closed the connection")
        return self.db.owner.world.now()

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def lock_marks(self, source: str, aggregates: Mapping[str, int]) -> tuple[datetime, dict[str, Mark]]:
        db = self.db
        await db.step()
        marks: dict[str, Mark] = {}
        names = sorted(aggregates)
        here = [name for name in names if db.read("watermarks", (source, name)) is not None]
        for name in (*here, *(name for name in names if name not in here)):
            await db.lock("watermarks", source, name)
            row = db.read("watermarks", (source, name))
            if row is None:
                row = (aggregates[name], None)
                db.write("watermarks", (source, name), row)
                marks[name] = Mark(0, stands=row)
            else:
                marks[name] = Mark(row[0], row[1], row)
        return db.owner.world.now(), marks

    async def set_marks(self, source: str, marks: Mapping[str, Mark]) -> None:
        moved = {name: mark for name, mark in marks.items() if mark.stands != (mark.applied, mark.held_by)}
        if not moved:
            return
        await self.db.step()
        for name, mark in moved.items():
            if self.db.read("watermarks", (source, name)) is not None:
                self.db.write("watermarks", (source, name), (mark.applied, mark.held_by))

    async def note_passed(self, source: str, line: str, place: int) -> None:
        await self.db.step()
        await self.db.lock("watermarks", source, line)
        row = self.db.read("watermarks", (source, line))
        self.db.write("watermarks", (source, line), (max(place, row[0] if row else 0), None))

    async def enter_commands(self, ids: Sequence[UUID]) -> tuple[datetime, set[UUID]]:
        db = self.db
        await db.step()
        fresh = set()
        for id in sorted(set(ids)):
            await db.lock("commands_done", id)
            if db.read("commands_done", id) is None:
                db.write("commands_done", id, True)
                fresh.add(id)
        return db.owner.world.now(), fresh

    # ── saying ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, said: Said) -> None:
        if not said:
            return
        db = self.db
        await db.step()
        names = [saying.event.aggregate() for saying in said]
        counts = Counter(names)
        last = {}
        for name in sorted(counts):
            last[name] = await self._number(name, counts[name])
        await db.step()
        nth: dict[tuple[UUID, str], int] = {}
        rows: list[dict[str, Any]] = []
        for saying, name in zip(said, names, strict=True):
            event, cause = saying.event, saying.cause
            subject = event.subject_in(self.room)
            last[name] += 1
            number = nth[cause.id, subject] = nth.get((cause.id, subject), 0) + 1
            row = {
                "message_id": cause.new_id(f"{subject}/{number}"),
                "aggregate": name,
                "sequence": last[name],
                "subject": in_bulk(subject) if cause.bulk else subject,
                "type": event.type_name(),
                "payload": event.model_dump_json(),
                "cause": cause.id,
                "by_command": cause.is_command,
                "correlation": cause.correlation,
                "traceparent": cause.traceparent,
                "said_at": db.owner.world.now(),
                "resends": 0,
            }
            rows.append(row)
        for bulk, line in groupby(rows, lambda row: bool(row["subject"].startswith("evt.bulk."))):
            while piece := list(islice(line, PIECE)):
                ids = self._queue(piece)
                if len(piece) <= FEW and not bulk:
                    self.fresh += [{**row, "put": ids[0], "id": id} for row, id in zip(piece, ids, strict=True)]

    async def _number(self, name: str, more: int) -> int:
        """Take the next numbers of an aggregate, by what was committed when it was asked; returns the last before them.

        Their keys are held until the end: who comes second waits, and is refused when the first commits.
        """
        db = self.db
        said: int = db.read("sequences", name) or 0
        await db.lock("sequences", name)
        if (db.read("sequences", name) or 0) != said:
            taken = asyncpg.UniqueViolationError(f"{name} has such a number")
            taken.constraint_name = "outbox_history"
            raise taken
        db.write("sequences", name, said + more)
        return said

    def _queue(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Put messages of one line at the end of the queue, one row for all of them; their places."""
        ids, bulk = [], rows[0]["subject"].startswith("evt.bulk.")
        for row in rows:
            ids.append(id := self.db.base.next_id("outbox"))
            self.db.write("outbox", id, {**row, "id": id, "bulk": bulk})
        self.db.write("unsent", (bulk, ids[0]), ids)
        kinds = _heard(self.room)
        if heard := [id for id, row in zip(ids, rows, strict=True) if kind_of(row["aggregate"]) in kinds]:
            self.db.write("unheard", ids[0], heard)
        return ids

    # ── dead letters ────────────────────────────────────────────────────────────────────────────────────────────

    async def bury(
        self, source: str, letter: Letter, *, reason: str, handler: str, state: str = "dead"
    ) -> tuple[int, bool]:
        db = self.db
        await db.step()
        id = db.base.next_id("dead_letters")  # a number is spent even when the row is there already
        await db.lock("dead_letters", letter.subject, letter.id)
        for row in db.all("dead_letters").values():
            if (row["subject"], row["message_id"]) == (letter.subject, letter.id):
                changed = {"reason": reason, "tries": row["tries"] + 1, "state": state, "settled_why": None}
                db.write("dead_letters", row["id"], {**row, **changed})
                return row["id"], False
        db.write(
            "dead_letters",
            id,
            {
                "id": id,
                "message_id": letter.id,
                "source": source,
                "aggregate": letter.aggregate or None,
                "sequence": letter.sequence or None,
                "subject": letter.subject,
                "headers": letter.headers,
                "payload": letter.payload.decode(),
                "reason": reason,
                "handler": handler,
                "tries": letter.tries,
                "state": state,
                "settled_why": None,
            },
        )
        return id, True

    async def _change_letter(self, id: int, states: tuple[str, ...], state: str, why: str | None) -> bool:
        row = self.db.read("dead_letters", id)
        if row is None or row["state"] not in states:
            return False
        await self.db.lock("dead_letters", row["subject"], row["message_id"])
        row = self.db.read("dead_letters", id)
        if row["state"] not in states:
            return False
        self.db.write("dead_letters", id, {**row, "state": state, "settled_why": why})
        return True

    async def settle(self, letters: Sequence[int], why: str) -> None:
        await self.db.step()
        for id in letters:
            await self._change_letter(id, _STATES, "settled", why)

    async def revive(self, letter: int | None) -> Sequence[int]:
        db = self.db
        await db.step()
        wanted = [letter] if letter is not None else list(db.all("dead_letters"))
        ids = [id for id in wanted if await self._change_letter(id, ("dead",), "again", None)]
        await db.step()
        await self._free(ids, 0)
        return ids

    async def give_up(self, letter: int, why: str) -> bool:
        db = self.db
        await db.step()
        closed = await self._change_letter(letter, ("dead", "again"), "settled", why)
        await db.step()
        await self._free([letter], 1)
        row = db.read("dead_letters", letter)
        if closed and not row["source"] and row["message_id"]:
            await self.enter_commands([row["message_id"]])
        return closed

    async def _free(self, letters: Sequence[int], further: int) -> None:
        db = self.db
        for key, row in list(db.all("watermarks").items()):
            if row[1] in letters:
                await db.lock("watermarks", *key)
                applied, held_by = db.read("watermarks", key)
                if held_by in letters:
                    db.write("watermarks", key, (applied + further, None))

    async def revived(self, most: int) -> Sequence[Mapping[str, Any]]:
        db = self.db
        await db.step()
        found = [
            row
            for row in db.all("dead_letters").values()
            if row["state"] in ("again", "waiting")
            and (db.read("watermarks", (row["source"], row["aggregate"])) or (0, None))[1] is None
        ]
        return sorted(found, key=lambda row: (row["aggregate"] or "~", row["sequence"] or 0, row["id"]))[:most]

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def unsent(self, most: int) -> Sequence[Mapping[str, Any]]:
        await self.db.step()
        found: list[Mapping[str, Any]] = []
        for (_, put), ids in sorted(self.db.all("unsent").items()):
            if len(found) >= most:
                break
            found += self._messages(put, ids)
        return found

    def _messages(self, put: int, ids: Sequence[int]) -> list[Mapping[str, Any]]:
        rows = self.db.all("outbox")
        return [{**rows[id], "put": put} for id in ids if id in rows]

    async def mark_sent(self, puts: Iterable[int]) -> None:
        await self.db.step()
        for key in [(bulk, put) for put in puts for bulk in (False, True)]:
            if ids := self.db.read("unsent", key):
                self.db.write("unsent", key, None)
                self.db.base.sent_up_to = max(self.db.base.sent_up_to, *ids)
        await self._done()

    async def unheard(self, after: int, most: int) -> Sequence[Mapping[str, Any]]:
        await self.db.step()
        found: list[Mapping[str, Any]] = []
        size = 0
        for put, ids in sorted(self.db.all("unheard").items()):
            if put <= after:
                continue
            if size >= most:
                break
            size += len(ids)
            found += self._messages(put, ids) or [{"put": put, "id": None, "aggregate": None, "sequence": None}]
        return found

    async def places(self) -> tuple[int, int]:
        await self.db.step()
        unsent, end = self.db.all("unsent"), max(self.db.all("outbox"), default=-1) + 1
        single, bulk = (min((put for line, put in unsent if line == one), default=end) for one in (False, True))
        return self.db.base.tell_places(single, bulk)

    async def note_heard(self, left: Mapping[int, Sequence[int]]) -> None:
        await self.db.step()
        for put, ids in left.items():
            if self.db.read("unheard", put) is not None:
                self.db.write("unheard", put, sorted(ids) or None)
        await self._done()

    async def send_again(self, behind: Mapping[str, int], said: Mapping[str, int], passed: Sequence[int]) -> int:
        await self.db.step()
        found = self._lost(behind, said, passed)
        for row in found:
            self.db.write("outbox", row["id"], None)
            self._queue([{**row, "resends": row["resends"] + 1}])
        await self._done()
        return len(found)

    def _lost(
        self, behind: Mapping[str, int], said: Mapping[str, int], passed: Sequence[int]
    ) -> Sequence[Mapping[str, Any]]:
        """What was sent, stood before its line's place, and is said to be lacking: it has been lost."""
        rows, unsent = self.db.all("outbox"), self._waiting()
        return [
            row
            for id, row in sorted(rows.items())
            if (name := row["aggregate"]) in behind
            and behind[name] < row["sequence"] <= said[name]
            and id < passed[row["bulk"]]
            and id not in unsent
        ]

    def _waiting(self) -> frozenset[int]:
        return frozenset(id for ids in self.db.all("unsent").values() for id in ids)

    async def watermarks(self, source: str, said: Mapping[str, int]) -> Mapping[str, Any]:
        await self.db.step()
        marks = {name: self.db.read("watermarks", (source, name)) or (0, None) for name in said}
        behind = {name: mark for name, mark in marks.items() if mark[0] < said[name]}
        return {
            "passed": [(self.db.read("watermarks", (source, line)) or (0, None))[0] for line in LINES],
            "behind": {name: mark[0] for name, mark in behind.items() if mark[1] is None},
            "held": [name for name, mark in behind.items() if mark[1] is not None],
        }


@cache
def _heard(room: str) -> Mapping[str, frozenset[str]]:
    return listeners_of(room)


_STATES = ("dead", "waiting", "again", "settled")
