"""`python -m tests.crash ROOM FOLDER`: run a room that dies at the point written in `FOLDER/ROOM`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from shared.service import run
from tests.crash.points import Trap

if __name__ == "__main__":
    name, folder = sys.argv[1:]
    Trap(Path(folder) / name).set_everywhere()
    run(importlib.import_module(f"services.{name}.app").ROOM)
