"""`estafeta roster feed`: calendars that people subscribe to."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, with_house
from estafeta.trouble import choose

feed_app = typer.Typer(
    help="Calendars that people subscribe to: opened, listed, revoked.", no_args_is_help=True, rich_markup_mode=None
)

By = Annotated[str | None, typer.Option(help="Id of the member of staff who wants it; the operator if left out.")]


@feed_app.command("open")
def feed_open(
    staff: Annotated[str | None, typer.Option(help="Whose shifts and meetings.")] = None,
    office: Annotated[str | None, typer.Option(help="Or which office's duty roster.")] = None,
    lang: Annotated[str, typer.Option(help="In which language it is written: ru or en.")] = "ru",
    label: Annotated[str, typer.Option(help="What it is for: a telephone, a screen in the hall.")] = "",
    by: By = None,
    state: State = HERE,
) -> None:
    """Make the secret address of a calendar, for any calendar program; it is shown this once."""
    from estafeta.feeds import door_of_house, open_feed

    words, door = choose(lang, ["ru", "en"], "language (--lang)"), door_of_house(state)
    display(*with_house(state, lambda bus: open_feed(bus, staff, office, lang=words, label=label, by=by, door=door)))


@feed_app.command("list")
def feed_list(
    revoked: Annotated[bool, typer.Option("--revoked", help="Those that were revoked, too.")] = False,
    state: State = HERE,
) -> None:
    """The calendars that can be subscribed to; their addresses are known to their owners alone."""
    from estafeta.feeds import list_feeds

    display(with_house(state, lambda bus: list_feeds(bus, revoked=revoked)))


@feed_app.command("revoke")
def feed_revoke(
    id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")], by: By = None, state: State = HERE
) -> None:
    """Let an address answer nobody any more."""
    from estafeta.feeds import revoke_feed

    display(*with_house(state, lambda bus: revoke_feed(bus, id, by)))
