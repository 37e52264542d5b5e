"""The progress of an import as bars: rows sent, accepted, routed, opened, with a deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from estafeta.report import Tally

_LEADS = ("sent", "accepted", "routed", "opened", "with deadline")
_CLIENTS = ("sent", "registered")


class Bars:
    """`with Bars(console, "leads", total) as show:` draws them; `show(tally, silent_rooms)` moves them."""

    def __init__(self, console: Console, purpose: Literal["leads", "clients"], total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[yellow]{task.fields[note]}"),
            console=console,
        )
        names = _LEADS if purpose == "leads" else _CLIENTS
        self._bars: dict[str, TaskID] = {name: self._progress.add_task(name, total=total, note="") for name in names}

    def __enter__(self) -> Callable[[Tally, list[str]], None]:
        self._progress.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, tally: Tally, silent: list[str]) -> None:
        """Move the bars to these counts. What was rejected is no longer waited for; what joined a sale sets no task."""
        done = {
            "sent": (tally.sent, tally.in_file, ""),
            "accepted": (tally.accepted, tally.in_file - tally.rejected, "intake"),
            "registered": (tally.rows - tally.rejected, tally.in_file - tally.rejected, "intake"),
            "routed": (tally.routed, tally.in_file - tally.rejected, "routing"),
            "opened": (tally.in_sales, tally.in_file - tally.rejected, "process"),
            "with deadline": (tally.deadlines, tally.in_file - tally.rejected - tally.joined, "reminders"),
        }
        for name, bar in self._bars.items():
            count, total, room = done[name]
            note = f"{room} does not answer" if room in silent else ""
            self._progress.update(bar, completed=count, total=total, note=note)
