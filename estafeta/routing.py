"""`estafeta routing replay`: routing's own rules run on a list of arrivals, in a process of its own and without servers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from estafeta.company.coverage import regions_to_look_at
from estafeta.company.reading import read_company
from estafeta.trouble import Trouble


def replay(company: Path, arrivals: str) -> int:
    """Decide the `arrivals` (`-` is standard input) as routing would with `company`; decisions go to stdout.

    An operator's tool does not import a room: it starts routing's code as a process, as it starts the rooms.
    Returns 0, or 1 if some line could not be read, or 2 if the company contradicts itself.
    """
    command = read_company(company)
    if arrivals != "-" and not Path(arrivals).is_file():
        raise Trouble(
            f"There is no file {arrivals}.",
            "Name a file with one JSON object a line, or - for standard input.",
        )
    for text in regions_to_look_at(command):
        sys.stderr.write(f"{company.name}: {text}\n")
    sys.stderr.flush()
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="estafeta-") as folder:
        told = Path(folder) / "company.json"
        told.write_text(command.model_dump_json(), "utf-8")
        return subprocess.run(
            [sys.executable, "-P", "-m", "services.routing.offline", "replay", str(told), arrivals], check=False
        ).returncode
