"""`estafeta matching` and `routing`: recognition and routing on files, without servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

matching_app = typer.Typer(
    help="Recognition on files, without servers: one JSON object a line in, one a line out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
routing_app = typer.Typer(help="Routing on files, without servers.", no_args_is_help=True, rich_markup_mode=None)

JsonLines = Annotated[str, typer.Argument(help="One JSON object a line, UTF-8; - is standard input.")]


@matching_app.command("normalise")
def matching_normalise(file: JsonLines) -> None:
    """Make keys regular: {"id", "key", "op": "canon" or "same_key", "input"} a line → {"id", "output"}."""
    from estafeta.matching import run_on_file

    raise typer.Exit(run_on_file("normalise", file))


@matching_app.command("pairs")
def matching_pairs(file: JsonLines) -> None:
    """Judge pairs: {"id", "lead", "client", "ctx"} a line → {"id", "outcome", "rule", "score", "evidence"}."""
    from estafeta.matching import run_on_file

    raise typer.Exit(run_on_file("pairs", file))


@routing_app.callback()
def routing_() -> None:
    """Routing on files, without servers."""  # with it `replay` stays a command of its own, though it is the only one


@routing_app.command("replay")
def routing_replay(
    company: Annotated[Path, typer.Argument(help="A company file.")],
    arrivals: Annotated[
        str, typer.Argument(help="Arrivals and changes of presence, one JSON object a line; - is stdin.")
    ],
) -> None:
    """Who gets each arrival: {"id", "at", "source", ...} a line → {"id", "to", "queue", "rule", "told", "excluded"}."""
    from estafeta.routing import replay

    raise typer.Exit(replay(company, arrivals))
