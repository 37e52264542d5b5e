"""Each statement of the ledger in memory: the same names, the same answers (`test_fake_ledger.py` holds it to that)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.bus import Letter
from shared.events import kind_of, listeners_of
from shared.ledger import Mark
from shared.message import Said
from tests.simulation.postgres import Connection


class FakeLedger:
    """`shared.ledger.Ledger`, statement by statement: the same names, the same answers."""

    def __init__(self, db: Connection, *, auto: bool = False) -> None:
        self.db, self.room, self.auto = db, db.base.room, auto

    async def _done(self) -> None:
        """A statement outside a transaction commits itself; its answer may be lost."""
        if self.auto:
            self.db.commit()
            await self.db.step()

    async def now(self) -> datetime:
        return self.db.owner.world.now()

    # ── hearing ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def lock_marks(self, source: str, aggregates: Iterable[str]) -> tuple[datetime, dict[str, Mark]]:
        db = self.db
        await db.step()
        marks: dict[str, Mark] = {}
        names = sorted(set(aggregates))
        here = [name for name in names if db.read("watermarks", (source, name)) is not None]
        for name in (*here, *(name for name in names if name not in here)):
            await db.lock("watermarks", source, name)
            row = db.read("watermarks", (source, name))
            if row is None:
                row = (0, None)
                db.write("watermarks", (source, name), row)
            marks[name] = Mark(*row)
        return db.owner.world.now(), marks

    async def set_marks(self, source: str, marks: Mapping[str, Mark]) -> None:
        await self.db.step()
        for name, mark in marks.items():
            self.db.write("watermarks", (source, name), (mark.applied, mark.held_by))

    async def note_passed(self, source: str, at_ms: int) -> None:
        await self.db.step()
        await self.db.lock("watermarks", source, "relay")
        row = self.db.read("watermarks", (source, "relay"))
        self.db.write("watermarks", (source, "relay"), (max(at_ms, row[0] if row else 0), None))

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
        heard = listeners_of(self.room) if self.room not in _LISTENERS else _LISTENERS[self.room]
        _LISTENERS[self.room] = heard
        counts: dict[str, int] = {}
        for saying in said:
            name = saying.event.aggregate()
            counts[name] = counts.get(name, 0) + 1
        last = {}
        for name in sorted(counts):
            last[name] = await self._number(name, counts[name], kind_of(name) in heard)
        await db.step()
        nth: dict[tuple[UUID, str], int] = {}
        for saying in said:
            event, cause, name = saying.event, saying.cause, saying.event.aggregate()
            subject = event.subject_in(self.room)
            last[name] += 1
            number = nth[cause.id, subject] = nth.get((cause.id, subject), 0) + 1
            id = db.base.next_id("outbox")
            db.write(
                "outbox",
                id,
                {
                    "id": id,
                    "message_id": cause.new_id(f"{subject}/{number}"),
                    "aggregate": name,
                    "sequence": last[name],
                    "subject": subject,
                    "type": event.type_name(),
                    "payload": event.model_dump_json(),
                    "cause": cause.id,
                    "by_command": cause.is_command,
                    "correlation": cause.correlation,
                    "traceparent": cause.traceparent,
                    "said_at": db.owner.world.now(),
                    "sent_at": None,
                    "resends": 0,
                },
            )

    async def _number(self, name: str, more: int, tracked: bool) -> int:
        """Take the next numbers of an aggregate; the row is held until the end. Returns the last number before them."""
        db = self.db
        await db.lock("sequences", name)
        said, heard = db.read("sequences", name) or (0, 0)
        db.write("sequences", name, (said + more, heard if tracked else said + more))
        return int(said)

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
        rows = self.db.all("outbox")
        return [rows[id] for id in sorted(id for id, row in rows.items() if row["sent_at"] is None)[:most]]

    async def mark_sent(self, ids: Sequence[int]) -> None:
        db = self.db
        await db.step()
        for id in ids:
            row = db.read("outbox", id)
            if row is not None and row["sent_at"] is None:
                db.write("outbox", id, {**row, "sent_at": db.owner.world.now()})
        await self._done()

    async def unheard(self, after: str, most: int) -> Mapping[str, int]:
        await self.db.step()
        rows = self.db.all("sequences")
        return {name: rows[name][0] for name in sorted(rows) if rows[name][1] < rows[name][0] and name > after}

    async def note_heard(self, said: Mapping[str, int]) -> None:
        db = self.db
        await db.step()
        for name, number in said.items():
            row = db.read("sequences", name)
            if row is None or db.base.held.get(("sequences", name), db) is not db:
                continue  # skip locked
            db.write("sequences", name, (row[0], max(row[1], number)))
        await self._done()

    async def send_again(self, behind: Mapping[str, int], before_ms: int) -> int:
        db = self.db
        await db.step()
        found = 0
        for id, row in db.all("outbox").copy().items():
            applied = behind.get(row["aggregate"])
            if (
                applied is not None
                and row["sequence"] > applied
                and row["sent_at"] is not None
                and row["sent_at"].timestamp() * 1000 < before_ms
            ):
                db.write("outbox", id, {**row, "sent_at": None, "resends": row["resends"] + 1})
                found += 1
        await self._done()
        return found

    async def watermarks(self, source: str, said: Mapping[str, int]) -> Mapping[str, Any]:
        await self.db.step()
        marks = {name: self.db.read("watermarks", (source, name)) or (0, None) for name in said}
        behind = {name: mark for name, mark in marks.items() if mark[0] < said[name]}
        return {
            "passed": (self.db.read("watermarks", (source, "relay")) or (0, None))[0],
            "behind": {name: mark[0] for name, mark in behind.items() if mark[1] is None},
            "held": [name for name, mark in behind.items() if mark[1] is not None],
        }


_STATES = ("dead", "waiting", "again", "settled")
_LISTENERS: dict[str, Mapping[str, frozenset[str]]] = {}
