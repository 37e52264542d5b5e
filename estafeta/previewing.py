"""What would an import do? Every row's verdict and receiver and the load per manager, before anything is saved.

Intake judges the list chunk by chunk with the code that takes it in, routing shares it out with the code that assigns it.
Neither stores anything: what earlier chunks would leave behind is carried here from question to question.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus
from estafeta.importing import Intent, chunks, import_id_of_file
from estafeta.lists.judging import Rejected
from estafeta.lists.reading import FileList
from estafeta.report import managers_table
from estafeta.trouble import Trouble
from estafeta.typed import checked, someone
from shared.commands import Row
from shared.questions import ListStaff, PreviewAssignment, PreviewRows, TellKeys

SHOWN = 40
Answer = Mapping[str, Any]


class Carried:
    """What the chunks so far would have left behind: cards and gained keys, by the addresses under which they are met.

    Of a key that very many cards have gained only the number is carried, so that a question does not grow with the list.
    """

    def __init__(self) -> None:
        self._cards: dict[str, Answer] = {}
        self._at: dict[int, dict[str, None]] = {}
        self._gains: dict[int, list[Answer]] = {}
        self._crowds: dict[int, int] = {}

    def under(self, keys: Sequence[int]) -> dict[str, Any]:
        """What a chunk that is searched under `keys` can meet; nothing if it meets nothing."""
        met = dict.fromkeys(client for key in keys for client in self._at.get(key, ()))
        gains = [gain for key in keys for gain in self._gains.get(key, ())]
        crowds = [{"address": key, "holders": self._crowds[key]} for key in keys if key in self._crowds]
        if not (met or gains or crowds):
            return {}
        return {"cards": [self._cards[client] for client in met], "gains": gains, "crowds": crowds}

    def add(self, answer: Answer) -> None:
        """Remember what one more chunk would leave behind: an answer to `PreviewRows`."""
        for one in answer["cards"]:
            client = str(one["card"]["client_id"])
            self._cards[client] = one["card"]
            for key in one["keys"]:
                if key not in self._crowds:
                    self._at.setdefault(key, {})[client] = None
                    self._shorten(key, answer["most_holders"])
        for gain in answer["gains"]:
            key = gain["address"]
            if key in self._crowds:
                self._crowds[key] += 1
            else:
                self._gains.setdefault(key, []).append(gain)
                # What a card gained it may have lost from its record since, and is found by it all the same.
                self._at.setdefault(key, {})[str(gain["client_id"])] = None
                self._shorten(key, answer["most_holders"])

    def _shorten(self, key: int, most: int) -> None:
        """Of a key that more than `most` hold by now only the number of those who gained it is kept."""
        gains = self._gains.get(key, ())
        if len(gains) > most or len(self._at.get(key, ())) > most:
            self._crowds[key] = len(gains)
            self._gains.pop(key, None)
            self._at.pop(key, None)


@dataclass(slots=True)
class Preview:
    """What an import would do: a line per row, in the order of the list, and what each manager would receive."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    managers: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


async def preview_rows(
    bus: Bus,
    rows: Sequence[Row],
    intent: Intent,
    import_id: UUID,
    watch: Callable[[int], None] = lambda _done: None,
) -> Preview:
    """Ask intake for the verdict of every row and routing for the receivers; nothing is stored anywhere.

    Each row: `{sheet, row, outcome, rule, because, client, client_id, region, is_here, faults, receiver}`.
    """
    told, carried = Preview(), Carried()
    for chunk in chunks(rows):
        keys = await bus.ask(checked(TellKeys, {"default_country": intent.country, "rows": chunk}))
        question = {
            "import_id": import_id,
            "purpose": intent.purpose,
            "default_country": intent.country,
            "rows": chunk,
            "earlier": carried.under(keys["keys"]),
        }
        answer = await bus.ask(checked(PreviewRows, question))
        carried.add(answer)
        told.rows += answer["rows"]
        watch(len(told.rows))
    if intent.purpose == "leads":
        await _receivers(bus, told, intent, import_id)
    return told


async def _receivers(bus: Bus, told: Preview, intent: Intent, import_id: UUID) -> None:
    leads = [row for row in told.rows if row["outcome"] != "rejected" and not row["is_here"]]
    question = PreviewAssignment(
        import_id=import_id,
        source=intent.source,
        submitter=intent.submitter,
        clients=[UUID(row["client_id"]) for row in leads],
        regions=[row["region"] for row in leads],
        known=[row["outcome"] == "same" for row in leads],
        meetings=[row.get("meeting") for row in leads] if any("meeting" in row for row in leads) else [],
    )
    answer = await bus.ask(question, seconds=60.0)
    told.managers, told.problem = answer["managers"], answer["problem"] or ""
    for row, receiver in zip(leads, answer["receivers"], strict=False):
        row["receiver"] = receiver


async def preview_file(
    bus: Bus, listed: FileList, intent: Intent, console: Console, to: Path | None = None
) -> RenderableType:
    """The preview of a list that was read, ready to print; raises `Trouble` for a submitter whom nobody knows."""
    directory = await bus.ask(ListStaff())
    if intent.submitter:
        someone(intent.submitter, directory, "--submitter")
    import_id = await asyncio.to_thread(import_id_of_file, listed.path, intent)
    bars = Progress(
        TextColumn("looking"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} rows"),
        console=console, transient=True,
    )  # fmt: skip
    with bars:
        task = bars.add_task("", total=len(listed.rows))
        told = await preview_rows(bus, listed.rows, intent, import_id, lambda done: bars.update(task, completed=done))
    told.rows += [_unreadable(row) for row in listed.rejected]
    if to is not None:
        await asyncio.to_thread(write, told.rows, to)
    names = {person["id"]: person["name"] for person in directory.get("staff", [])}
    return shown(listed.path, told, intent, names)


def _unreadable(row: Rejected) -> dict[str, Any]:
    """A row that the reader of files turned away, as a line of the preview."""
    fault = {"field": "row", "problem": row.reason, "remedy": row.remedy}
    told: dict[str, Any] = {"sheet": row.sheet, "row": row.number, "outcome": "rejected", "rule": "", "because": ""}
    return {**told, "client": "", "client_id": None, "region": None, "is_here": False, "faults": [fault]}


def write(rows: Sequence[Answer], to: Path) -> None:
    """Write every row of a preview to a CSV file; raises `Trouble` when it cannot be written."""
    try:
        with to.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file, delimiter=";")
            out.writerow(["sheet", "row", "verdict", "rule", "client", "region", "receiver", "routing rule", "why"])
            for row in rows:
                receiver = row.get("receiver") or {}
                faults = "; ".join(f"{fault['field']}: {fault['problem']}" for fault in row["faults"])
                verdict = "here already" if row["is_here"] else row["outcome"]
                whose = [_safe(row["client"]), row["region"] or "", receiver.get("id", ""), receiver.get("rule", "")]
                out.writerow([row["sheet"], row["row"], verdict, row["rule"], *whose, _safe(faults or row["because"])])
    except OSError as error:
        raise Trouble(
            f"{to} cannot be written: {error.strerror}.", "Name a file in a directory you may write to."
        ) from None


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def shown(file: Path, told: Preview, intent: Intent, names: Mapping[str, str]) -> RenderableType:
    """A preview as tables: the first rows, the sums, the load per manager."""
    rows = Table(box=None, pad_edge=False, title=f"{intent.campaign}: {file.name}, nothing saved", title_justify="left")
    for heading in ("row", "verdict", "client", "region", "receiver", "why"):
        rows.add_column(heading, no_wrap=heading in ("row", "verdict"))
    for row in told.rows[:SHOWN]:
        rows.add_row(*_line(row, names))
    counts: dict[str, int] = {}
    for row in told.rows:
        verdict = "here already" if row["is_here"] else str(row["outcome"])
        counts[verdict] = counts.get(verdict, 0) + 1
    sums = ", ".join(f"{how_many:,} {verdict}" for verdict, how_many in counts.items()) or "no rows"
    parts: list[RenderableType] = [rows]
    if len(told.rows) > SHOWN:
        parts.append(Text(f"… and {len(told.rows) - SHOWN:,} rows more; --preview-to FILE.csv writes all of them."))
    parts += ["", Text(f"Would be: {sums}.")]
    if told.problem:
        parts += ["", Text(f"No receivers yet: {told.problem}", style="yellow")]
    if told.managers:
        parts += ["", managers_table(told.managers)]
    return Group(*parts)


def _line(row: Answer, names: Mapping[str, str]) -> list[str]:
    place = f"{row['sheet']}!{row['row']}" if row["sheet"] else str(row["row"])
    if row["outcome"] == "rejected":
        why = "; ".join(f"{fault['field']}: {fault['problem']}" for fault in row["faults"])
        return [place, "rejected", "", "", "", why]
    receiver = row.get("receiver") or {}
    who = names.get(receiver.get("id", ""), receiver.get("id", ""))
    if receiver.get("queue"):
        who = f"{who} (queue {receiver['queue']})"
    why = f"{row['rule']}: {row['because']}" + (f"; {receiver['rule']}" if receiver else "")
    return [place, "here already" if row["is_here"] else row["outcome"], row["client"], row["region"] or "", who, why]
