"""Importing a list: rows in chunks to intake, never far ahead of it, watched until the last row has its deadline.

Every id comes from the file's content, so a list may be sent any number of times and is taken in once.
"""

from __future__ import annotations

import asyncio
import hashlib
import mmap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from rich.console import Console, RenderableType

from estafeta.client import Bus
from estafeta.lists.kind import in_words
from estafeta.lists.reading import FileList, Rejected
from estafeta.lists.rejects import write_rejects
from estafeta.progress import Bars
from estafeta.report import Tally, holder, report, unaccounted
from estafeta.trouble import Silence, Trouble
from estafeta.typed import checked, someone, zone_of
from shared.commands import MAX_ROWS, Row, SubmitRows
from shared.message import id_of
from shared.questions import (
    CountIntakeProgress,
    CountProcessProgress,
    CountRemindersProgress,
    CountRoutingProgress,
    ListRejectedRows,
    ListStaff,
    ReportDistribution,
    TellHealth,
    TellUndo,
)
from shared.words import Source

IMPORTS = UUID("0b0a8a5e-58f5-5f0f-8a4e-6d5f1f0c2a11")
AHEAD = 10
POLL_SECONDS = 0.3
_QUIET = 10  # counting a long list takes its time: at most a tenth of the time goes into asking how far it is
ANSWER_SECONDS = 2.0
STALL_SECONDS = 60.0
MOST_BYTES = 600_000
_PAGE = 1000

Purpose = Literal["leads", "clients"]


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to become of a file: for which campaign, from which source, on whose account."""

    campaign: str
    purpose: Purpose = "leads"
    source: Source = Source.EVENT
    submitter: str | None = None
    country: str = "RU"


def import_id_of(content: bytes | mmap.mmap, campaign: str, purpose: Purpose) -> UUID:
    """The id of an import: the same for the same bytes, campaign and purpose, however the file is called."""
    digest = hashlib.sha256(content).hexdigest()
    return uuid5(IMPORTS, f"{digest}\n{campaign.strip()}\n{purpose}")


def import_id_of_file(file: Path, intent: Intent) -> UUID:
    """The id of the import of `file`, without reading it into memory."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return import_id_of(content, intent.campaign, intent.purpose)


def chunks(rows: Sequence[Row], most_rows: int = MAX_ROWS, most_bytes: int = MOST_BYTES) -> Iterator[list[Row]]:
    """`rows` cut into pieces that one command carries: at most `most_rows` rows and about `most_bytes` bytes each."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        weight = len(row.model_dump_json().encode())
        if chunk and (len(chunk) == most_rows or size + weight > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += weight
    if chunk:
        yield chunk


def commands(import_id: UUID, file_name: str, rows: Sequence[Row], intent: Intent) -> Iterator[tuple[UUID, SubmitRows]]:
    """The commands of an import, each with its id; the same rows and intent give the same ids.

    The id holds the content of the chunk as well: what was read otherwise this time (another sheet, another mapping)
    is another command, and intake decides row by row what it knows already.
    """
    for number, chunk in enumerate(chunks(rows)):
        command = checked(
            SubmitRows,
            {
                "import_id": import_id,
                "file_name": file_name[-200:],
                "purpose": intent.purpose,
                "source": intent.source,
                "campaign": intent.campaign,
                "submitter": intent.submitter,
                "default_country": intent.country,
                "rows": chunk,
            },
        )
        content = hashlib.sha256(command.model_dump_json().encode()).hexdigest()
        yield id_of(import_id, f"chunk/{number}/{content}"), command


@dataclass(frozen=True, slots=True)
class Finished:
    """An import that has arrived: its counts, who received what, what intake rejected, and how long it took."""

    import_id: UUID
    tally: Tally
    managers: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    seconds: float


_ROOMS = (
    ("intake", CountIntakeProgress, ("rows", "accepted", "rejected", "new", "same", "possible", "registered")),
    ("routing", CountRoutingProgress, ("routed", "alarms")),
    ("process", CountProcessProgress, ("opened", "joined", "tasks")),
    ("reminders", CountRemindersProgress, ("deadlines",)),
)


class Counters:
    """What the rooms say of an import; a room that is silent for a moment keeps its last numbers."""

    def __init__(self, bus: Bus, import_id: UUID, tally: Tally) -> None:
        self._bus, self._import_id, self.tally = bus, import_id, tally
        self.silent: list[str] = []

    async def poll(self) -> Tally:
        """Ask every room that this import goes through, at once."""
        ways = _ROOMS[: 1 if self.tally.purpose == "clients" else None]
        answers = await asyncio.gather(
            *(self._bus.ask(question(import_id=self._import_id), seconds=ANSWER_SECONDS) for _, question, _ in ways),
            return_exceptions=True,
        )
        self.silent = []
        for (room, _, names), answer in zip(ways, answers, strict=True):
            if isinstance(answer, Trouble):
                self.silent.append(room)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                counts: dict[str, Any] = {name: int(answer.get(name) or 0) for name in names}
                self.tally = replace(self.tally, **counts)
        return self.tally


async def run_import(
    bus: Bus,
    rows: Sequence[Row],
    intent: Intent,
    import_id: UUID,
    *,
    file_name: str,
    watch: Callable[[Tally, list[str]], None] = lambda _tally, _silent: None,
    stall: float = STALL_SECONDS,
) -> Finished:
    """Send `rows` and wait until each accepted one has a receiver, a sale and a deadline; `watch` sees every count.

    At most `AHEAD` chunks are under way that intake has not taken in. Raises `Silence` when nothing moves for `stall`
    seconds, naming the room that holds it.
    """
    counters = Counters(bus, import_id, Tally(purpose=intent.purpose, in_file=len(rows)))
    tally = await counters.poll()
    if "intake" in counters.silent:
        raise Silence(
            "The room intake does not answer, so the list was not sent.",
            "`estafeta status` shows how the rooms are; import again when it is ready.",
        )
    counters.tally = replace(tally, before=tally.rows)
    waiting = commands(import_id, file_name, rows, intent)
    under_way, began, moved = next(waiting, None), time.monotonic(), time.monotonic()
    while True:
        while under_way and counters.tally.sent - counters.tally.rows < AHEAD * MAX_ROWS:
            command_id, command = under_way
            await bus.send(command, command_id)
            counters.tally = replace(counters.tally, sent=counters.tally.sent + len(command.rows))
            watch(counters.tally, counters.silent)
            under_way, moved = next(waiting, None), time.monotonic()
        earlier, asked = counters.tally, time.monotonic()
        tally = await counters.poll()
        pause = max(POLL_SECONDS, _QUIET * (time.monotonic() - asked))
        watch(tally, counters.silent)
        if not under_way and not counters.silent and holder(tally) is None:
            break
        if tally != earlier:
            moved = time.monotonic()
        if time.monotonic() - moved > stall:
            raise await _stalled(bus, tally, counters.silent, stall)
        await asyncio.sleep(pause)
    seconds = time.monotonic() - began
    managers = []
    if intent.purpose == "leads":
        managers = (await bus.ask(ReportDistribution(import_id=import_id))).get("managers", [])
    return Finished(import_id, tally, managers, await rejected_rows(bus, import_id), seconds)


async def _stalled(bus: Bus, tally: Tally, silent: list[str], seconds: float) -> Silence:
    room, what = holder(tally) or (silent[0], "it does not answer")
    detail = f"{room} does not answer" if room in silent else what
    try:
        health = await bus.ask(TellHealth(), room=room)
        if dead := int(health.get("dead") or 0):
            detail += f"; {dead:,} of its messages are dead letters (`estafeta dead` shows why)"
        if problems := health.get("problems"):
            detail += f"; it says: {'; '.join(map(str, problems))}"
    except Trouble:
        detail += "; it does not answer now"
    return Silence(
        f"Nothing has moved for {seconds:.0f} s. It is held by the room {room}: {detail}.",
        "Nothing is lost. See `estafeta status` and `estafeta dead`, mend it, and run the same import again: "
        "it goes on where it stands and takes nothing in twice.",
    )


async def rejected_rows(bus: Bus, import_id: UUID) -> list[dict[str, Any]]:
    """Every row of an import that intake rejected: `{sheet, row, faults: [{field, problem, remedy}]}`, in order."""
    found: list[dict[str, Any]] = []
    sheet, row = "", 0
    while True:
        question = ListRejectedRows(import_id=import_id, after_sheet=sheet, after_row=row)
        page: list[dict[str, Any]] = (await bus.ask(question)).get("rejected", [])
        found += page
        if len(page) < _PAGE:
            return found
        sheet, row = page[-1].get("sheet", ""), page[-1]["row"]


async def clock_of(bus: Bus, submitter: str | None) -> ZoneInfo:
    """The clock of whoever brought a list, else of the company. Raises `Trouble` for one whom nobody knows."""
    directory = await bus.ask(ListStaff())
    return zone_of(someone(submitter, directory, "--submitter") if submitter else {}, directory)


async def import_file(bus: Bus, listed: FileList, intent: Intent, console: Console) -> Imported:
    """Import a list that was read, and write what was rejected beside it; `console` shows the bars meanwhile.

    Raises `Trouble` for a submitter whom nobody knows, and for a house that does not move.
    """
    file = listed.path
    if intent.submitter:
        someone(intent.submitter, await bus.ask(ListStaff()), "--submitter")
    import_id = await asyncio.to_thread(import_id_of_file, file, intent)
    await _not_undone(bus, import_id)
    if listed.rows:
        with Bars(console, intent.purpose, len(listed.rows)) as watch:
            done = await run_import(bus, listed.rows, intent, import_id, file_name=file.name, watch=watch)
    else:
        done = Finished(import_id, Tally(purpose=intent.purpose), [], [], 0.0)
    unreadable, refused = len(listed.rejected), [_as_rejected(row) for row in done.rejected]
    tally = replace(
        done.tally, in_file=len(listed.rows) + unreadable, unreadable=unreadable, ignored=len(listed.ignored)
    )
    beside = await asyncio.to_thread(write_rejects, listed, refused)
    return Imported(
        file, intent, replace(done, tally=tally), listed.warnings, beside, in_words(listed.mapping.values())
    )


async def _not_undone(bus: Bus, import_id: UUID) -> None:
    told = await bus.ask(TellUndo(import_id=import_id))
    if told["found"] and told["undo_at"]:
        raise Trouble(
            f"This list was taken in for this campaign before, and was undone on {str(told['undo_at'])[:10]}.",
            "To take it in anew, give another --campaign, for example with the date behind its name.",
            code=1,
        )


def _as_rejected(row: dict[str, Any]) -> Rejected:
    faults: list[dict[str, str]] = row.get("faults", [])
    reason = "; ".join(f"{fault['field']}: {fault['problem']}" for fault in faults)
    remedy = " ".join(dict.fromkeys(fault["remedy"] for fault in faults))
    return Rejected(row.get("sheet", ""), int(row["row"]), reason, remedy)


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was imported: what became of it, what was odd about it, and where its rejected rows lie."""

    file: Path
    intent: Intent
    done: Finished
    warnings: list[str]
    rejects: Path | None
    kind: str = ""

    def unaccounted(self) -> list[str]:
        """What does not add up; empty when every row has exactly one outcome."""
        return unaccounted(self.done.tally)

    def report(self) -> RenderableType:
        """The account of the import, ready to print."""
        notes = [self.kind] if self.kind else []
        notes += [f"{self.file.name}: {warning}" for warning in self.warnings]
        if self.rejects:
            notes.append(f"Rejected rows, each with its reason: {self.rejects}")
        title = f"{self.intent.campaign}: {self.file.name}"
        return report(title, self.done.tally, self.done.managers, self.done.seconds, notes)
