"""`estafeta dead`: what the rooms gave up."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, with_house
from estafeta.trouble import Trouble

dead_app = typer.Typer(help="Dead letters: what the rooms gave up, and why.", rich_markup_mode=None)


@dead_app.callback(invoke_without_command=True)
def dead(context: typer.Context, state: State = HERE) -> None:
    """List the dead letters of all rooms."""
    context.obj = state
    if context.invoked_subcommand is None:
        dead_list(state)


@dead_app.command("list")
def dead_list(state: State = HERE) -> None:
    """List the dead letters of all rooms."""
    from estafeta.letters import Letters, letters_of, sums, table
    from estafeta.trouble import Silence

    found = with_house(state, letters_of)
    silent = [silence for silence in found.values() if isinstance(silence, Silence)]
    if any(told.letters for told in found.values() if isinstance(told, Letters)):
        display(table(found), "", *sums(found))
        display("`estafeta dead show ROOM/ID` shows one whole; `again` sends it back; `close` ends it.")
    elif not silent:
        display("No dead letters.")
    if silent:
        raise silent[0]


@dead_app.command("show")
def dead_show(id: Annotated[str, typer.Argument(help="process/12")], state: State = HERE) -> None:
    """Show one dead letter whole."""
    from estafeta.letters import letter_id, show

    letter = letter_id(id)
    display(*with_house(state, lambda bus: show(bus, letter)))


@dead_app.command("again")
def dead_again(
    id: Annotated[str | None, typer.Argument(help="process/12, or process for all letters of that room")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All letters of all rooms.")] = False,
    state: State = HERE,
) -> None:
    """Have a dead letter handled again, after what killed it is mended."""
    from estafeta.letters import letter_id, send_again, send_all_again
    from shared.message import ROOMS

    if (id is None) == (not all_):
        raise Trouble(
            "Which letter is to be handled again?",
            "Name one (`estafeta dead again process/12`), a room (`estafeta dead again process`), or give --all.",
        )
    if id is None or id in ROOMS:
        display(*with_house(state, lambda bus: send_all_again(bus, [id] if id else ROOMS)))
        return
    letter = letter_id(id)
    display(*with_house(state, lambda bus: send_again(bus, letter)))


@dead_app.command("close")
def dead_close(
    id: Annotated[str, typer.Argument(help="process/12")],
    why: Annotated[str, typer.Option(help="Why it need not be handled; kept with the letter.")],
    state: State = HERE,
) -> None:
    """Close a dead letter for good, with a reason."""
    from estafeta.letters import close, letter_id

    letter = letter_id(id)
    if not why.strip():
        raise Trouble("--why is empty.", "Say in a few words why this letter need not be handled; it is kept with it.")
    display(*with_house(state, lambda bus: close(bus, letter, why)))
