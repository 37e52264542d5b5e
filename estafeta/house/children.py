"""A server as a child process: it dies with us, keeps a log, is asked before it is trusted, is stopped politely."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from estafeta.house.trouble import PortTaken, ServerFailed

_LEASH = Path(__file__).with_name("leash.py")
LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A TCP port of the loopback that nobody holds at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def leashed(command: Sequence[str], *, stop_signal: signal.Signals, who: str = "same") -> list[str]:
    """`command` as a child that gets `stop_signal` when this process dies, run as `who` (see `estafeta.house.leash`)."""
    return [sys.executable, "-I", "-S", str(_LEASH), str(int(stop_signal)), str(os.getpid()), who, *command]


def write_secret(file: Path, text: str) -> None:
    """Write `file` so that it is never readable to others, not even for a moment, and never half written."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def tail_of(log: Path, lines: int = 15) -> str:
    """The last lines of `log`, for a message about it."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 20_000))
            said = file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        said = []
    return "\n".join(said) or "(nothing)"


class Child:
    """A process of ours with a log of its own; `spawn` forks, `stop` ends it politely.

    `spawn` ties the child's life to the thread that calls it (Linux kills by thread): call it from one that stays.
    """

    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    def __init__(self, name: str, log: Path) -> None:
        self.name, self.log = name, log.absolute()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self.process.pid if self.process else None

    def spawn(self) -> None:
        """Start the child; it does not answer yet."""
        raise NotImplementedError

    def _run(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], who: str = "same") -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                leashed(command, stop_signal=self.stop_signals[0], who=who),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for us; we stop our children last and in order
            )

    def stop(self, seconds: float = 30) -> bool:
        """Stop it cleanly and at once; after `seconds`, without asking. Return whether it went by itself.

        Stopping what does not run does nothing.
        """
        if self.process is None:
            return True
        patience = seconds
        for ask in (*self.stop_signals, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(ask)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                patience = 5.0
                continue
            break
        self.process = None
        return ask is self.stop_signals[0]


class Server(Child):
    """A server as a child: `prepare` does the work on disk, `spawn` forks, `is_ready` asks without waiting long."""

    title: ClassVar[str]
    port_variable: ClassVar[str]

    def __init__(self, name: str, home: Path, *, port: int | None, durable: bool, log: Path | None) -> None:
        self.home = home.absolute()
        super().__init__(name, log or self.home / "log")
        self.wished_port, self.port = port, port or free_port()
        self.durable = durable
        self.patience = 20.0  # seconds for a predecessor that is just stopping

    def prepare(self) -> None:
        """Everything that must be on disk before a start. May take seconds; safe in any thread."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether the server answers now. Raises `ServerFailed` or `PortTaken` when it has ended instead."""
        raise NotImplementedError

    def _claim_port(self) -> None:
        """See that the port is free; one that nobody asked for by number may be changed for another."""
        if is_free(self.port):
            return
        if self.wished_port:
            raise PortTaken(port=self.port, server=self.title, variable=self.port_variable)
        self.port = free_port()

    def _still_runs(self) -> None:
        code = self.process.poll() if self.process else None
        if code is None:
            return
        said = tail_of(self.log)
        if re.search(r"address already in use", said, re.IGNORECASE):
            raise PortTaken(port=self.port, server=self.title, variable=self.port_variable)
        raise ServerFailed(server=self.title, what=f"ended with code {code} at its start", log=self.log, said=said)

    def wait_ready(self, seconds: float = 120) -> None:
        """Wait until the server answers."""
        until = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > until:
                what = f"did not answer within {seconds:.0f} s"
                raise ServerFailed(server=self.title, what=what, log=self.log, said=tail_of(self.log))
            time.sleep(0.01)


def is_alive(pid: int, program: str) -> bool:
    """Whether process `pid` lives and is `program`: a number may by now belong to somebody else."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if sys.platform == "linux":
            return False
        command = ["ps", "-o", "stat=,comm=", "-p", str(pid)]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        state, _, name = said.partition(" ")
    else:  # 4321 (postgres) S …
        name, _, rest = stat.partition("(")[2].rpartition(")")
        state = rest.strip()
    return bool(state) and not state.startswith("Z") and program in name


def rotate(log: Path, most: int = 20_000_000) -> None:
    """Keep one older piece of `log` when it has grown beyond `most` bytes; who writes into it need not know."""
    try:
        if log.stat().st_size > most:
            shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)  # every writer appends, so it goes on at the new end
    except FileNotFoundError:
        return
