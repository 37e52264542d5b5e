"""Commands that read a file of JSON objects, one a line: opening it, and ending as a command ought to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def on_file(name: str, run: Callable[[str, BinaryIO], int]) -> int:
    """`run(shown name, stream)` on a file, or on standard input for `-`, with UTF-8 on both ways out.

    Returns its exit code; 1 when whoever read us has enough, as `head` does; 2 when there is no such file.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if name == "-":
            return run("<stdin>", sys.stdin.buffer)
        with Path(name).open("rb") as source:
            return run(name, source)
    except BrokenPipeError:
        sys.stderr.close()  # there is nobody to complain to
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or name}: {error.strerror}\n")
        return 2
