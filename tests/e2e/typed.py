"""What an operator types, each command a process of its own, forked from one that has the program loaded already.

Loading takes longer than most commands; that `python -m estafeta` loads is proved by those that tests start themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_MOST = 1 << 20


class Terminal:
    """One terminal: what is typed there is done one after the other."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {**os.environ, "PYTHONPATH": str(_ROOT), "LANG": "C.UTF-8"}
        command = [sys.executable, "-m", "tests.e2e.typed", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._free = asyncio.Lock()

    def close(self) -> None:
        """Leave it."""
        self._ours.close()
        self._process.wait(10)

    async def type(self, env: dict[str, str], *typed: str, seconds: float = 90) -> tuple[int, str]:
        """Exit code and everything said, of one command. Raises `TimeoutError`; the command is killed then."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            async with self._free:
                wish = json.dumps({"typed": typed, "env": env, "seconds": seconds}).encode()
                socket.send_fds(self._ours, [wish], [out.fileno(), err.fileno()])
                code = int(await asyncio.to_thread(self._ours.recv, _MOST))
            if code == -signal.SIGALRM:
                raise TimeoutError(f"estafeta {' '.join(typed)}")
            said = []
            for stream in (out, err):
                stream.seek(0)
                said.append(stream.read().decode())
            return code, "".join(said)


def _serve(line: socket.socket) -> None:
    """Do what is typed, one after the other, until the other end is gone."""
    import estafeta.cli

    while True:
        wish, fds, _, _ = socket.recv_fds(line, _MOST, 2)
        if not wish:
            return
        child = os.fork()
        if child == 0:
            line.close()
            _become(json.loads(wish), *fds)
            estafeta.cli.main()
        for fd in fds:
            os.close(fd)
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(wish: dict[str, object], out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(wish["env"])  # type: ignore[call-overload]  # it is what `type` sent
    sys.argv = ["estafeta", *wish["typed"]]  # type: ignore[misc]
    signal.setitimer(signal.ITIMER_REAL, float(wish["seconds"]))  # type: ignore[arg-type]


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
