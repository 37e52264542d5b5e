"""The state directory: one house at a time, its secrets made once, and the card by which commands find the house."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from estafeta.house.bus_users import BUS_USERS
from estafeta.house.children import write_secret
from estafeta.house.trouble import HouseRunning, StateUnreadable, StateUnwritable
from estafeta.keys import first_sources, new_key
from shared.message import ROOMS


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords: of each room in the database, of each user on the bus."""

    database: dict[str, str]
    bus: dict[str, str]


class StateDirectory:
    """`postgres/`, `nats/`, `logs/`, `secrets.json`, `sources.toml`, `house.json` and `lock` under one directory.

    Whoever holds the lock is the house; the system takes it back from a process that dies.
    """

    def __init__(self, place: Path) -> None:
        self.place = place.absolute()
        self.logs = self.place / "logs"
        self.postgres = self.place / "postgres"
        self.nats = self.place / "nats"
        self._card = self.place / "house.json"
        self._ports = self.place / "ports.json"
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Make the directory if need be and take the lock. Raises `StateUnwritable`, `HouseRunning`."""
        try:
            self.place.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.place) as probe:
                probe.write(b"room for a file")
            lock = os.fdopen(os.open(self.place / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError as error:
            raise StateUnwritable(state=self.place, why=error.strerror or str(error), user=getpass.getuser()) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = lock.read().strip() or "unknown"
            lock.close()
            raise HouseRunning(state=self.place, pid=pid) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Take the card down and give the lock back."""
        if self._lock is not None:
            self._card.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secrets(self) -> Secrets:
        """The passwords of this house; made when it is started for the first time."""
        file = self.place / "secrets.json"
        try:
            known = json.loads(file.read_text())
            found = Secrets(database=dict(known["database"]), bus=dict(known["bus"]))
        except FileNotFoundError:
            found = Secrets({}, {})
        except (ValueError, KeyError, TypeError) as error:
            remedy = "Or remove it: new passwords are made and set at the next start, no data depends on them."
            raise StateUnreadable(file=file, why=error, remedy=remedy) from None
        whole = Secrets(
            database={room: found.database.get(room) or secrets.token_urlsafe(24) for room in ROOMS},
            bus={user: found.bus.get(user) or secrets.token_urlsafe(24) for user in BUS_USERS},
        )
        if whole != found:
            write_secret(file, json.dumps({"database": whole.database, "bus": whole.bus}, indent=2))
        return whole

    def sources(self) -> Path:
        """The file that says who may bring leads by HTTP; made at the first start, with a key for this machine beside it."""
        file = self.place / "sources.toml"
        if not file.exists():
            key, key_hash = new_key()
            write_secret(self.place / "local.key", key + "\n")
            write_secret(file, first_sources(key_hash))
        return file

    def last_port(self, server: str) -> int | None:
        """The port `server` had last time, so that addresses stay the same from start to start."""
        try:
            port = json.loads(self._ports.read_text())[server]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return port if isinstance(port, int) and 0 < port < 65536 else None

    def keep_ports(self, ports: dict[str, int]) -> None:
        """Remember which port each server has."""
        self._ports.write_text(json.dumps(ports))

    def hang_card(self, card: dict[str, Any]) -> None:
        """Write `house.json`, by which other commands find this house; it holds the operator's password (0600)."""
        write_secret(self._card, json.dumps(card, indent=2))
