"""The company: its file, who was it at a moment, absences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, Lang, State, display, with_house

app = typer.Typer(rich_markup_mode=None)


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The company file, TOML.")],
    state: State = HERE,
) -> None:
    """Load or update the directory: offices, staff, duty roster, absences. Applying it twice changes nothing."""
    from estafeta.company.directory import apply_company
    from estafeta.company.reading import read_company

    company = read_company(file)
    display(*with_house(state, lambda bus: apply_company(bus, company, file)))


@app.command()
def who(
    at: Annotated[str | None, typer.Option(help="Day and time: 2026-11-03 11:00; now if left out.")] = None,
    region: Annotated[str | None, typer.Option(help="Who covered it: RU-SPE, KZ.")] = None,
    office: Annotated[str | None, typer.Option(help="Only this office; the time is by its clock.")] = None,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """Who was it: who covered a region, was on duty, was absent, and what was in force at a moment."""
    from estafeta.explain import language
    from estafeta.who import who_was_it

    words = language(lang).language
    display(*with_house(state, lambda bus: who_was_it(bus, at, region, office, words)))


@app.command()
def absence(
    staff: Annotated[str, typer.Argument(metavar="STAFF", help="Id of the member of staff.")],
    since: Annotated[str, typer.Option("--from", help="First day, or a moment: 2026-12-01 14:00.")],
    until: Annotated[str, typer.Option("--to", help="Last day, which belongs to it, or a moment.")],
    reason: str = "vacation",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="He is there after all in this time.")] = False,
    by: Annotated[str | None, typer.Option(help="Id of the member of staff who enters it.")] = None,
    state: State = HERE,
) -> None:
    """Enter a planned absence, or withdraw one: no new leads, and none owed. The company file leaves it as it is."""
    from estafeta.people import absent

    display(*with_house(state, lambda bus: absent(bus, staff, since, until, reason, withdraw=withdraw, by=by)))
