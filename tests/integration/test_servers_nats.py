"""Our own NATS: stores safely, lets each room say and hear what is its own, and refuses everything else."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import nats.errors
import nats.js.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr

from estafeta.house.bus_users import BUS_USERS
from estafeta.house.prepare import BusDoor, greet_bus
from estafeta.house.servers import Nats
from estafeta.house.trouble import BusRefused, DataInUse, PortTaken, ServerFailed
from shared.bus import Bus
from shared.message import ROOMS
from shared.nats_client import inbox_prefix
from shared.provision import prepare_bus, readings_of, role_of
from shared.settings import Settings

PASSWORDS = {user: f'{user}\'s "own" $secret\\' for user in BUS_USERS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(tmp_path_factory.mktemp("nats"), durable=False, passwords=PASSWORDS)
    server.start()
    try:
        asyncio.run(prepare_bus(settings(server, "admin")))
        yield server
    finally:
        server.stop()


def settings(server: Nats, user: str) -> Settings:
    return Settings(nats_url=server.url, nats_user=role_of(user), nats_password=SecretStr(PASSWORDS[user]))


@asynccontextmanager
async def entered(server: Nats, user: str, complaints: list[str] | None = None) -> AsyncIterator[Client]:
    async def note(error: Exception) -> None:
        if complaints is not None:
            complaints.append(str(error).lower())

    nc = await nats.connect(
        server.url,
        user=role_of(user),
        password=PASSWORDS[user],
        inbox_prefix=inbox_prefix(role_of(user)),
        error_cb=note,
    )
    try:
        yield nc
    finally:
        await nc.close()


async def test_a_server_of_the_house_flushes_before_it_says_yes(tmp_path: Path) -> None:
    server = Nats(tmp_path / "nats", passwords=PASSWORDS)
    server.start()
    try:
        config = tmp_path / "nats" / "nats.conf"
        assert "sync_interval: always" in config.read_text()
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        address = f"http://127.0.0.1:{server.monitor}/jsz?config=1"
        with urllib.request.urlopen(address) as answer:  # noqa: ASYNC210  # nobody else waits
            said = json.loads(answer.read())
        assert said["config"]["sync_always"]
        assert said["config"]["store_dir"].startswith(str(tmp_path))
    finally:
        server.stop()


async def test_the_next_start_finds_what_was_stored(tmp_path: Path) -> None:
    for turn in range(2):
        server = Nats(tmp_path / "nats", durable=False)
        server.start()
        try:
            nc = await nats.connect(server.url)
            js = nc.jetstream()
            if turn == 0:
                await js.add_stream(name="KEPT", subjects=["kept"])
                await js.publish("kept", b"42")
            assert (await js.get_last_msg("KEPT", "kept")).data == b"42"
            await nc.close()
        finally:
            server.stop()


async def test_a_wrong_password_and_no_password_are_refused(server: Nats) -> None:
    for door in (BusDoor(server.url), BusDoor(server.url, role_of("admin"), "guessed")):
        with pytest.raises(BusRefused, match=r"Authorization[\s\S]*Correct user and password"):
            await greet_bus(door)


async def test_a_bus_that_is_not_there_is_refused_with_its_address(server: Nats) -> None:
    with pytest.raises(BusRefused, match=r"127\.0\.0\.1:1 cannot be prepared[\s\S]*See that the server runs"):
        await greet_bus(BusDoor("nats://127.0.0.1:1"))


async def test_a_bus_without_jetstream_is_refused_with_the_remedy(tmp_path: Path) -> None:
    class Plain(Nats):
        def _config(self) -> str:
            return super()._config().replace("jetstream {", "jetstream { enabled: false")

    plain = Plain(tmp_path, durable=False)
    plain.start()
    try:
        with pytest.raises(BusRefused, match="JetStream does not answer"):
            await greet_bus(BusDoor(plain.url))
    finally:
        plain.stop()


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_says_its_events_and_reads_by_its_own_durables(server: Nats, room: str) -> None:
    bus = Bus(settings(server, room), room)
    await bus.connect()
    try:
        await bus.publish([(f"evt.{room}.test.said", b"{}", {"Nats-Msg-Id": f"{room}-{n}"}) for n in range(6)])
        for reading in readings_of(room):
            async with entered(server, "admin") as admin:
                await admin.jetstream().publish(reading.subjects[0].replace(">", "test.done"), b"{}")
            letters = await bus.fetch(reading, wait=2)
            assert letters, reading
            await bus.ack(letters)
            await bus.nc.flush()
            for _ in range(100):  # the server takes an acknowledgement in after it has taken the flush
                if await bus.backlog(reading) == (0, 0):
                    break
                await asyncio.sleep(0.02)
            assert await bus.backlog(reading) == (0, 0), "an acknowledgement was refused"
    finally:
        await bus.close()


async def test_rooms_ask_each_other_and_ring_their_own_bells(server: Nats) -> None:
    async with entered(server, "routing") as routing, entered(server, "intake") as intake:
        rung = asyncio.Event()

        async def answer(message: Msg) -> None:
            await message.respond(b"well")

        async def ring(_: Msg) -> None:
            rung.set()

        await routing.subscribe("ask.routing.health.tell", queue="routing", cb=answer)
        await routing.subscribe("bell.routing", cb=ring)
        await routing.flush()
        assert (await intake.request("ask.routing.health.tell", b"{}", timeout=2)).data == b"well"
        await routing.publish("bell.routing", b"")
        await asyncio.wait_for(rung.wait(), 2)


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("routing", "evt.intake.lead.accepted"),
        ("routing", "cmd.intake.lead.submit"),
        ("routing", "bell.intake"),
        ("routing", "$JS.API.STREAM.DELETE.EVENTS"),
        ("routing", "$JS.API.STREAM.PURGE.EVENTS"),
        ("routing", "$JS.API.CONSUMER.CREATE.EVENTS.spy"),
        ("routing", "$JS.API.CONSUMER.MSG.NEXT.COMMANDS.intake_commands"),
        ("routing", "$JS.ACK.COMMANDS.intake_commands.1.1.1.1.0"),
        ("operator", "evt.intake.lead.accepted"),
        ("operator", "$JS.API.STREAM.PURGE.COMMANDS"),
        ("operator", "$JS.API.CONSUMER.DELETE.EVENTS.routing_hears_intake"),
    ],
)
async def test_what_is_not_ones_own_to_say_is_refused(server: Nats, user: str, subject: str) -> None:
    complaints: list[str] = []
    async with entered(server, "admin") as admin, entered(server, user, complaints) as nc:
        heard = await admin.subscribe(subject)
        await admin.flush()
        await nc.publish(subject, b"{}")
        await nc.flush()
        await admin.flush()
        assert heard.pending_msgs == 0
        await _complained(complaints)
    assert any("permissions violation" in complaint for complaint in complaints)


async def _complained(complaints: list[str]) -> None:
    """The client hands a refusal to its error callback in a task of its own: give that task its turn."""
    for _ in range(200):
        if complaints:
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("subject", [">", "evt.>", "cmd.>", "ask.intake.>", "_INBOX_intake.>", "$JS.>"])
async def test_what_is_not_ones_own_to_hear_is_refused(server: Nats, subject: str) -> None:
    complaints: list[str] = []
    async with entered(server, "routing", complaints) as nc:
        await nc.subscribe(subject)
        await nc.flush()
        await _complained(complaints)
    assert any("permissions violation" in complaint for complaint in complaints)


async def test_the_operator_sends_commands_hears_events_and_asks(server: Nats) -> None:
    complaints: list[str] = []
    async with entered(server, "operator", complaints) as operator, entered(server, "intake") as intake:
        events = await operator.subscribe("evt.>")
        await operator.flush()
        ack = await operator.jetstream().publish("cmd.intake.lead.submit", b"{}")
        assert ack.stream == "COMMANDS"
        await intake.jetstream().publish("evt.intake.lead.accepted", b"{}")
        assert (await events.next_msg(timeout=2)).subject == "evt.intake.lead.accepted"
        assert (await operator.jetstream().consumer_info("COMMANDS", "intake_commands")).name == "intake_commands"
    assert not complaints


def test_a_taken_port_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} [\s\S]*NATS[\s\S]*ESTAFETA_NATS_PORT"):
            Nats(tmp_path, port=port).start()


def test_a_store_that_another_server_still_uses_is_refused_with_its_process(server: Nats) -> None:
    second = Nats(server.home)
    second.patience = 0.2
    with pytest.raises(DataInUse, match=f"process {server.pid}"):
        second.start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(ServerFailed, match="ended with code 1"):
        Nats(tmp_path).start()
