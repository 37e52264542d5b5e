"""`estafeta client`, `office` and `moves`: work that moves to others."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, Lang, OnlyPreview, State, UndoDays, WishedBy, display, with_house

client_app = typer.Typer(
    help="One client: whose he is, and giving him to another.", no_args_is_help=True, rich_markup_mode=None
)
office_app = typer.Typer(help="Offices: handing the base of one over.", no_args_is_help=True, rich_markup_mode=None)
moves_app = typer.Typer(rich_markup_mode=None)

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="Id of the client.")]
AMove = Annotated[str, typer.Argument(metavar="MOVE", help="Its id, or the beginning of it: see `moves`.")]


@client_app.command("transfer")
def client_transfer(
    id: Client,
    reason: Annotated[str, typer.Option(help="Why; both are told.")],
    to: Annotated[str | None, typer.Option(help="Who gets him; whom the rules name if left out.")] = None,
    by: WishedBy = None,
    consent: Annotated[str | None, typer.Option(help="Id of the head who agrees, if --by is none.")] = None,
    undo_days: UndoDays = 14,
    preview: OnlyPreview = False,
    state: State = HERE,
) -> None:
    """Give a client to another: his open sale, its next task and its deadline go along."""
    from estafeta.moving import preview as previewed
    from estafeta.moving import transfer
    from estafeta.typed import an_id
    from shared.questions import PreviewMove

    client_id = an_id(id, "client")
    if preview:
        display(with_house(state, lambda bus: previewed(bus, PreviewMove(client_id=client_id, to=to, by=by))))
        return
    display(with_house(state, lambda bus: transfer(bus, client_id, to, reason, by, consent, undo_days)))


@client_app.command("owner")
def client_owner(
    id: Client,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """Whose a client is now, or in which queue he stands and who answers for it, and how he came there."""
    from estafeta.explain import language
    from estafeta.moving import owner
    from estafeta.typed import an_id

    client_id, words = an_id(id, "client"), language(lang).language
    display(*with_house(state, lambda bus: owner(bus, client_id, words)))


@office_app.callback()
def office_() -> None:
    """Offices: handing the base of one over."""  # with it `handover` stays a command of its own, though it is the only one


@office_app.command("handover")
def office_handover(
    office: Annotated[str, typer.Argument(metavar="OFFICE", help="Id of the office that gives its base.")],
    to: Annotated[str, typer.Option(help="Id of the office that receives it.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "hand-over",
    by: WishedBy = None,
    undo_days: UndoDays = 14,
    preview: OnlyPreview = False,
    state: State = HERE,
) -> None:
    """Hand the base of an office over: every client of its people goes to the people of another."""
    from estafeta.office import hand_over

    display(with_house(state, lambda bus: hand_over(bus, office, to, reason, by, undo_days, only_preview=preview)))


@moves_app.callback(invoke_without_command=True)
def moves(
    context: typer.Context,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    state: State = HERE,
) -> None:
    """What was moved: clients transferred, people dismissed, offices handed over."""
    if context.invoked_subcommand is None:
        from estafeta.moving import list_moves

        display(with_house(state, lambda bus: list_moves(bus, most)))


@moves_app.command("show")
def moves_show(id: AMove, state: State = HERE) -> None:
    """How far a move is, who received how many, and what was left when it was taken back."""
    from estafeta.moving import show_move

    display(with_house(state, lambda bus: show_move(bus, id)))


@moves_app.command("undo")
def moves_undo(id: AMove, by: WishedBy = None, state: State = HERE) -> None:
    """Take a move back: each client is what he was, unless touched since; what was touched is listed and left."""
    from estafeta.moving import undo_move

    display(with_house(state, lambda bus: undo_move(bus, id, by)))
