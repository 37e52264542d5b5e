"""The operator's commands: what each is called, what it takes, and what it exits with.

A group of commands is a module; what they all need is in `terminal`.
Exit codes: 0 all is well; 1 the house is not well, or refused; 2 what was typed cannot be meant; 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.text import Text

from estafeta.cli import (
    client_at_work,
    company,
    dead,
    files,
    house,
    lead,
    lists,
    moving,
    presence,
    reports,
    review,
    roster,
    staff,
)
from estafeta.cli.terminal import new_console
from estafeta.trouble import Trouble

app = typer.Typer(
    name="estafeta",
    help="Takes sales leads in, gives each to its manager, walks it through the sale, and forgets none.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# in the order of `estafeta --help`: first commands of one word, then those of two
for commands in (house.app, company.app, lists.app, client_at_work.app, review.app, reports.app):
    app.add_typer(commands)
for group, commands in {
    "dead": dead.dead_app,
    "matching": files.matching_app,
    "review": review.review_app,
    "lead": lead.lead_app,
    "presence": presence.presence_app,
    "routing": files.routing_app,
    "report": reports.report_app,
    "roster": roster.roster_app,
    "client": moving.client_app,
    "staff": staff.staff_app,
    "office": moving.office_app,
    "moves": moving.moves_app,
}.items():
    app.add_typer(commands, name=group)


def main() -> None:
    """The entry point of `estafeta`."""
    sys.exit(run(None))


def run(arguments: Sequence[str] | None) -> int:
    """Do what was typed and return the exit code; every `Trouble` is one message on stderr."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except Trouble as trouble:
        return _complain(trouble)
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _complain(trouble: Trouble) -> int:
    remedy = trouble.remedy.replace("\n", "\n    ")
    text = Text(f"{trouble.problem}\n  → {remedy}", style="red" if sys.stderr.isatty() else "")
    new_console(stderr=True).print(text, soft_wrap=True)
    return trouble.code
