"""A real PostgreSQL and a real nats-server, from wheels or the machine, started as children, stopped in order."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from estafeta.house.binaries import find_nats, find_postgres
from estafeta.house.bus_users import nats_users
from estafeta.house.children import LOOPBACK, Server, free_port, is_alive, is_free, leashed, write_secret
from estafeta.house.trouble import DataIncomplete, DataInUse, InitdbFailed, PasswordLost, RootRefused

__all__ = ["Nats", "Postgres", "free_port", "nats_users"]


class Postgres(Server):
    """One PostgreSQL server of our own, on the loopback, with its data under `home`.

    `durable=False` gives up safety against a power cut for speed: for tests only.
    """

    title = "PostgreSQL"
    port_variable = "ESTAFETA_POSTGRES_PORT"
    # The fast stop, then the immediate one; SIGTERM would wait for every client to leave.
    stop_signals = (signal.SIGINT, signal.SIGQUIT)

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        durable: bool = True,
        *,
        log: Path | None = None,
        database: str = "postgres",
    ) -> None:
        super().__init__("postgres", home, port=port, durable=durable, log=log)
        self.data, self.database = self.home / "data", database
        self.password = ""

    def start(self) -> URL:
        """Make the data if there is none, start, wait until it answers; return the administrator's address."""
        self.prepare()
        self.spawn()
        self.wait_ready()
        return self.url

    @property
    def url(self) -> URL:
        """The administrator's address."""
        return URL.create("postgresql+asyncpg", "postgres", self.password, LOOPBACK, self.port, self.database)

    def prepare(self) -> None:
        """Find the binaries, make the data directory, see that nobody else uses it."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.binaries = find_postgres(self.data)
        self.who = self._choose_user()
        secret = self.home / "password"
        if not self.data.exists() or not any(self.data.iterdir()):
            self._initialise(secret)
        elif not (self.data / "PG_VERSION").exists():
            raise DataIncomplete(data=self.data)
        if not secret.exists():
            raise PasswordLost(data=self.data, file=secret)
        self.password = secret.read_text().strip()
        self._hand_over(self.data)
        self._forget_the_dead()

    def _initialise(self, secret: Path) -> None:
        self.password = secrets.token_urlsafe(24)
        write_secret(secret, self.password)
        # Made beside its place and moved there whole: an initdb that was interrupted leaves nothing to trip over.
        new = self.home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self._hand_over(new)
        told = self.home / "password.new"  # a copy that the server's user may read, for this moment
        write_secret(told, self.password)
        self._hand_over(told)
        command = [self.binaries.initdb, "-D", str(new), "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8",
                   "-A", "scram-sha-256", f"--pwfile={told}"]  # fmt: skip
        made = subprocess.run(
            leashed(command if self.durable else [*command, "--no-sync"], stop_signal=signal.SIGKILL, who=self.who),
            env=_clean_environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        told.unlink()
        if made.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise InitdbFailed(binary=self.binaries.initdb, data=self.data, said=(made.stderr or made.stdout).strip())
        if self.data.exists():
            self.data.rmdir()
        new.rename(self.data)

    def _choose_user(self) -> str:
        """As whom the server runs: as we are, or – PostgreSQL refuses root – as an ordinary user of some kind."""
        if os.geteuid() != 0:
            return "same"
        if self._may_use_namespace():
            return "mapped"
        user = _known_user("postgres") or pwd.getpwnam("nobody")
        who = f"{user.pw_uid}:{user.pw_gid}"
        self.home.chmod(0o711)
        for reached in (self.home, self.binaries.place / "postgres"):
            if not _works(
                leashed(["/bin/sh", "-c", 'test -x "$0"', str(reached)], stop_signal=signal.SIGKILL, who=who)
            ):
                raise RootRefused(user=user.pw_name, unreachable=reached)
        return who

    def _may_use_namespace(self) -> bool:
        """Best: a namespace in which our root is an ordinary user. Files stay ours, private directories reachable."""
        probe = [self.binaries.postgres, "--version"]
        return _works(leashed(probe, stop_signal=signal.SIGKILL, who="mapped"))

    def _hand_over(self, data: Path) -> None:
        """Give `data` to the user who will serve it, when it belongs to another."""
        if os.geteuid() != 0:
            return
        uid, gid = (0, 0) if self.who in {"same", "mapped"} else (int(part) for part in self.who.split(":"))
        if data.stat().st_uid == uid:
            return
        os.chown(data, uid, gid)
        for place, _, files in os.walk(data):
            for entry in (place, *(os.path.join(place, file) for file in files)):  # noqa: PTH118  # a walk of thousands
                os.chown(entry, uid, gid, follow_symlinks=False)

    def _forget_the_dead(self) -> None:
        """Wait for a server that is just stopping, remove the trace of one that was killed, refuse a living one."""
        until = time.monotonic() + self.patience
        while (pid := self._pid_on_file()) is not None and is_alive(pid, "postgres"):
            if time.monotonic() > until:
                raise DataInUse(what="The database", place=self.data, pid=pid)
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_on_file(self) -> int | None:
        try:
            return abs(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
        except (FileNotFoundError, ValueError):
            return None

    def spawn(self) -> None:
        """Start the server."""
        settings = dict(_SETTINGS)
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}  # a killed server still loses nothing
        self._claim_port()
        settings |= {"port": str(self.port), "listen_addresses": LOOPBACK, "unix_socket_directories": ""}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [self.binaries.postgres, "-D", str(self.data), *options]
        self._run(command, cwd=self.home, env=_clean_environment(), who=self.who)

    def is_ready(self) -> bool:
        """Whether our child has said `ready` in its pid file and lets a client in as far as the password."""
        self._still_runs()
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        ready = (
            len(lines) > 7
            and self.process is not None
            and lines[0] == str(self.process.pid)
            and lines[7].strip() == "ready"
        )
        return ready and self._asks_for_a_password()

    def _asks_for_a_password(self) -> bool:
        """Greet the server as a client does: `R` asks who we are, `E` would say that it is still starting."""
        words = b"\0".join([b"user", b"postgres", b"database", b"postgres", b"", b""])
        greeting = (196608).to_bytes(4, "big") + words  # protocol 3.0
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as line:
                line.sendall((len(greeting) + 4).to_bytes(4, "big") + greeting)
                # Read to the end: leaving with words unread would be a line in the server's log.
                return line.recv(1024).startswith(b"R")
        except OSError:
            return False


# What an office's machine with 2 cores and a few GB wants. Everything that guards data stays as PostgreSQL ships it.
_SETTINGS = {
    "cluster_name": "estafeta",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than our short statements
    "autovacuum_naptime": "15s",  # outboxes and watermarks change fast
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%a ",
    "log_checkpoints": "off",
    "log_min_duration_statement": "2s",
    "log_lock_waits": "on",
    "log_parameter_max_length": "0",  # parameters and details are personal data: they stay out of the log
    "log_error_verbosity": "terse",
}


class Nats(Server):
    """One nats-server of our own with JetStream, on the loopback, with its store under `home`.

    `passwords` names the users (rooms, `operator`, `admin`), see `nats_users`; without it everybody may do everything.
    `durable=False` leaves the file system's own pace of flushing: for tests only.
    """

    title = "NATS"
    port_variable = "ESTAFETA_NATS_PORT"

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        durable: bool = True,
        *,
        passwords: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__("nats", home, port=port, durable=durable, log=log)
        self.passwords = passwords
        self.monitor = free_port()

    def start(self) -> str:
        """Start, wait until JetStream answers; return the address (without a user)."""
        self.prepare()
        self.spawn()
        self.wait_ready()
        return self.url

    @property
    def url(self) -> str:
        """The address, without a user."""
        return f"nats://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Find the binary, make the directories, see that nobody else uses the store."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.binary = find_nats()
        pid_file, until = self.home / "nats.pid", time.monotonic() + self.patience
        while pid_file.exists():
            pid = int(pid_file.read_text().strip() or 0)
            if not is_alive(pid, "nats-server"):
                break
            if time.monotonic() > until:
                raise DataInUse(what="The bus's store", place=self.home, pid=pid)
            time.sleep(0.05)
        pid_file.unlink(missing_ok=True)

    def spawn(self) -> None:
        """Write the configuration and start the server."""
        self._claim_port()
        if not is_free(self.monitor) or self.monitor == self.port:
            self.monitor = free_port()
        config = self.home / "nats.conf"
        # Passwords stand here in clear: the file is ours alone (0600) and the server listens on the loopback only.
        write_secret(config, self._config())
        self._run([self.binary, "-c", str(config)], cwd=self.home, env=os.environ)

    def _config(self) -> str:
        flush = "always" if self.durable else "2m"
        return "\n".join([
            "# Written at every start of the house; changes made here are lost.",
            "server_name: estafeta",
            f"listen: {LOOPBACK}:{self.port}",
            f"http: {LOOPBACK}:{self.monitor}",
            f'pid_file: "{self.home / "nats.pid"}"',
            "max_payload: 8MB",
            "jetstream {",
            f'  store_dir: "{self.home / "store"}"',
            f"  sync_interval: {flush}",
            "  max_file: 20GB",  # what the streams may grow to, and not 75 % of what happens to be free
            "}",
            nats_users(self.passwords) if self.passwords else "",
        ])  # fmt: skip

    def is_ready(self) -> bool:
        """Whether the server and its JetStream answer."""
        self._still_runs()
        try:
            address = f"http://{LOOPBACK}:{self.monitor}/healthz?js-enabled-only=true"
            with urllib.request.urlopen(address, timeout=2) as answer:  # our own loopback address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _clean_environment() -> dict[str, str]:
    """Our environment without what would change a PostgreSQL server's mind; its messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def _known_user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
