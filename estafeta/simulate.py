"""What if? A past period decided again with a changed company file: who would have got what, how evenly, lead by lead.

The decisions of the period are asked of routing page by page; routing's own rules then run over them on this machine,
in a process of their own, so that nobody's lead waits for it.
"""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.company.reading import read_company
from estafeta.explain_words import Language
from estafeta.period import Period, period
from estafeta.report_words import Say, pool_name, words_of
from estafeta.trouble import Trouble
from shared.message import Question
from shared.questions import ListDecisions, ListStaff, TellFields, TellPeriod

Answer = Mapping[str, Any]
SHOWN = 20
"""Differences shown in the terminal; all of them go to the CSV file."""
_PAGE_SECONDS = 60.0


class Asks(Protocol):
    """Whoever can ask the rooms: the operator's line to the house."""

    async def ask(self, question: Question, *, room: str = "", seconds: float = _PAGE_SECONDS) -> dict[str, Any]:
        """The answer of the room that owns the fact."""
        ...


@dataclass
class Outcome:
    """What came of a what-if: how a lead went otherwise, lead by lead, and the sums of both tellings."""

    differences: list[dict[str, Any]] = field(default_factory=list)
    sums: dict[str, Any] = field(default_factory=dict)


async def fetch_history(bus: Asks, when: Period, file: TextIO) -> int:
    """Write the decisions of a period as `services.routing.whatif` reads them; how many there are.

    Raises `Trouble` when there are none, or no company was applied yet.
    """
    span = {"since": when.since, "until": when.until}
    head = await bus.ask(TellPeriod.model_validate(span), seconds=_PAGE_SECONDS)
    if head["company"] is None:
        raise Trouble("No company file has been applied yet.", "Run `estafeta apply company.toml` first.", code=1)
    if not head["leads"]:
        raise Trouble(f"Routing decided nothing from {when}.", "Name days on which leads came: --from, --to.", code=1)
    file.write(json.dumps({"company": head["company"], "standings": head["standings"]}, ensure_ascii=False) + "\n")
    known: set[str] = set()
    after = int(head["first"]) - 1
    while after < head["last"]:
        page = await bus.ask(
            ListDecisions.model_validate({**span, "after": after, "last": head["last"]}), seconds=_PAGE_SECONDS
        )
        if not page["decisions"]:
            break
        wanted = [id_ for id_ in page["fields"] if id_ not in known]
        while wanted:
            told = (await bus.ask(TellFields.model_validate({"ids": wanted}), seconds=_PAGE_SECONDS))["fields"]
            file.writelines(f"{line}\n" for line in told.values())
            known |= told.keys()
            left = [id_ for id_ in wanted if id_ not in known]
            if len(left) == len(wanted):
                raise Trouble("Routing keeps decisions without their field of play.", "Its store is damaged.", code=1)
            wanted = left
        file.writelines(f"{line}\n" for line in page["decisions"])
        after = int(page["through"])
    return int(head["leads"])


def decide_again(history: Path, changed: Path | None) -> Iterator[dict[str, Any]]:
    """Run routing's rules over a history, with the changed company if there is one: the differences, the sums last.

    An operator's tool does not import a room: it starts routing's code as a process, as it starts the rooms.
    """
    command = [sys.executable, "-P", "-m", "services.routing.whatif", str(history)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        process = subprocess.Popen(
            [*command, str(changed)] if changed else command,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
        )
        with process:
            yield from (json.loads(line) for line in process.stdout or ())
        if process.returncode:
            complaints.seek(0)
            raise Trouble(
                f"The changed company cannot be tried:\n{complaints.read().strip()}", "Mend the file and try again."
            )


async def simulate(
    bus: Asks, company: Path | None, since: str | None, until: str | None, to: Path | None, language: Language
) -> RenderableType:
    """The whole command: fetch, decide again, write all differences to the CSV file `to`, and the tables to be shown."""
    changed = read_company(company) if company else None
    directory = await bus.ask(ListStaff())
    when = period(since, until, directory)
    with tempfile.TemporaryDirectory(prefix="estafeta-") as folder:
        history, tried = Path(folder) / "history.jsonl", Path(folder) / "company.json"
        with history.open("w", encoding="utf-8") as file:
            await fetch_history(bus, when, file)
        if changed is not None:
            tried.write_text(changed.model_dump_json(), "utf-8")
        told = await asyncio.to_thread(lambda: list(decide_again(history, tried if changed else None)))
    outcome = Outcome(told[:-1], told[-1])
    if to is not None:
        await asyncio.to_thread(write, outcome.differences, to)
    return shown(outcome, when, company.name if company else None, to, words_of(language))


# ── showing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_COLUMNS = ("lead_id", "received_at", "decided_at", "source", "region", "import_id")


def write(differences: Sequence[Answer], to: Path) -> None:
    """Write every difference to a CSV file; raises `Trouble` when it cannot be written."""
    try:
        with to.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file, delimiter=";")
            out.writerow([*_COLUMNS, "was", "rule", "queue", "would be", "by rule", "in queue"])
            for one in differences:
                ends = [one[side][name] or "" for side in ("was", "would") for name in ("to", "rule", "queue")]
                out.writerow([*(one[name] or "" for name in _COLUMNS), *ends])
    except OSError as error:
        raise Trouble(
            f"{to} cannot be written: {error.strerror}.", "Name a file in a directory you may write to."
        ) from None


def shown(outcome: Outcome, when: Period, file: str | None, to: Path | None, say: Say) -> RenderableType:
    """A what-if as tables: the sums, evenness by pool, what there was to respond to, and the first differences."""
    sums, names = outcome.sums, outcome.sums["names"]
    was, would, count = sums["was"], sums["would"], sums["otherwise"]
    by = say("with_file", file=file) if file else say("with_rules")
    days = {"first": when.first, "last": when.last}
    parts: list[RenderableType] = [
        Text(say("otherwise", **days, by=by, leads=sums["leads"], count=count, share=count / sums["leads"])),
        Text(say("queued", was=was["queued"], would=would["queued"])),
    ]
    if not outcome.differences:
        return Group(*parts, Text(say("as_it_was"), style="green"))
    parts += ["", _evenness(was["pools"], would["pools"], names, say)]
    parts += ["", _load(was["people"], would["people"], names, say)]
    parts += ["", _differences(outcome.differences[:SHOWN], names, when, say)]
    more = len(outcome.differences) - SHOWN
    if to is not None:
        parts.append(Text(say("all_written", count=len(outcome.differences), file=to)))
    elif more > 0:
        parts.append(Text(say("more", count=more)))
    return Group(*parts)


def _named(who: str, names: Mapping[str, Answer], say: Say) -> str:
    return str(names.get(who, {}).get("name") or who or say("nobody"))


def _table(title: str, texts: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for heading in texts:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _evenness(
    was: Mapping[str, Answer], would: Mapping[str, Answer], names: Mapping[str, Answer], say: Say
) -> RenderableType:
    headings = [say(word) for word in ("received", "fair_share", "deviation")]
    table = _table(say("evenness"), [say("pool"), say("manager")], headings)
    nothing = {"shared": 0, "fair_share": 0.0, "deviation": 0.0}
    for pool in sorted({*was, *would}):
        before, after = (side.get(pool, {"largest": 0.0, "members": {}}) for side in (was, would))
        named = pool_name(pool, say)
        for who in sorted({*before["members"], *after["members"]}):
            one, other = before["members"].get(who, nothing), after["members"].get(who, nothing)
            table.add_row(
                named,
                _named(who, names, say),
                f"{one['shared']:,} → {other['shared']:,}",
                f"{one['fair_share']:,.2f} → {other['fair_share']:,.2f}",
                f"{one['deviation']:+.2f} → {other['deviation']:+.2f}",
            )
            named = ""
        largest = f"{before['largest']:.2f} → {after['largest']:.2f}"
        table.add_row("", Text(say("at_most"), style="dim"), "", "", largest, end_section=True)
    return table


def _load(
    was: Mapping[str, Answer], would: Mapping[str, Answer], names: Mapping[str, Answer], say: Say
) -> RenderableType:
    counted = ("received", "in_a_day", "in_an_hour")
    table = _table(say("to_respond"), [say("manager")], [say(word) for word in counted])
    nobody = dict.fromkeys(counted, 0)
    for who in sorted({*was, *would}, key=lambda who: (names.get(who, {}).get("office", ""), who)):
        one, other = was.get(who, nobody), would.get(who, nobody)
        table.add_row(_named(who, names, say), *(f"{one[name]:,} → {other[name]:,}" for name in counted))
    return table


def _differences(differences: Sequence[Answer], names: Mapping[str, Answer], when: Period, say: Say) -> RenderableType:
    table = _table(say("one_by_one"), [say(word) for word in ("lead", "came", "source", "in_region", "was", "would")])
    for one in differences:
        came = datetime.fromisoformat(one["received_at"] or one["decided_at"]).astimezone(when.zone)
        sides = (_side(one[side], names, say) for side in ("was", "would"))
        table.add_row(one["lead_id"], f"{came:%Y-%m-%d %H:%M}", one["source"], one["region"], *sides)
    return table


def _side(one: Answer, names: Mapping[str, Answer], say: Say) -> str:
    queue = f", {say('queue', queue=one['queue'])}" if one["queue"] else ""
    return f"{_named(one['to'], names, say)} ({one['rule']}{queue})"
