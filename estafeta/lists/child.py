"""The child process that opens a file somebody sent: it may run out of memory or time, and nobody falls with it.

It reads a request from its input, writes rows to its output and what it has to tell, one JSON line each, to its
error output: `{"rows": so many}`, then `{"poured": …}` or `{"refused": [kind, problem, remedy]}`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from estafeta.lists.limits import Limits
from estafeta.lists.pouring import pour
from estafeta.lists.trouble import FileTooLarge, FileTrouble, UnreadableFile

REFUSED = 3


def _say(what: dict[str, Any]) -> None:
    sys.stderr.write(json.dumps(what) + "\n")
    sys.stderr.flush()


def _bind(limits: Limits) -> None:
    if sys.platform == "win32":
        return
    import resource

    # a write beyond the limit then fails with EFBIG instead of killing
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for what, most, beyond in (
        (resource.RLIMIT_AS, limits.memory, 0),
        (resource.RLIMIT_CPU, limits.cpu, 2),  # SIGXCPU, which tells what it was, and seconds later SIGKILL
        (resource.RLIMIT_FSIZE, limits.spool, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        allowed = resource.getrlimit(what)[1]
        hard = most + beyond if allowed == resource.RLIM_INFINITY else min(most + beyond, allowed)
        with contextlib.suppress(ValueError, OSError):  # a platform that does not know one of them
            resource.setrlimit(what, (min(most, hard), hard))


def main() -> int:
    """Do what the request says; 0, or `REFUSED` with the reason told."""
    request = json.load(sys.stdin)
    limits, path = Limits(**request["limits"]), Path(request["path"])
    _bind(limits)
    try:
        poured = pour(
            path,
            sys.stdout.buffer,
            limits,
            sheet=request["sheet"],
            headings=request["headings"],
            tell=lambda rows: _say({"rows": rows}),
        )
        sys.stdout.buffer.flush()
    except FileTrouble as trouble:
        refused = trouble
    except OSError as error:
        if error.errno in (errno.EFBIG, errno.ENOSPC):
            problem = f"its rows do not fit on the disk ({error.strerror})."
            refused = FileTooLarge(path, problem, "Split it and import the parts; see that there is room for them.")
        else:
            refused = UnreadableFile(path, f"it cannot be read ({error.strerror}).", "Check the name and the rights.")
    else:
        _say({"poured": asdict(poured)})
        return 0
    _say({"refused": [type(refused).__name__, refused.bare, refused.remedy]})
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
