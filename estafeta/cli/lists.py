"""Lists of leads and client bases: taken in, listed, undone, and what each source brought."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, new_console, with_house
from estafeta.trouble import Trouble
from shared.words import Source

app = typer.Typer(rich_markup_mode=None)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A list: CSV, XLSX, XLSB, XLS or ODS.")],
    campaign: Annotated[str, typer.Option(help="Which exhibition, which seminar, which base it is.")],
    source: Annotated[Source | None, typer.Option(help="Kind of source; event for a list, other for a base.")] = None,
    clients: Annotated[bool, typer.Option("--clients", help="A client base: cards and curators, no leads.")] = False,
    submitter: Annotated[str | None, typer.Option(help="Id of the member of staff who brought the list.")] = None,
    country: Annotated[str, typer.Option(help="Country of phones without a code, two letters.")] = "RU",
    sheet: Annotated[str | None, typer.Option(help="Only this sheet of a workbook.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help='What columns mean: "Наименование=company,Тел.=phone", or by letter: "C=phone".'),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show every row's verdict and receiver; nothing is saved.")
    ] = False,
    preview_to: Annotated[
        Path | None, typer.Option(help="With --preview: write all rows to this CSV file as well.")
    ] = None,
    state: State = HERE,
) -> None:
    """Import a list and wait until every row has its outcome, owner and deadline; safe to interrupt and to repeat."""
    from estafeta.importing import Intent, clock_of, import_file
    from estafeta.lists.terminal import read_before_eyes
    from estafeta.previewing import preview_file

    meant = source or (Source.OTHER if clients else Source.EVENT)
    intent = Intent(campaign, "clients" if clients else "leads", meant, submitter, country.upper())
    console = new_console()
    # an agent's list names meetings, and they are by his clock
    clock = with_house(state, lambda bus: clock_of(bus, submitter)) if meant is Source.AGENT and not clients else None
    listed = read_before_eyes(file, console, sheet=sheet, maps=map_ or (), clock=clock)
    if preview or preview_to:
        display(with_house(state, lambda bus: preview_file(bus, listed, intent, console, preview_to)))
        return
    try:
        done = with_house(state, lambda bus: import_file(bus, listed, intent, console))
    except KeyboardInterrupt:
        raise Trouble(
            "Interrupted. Every row that was sent is safe and goes on through the house by itself.",
            "Run the same import again to send the rest: nothing is taken in twice.",
            code=130,
        ) from None
    display(done.report())
    if done.unaccounted():
        raise typer.Exit(1)


@app.command()
def imports(
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50, state: State = HERE
) -> None:
    """The imports so far: who took what in when, what became of it, and whether it was undone."""
    from estafeta.imports import list_imports

    display(with_house(state, lambda bus: list_imports(bus, most)))


@app.command()
def undo(
    id: Annotated[str, typer.Argument(metavar="IMPORT", help="Its id, or the beginning of it: see `imports`.")],
    by: Annotated[str | None, typer.Option(help="Id of the member of staff who wants it.")] = None,
    state: State = HERE,
) -> None:
    """Take back what an import brought and nobody has touched since; what was touched is listed and left."""
    from estafeta.imports import undo_import

    display(with_house(state, lambda bus: undo_import(bus, id, by)))


@app.command()
def sources(
    since: Annotated[str | None, typer.Option("--from", help="First day; 30 days before the last if left out.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day; today if left out.")] = None,
    state: State = HERE,
) -> None:
    """What each source and campaign brought: leads, how many were known already, sales won and lost."""
    from estafeta.sources import report_sources

    display(with_house(state, lambda bus: report_sources(bus, since, until)))
