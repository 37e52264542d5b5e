"""The two jobs of the compose file, `provision` and `migrate`, on real servers, run as a container would run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

import estafeta.house.prepare as job
from estafeta.house.bus_users import BUS_USERS
from estafeta.house.servers import Nats
from estafeta.house.trouble import SecretsMissing
from shared.database import engine_for
from shared.message import ROOMS
from shared.migrate import is_current
from shared.provision import readings_of, role_of


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path / "nats", durable=False, passwords={user: f"bus-{user}" for user in BUS_USERS})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files a container finds under `/run/secrets`."""
    place = tmp_path / "secrets"
    place.mkdir()
    for room in ROOMS:
        (place / f"database_{room}").write_text(f"secret-of-{room}\n")
    monkeypatch.setattr(job, "_SECRETS", place)
    return place


async def test_both_jobs_make_everything_and_a_second_run_changes_nothing(
    database: URL, bus: Nats, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = database.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    monkeypatch.setenv("ESTAFETA_DATABASE_URL", address)
    monkeypatch.setenv("ESTAFETA_DATABASE_PASSWORD", str(database.password))
    monkeypatch.setenv("ESTAFETA_NATS_URL", bus.url)
    monkeypatch.setenv("ESTAFETA_NATS_USER", role_of("admin"))
    monkeypatch.setenv("ESTAFETA_NATS_PASSWORD", "bus-admin")
    first = await job._provision()
    for made in ("stream EVENTS", "stream COMMANDS", *(f"consumer {r.durable}" for n in ROOMS for r in readings_of(n))):
        assert made in first
    assert await job._provision() == ["roles and schemas stand", "streams and consumers stand as they should"]
    monkeypatch.delenv("ESTAFETA_DATABASE_PASSWORD")  # the second job enters as each room, never as the administrator
    for _ in range(2):
        assert [line.split(" is at revision ")[0] for line in await job._migrate()] == list(ROOMS)
    for room in ROOMS:
        engine = engine_for(database.set(username=role_of(room), password=f"secret-of-{room}"), room, pool_size=1)
        async with engine.connect() as db:
            assert await is_current(db, room)
        await engine.dispose()


async def test_a_missing_secret_is_named(secrets: Path) -> None:
    (secrets / "database_routing").unlink()
    with pytest.raises(SecretsMissing, match=r"database_routing[\s\S]*secrets\.sh"):
        await job._migrate()


def test_a_job_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["prepare", "everything"])
    with pytest.raises(SystemExit, match=r"provision\|migrate"):
        job.main()
