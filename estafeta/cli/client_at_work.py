"""One client at work: who is calling, what was said, and why things stand as they do."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, Lang, State, display, names, with_house
from shared.words import Stage, TaskKind, TouchKind, TouchResult

app = typer.Typer(rich_markup_mode=None)


@app.command()
def lookup(
    company: str = "",
    contact: Annotated[str, typer.Option(help="Name of the person.")] = "",
    phone: str = "",
    fax: str = "",
    email: str = "",
    website: str = "",
    city: str = "",
    region: str = "",
    tax_id: str = "",
    country: Annotated[str, typer.Option(help="Country of a phone without a code, two letters.")] = "RU",
    state: State = HERE,
) -> None:
    """Who is this? The six-key check while the caller is still talking; nothing is stored."""
    from estafeta.lookup import look_up

    fields = {
        "company": company,
        "contact": contact,
        "phone": phone,
        "fax": fax,
        "email": email,
        "website": website,
        "city": city,
        "region": region,
        "tax_id": tax_id,
    }
    display(*with_house(state, lambda bus: look_up(bus, fields, country.upper())))


@app.command()
def touch(
    by: Annotated[str, typer.Option(help="Id of the member of staff who made the touch.")],
    kind: Annotated[str, typer.Option(help=f"What it was: {names(TouchKind)}.")],
    process: Annotated[str | None, typer.Option(help="Id of the sale.")] = None,
    client: Annotated[str | None, typer.Option(help="Or id of the client: his open sale.")] = None,
    lead: Annotated[str | None, typer.Option(help="Or id of the lead: the sale it is in.")] = None,
    result: Annotated[str | None, typer.Option(help=f"What came of it: {names(TouchResult)}.")] = None,
    comment: Annotated[str, typer.Option(help="What was said.")] = "",
    direction: Annotated[str, typer.Option(help="inbound or outbound.")] = "outbound",
    next: Annotated[  # noqa: A002 - it is the word for it
        str | None, typer.Option(help=f'What is next: "call 2026-11-25 10:00"; kinds: {names(TaskKind)}.')
    ] = None,
    next_kind: Annotated[str | None, typer.Option(help="The same in two options: kind …")] = None,
    next_at: Annotated[str | None, typer.Option(help="… and day and time.")] = None,
    end: Annotated[str | None, typer.Option(help="The sale is lost, for this reason.")] = None,
    defer: Annotated[
        str | None, typer.Option(help="The client named this day: the task is set at 2/3 of the way.")
    ] = None,
    move: Annotated[str | None, typer.Option(help=f"The sale moves to this stage: {names(Stage)}.")] = None,
    meeting_at: Annotated[str | None, typer.Option(help="For meeting_set: when.")] = None,
    meeting_place: Annotated[str | None, typer.Option(help="For meeting_set: where.")] = None,
    meeting_holder: Annotated[str | None, typer.Option(help="For meeting_set: id of who holds it.")] = None,
    meeting_minutes: Annotated[int | None, typer.Option(help="For meeting_set: how long, an hour if not said.")] = None,
    contract_number: Annotated[str | None, typer.Option(help="For won.")] = None,
    contract_date: Annotated[str | None, typer.Option(help="For won.")] = None,
    contract_amount: Annotated[str | None, typer.Option(help="For won: 1250000.50, or 9000 KZT.")] = None,
    state: State = HERE,
) -> None:
    """Record a touch with its result and comment, and with it the next action, a deferral, or the end."""
    from estafeta.touch import Typed, look_over, record_touch

    typed = Typed(
        by=by,
        kind=kind,
        process=process,
        client=client,
        lead=lead,
        result=result,
        comment=comment,
        direction=direction,
        next=next,
        next_kind=next_kind,
        next_at=next_at,
        end=end,
        defer=defer,
        move=move,
        meeting_at=meeting_at,
        meeting_place=meeting_place,
        meeting_holder=meeting_holder,
        meeting_minutes=meeting_minutes,
        contract_number=contract_number,
        contract_date=contract_date,
        contract_amount=contract_amount,
    )
    look_over(typed)
    display(*with_house(state, lambda bus: record_touch(bus, typed)))


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="lead or client.")],
    id: Annotated[str, typer.Argument(help="Its id.")],
    lang: Lang = None,
    state: State = HERE,
) -> None:
    """Tell in plain words why this card, why this manager, and where the sale stands."""
    from estafeta.explain import explain_it, language
    from estafeta.trouble import choose
    from estafeta.typed import an_id

    choose(what, ["lead", "client"], "thing to explain")
    id_, words = an_id(id, what), language(lang)
    display(*with_house(state, lambda bus: explain_it(bus, what, id_, words)))
