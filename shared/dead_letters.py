"""What an operator does with dead letters: send them back to be applied, or close them for good."""

from __future__ import annotations

from collections.abc import Sequence

from shared.database import execute, fetch
from shared.ledger import Ledger


class OperatorsLedger(Ledger):
    """The ledger in an operator's hands."""

    async def revive(self, letter: int | None) -> Sequence[int]:
        """Send one dead letter, or all, back to be applied; free the aggregates they hold."""
        rows = await fetch(
            self.db,
            "update dead_letters set state = 'again' where state = 'dead' and ($1::bigint is null or id = $1) returning id",
            letter,
        )
        ids = [row["id"] for row in rows]
        await execute(self.db, "update watermarks set held_by = null where held_by = any($1::bigint[])", ids)
        return ids

    async def give_up(self, letter: int, why: str) -> bool:
        """Close one dead letter for good: its aggregate's history goes on behind it."""
        rows = await fetch(
            self.db,
            "update dead_letters set state = 'settled', settled_at = clock_timestamp(), settled_why = $2"
            " where id = $1 and state in ('dead', 'again') returning source, message_id",
            letter,
            why,
        )
        await execute(self.db, "update watermarks set applied = applied + 1, held_by = null where held_by = $1", letter)
        if rows and not rows[0]["source"] and rows[0]["message_id"]:
            await self.enter_commands([rows[0]["message_id"]])  # should the bus bring it once more, it is over
        return bool(rows)
