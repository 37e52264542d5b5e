"""The house: started, shown, looked after; keys to its door."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, new_console, with_house

app = typer.Typer(rich_markup_mode=None)


@app.command()
def up(state: State = HERE) -> None:
    """Start the house: PostgreSQL, NATS and the four rooms; stays until Ctrl-C and finds its data again next time."""
    from estafeta.house.up import up as stand

    raise typer.Exit(asyncio.run(stand(state)))


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the report; 0 if every row is accounted for.")
    ] = False,
    state: State = HERE,
) -> None:
    """Start the house and show the main job: a company, a client base, an exhibition list, the report."""
    from estafeta.demo import demo as tour

    raise typer.Exit(asyncio.run(tour(state, new_console(), once=once)))


@app.command()
def status(
    live: Annotated[bool, typer.Option("--watch", help="Show it anew every second, until Ctrl-C.")] = False,
    state: State = HERE,
) -> None:
    """How the house is: rooms, what waits where, dead letters. Exit code 1 if something is wrong."""
    from estafeta.status import look, shown, verdict, watch

    if live:
        with_house(state, lambda bus: watch(bus, new_console()))
    rooms = with_house(state, look)
    display(shown(rooms))
    if verdict(rooms):
        raise typer.Exit(1)


@app.command()
def key(
    webhook: Annotated[bool, typer.Option("--webhook", help="A key to sign webhooks with.")] = False,
) -> None:
    """Make a key by which others bring leads to the HTTP door, and the line for the sources file."""
    from estafeta.keys import new_key, new_webhook_key

    if webhook:
        fresh = new_webhook_key()
        display(f"The key, for whoever signs: {fresh}", f'In the sources file: webhook_keys = ["{fresh}"]')
        return
    fresh, entry = new_key()
    display(
        f"The key, for whoever brings leads; kept nowhere else: {fresh}", f'In the sources file: keys = ["{entry}"]'
    )


@app.command()
def rebuild(
    room: Annotated[str, typer.Argument(help="intake, routing, process or reminders.")], state: State = HERE
) -> None:
    """Drop what a room keeps only by hearing, and hear it again from who said it."""
    from estafeta.rebuild import rebuild as rebuilt

    display(*with_house(state, lambda bus: rebuilt(bus, room)))
