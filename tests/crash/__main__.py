"""`python -m tests.crash FOLDER`: four rooms as processes that die in traps and are born again at once.

Each life is a fork of this process, which has imported everything and done nothing: a birth takes a tenth of a second.
`FOLDER/plan.json` holds the environment of each room.
A process that ends in any other way than in a trap is noted in `FOLDER/unasked`, and is born again as well.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from shared.message import ROOMS
from shared.service import Room, run
from tests.crash.trap import KILLED, Trap

_IMPORTED_LATE = ("anyio._backends._asyncio", "sqlalchemy.dialects.postgresql.asyncpg")


def live(room: Room, env: dict[str, str], folder: Path) -> NoReturn:
    """One life, from the fork to the trap."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.environ.update(env)
        Trap(room.name, folder).set_everywhere()
        run(room)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main(folder: Path) -> None:
    """Keep every room alive until SIGTERM."""
    rooms: dict[str, Room] = {room: importlib.import_module(f"services.{room}.app").ROOM for room in ROOMS}
    for late in _IMPORTED_LATE:
        importlib.import_module(late)
    gc.collect()
    gc.freeze()  # else each life would begin with a walk through all that is imported
    plan: dict[str, dict[str, str]] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    alive: dict[int, str] = {}

    def end(*_: Any) -> NoReturn:
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    due = list(plan)
    while True:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # nobody is born whom the end would not find
        for room in due:
            if pid := os.fork():
                alive[pid] = room
            else:
                live(rooms[room], plan[room], folder)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        pid, status = os.wait()
        due = [alive.pop(pid)]
        if (code := os.waitstatus_to_exitcode(status)) != KILLED:
            with (folder / "unasked").open("a", encoding="utf-8") as notes:
                notes.write(f"{due[0]} ended with {code}\n")
            time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
