"""`estafeta report` and `simulate`: figures of a period, and what would have been."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, Lang, State, display, with_house

report_app = typer.Typer(help="Reports as tables, CSV and charts.", no_args_is_help=True, rich_markup_mode=None)
app = typer.Typer(rich_markup_mode=None)

Since = Annotated[str | None, typer.Option("--from", help="First day; 30 days before the last if left out.")]
Until = Annotated[str | None, typer.Option("--to", help="Last day; today if left out.")]


@report_app.callback()
def report_() -> None:
    """Reports as tables, CSV and charts."""


@report_app.command("fairness")
def report_fairness(
    since: Since = None,
    until: Until = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the table to this CSV file as well.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw a chart: FILE.svg or FILE.png.")] = None,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """How evenly leads were shared out: received, fair share, deviation by pool; unaccepted, fallback, time to owner."""
    from estafeta.explain import language
    from estafeta.fairness import report_fairness as reported

    words = language(lang)
    display(with_house(state, lambda bus: reported(bus, since, until, csv, chart, words.language)))


@app.command()
def simulate(
    company: Annotated[
        Path | None, typer.Option(help="The changed company file; without it today's rules decide again.")
    ] = None,
    since: Since = None,
    until: Until = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every difference to this CSV file.")] = None,
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """What if? Decide a past period again with a changed company: who would have got what, how evenly, lead by lead."""
    from estafeta.explain import language
    from estafeta.simulate import simulate as tried

    words = language(lang)
    display(with_house(state, lambda bus: tried(bus, company, since, until, csv, words.language)))
