"""Databases for tests: one for each, as empty as if just made; cleaned rather than made anew, which takes a tenth of the time."""

from __future__ import annotations

from io import BytesIO

import asyncpg
from sqlalchemy.engine import URL

from shared.message import ROOMS

# What a test may leave behind for the next one not to see: whatever is no row of ours and no number that was given out.
# Tables that hold something from the start are told by their content.
_SHAPE = """
select
    (select sum(hashtextextended((c.oid, relname, relkind, relnatts, relchecks, relhastriggers, relacl, reloptions)::text, 0))
     from pg_class c where relnamespace = any(rooms.oids)) as relations,
    (select sum(hashtextextended((attrelid, attnum, attname, atttypid, attnotnull, attacl)::text, 0))
     from pg_attribute join pg_class c on c.oid = attrelid where relnamespace = any(rooms.oids)) as columns,
    (select sum(hashtextextended((oid, convalidated)::text, 0)) from pg_constraint) as constraints,
    (select sum(hashtextextended((oid, tgenabled)::text, 0)) from pg_trigger where not tgisinternal) as triggers,
    (select sum(hashtextextended((oid, prosrc)::text, 0)) from pg_proc where pronamespace = any(rooms.oids)) as functions,
    (select sum(hashtextextended((oid, nspname, nspacl)::text, 0)) from pg_namespace where nspname !~ '^pg_') as schemas,
    (select (datallowconn, datacl)::text from pg_database where datname = current_database()) as entrance,
    (select count(*) from pg_db_role_setting join pg_database d on d.oid = setdatabase
     where datname = current_database()) as settings
from (select array_agg(oid) as oids from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema') as rooms
"""
_WRITTEN = """
select format('%I.%I', nspname, relname) as name
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and nspname = any($1) and pg_relation_size(c.oid) > 0 order by 1
"""
_NUMBERS = """
select setval(format('%I.%I', schemaname, sequencename), start_value, false)
from pg_sequences where schemaname = any($1) and last_value is not null
"""
_ALONE = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""


class Databases:
    """Databases made of one template; what a test gives back clean is lent again."""

    def __init__(self, admin: URL, template: str, roles: list[str]) -> None:
        self.admin, self.template, self.roles = admin, template, roles
        self._made = 0
        self._spare: list[str] = []
        self._content: dict[str, bytes] = {}
        self._shape: asyncpg.Record | None = None

    async def take(self) -> URL:
        """A database as the template is; its administrator's address."""
        if not self._spare:
            self._made += 1
            name = f"test_{self._made}"
            server = await self._connect(self.admin.database)
            try:
                await server.execute(f"create database {name} template {self.template} strategy file_copy")
                await server.execute(f"grant connect on database {name} to {', '.join(self.roles)}")
            finally:
                await server.close()
            if self._shape is None:
                await self._learn(name)
            self._spare.append(name)
        return self.admin.set(database=self._spare.pop())

    async def give_back(self, database: URL) -> None:
        """Clean a database for the next test; drop it if that cannot be."""
        try:
            if await self._clean(str(database.database)):
                self._spare.append(str(database.database))
                return
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass  # whatever is the matter with it, it is lent to nobody
        server = await self._connect(self.admin.database)
        await server.execute(f"drop database if exists {database.database} with (force)")
        await server.close()

    async def _learn(self, name: str) -> None:
        """What a fresh database holds, and what it looks like."""
        db = await self._connect(name)
        self._content = {table: await _copied(db, table) for table in await _written(db)}
        self._shape = await db.fetchrow(_SHAPE)
        await db.close()

    async def _clean(self, name: str) -> bool:
        db = await self._connect(name)
        try:
            await db.execute(_ALONE)
            changed = [table for table, rows in self._content.items() if await _copied(db, table) != rows]
            emptied = [table for table in await _written(db) if table not in self._content or table in changed]
            async with db.transaction():
                await db.execute("set local session_replication_role = replica")
                if emptied:
                    await db.execute(f"truncate {', '.join(emptied)} cascade")
                for table in changed:
                    schema, _, plain = table.partition(".")
                    await db.copy_to_table(plain, schema_name=schema, source=BytesIO(self._content[table]))
                await db.fetch(_NUMBERS, list(ROOMS))
            if not set(self._content) <= set(await _written(db)):
                return False  # emptied along with what it leans on
            return bool(await db.fetchrow(_SHAPE) == self._shape)
        finally:
            await db.close()

    async def _connect(self, name: str | None) -> asyncpg.Connection:
        at = self.admin
        return await asyncpg.connect(
            host=at.host, port=at.port, user=at.username, password=at.password, database=name, timeout=30
        )


async def _written(db: asyncpg.Connection) -> list[str]:
    """Tables that hold rows, or held some."""
    return [row["name"] for row in await db.fetch(_WRITTEN, list(ROOMS))]


async def _copied(db: asyncpg.Connection, table: str) -> bytes:
    """The rows of a table."""
    schema, _, plain = table.partition(".")
    rows = BytesIO()
    await db.copy_from_table(plain, schema_name=schema, output=rows)
    return rows.getvalue()
