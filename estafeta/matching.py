"""`estafeta matching`: intake's own rules run on a file, in a process of its own and without servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from estafeta.trouble import Trouble


def run_on_file(command: str, file: str) -> int:
    """Run `normalise` or `pairs` on `file` (`-` is standard input); results go to stdout, bad lines to stderr.

    An operator's tool does not import a room: it starts intake's code as a process, as it starts the rooms.
    Returns 0, or 1 if some line could not be read.
    """
    if file != "-" and not Path(file).is_file():
        raise Trouble(
            f"There is no file {file}.",
            "Name a file with one JSON object a line, or - for standard input.",
        )
    sys.stdout.flush()
    return subprocess.run(
        [sys.executable, "-P", "-m", "services.intake.offline", command, file], check=False
    ).returncode
