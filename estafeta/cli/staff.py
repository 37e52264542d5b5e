"""`estafeta staff`: people, changed, dismissed and taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, OnlyPreview, State, UndoDays, WishedBy, display, with_house

staff_app = typer.Typer(
    help="People: changing one, dismissing one, and taking that back.", no_args_is_help=True, rich_markup_mode=None
)

Someone = Annotated[str, typer.Argument(metavar="STAFF", help="Id of the member of staff.")]


@staff_app.command("change")
def staff_change(
    id: Annotated[str, typer.Argument(metavar="STAFF", help="Id of the member of staff.")],
    weight: Annotated[float | None, typer.Option(help="Share of leads beside the colleagues'.")] = None,
    per_day: Annotated[int | None, typer.Option(help="Cap on the leads of a day.")] = None,
    open_leads: Annotated[int | None, typer.Option(help="Cap on the leads he holds open.")] = None,
    duty_hours: Annotated[float | None, typer.Option(help="On duty in a week, at most.")] = None,
    notice: Annotated[str | None, typer.Option(help="Day from when on he takes no new leads.")] = None,
    languages: Annotated[str | None, typer.Option(help="ISO 639 codes by comma: ru,en.")] = None,
    lift: Annotated[
        list[str] | None, typer.Option(help="What no longer holds: per-day, open-leads, duty-hours, notice.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Id of the member of staff who wants it.")] = None,
    state: State = HERE,
) -> None:
    """Change weight, caps, languages, weekly hours or notice date of somebody from now on."""
    from estafeta.people import change

    spoken = [code.strip() for code in languages.split(",") if code.strip()] if languages else None
    changed = {
        "weight": weight,
        "per_day": per_day,
        "open_leads": open_leads,
        "duty_hours": duty_hours,
        "languages": spoken,
    }
    display(*with_house(state, lambda bus: change(bus, id, changed, notice, lift or [], by)))


@staff_app.command("dismiss")
def staff_dismiss(
    staff: Someone,
    to: Annotated[str | None, typer.Option(help="Who gets all he has; whom the rules name if left out.")] = None,
    on: Annotated[
        str | None, typer.Option(help="The day from which he works here no more; at once if left out.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "dismissal",
    by: WishedBy = None,
    undo_days: UndoDays = 14,
    preview: OnlyPreview = False,
    state: State = HERE,
) -> None:
    """End somebody's work: access at once, and a new owner for every client, sale and task; can be undone (`reinstate`)."""
    from estafeta.staff import dismiss

    display(with_house(state, lambda bus: dismiss(bus, staff, to, on, reason, by, undo_days, only_preview=preview)))


@staff_app.command("reinstate")
def staff_reinstate(
    staff: Someone,
    by: WishedBy = None,
    alone: Annotated[bool, typer.Option("--alone", help="Without his clients: when the set time is over.")] = False,
    state: State = HERE,
) -> None:
    """Take a dismissal back: each client, sale and task is his again, unless touched since."""
    from estafeta.staff import reinstate

    display(with_house(state, lambda bus: reinstate(bus, staff, by, alone=alone)))
