"""The house: both servers and a process for each room, started in order, watched, restarted, stopped in order."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import nats
import nats.errors
import nats.js.errors
from sqlalchemy.engine import URL, make_url

from estafeta.house.children import LOOPBACK, Child, Server, free_port, is_free
from estafeta.house.keeper import Keeper, Tell, Watched, room_of, silence
from estafeta.house.prepare import BusDoor, greet_bus, make_database, prepare, prepare_streams
from estafeta.house.servers import Nats, Postgres
from estafeta.house.state import StateDirectory
from estafeta.house.trouble import DoorUnreadable, HouseTrouble, PortUnreadable, RoomsNotReady
from shared.message import ROOMS
from shared.nats_client import inbox_prefix
from shared.provision import readings_of, role_of

_ROOT = Path(__file__).resolve().parents[2]
_ROOM_PATIENCE = 15.0
_LOOK_AT_STREAMS_EVERY = 1.0
_STREAMS_PATIENCE = 15.0
_DOORS = {"intake": "leads", "routing": "calendars"}  # rooms with a door to the world outside, and what it is for
_TOLD = {
    "leads": "takes leads in at http://{address}/v1/leads, explained at /docs",
    "calendars": "shows calendars at http://{address}/v1/calendars/, opened by `estafeta roster feed open`",
}

Link = Callable[[str, str, int], Awaitable[int]]
"""`(process, server, port)` → the port by which this room's process reaches that server: whoever tests may stand between."""


class RoomProcess(Child):
    """One room as a process of its own."""

    def __init__(self, name: str, log: Path, command: Sequence[str], env: Mapping[str, str]) -> None:
        super().__init__(name, log)
        self.command, self.env = list(command), dict(env)

    def spawn(self) -> None:
        """Start the room."""
        self._run(self.command, cwd=_ROOT, env=self.env)


class House:
    """One whole Estafeta on this machine: `async with House(state) as house: await house.wait_ready()`.

    `state` is the directory that keeps everything. `database_url` and `nats_url`, both with administrator's rights,
    use servers that run already. `door` (`host:port`) is where leads are brought by HTTP, else any free port; `sources`
    is the file that says who may, else the one in `state`; `calendars` is where calendars are read, else any free port.
    `replicas` processes are started for each room, called `routing`, `routing/2` and so on.
    `commands` replaces what is started for each room. `tell(name, level, text)` hears what happens.
    For tests only: `durable=False` gives up safety against a power cut, `link` leads the rooms to their servers another way.
    Raises a `HouseTrouble` when it cannot stand; then everything that was started is stopped again.
    """

    def __init__(
        self,
        state: Path,
        *,
        durable: bool = True,
        database_url: str | None = None,
        nats_url: str | None = None,
        postgres_port: int | None = None,
        nats_port: int | None = None,
        door: str | None = None,
        sources: Path | None = None,
        calendars: str | None = None,
        replicas: int = 1,
        commands: Mapping[str, Sequence[str]] | None = None,
        link: Link | None = None,
        tell: Tell = silence,
    ) -> None:
        self.state = StateDirectory(state)
        self.tell = tell
        self.commands = commands or {room: [sys.executable, "-P", "-m", f"services.{room}"] for room in ROOMS}
        self._external_database, self._external_bus = database_url, nats_url
        self._durable, self._replicas, self._link = durable, replicas, link
        self._ports = {"postgres": postgres_port, "nats": nats_port}
        self._doors_wished, self._sources = {"leads": door, "calendars": calendars}, sources
        self.keeper = Keeper(tell)
        self.servers, self.rooms = self.keeper.servers, self.keeper.rooms
        self.database = URL.create("postgresql+asyncpg")
        self.admin = self.operator = BusDoor("")
        self._watching: asyncio.Future[tuple[None, None]] | None = None

    @property
    def everything(self) -> list[Watched]:
        """Servers and rooms, in the order of starting."""
        return self.keeper.everything

    @property
    def nats_url(self) -> str:
        """The bus, without a user."""
        return self.operator.url

    # ── start ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self.state.take()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start(self) -> None:
        secrets = self.state.secrets()
        faults = await asyncio.gather(self._start_postgres(), self._start_nats(secrets.bus), return_exceptions=True)
        for fault in faults:
            if fault is not None:
                raise fault
        ports = {w.name: w.child.port for w in self.servers.values() if isinstance(w.child, Server)}
        self.state.keep_ports(ports)
        self.tell("house", "info", "preparing roles, schemas, streams and consumers")
        for room, revision in (await prepare(self.database, secrets.database, self.admin)).items():
            self.tell(room, "info", f"schema is at revision {revision}")
        await self._connect()
        doors: dict[str, int] = {}
        open_doors: dict[str, dict[str, str]] = {what: {} for what in _DOORS.values()}
        for room, command in self.commands.items():
            for replica in range(1, self._replicas + 1):
                name = room if replica == 1 else f"{room}/{replica}"
                env = await self._environment(name, secrets.database[room], secrets.bus[room])
                if self._replicas > 1:
                    env["ESTAFETA_REPLICA"] = str(replica)
                doors[name] = self._door(name, doors)
                env["ESTAFETA_HTTP"] = f"{LOOPBACK}:{doors[name]}"
                what = _DOORS.get(room, "")
                if what:
                    open_doors[what][name] = env["ESTAFETA_HTTP_DOOR"] = self._open_door(name, what, doors)
                    self.tell(name, "info", _TOLD[what].format(address=env["ESTAFETA_HTTP_DOOR"]))
                if what == "leads":
                    env["ESTAFETA_HTTP_SOURCES"] = str((self._sources or self.state.sources()).absolute())
                log = self.state.logs / f"{name.replace('/', '-')}.log"
                self.keeper.start_room(RoomProcess(name, log, command, env))
                self.rooms[name].address = env["ESTAFETA_HTTP"] + (f", {what} {open_doors[what][name]}" if what else "")
        self.state.keep_ports(ports | doors)
        self.state.hang_card({
            "pid": os.getpid(),
            "nats_url": self.operator.url,
            "operator": {"user": self.operator.user, "password": self.operator.password},
            "database": self.database.set(drivername="postgresql", password=None).render_as_string(),
            "http": {name: f"http://{LOOPBACK}:{doors[name]}" for name in self.rooms},
            **{what: [f"http://{one}" for one in addresses.values()] for what, addresses in open_doors.items()},
        })  # fmt: skip
        self._watching = asyncio.gather(self.keeper.run(), self._keep_streams())

    async def _start_postgres(self) -> None:
        if self._external_database:
            self.database = make_url(self._external_database).set(drivername="postgresql+asyncpg")
            self._elsewhere("postgres", f"{self.database.host}:{self.database.port or 5432}")
            return
        log = self.state.logs / "postgres.log"
        server = Postgres(self.state.postgres, self._port("postgres"), self._durable, log=log)
        await self.keeper.start_server(server)
        self.database = await make_database(server.url, "estafeta")

    async def _start_nats(self, passwords: Mapping[str, str]) -> None:
        if self._external_bus:
            self.admin = self.operator = BusDoor.of(self._external_bus)
            self._elsewhere("nats", self.admin.shown())
            await greet_bus(self.admin)
            return
        log = self.state.logs / "nats.log"
        server = Nats(self.state.nats, self._port("nats"), self._durable, passwords=passwords, log=log)
        await self.keeper.start_server(server)
        self.admin, self.operator = (
            BusDoor(server.url, role_of(name), passwords[name]) for name in ("admin", "operator")
        )

    def _elsewhere(self, name: str, address: str) -> None:
        self.servers[name] = Watched(name, None, address, state="elsewhere")
        self.tell(name, "info", f"uses the server at {address}")

    def _port(self, server: str) -> int | None:
        """The port asked for, else last time's if it is still free, else any."""
        last = self.state.last_port(server)
        return self._ports[server] or (last if last and is_free(last) else None)

    def _door(self, name: str, taken: Mapping[str, int]) -> int:
        """The port where ops may look into a room: last time's if it is still free, else any."""
        port = self.state.last_port(name)
        while not port or port in taken.values() or not is_free(port):
            port = free_port()
        return port

    def _open_door(self, name: str, what: str, doors: dict[str, int]) -> str:
        """Where this process opens its door: one process at the address asked for, the others where there is room."""
        if wished := self._doors_wished[what]:
            self._doors_wished[what] = None
            return wished
        doors[f"{name} {what}"] = self._door(f"{name} {what}", doors)
        return f"{LOOPBACK}:{doors[f'{name} {what}']}"

    async def _environment(self, name: str, database_password: str, bus_password: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ESTAFETA_")}
        kept |= {name: value for name, value in os.environ.items() if name == "ESTAFETA_LOG_LEVEL"}
        role = role_of(room_of(name))
        database, bus = self.database.set(drivername="postgresql", username=role, password=None), self.admin.url
        if self._link is not None:
            database = database.set(port=await self._link(name, "postgres", database.port or 5432))
            bus = f"nats://{LOOPBACK}:{await self._link(name, 'nats', urlsplit(bus).port or 4222)}"
        user, password = role, bus_password
        if self._external_bus:
            user, password = self.admin.user or "", self.admin.password or ""
        own = {
            "ESTAFETA_DATABASE_URL": database.render_as_string(hide_password=False),
            "ESTAFETA_DATABASE_PASSWORD": database_password,
            "ESTAFETA_NATS_URL": bus,
            "ESTAFETA_NATS_USER": user,
            "ESTAFETA_NATS_PASSWORD": password,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
        }
        return kept | {name: value for name, value in own.items() if value}

    async def _connect(self) -> None:
        async def hush(_: Exception) -> None:
            """What is wrong with the bus is seen by looking at the server itself."""

        self.keeper.nc = await nats.connect(
            self.operator.url,
            name="house",
            user=self.operator.user,
            password=self.operator.password,
            inbox_prefix=inbox_prefix(self.operator.user),
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=5,
            error_cb=hush,
        )

    async def _keep_streams(self) -> None:
        """Make streams and consumers again when they are gone: rooms only bind to them, and send again what was lost."""
        wanted = Counter(reading.stream for room in ROOMS for reading in readings_of(room))
        while True:
            await asyncio.sleep(_LOOK_AT_STREAMS_EVERY)
            try:
                async with asyncio.timeout(_STREAMS_PATIENCE):
                    if self.keeper.nc is None or self.keeper.nc.is_closed:
                        await self._connect()
                    elif gone := await self._missing(wanted):
                        self.tell("nats", "warning", f"{gone} is gone or has lost consumers; making it again")
                        await prepare_streams(self.admin)
            except (OSError, TimeoutError, nats.errors.Error, HouseTrouble) as fault:
                self.tell("nats", "info", f"streams could not be looked after: {fault!r}")

    async def _missing(self, wanted: Mapping[str, int]) -> str:
        assert self.keeper.nc is not None  # noqa: S101  # the caller looked
        stands = self.keeper.nc.jetstream(timeout=2)
        for stream, consumers in wanted.items():
            try:
                if (await stands.stream_info(stream)).state.consumer_count < consumers:
                    return stream
            except nats.js.errors.NotFoundError:
                return stream
        return ""

    # ── use ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def wait_ready(self, seconds: float = 90) -> None:
        """Wait until every room is ready. Raises `RoomsNotReady`, naming what each of them lacks."""
        until = time.monotonic() + seconds
        while not all(one.state in {"ready", "elsewhere"} for one in self.keeper.everything):
            hopeless = any(one.restarts >= 3 and one.state == "fallen" for one in self.rooms.values())
            if hopeless or time.monotonic() > until:
                waited = seconds - max(0.0, until - time.monotonic())
                raise RoomsNotReady(seconds=waited, problems="\n".join(self.keeper.complaints()))
            await asyncio.sleep(0.05)

    async def kill(self, name: str) -> None:
        """Kill a room or a server without warning (SIGKILL); the house will notice and start it again.

        It did not fall by itself, so the house does not wait longer and longer before it starts it again.
        """
        one = self.rooms.get(name) or self.servers[name]
        if one.child is not None and (process := one.child.process) is not None:
            process.kill()
            await asyncio.to_thread(process.wait)
            one.state = "fallen"
            one.calm()

    # ── stop ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def stop(self) -> None:
        """Stop the rooms, then NATS, then PostgreSQL; give the state directory back. Stopping twice does nothing."""
        self.keeper.stopping = True
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        if self.keeper.nc is not None:
            with suppress(Exception):
                await self.keeper.nc.close()
            self.keeper.nc = None
        await asyncio.gather(*(self.keeper.end(one, _ROOM_PATIENCE) for one in self.rooms.values()))
        for name in ("nats", "postgres"):
            if name in self.servers:
                await self.keeper.end(self.servers[name], 60)
        self.state.release()

    def hurry(self) -> None:
        """Kill the rooms that are still stopping: what they had in hand comes again at the next start."""
        for one in self.rooms.values():
            if one.child is not None and one.child.process is not None:
                one.child.process.kill()


def port_of(variable: str) -> int | None:
    """The port an environment variable asks for. Raises `PortUnreadable`."""
    value = os.environ.get(variable)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise PortUnreadable(variable=variable, value=value)
    return int(value)


def door_of(variable: str) -> str | None:
    """The address (`host:port`) an environment variable asks for. Raises `DoorUnreadable`."""
    value = os.environ.get(variable)
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise DoorUnreadable(variable=variable, value=value)
    return value
