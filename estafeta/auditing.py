"""Joins that were made by themselves before a person, and how precise they are; forms that were taken for a machine's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table

from estafeta.client import Bus
from estafeta.lead import at
from estafeta.review import done
from estafeta.trouble import Trouble
from estafeta.typed import checked, someone, zone_of
from shared.commands import JudgeAudit, ReleaseReceipt
from shared.questions import ListSetAside, ListStaff, ReportAudit


async def report(bus: Bus, limit: int) -> list[RenderableType]:
    """How often a lead is joined to a wrong card by itself, rule by rule, and the next joins to be looked at."""
    told = await bus.ask(ReportAudit(limit=limit))
    overall = told["overall"]
    if not told["rules"]:
        return ["No lead has been joined to a card by itself yet, or none that is to be looked at."]
    table = Table(box=None, pad_edge=False)
    table.add_column("rule")
    for heading in ("joins", "looked at", "wrong", "right ones, 95 %"):
        table.add_column(heading, justify="right")
    table.add_column("because")
    for one in told["rules"]:
        between = f"{one['low']:.2%} … {one['high']:.2%}" if one["judged"] else "not known yet"
        table.add_row(
            one["rule"], f"{one['joins']:,}", f"{one['judged']:,}", f"{one['wrong']:,}", between, one["because"]
        )
    if overall["precision"] is None:
        verdict = "Not every rule has been looked at yet: of all joins together nothing can be said."
    else:
        wrong = 1 - overall["precision"]
        verdict = f"Of all joins {wrong:.3%} are wrong; with 95 % certainty at most {1 - overall['low']:.3%}."
    lines: list[RenderableType] = [table, "", verdict, f"{told['waiting']:,} joins wait for a person's look."]
    for item in told["items"]:
        raw = ", ".join(
            item["raw"][name] for name in ("company", "contact", "phone", "email", "website") if item["raw"].get(name)
        )
        agree = ", ".join(f"{one['key']} {one['level']}" for one in item["evidence"] if one["weight"] > 0)
        lines += [
            "",
            f"lead    {item['lead_id']}: {raw}",
            f"card    {item['client_id']}: {item['client'] or 'no name'}",
            f"joined  {item['rule']}, {item['score']:+.1f} bits: {agree}",
        ]
    if told["items"]:
        lines += ["", "estafeta review right LEAD … --by YOU, or wrong"]
    return lines


async def judge(bus: Bus, verdict: str, leads: Sequence[UUID], by: str, note: str) -> list[str]:
    """Say of joins whether they are right; whoever says so must be in the directory."""
    someone(by, await bus.ask(ListStaff()), "--by")
    said = await done(bus, checked(JudgeAudit, {"leads": leads, "verdict": verdict, "by": by, "note": note}))
    judged = [told for kind, told in said if kind == "JoinAudited"]
    lines = [f"{len(judged)} judged: {verdict}"]
    if verdict == "wrong":
        lines.append("  each is taken off its card and taken in again, unless its sale was touched meanwhile:")
        lines += [f"  estafeta explain lead {told['lead_id']}" for told in judged]
    return lines


async def caught(bus: Bus) -> list[RenderableType]:
    """The forms in which a field was filled in that only machines see."""
    told, directory = await asyncio.gather(bus.ask(ListSetAside()), bus.ask(ListStaff()))
    if not told["forms"]:
        return ["No form is set aside."]
    zone = zone_of({}, directory)
    lines: list[RenderableType] = [f"{told['waiting']:,} forms are set aside, taken for a machine's."]
    for form in told["forms"]:
        facts = ", ".join(f"{name}: {cell[:80]}" for name, cell in form["fields"].items()) or "nothing that is a lead's"
        when = at(form["received_at"], zone)
        lines += ["", f"{form['receipt_id']}  {when}, {form['campaign'] or form['source_system']}", f"  {facts}"]
    return [*lines, "", "A person filled it in? estafeta release RECEIPT --by YOU"]


async def release(bus: Bus, receipt_id: UUID, by: str) -> list[str]:
    """Take in a form that was set aside; it becomes a lead as if nothing had been."""
    someone(by, await bus.ask(ListStaff()), "--by")
    if not (await bus.ask(ListSetAside(receipt_id=receipt_id)))["forms"]:
        raise Trouble(f"No form with the receipt {receipt_id} is set aside.", "`estafeta caught` shows those that are.")
    await done(bus, checked(ReleaseReceipt, {"receipt_id": receipt_id, "by": by}))
    return ["Released: it is being taken in, and becomes a lead like any other."]
