"""The account of an import: where every row went, who received how much, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

BAR = 24


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one import: rows, as this side sees the file, and leads, as the four rooms tell them."""

    purpose: Literal["leads", "clients"] = "leads"
    in_file: int = 0
    unreadable: int = 0
    ignored: int = 0
    sent: int = 0
    before: int = 0
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    registered: int = 0
    new: int = 0
    same: int = 0
    possible: int = 0
    routed: int = 0
    alarms: int = 0
    opened: int = 0
    joined: int = 0
    tasks: int = 0
    deadlines: int = 0

    @property
    def in_sales(self) -> int:
        """Leads that are in a sale: one opened for them, or one they joined."""
        return self.opened + self.joined


def unaccounted(tally: Tally) -> list[str]:
    """What does not add up, in words; an empty list means that every row has exactly one outcome (R0-10).

    Rows of the file = sent + unreadable. Rows taken in = accepted (or registered) + rejected.
    Accepted = new + same + possible = routed = opened + joined; each of them has a task, each task a deadline.
    """
    sides: list[tuple[str, int, str, int]] = [
        (
            "rows of the file",
            tally.in_file,
            "rows sent and rows the file reader rejected",
            tally.sent + tally.unreadable,
        ),
        ("rows sent", tally.sent, "of them taken in", min(tally.rows, tally.sent)),
    ]
    if tally.purpose == "clients":
        sides += [("rows taken in", tally.rows, "registered and rejected rows", tally.registered + tally.rejected)]
    else:
        recognised = tally.new + tally.same + tally.possible
        sides += [
            ("rows taken in", tally.rows, "accepted and rejected rows", tally.accepted + tally.rejected),
            ("accepted rows", tally.accepted, "new, same and possible together", recognised),
            ("accepted rows", tally.accepted, "leads with a receiver", tally.routed),
            ("accepted rows", tally.accepted, "leads in a sale (opened or joined)", tally.in_sales),
            ("sales opened", tally.opened, "tasks set, at least", min(tally.tasks, tally.opened)),
            ("tasks set", tally.tasks, "deadlines stored", tally.deadlines),
        ]
    return [f"{left:,} {one} ≠ {right:,} {other}" for one, left, other, right in sides if left != right]


def holder(tally: Tally) -> tuple[str, str] | None:
    """The first room of a lead's way that is behind, and with what; None when all has arrived."""
    if tally.rows < tally.sent:
        return "intake", f"{tally.sent - tally.rows:,} rows are sent and not taken in yet"
    if tally.purpose == "clients":
        return None
    if tally.routed < tally.accepted:
        return "routing", f"{tally.accepted - tally.routed:,} accepted leads have no receiver yet"
    if tally.in_sales < tally.accepted:
        return "process", f"{tally.accepted - tally.in_sales:,} routed leads are in no sale yet"
    if tally.tasks < tally.opened:
        return "process", f"{tally.opened - tally.tasks:,} sales have no task yet"
    if tally.deadlines < tally.tasks:
        return "reminders", f"{tally.tasks - tally.deadlines:,} tasks have no deadline yet"
    return None


def bar(received: float, fair: float, most: float, width: int = BAR) -> str:
    """`received` as a bar on a scale of 0 to `most`, with a mark where the fair share is: `███████│██`."""
    if most <= 0:
        return ""
    filled = min(width, round(received / most * width))
    cells = list("█" * filled + " " * (width - filled))
    mark = min(width - 1, max(0, round(fair / most * width) - 1))
    cells[mark] = "┃" if fair > 0 else cells[mark]
    return "".join(cells).rstrip()


def managers_table(managers: Sequence[Mapping[str, Any]]) -> Table:
    """Per manager: received, how many of them the ledger shared out, fair share, deviation, a bar (G6).

    A lead that a rule gives to one person (R1-33, R1-39 …) is received but not shared out, and owes nobody anything.
    """
    table = Table(
        title="Who received how much (G6)", title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    table.add_column("manager")
    table.add_column("office")
    for heading in ("received", "of them shared", "fair share", "deviation"):
        table.add_column(heading, justify="right")
    table.add_column("shared █, fair share ┃", min_width=BAR, no_wrap=True)
    rows = sorted(managers, key=lambda m: (str(m.get("office", "")), -int(m.get("received", 0)), str(m["id"])))
    most = max((max(_shared(m), float(m.get("fair_share") or 0)) for m in rows), default=0.0)
    for manager in rows:
        shared, fair = _shared(manager), float(manager.get("fair_share") or 0)
        deviation = shared - fair if manager.get("deviation") is None else float(manager["deviation"])
        style = "" if abs(deviation) <= 1 else "yellow"
        table.add_row(
            str(manager.get("name") or manager["id"]),
            str(manager.get("office") or ""),
            f"{int(manager.get('received', 0)):,}",
            f"{shared:,.0f}",
            f"{fair:,.2f}",
            Text(f"{deviation:+.2f}", style=style),
            bar(shared, fair, most),
        )
    return table


def _shared(manager: Mapping[str, Any]) -> float:
    shared = manager.get("shared")
    return float(manager.get("received", 0) if shared is None else shared)


def figures(tally: Tally, seconds: float) -> list[tuple[str, str]]:
    """The lines of the report: what, how many."""
    lost = tally.rejected + tally.unreadable
    lines = [("rows in the file", f"{tally.in_file:,}")]
    if tally.ignored:
        lines.append(("no leads", f"{tally.ignored:,} rows besides: titles, blanks, sums, headings again"))
    if tally.purpose == "clients":
        lines.append(
            (
                "client cards",
                f"{tally.registered:,} rows: {tally.new:,} new, {tally.same:,} same, {tally.possible:,} possible",
            )
        )
    else:
        lines += [
            ("new clients", f"{tally.new:,}"),
            ("same (known clients)", f"{tally.same:,}"),
            ("possible (a person decides)", f"{tally.possible:,}"),
        ]
    lines.append(("rejected", f"{lost:,}"))
    if tally.purpose == "leads":
        lines += [
            ("given to somebody", f"{tally.routed:,}" + (f", {tally.alarms:,} with an alarm" if tally.alarms else "")),
            ("sales", f"{tally.opened:,} opened, {tally.joined:,} leads joined a sale that was open"),
            ("tasks set, with a deadline", f"{tally.tasks:,}, {tally.deadlines:,}"),
        ]
    if tally.before:
        lines.append(("here already", f"{tally.before:,} rows from before; none of them was taken in twice"))
    if tally.rows > tally.sent:
        lines.append(
            ("of other sheets", f"{tally.rows - tally.sent:,} rows of this file came for this campaign before")
        )
    speed = (
        f", {(tally.rows - tally.before) / seconds:,.0f} rows/s" if seconds > 0 and tally.rows > tally.before else ""
    )
    lines.append(("time", f"{seconds:.1f} s{speed}"))
    return lines


def report(
    title: str, tally: Tally, managers: Sequence[Mapping[str, Any]], seconds: float, notes: Sequence[str] = ()
) -> RenderableType:
    """The whole report of an import, ready to print."""
    table = Table(box=None, show_header=False, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column()
    for what, how_many in figures(tally, seconds):
        table.add_row(what, how_many)
    parts: list[RenderableType] = [table]
    if managers:
        parts += ["", managers_table(managers)]
    wrong = unaccounted(tally)
    if wrong:
        parts += ["", Text("Not accounted for: " + "; ".join(wrong) + ".", style="bold red")]
    else:
        parts += ["", Text("Every row is accounted for.", style="green")]
    parts += [Text(note) for note in notes]
    return Group(*parts)


def accounting(tally: Tally) -> str:
    """The accounting of a list of leads in one line of sums, for `estafeta demo --once`."""
    return (
        f"{tally.in_file:,} rows = {tally.new:,} new + {tally.same:,} same + {tally.possible:,} possible"
        f" + {tally.rejected + tally.unreadable:,} rejected; "
        f"{tally.accepted:,} accepted = {tally.routed:,} routed = {tally.opened:,} opened + {tally.joined:,} joined; "
        f"{tally.tasks:,} tasks = {tally.deadlines:,} deadlines"
    )
