"""`estafeta roster`: the duty roster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from estafeta.cli.feeds import feed_app
from estafeta.cli.terminal import HERE, Lang, State, display, with_house
from estafeta.trouble import Trouble

roster_app = typer.Typer(
    help="The duty roster: shown, checked, drawn up, imported and published.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
roster_app.add_typer(feed_app, name="feed")

Office = Annotated[str, typer.Argument(help="Id of the office.")]
AnyOffice = Annotated[str | None, typer.Argument(help="Id of the office; all that have a roster if left out.")]
FirstDay = Annotated[str | None, typer.Option("--from", help="First day, by the clock of the office.")]
LastDay = Annotated[str | None, typer.Option("--to", help="Last day, which belongs to it.")]
EnteredBy = Annotated[str | None, typer.Option(help="Id of the member of staff who enters it.")]


@roster_app.command("show")
def roster_show(office: AnyOffice = None, since: FirstDay = None, until: LastDay = None, state: State = HERE) -> None:
    """Who is on duty, day by day, and the leads each is expected to receive; a week from today if no days are given."""
    from estafeta.roster import show

    display(*with_house(state, lambda bus: show(bus, office, since, until)))


@roster_app.command("check")
def roster_check(
    office: AnyOffice = None,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How far ahead.")] = 4,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """Where somebody will be missing in the weeks to come. Exit code 1 if anywhere."""
    from estafeta.explain import language
    from estafeta.roster import gaps

    words = language(lang).language
    lines, missing = with_house(state, lambda bus: gaps(bus, office, weeks, words))
    display(*lines)
    if missing:
        raise typer.Exit(1)


@roster_app.command("make")
def roster_make(
    office: Office,
    since: FirstDay = None,
    until: LastDay = None,
    apply: Annotated[bool, typer.Option("--apply", help="Enter it as well.")] = False,
    by: EnteredBy = None,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """Draw up a roster that shares the expected leads evenly, and say what could not be done; four weeks from tomorrow."""
    from estafeta.explain import language
    from estafeta.roster import make

    words = language(lang).language
    display(*with_house(state, lambda bus: make(bus, office, since, until, apply=apply, by=by, lang=words)))


@roster_app.command("import")
def roster_import(
    office: Office,
    file: Annotated[Path, typer.Argument(help="An iCalendar file (.ics).")],
    since: FirstDay = None,
    until: LastDay = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be entered.")] = False,
    by: EnteredBy = None,
    state: State = HERE,
) -> None:
    """Take shifts from a calendar, recurring ones too; they replace what was entered for these days, not the company file."""
    from estafeta.roster import import_

    display(*with_house(state, lambda bus: import_(bus, office, file, since, until, preview=preview, by=by)))


@roster_app.command("export")
def roster_export(
    office: Office,
    since: FirstDay = None,
    until: LastDay = None,
    staff: Annotated[str | None, typer.Option(help="Only the shifts of this member of staff.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this file; to standard output if left out.")] = None,
    state: State = HERE,
) -> None:
    """Publish the roster as iCalendar, for any calendar program; a year from today if no days are given."""
    from estafeta.roster import export

    written = with_house(state, lambda bus: export(bus, office, since, until, staff))
    if out is None:
        sys.stdout.buffer.write(written)
        return
    try:
        out.write_bytes(written)
    except OSError as error:
        raise Trouble(f"{out} cannot be written ({error.strerror}).", "Choose another file.") from None
