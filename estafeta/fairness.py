"""How evenly leads were shared out in a time, and how soon: as a table, as CSV, as a chart (G6, G8)."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus
from estafeta.explain_words import Language
from estafeta.period import Period, period
from estafeta.report import BAR, bar
from estafeta.report_words import Say, pool_name, span, words_of
from estafeta.trouble import Trouble
from shared.questions import ListStaff, ReportFairness

Answer = Mapping[str, Any]
_SECONDS = 60.0
_NUMBERS = ("eligible", "shared", "fair_share", "deviation", "balance")


async def report_fairness(
    bus: Bus, since: str | None, until: str | None, table_to: Path | None, chart_to: Path | None, language: Language
) -> RenderableType:
    """The report of a period, ready to print; with `table_to` and `chart_to` written to files as well.

    Raises `Trouble` for days that are none, and for files that cannot be written.
    """
    when = period(since, until, await bus.ask(ListStaff()))
    told = await bus.ask(ReportFairness(since=when.since, until=when.until), seconds=_SECONDS)
    say = words_of(language)
    parts = [shown(told, when, say)]
    if table_to is not None:
        await asyncio.to_thread(write, told["pools"], table_to)
        parts.append(Text(say("written", file=table_to)))
    if chart_to is not None:
        from estafeta.charts import draw_fairness

        await asyncio.to_thread(draw_fairness, told["pools"], chart_to, _title(when, say), say)
        parts.append(Text(say("written", file=chart_to)))
    return Group(*parts)


def _title(when: Period, say: Say) -> str:
    return say("fairness", first=when.first, last=when.last)


def shown(told: Answer, when: Period, say: Say) -> RenderableType:
    """The report as tables and lines."""
    totals = told["totals"]
    if not totals["came"] and not totals["leads"]:
        return Text(say("nothing", first=when.first, last=when.last))
    parts: list[RenderableType] = [_pools(told["pools"], _title(when, say), say), "", _people(told["people"], say), ""]
    if totals["came"]:
        share = totals["fell_back"] / totals["came"]
        parts.append(Text(say("fallback", count=totals["fell_back"], of=totals["came"], share=share)))
    parts.append(Text(say("open_leads", **totals)))
    if totals["median_s"] is not None:
        times = {name: span(totals[f"{name}_s"], say) for name in ("median", "most", "longest")}
        parts.append(Text(say("to_owner", **times)))
    if totals["median_accepted_s"] is not None:
        times = {name: span(totals[f"{name}_accepted_s"], say) for name in ("median", "most")}
        parts.append(Text(say("to_acceptance", **times)))
    if totals["given_back"]:
        parts.append(Text(say("given_back", count=totals["given_back"])))
    return Group(*parts)


def _pools(members: Sequence[Answer], title: str, say: Say) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(say("pool"))
    table.add_column(say("manager"))
    for heading in ("eligible", "received", "fair_share", "deviation", "balance"):
        table.add_column(say(heading), justify="right")
    table.add_column(f"{say('received')} █, {say('fair_share')} ┃", min_width=BAR, no_wrap=True)
    most = {one["pool"]: 0.0 for one in members}
    for one in members:
        most[one["pool"]] = max(most[one["pool"]], float(one["shared"]), float(one["fair_share"]))
    for before, one in zip([None, *members], members, strict=False):
        deviation = float(one["deviation"])
        table.add_row(
            "" if before and before["pool"] == one["pool"] else pool_name(one["pool"], say),
            str(one["name"]),
            f"{one['eligible']:,}",
            f"{one['shared']:,}",
            f"{one['fair_share']:,.2f}",
            Text(f"{deviation:+.2f}", style="" if abs(deviation) <= 1 else "yellow"),
            f"{one['balance']:+.2f}",
            bar(float(one["shared"]), float(one["fair_share"]), most[one["pool"]]),
        )
    return table


def _people(people: Sequence[Answer], say: Say) -> Table:
    table = Table(title=say("by_manager"), title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(say("manager"))
    table.add_column(say("office"))
    for heading in ("leads", "unaccepted", "declined", "silent", "in_queue"):
        table.add_column(say(heading), justify="right")
    for one in sorted(people, key=lambda one: (str(one["office"] or ""), -int(one["received"]), str(one["id"]))):
        counts = (one[name] for name in ("received", "unaccepted", "declined", "silent", "queued"))
        table.add_row(str(one["name"] or "-"), str(one["office"] or ""), *(f"{count:,}" for count in counts))
    return table


def write(members: Sequence[Answer], to: Path) -> None:
    """Write evenness to a CSV file, a line for each member of a pool; raises `Trouble` when it cannot be written."""
    try:
        with to.open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file, delimiter=";")
            out.writerow(
                ["pool", "id", "name", "office", "eligible", "received", "fair share", "deviation", "owed now"]
            )
            for one in members:
                whose = [one["pool"], one["id"], one["name"], one["office"] or ""]
                out.writerow([*whose, *(one[name] for name in _NUMBERS)])
    except OSError as error:
        raise Trouble(
            f"{to} cannot be written: {error.strerror}.", "Name a file in a directory you may write to."
        ) from None
