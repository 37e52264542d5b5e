"""`estafeta presence`: who is here."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, with_house

presence_app = typer.Typer(rich_markup_mode=None)


@presence_app.callback(invoke_without_command=True)
def presence(
    context: typer.Context,
    office: Annotated[str | None, typer.Option(help="Only this office.")] = None,
    state: State = HERE,
) -> None:
    """Who is here: available, busy, absent or off shift."""
    from estafeta.presence import show

    if context.invoked_subcommand is None:
        display(*with_house(state, lambda bus: show(bus, office)))


@presence_app.command("set")
def presence_set(
    staff: Annotated[str, typer.Argument(help="Id of the member of staff.")],
    what: Annotated[str, typer.Argument(metavar="STATE", help="absent, back, busy, free or off_shift.")],
    until: Annotated[str | None, typer.Option(help="2026-11-25 18:00, by the clock of his office.")] = None,
    reason: Annotated[str, typer.Option(help="Why: sick, vacation …")] = "",
    by: Annotated[str | None, typer.Option(help="Id of the one who says it; himself, if left out.")] = None,
    state: State = HERE,
) -> None:
    """Say that somebody is absent or back, busy or free, or goes off shift: only the available receive new leads."""
    from estafeta.presence import say

    display(*with_house(state, lambda bus: say(bus, staff, what, until, reason, by)))
