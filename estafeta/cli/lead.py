"""`estafeta lead`: one lead, submitted, accepted or declined."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from estafeta.cli.terminal import HERE, State, display, names, with_house
from shared.commands import Occasion, ScriptQuestion
from shared.words import Source

lead_app = typer.Typer(rich_markup_mode=None)


@lead_app.callback(invoke_without_command=True)
def lead(
    context: typer.Context,
    company: str = "",
    contact: Annotated[str, typer.Option(help="Name of the person.")] = "",
    phone: str = "",
    fax: str = "",
    email: str = "",
    website: str = "",
    city: str = "",
    region: str = "",
    postal_code: str = "",
    address: str = "",
    tax_id: str = "",
    position: str = "",
    activity: str = "",
    interest: str = "",
    comment: str = "",
    source: Annotated[Source, typer.Option(help="Kind of source.")] = Source.OTHER,
    campaign: str | None = None,
    manager: Annotated[str | None, typer.Option(help="Id of the manager whom the caller asked for.")] = None,
    submitter: Annotated[str | None, typer.Option(help="Id of the member of staff who brought the lead.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Its id elsewhere; the same id is taken in once.")] = None,
    country: Annotated[str, typer.Option(help="Country of a phone without a code, two letters.")] = "RU",
    worked_with: Annotated[str, typer.Option(help="Of a call: with whom of us he worked before.")] = "",
    learned_from: Annotated[str, typer.Option(help="Of a call: how he learned of us.")] = "",
    meeting: Annotated[str | None, typer.Option(help="Of a call: the meeting is ours, theirs or declined.")] = None,
    meeting_at: Annotated[
        str | None, typer.Option(help="When that meeting begins, with its time zone: 2026-11-25T10:00+03:00.")
    ] = None,
    meeting_minutes: Annotated[int | None, typer.Option(help="How long it takes; an hour, if left out.")] = None,
    refused: Annotated[
        str,
        typer.Option(help=f"Of a call: questions he refused to answer, by comma: {names(get_args(ScriptQuestion))}."),
    ] = "",
    call_ended: Annotated[str | None, typer.Option(help="When the call ended: 2026-11-25T10:00+03:00.")] = None,
    referred_by: Annotated[str, typer.Option(help="Who recommended us: a client's id, or words.")] = "",
    obtained_by: Annotated[
        str | None, typer.Option(help="Id of the member of staff who obtained the referral.")
    ] = None,
    occasion: Annotated[
        str | None,
        typer.Option(help=f"Of a web site: {names(get_args(Occasion))}; a registration alone is no lead."),
    ] = None,
    state: State = HERE,
) -> None:
    """Submit one lead and see what became of it: card, outcome, manager, rule, task, deadline; or answer for one."""
    from estafeta.lead import call_of, referral_of, submit_lead, wish

    if context.invoked_subcommand is not None:
        return
    fields = {
        "company": company,
        "contact": contact,
        "phone": phone,
        "fax": fax,
        "email": email,
        "website": website,
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "address": address,
        "tax_id": tax_id,
        "position": position,
        "activity": activity,
        "interest": interest,
        "comment": comment,
    }
    command_id, command = wish(
        fields,
        source=source,
        campaign=campaign,
        submitter=submitter,
        manager=manager,
        external_id=external_id,
        country=country.upper(),
        call=call_of(source, worked_with, learned_from, meeting, refused, call_ended, meeting_at, meeting_minutes),
        referral=referral_of(referred_by, obtained_by),
        occasion=occasion,
    )
    display(*with_house(state, lambda bus: submit_lead(bus, command_id, command)))


Answering = Annotated[
    str | None, typer.Option("--by", help="Id of the one who says it; whoever has the lead, if left out.")
]


@lead_app.command("accept")
def lead_accept(
    id: Annotated[str | None, typer.Argument(help="Id of the lead.")] = None,
    import_: Annotated[str | None, typer.Option("--import", help="All leads of this list that --by has.")] = None,
    by: Answering = None,
    state: State = HERE,
) -> None:
    """Take a lead: from now on it is yours. Of a queue, the first who accepts has it."""
    from estafeta.acceptance import accept
    from estafeta.typed import an_id

    lead_id = an_id(id, "lead") if id else None
    import_id = an_id(import_, "import") if import_ else None
    display(*with_house(state, lambda bus: accept(bus, lead_id, by, import_id)))


@lead_app.command("decline")
def lead_decline(
    id: Annotated[str, typer.Argument(help="Id of the lead.")],
    reason: Annotated[str, typer.Option(help="Why it is not for you.")],
    by: Answering = None,
    state: State = HERE,
) -> None:
    """Do not take a lead: it goes to the next one by the same rules, and both are told."""
    from estafeta.acceptance import decline
    from estafeta.typed import an_id

    lead_id = an_id(id, "lead")
    display(*with_house(state, lambda bus: decline(bus, lead_id, by, reason)))


@lead_app.command("waiting")
def lead_waiting(
    of: Annotated[str | None, typer.Option(help="Only those of this member of staff.")] = None, state: State = HERE
) -> None:
    """Leads that nobody has accepted yet, and those that wait in a queue."""
    from estafeta.acceptance import waiting

    display(*with_house(state, lambda bus: waiting(bus, of)))
