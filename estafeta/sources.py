"""What each source and campaign brings: leads, how many were known already, and what became of their sales."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus
from estafeta.trouble import Trouble
from estafeta.typed import day, zone_of
from shared.questions import ListStaff, ReportSales, ReportSources

Answer = Mapping[str, Any]
_MONTH = timedelta(days=30)


async def report_sources(bus: Bus, since: str | None, until: str | None) -> RenderableType:
    """The report for the days from `since` to `until`, both included, by the company's clock; by default the last 30.

    Raises `Trouble` for days that are none, or in the wrong order.
    """
    directory = await bus.ask(ListStaff())
    zone = zone_of({}, directory)
    last = day(until, "--to") if until else datetime.now(UTC).astimezone(zone).date()
    first = day(since, "--from") if since else last - _MONTH
    if first > last:
        raise Trouble(f"--from {first} is later than --to {last}.", "Give them the other way round.")
    span = {
        "since": datetime.combine(first, time(), zone),
        "until": datetime.combine(last + timedelta(days=1), time(), zone),
    }
    came, sold = await asyncio.gather(
        bus.ask(ReportSources.model_validate(span)), bus.ask(ReportSales.model_validate(span))
    )
    allowed = came["entered_within_s"] / 60
    notes = late_entries(came["sources"], allowed)
    return Group(shown(came["sources"], sold["sources"], first, last), *(Text(note) for note in notes))


def late_entries(came: Sequence[Answer], allowed: float) -> list[str]:
    """Calls that were entered later than allowed, in words; `allowed` in minutes (R1-22)."""
    lines = [
        f"{one['source']}, {one['campaign'] or 'no campaign'}: {one['late']:,} of {one['calls']:,} calls were entered later than"
        f" {allowed:g} min after their end; the middle one {one['entry_lag_s'] / 60:.0f} min,"
        f" the longest {one['longest_lag_s'] / 60:.0f} min (R1-22)"
        for one in came
        if one["late"]
    ]
    return ["", *lines] if lines else []


def shown(came: Sequence[Answer], sold: Sequence[Answer], first: date, last: date) -> RenderableType:
    """Both answers as one table, the source that brought most first."""
    if not came:
        return Text(f"Nothing came from {first} to {last}.")
    sales = {(one["source"], one["campaign"]): one for one in sold}
    table = Table(box=None, pad_edge=False, title=f"Sources from {first} to {last}", title_justify="left")
    table.add_column("source")
    table.add_column("campaign")
    for heading in (
        "came",
        "leads",
        "known already",
        "possible",
        "no lead yet",
        "rejected",
        "sales",
        "won",
        "lost",
        "open",
    ):
        table.add_column(heading, justify="right")
    table.add_column("won of ended", justify="right")
    table.add_column("contracts", justify="right")
    for one in came:
        of = sales.get((one["source"], one["campaign"]), {})
        won, lost = of.get("won", 0), of.get("lost", 0)
        table.add_row(
            str(one["source"]),
            one["campaign"] or "-",
            *(f"{one[name]:,}" for name in ("leads", "accepted", "same", "possible", "early", "rejected")),
            *(f"{of.get(name, 0):,}" for name in ("opened", "won", "lost", "open")),
            f"{won / (won + lost):.0%}" if won + lost else "",
            ", ".join(f"{amount / 100:,.2f} {currency}" for currency, amount in of.get("amounts", {}).items()),
        )
    return table
