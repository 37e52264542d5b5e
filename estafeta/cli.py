"""The operator's commands: what each is called, what it takes, and what it exits with.

Exit codes: 0 all is well; 1 the house is not well, or refused; 2 what was typed cannot be meant; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from estafeta.client import Bus, line_to_house
from estafeta.trouble import Trouble
from shared.commands import Occasion, ScriptQuestion
from shared.words import Source, Stage, TaskKind, TouchKind, TouchResult

T = TypeVar("T")
WIDE = 150

app = typer.Typer(
    name="estafeta",
    help="Takes sales leads in, gives each to its manager, walks it through the sale, and forgets none.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
dead_app = typer.Typer(help="Dead letters: what the rooms gave up, and why.", rich_markup_mode=None)
app.add_typer(dead_app, name="dead")
matching_app = typer.Typer(
    help="Recognition on files, without servers: one JSON object a line in, one a line out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(matching_app, name="matching")
review_app = typer.Typer(
    help="Possible matches: who of these is one client? A person's word, for everybody, and reversible.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(review_app, name="review")
lead_app = typer.Typer(rich_markup_mode=None)
app.add_typer(lead_app, name="lead")
presence_app = typer.Typer(rich_markup_mode=None)
app.add_typer(presence_app, name="presence")
routing_app = typer.Typer(help="Routing on files, without servers.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(routing_app, name="routing")
report_app = typer.Typer(help="Reports as tables, CSV and charts.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(report_app, name="report")

roster_app = typer.Typer(
    help="The duty roster: shown, checked, drawn up, imported and published.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(roster_app, name="roster")

client_app = typer.Typer(
    help="One client: whose he is, and giving him to another.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(client_app, name="client")
staff_app = typer.Typer(
    help="People: changing one, dismissing one, and taking that back.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(staff_app, name="staff")
office_app = typer.Typer(help="Offices: handing the base of one over.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(office_app, name="office")
moves_app = typer.Typer(rich_markup_mode=None)
app.add_typer(moves_app, name="moves")

State = Annotated[
    Path,
    typer.Option("--state", envvar="ESTAFETA_STATE", help="The house's directory.", show_default="./.estafeta"),
]
HERE = Path(".estafeta")


def _names(words: Any) -> str:
    return ", ".join(words)


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
    _console(stderr=True).print(text, soft_wrap=True)
    return trouble.code


def _console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE, highlight=False, markup=False, emoji=False)


def _show(*parts: RenderableType) -> None:
    console = _console()
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str))


def _with_house(state: Path, work: Callable[[Bus], Coroutine[Any, Any, T]]) -> T:
    async def connected() -> T:
        async with Bus(line_to_house(state)) as bus:
            return await work(bus)

    return asyncio.run(connected())


# ── the house ───────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command()
def up(state: State = HERE) -> None:
    """Start the house: PostgreSQL, NATS and the four rooms; stays until Ctrl-C and finds its data again next time."""
    from estafeta.house.up import up as stand

    raise typer.Exit(asyncio.run(stand(state)))


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the report; 0 if every row is accounted for.")
    ] = False,
    state: State = HERE,
) -> None:
    """Start the house and show the main job: a company, a client base, an exhibition list, the report."""
    from estafeta.demo import demo as tour

    raise typer.Exit(asyncio.run(tour(state, _console(), once=once)))


@app.command()
def status(
    live: Annotated[bool, typer.Option("--watch", help="Show it anew every second, until Ctrl-C.")] = False,
    state: State = HERE,
) -> None:
    """How the house is: rooms, what waits where, dead letters. Exit code 1 if something is wrong."""
    from estafeta.status import look, shown, verdict, watch

    if live:
        _with_house(state, lambda bus: watch(bus, _console()))
    rooms = _with_house(state, look)
    _show(shown(rooms))
    if verdict(rooms):
        raise typer.Exit(1)


@app.command()
def key(
    webhook: Annotated[bool, typer.Option("--webhook", help="A key to sign webhooks with.")] = False,
) -> None:
    """Make a key by which others bring leads to the HTTP door, and the line for the sources file."""
    from estafeta.keys import new_key, new_webhook_key

    if webhook:
        fresh = new_webhook_key()
        _show(f"The key, for whoever signs: {fresh}", f'In the sources file: webhook_keys = ["{fresh}"]')
        return
    fresh, entry = new_key()
    _show(f"The key, for whoever brings leads; kept nowhere else: {fresh}", f'In the sources file: keys = ["{entry}"]')


@app.command()
def rebuild(
    room: Annotated[str, typer.Argument(help="intake, routing, process or reminders.")], state: State = HERE
) -> None:
    """Drop what a room keeps only by hearing, and hear it again from who said it."""
    from estafeta.rebuild import rebuild as rebuilt

    _show(*_with_house(state, lambda bus: rebuilt(bus, room)))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The company file, TOML.")],
    state: State = HERE,
) -> None:
    """Load or update the directory: offices, staff, duty roster, absences. Applying it twice changes nothing."""
    from estafeta.company.directory import apply_company
    from estafeta.company.reading import read_company

    company = read_company(file)
    _show(*_with_house(state, lambda bus: apply_company(bus, company, file)))


@app.command()
def who(
    at: Annotated[str | None, typer.Option(help="Day and time: 2026-11-03 11:00; now if left out.")] = None,
    region: Annotated[str | None, typer.Option(help="Who covered it: RU-SPE, KZ.")] = None,
    office: Annotated[str | None, typer.Option(help="Only this office; the time is by its clock.")] = None,
    lang: Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")] = None,
    state: State = HERE,
) -> None:
    """Who was it: who covered a region, was on duty, was absent, and what was in force at a moment."""
    from estafeta.explain import language
    from estafeta.who import who_was_it

    words = language(lang).language
    _show(*_with_house(state, lambda bus: who_was_it(bus, at, region, office, words)))


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

    _show(*_with_house(state, lambda bus: absent(bus, staff, since, until, reason, withdraw=withdraw, by=by)))


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
    _show(*_with_house(state, lambda bus: change(bus, id, changed, notice, lift or [], by)))


# ── the duty roster ─────────────────────────────────────────────────────────────────────────────────────────────────

Office = Annotated[str, typer.Argument(help="Id of the office.")]
AnyOffice = Annotated[str | None, typer.Argument(help="Id of the office; all that have a roster if left out.")]
FirstDay = Annotated[str | None, typer.Option("--from", help="First day, by the clock of the office.")]
LastDay = Annotated[str | None, typer.Option("--to", help="Last day, which belongs to it.")]
EnteredBy = Annotated[str | None, typer.Option(help="Id of the member of staff who enters it.")]
Lang = Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")]


@roster_app.command("show")
def roster_show(office: AnyOffice = None, since: FirstDay = None, until: LastDay = None, state: State = HERE) -> None:
    """Who is on duty, day by day, and the leads each is expected to receive; a week from today if no days are given."""
    from estafeta.roster import show

    _show(*_with_house(state, lambda bus: show(bus, office, since, until)))


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
    lines, missing = _with_house(state, lambda bus: gaps(bus, office, weeks, words))
    _show(*lines)
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
    _show(*_with_house(state, lambda bus: make(bus, office, since, until, apply=apply, by=by, lang=words)))


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

    _show(*_with_house(state, lambda bus: import_(bus, office, file, since, until, preview=preview, by=by)))


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

    written = _with_house(state, lambda bus: export(bus, office, since, until, staff))
    if out is None:
        sys.stdout.buffer.write(written)
        return
    try:
        out.write_bytes(written)
    except OSError as error:
        raise Trouble(f"{out} cannot be written ({error.strerror}).", "Choose another file.") from None


# ── leads ───────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    from estafeta.importing import Intent, import_file
    from estafeta.lists.terminal import read_before_eyes
    from estafeta.previewing import preview_file

    meant = source or (Source.OTHER if clients else Source.EVENT)
    intent = Intent(campaign, "clients" if clients else "leads", meant, submitter, country.upper())
    console = _console()
    listed = read_before_eyes(file, console, sheet=sheet, maps=map_ or ())
    if preview or preview_to:
        _show(_with_house(state, lambda bus: preview_file(bus, listed, intent, console, preview_to)))
        return
    try:
        done = _with_house(state, lambda bus: import_file(bus, listed, intent, console))
    except KeyboardInterrupt:
        raise Trouble(
            "Interrupted. Every row that was sent is safe and goes on through the house by itself.",
            "Run the same import again to send the rest: nothing is taken in twice.",
            code=130,
        ) from None
    _show(done.report())
    if done.unaccounted():
        raise typer.Exit(1)


@app.command()
def imports(
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50, state: State = HERE
) -> None:
    """The imports so far: who took what in when, what became of it, and whether it was undone."""
    from estafeta.imports import list_imports

    _show(_with_house(state, lambda bus: list_imports(bus, most)))


@app.command()
def undo(
    id: Annotated[str, typer.Argument(metavar="IMPORT", help="Its id, or the beginning of it: see `imports`.")],
    by: Annotated[str | None, typer.Option(help="Id of the member of staff who wants it.")] = None,
    state: State = HERE,
) -> None:
    """Take back what an import brought and nobody has touched since; what was touched is listed and left."""
    from estafeta.imports import undo_import

    _show(_with_house(state, lambda bus: undo_import(bus, id, by)))


@app.command()
def sources(
    since: Annotated[str | None, typer.Option("--from", help="First day; 30 days before the last if left out.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day; today if left out.")] = None,
    state: State = HERE,
) -> None:
    """What each source and campaign brought: leads, how many were known already, sales won and lost."""
    from estafeta.sources import report_sources

    _show(_with_house(state, lambda bus: report_sources(bus, since, until)))


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
    refused: Annotated[
        str,
        typer.Option(help=f"Of a call: questions he refused to answer, by comma: {_names(get_args(ScriptQuestion))}."),
    ] = "",
    call_ended: Annotated[str | None, typer.Option(help="When the call ended: 2026-11-25T10:00+03:00.")] = None,
    referred_by: Annotated[str, typer.Option(help="Who recommended us: a client's id, or words.")] = "",
    obtained_by: Annotated[
        str | None, typer.Option(help="Id of the member of staff who obtained the referral.")
    ] = None,
    occasion: Annotated[
        str | None,
        typer.Option(help=f"Of a web site: {_names(get_args(Occasion))}; a registration alone is no lead."),
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
        call=call_of(source, worked_with, learned_from, meeting, refused, call_ended),
        referral=referral_of(referred_by, obtained_by),
        occasion=occasion,
    )
    _show(*_with_house(state, lambda bus: submit_lead(bus, command_id, command)))


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
    _show(*_with_house(state, lambda bus: accept(bus, lead_id, by, import_id)))


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
    _show(*_with_house(state, lambda bus: decline(bus, lead_id, by, reason)))


@lead_app.command("waiting")
def lead_waiting(
    of: Annotated[str | None, typer.Option(help="Only those of this member of staff.")] = None, state: State = HERE
) -> None:
    """Leads that nobody has accepted yet, and those that wait in a queue."""
    from estafeta.acceptance import waiting

    _show(*_with_house(state, lambda bus: waiting(bus, of)))


@presence_app.callback(invoke_without_command=True)
def presence(
    context: typer.Context,
    office: Annotated[str | None, typer.Option(help="Only this office.")] = None,
    state: State = HERE,
) -> None:
    """Who is here: available, busy, absent or off shift."""
    from estafeta.presence import show

    if context.invoked_subcommand is None:
        _show(*_with_house(state, lambda bus: show(bus, office)))


@presence_app.command("set")
def presence_set(
    staff: Annotated[str, typer.Argument(help="Id of the member of staff.")],
    what: Annotated[str, typer.Argument(metavar="STATE", help="absent, back, busy, free or off_shift.")],
    until: Annotated[str | None, typer.Option(help="2026-11-25 18:00, by the clock of his office.")] = None,
    reason: Annotated[str, typer.Option(help="Why: sick, vacation …")] = "",
    by: Annotated[str | None, typer.Option(help="Id of the one who says it; himself, if left out.")] = None,
    state: State = HERE,
) -> None:
    """Say that somebody is absent or back, busy or free, or goes off shift: only the available receive new leads."""
    from estafeta.presence import say

    _show(*_with_house(state, lambda bus: say(bus, staff, what, until, reason, by)))


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
    _show(*_with_house(state, lambda bus: look_up(bus, fields, country.upper())))


@app.command()
def touch(
    by: Annotated[str, typer.Option(help="Id of the member of staff who made the touch.")],
    kind: Annotated[str, typer.Option(help=f"What it was: {_names(TouchKind)}.")],
    process: Annotated[str | None, typer.Option(help="Id of the sale.")] = None,
    client: Annotated[str | None, typer.Option(help="Or id of the client: his open sale.")] = None,
    lead: Annotated[str | None, typer.Option(help="Or id of the lead: the sale it is in.")] = None,
    result: Annotated[str | None, typer.Option(help=f"What came of it: {_names(TouchResult)}.")] = None,
    comment: Annotated[str, typer.Option(help="What was said.")] = "",
    direction: Annotated[str, typer.Option(help="inbound or outbound.")] = "outbound",
    next: Annotated[  # noqa: A002 - it is the word for it
        str | None, typer.Option(help=f'What is next: "call 2026-11-25 10:00"; kinds: {_names(TaskKind)}.')
    ] = None,
    next_kind: Annotated[str | None, typer.Option(help="The same in two options: kind …")] = None,
    next_at: Annotated[str | None, typer.Option(help="… and day and time.")] = None,
    end: Annotated[str | None, typer.Option(help="The sale is lost, for this reason.")] = None,
    defer: Annotated[
        str | None, typer.Option(help="The client named this day: the task is set at 2/3 of the way.")
    ] = None,
    move: Annotated[str | None, typer.Option(help=f"The sale moves to this stage: {_names(Stage)}.")] = None,
    meeting_at: Annotated[str | None, typer.Option(help="For meeting_set: when.")] = None,
    meeting_place: Annotated[str | None, typer.Option(help="For meeting_set: where.")] = None,
    meeting_holder: Annotated[str | None, typer.Option(help="For meeting_set: id of who holds it.")] = None,
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
        contract_number=contract_number,
        contract_date=contract_date,
        contract_amount=contract_amount,
    )
    look_over(typed)
    _show(*_with_house(state, lambda bus: record_touch(bus, typed)))


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="lead or client.")],
    id: Annotated[str, typer.Argument(help="Its id.")],
    lang: Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")] = None,
    state: State = HERE,
) -> None:
    """Tell in plain words why this card, why this manager, and where the sale stands."""
    from estafeta.explain import explain_it, language
    from estafeta.trouble import choose
    from estafeta.typed import an_id

    choose(what, ["lead", "client"], "thing to explain")
    id_, words = an_id(id, what), language(lang)
    _show(*_with_house(state, lambda bus: explain_it(bus, what, id_, words)))


# ── moving work ─────────────────────────────────────────────────────────────────────────────────────────────────────

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="Id of the client.")]
Someone = Annotated[str, typer.Argument(metavar="STAFF", help="Id of the member of staff.")]
WishedBy = Annotated[str | None, typer.Option("--by", help="Id of the head who says so; the operator if left out.")]
UndoDays = Annotated[int, typer.Option(min=0, max=366, help="For how many days it can be undone.")]
OnlyPreview = Annotated[bool, typer.Option("--preview", help="Only show who would get how many; nothing is moved.")]
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
        _show(_with_house(state, lambda bus: previewed(bus, PreviewMove(client_id=client_id, to=to, by=by))))
        return
    _show(_with_house(state, lambda bus: transfer(bus, client_id, to, reason, by, consent, undo_days)))


@client_app.command("owner")
def client_owner(
    id: Client,
    lang: Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")] = None,
    state: State = HERE,
) -> None:
    """Whose a client is now, or in which queue he stands and who answers for it, and how he came there."""
    from estafeta.explain import language
    from estafeta.moving import owner
    from estafeta.typed import an_id

    client_id, words = an_id(id, "client"), language(lang).language
    _show(*_with_house(state, lambda bus: owner(bus, client_id, words)))


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

    _show(_with_house(state, lambda bus: dismiss(bus, staff, to, on, reason, by, undo_days, only_preview=preview)))


@staff_app.command("reinstate")
def staff_reinstate(
    staff: Someone,
    by: WishedBy = None,
    alone: Annotated[bool, typer.Option("--alone", help="Without his clients: when the set time is over.")] = False,
    state: State = HERE,
) -> None:
    """Take a dismissal back: each client, sale and task is his again, unless touched since."""
    from estafeta.staff import reinstate

    _show(_with_house(state, lambda bus: reinstate(bus, staff, by, alone=alone)))


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

    _show(_with_house(state, lambda bus: hand_over(bus, office, to, reason, by, undo_days, only_preview=preview)))


@moves_app.callback(invoke_without_command=True)
def moves(
    context: typer.Context,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    state: State = HERE,
) -> None:
    """What was moved: clients transferred, people dismissed, offices handed over."""
    if context.invoked_subcommand is None:
        from estafeta.moving import list_moves

        _show(_with_house(state, lambda bus: list_moves(bus, most)))


@moves_app.command("show")
def moves_show(id: AMove, state: State = HERE) -> None:
    """How far a move is, who received how many, and what was left when it was taken back."""
    from estafeta.moving import show_move

    _show(_with_house(state, lambda bus: show_move(bus, id)))


@moves_app.command("undo")
def moves_undo(id: AMove, by: WishedBy = None, state: State = HERE) -> None:
    """Take a move back: each client is what he was, unless touched since; what was touched is listed and left."""
    from estafeta.moving import undo_move

    _show(_with_house(state, lambda bus: undo_move(bus, id, by)))


# ── dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────


@dead_app.callback(invoke_without_command=True)
def dead(context: typer.Context, state: State = HERE) -> None:
    """List the dead letters of all rooms."""
    context.obj = state
    if context.invoked_subcommand is None:
        dead_list(state)


@dead_app.command("list")
def dead_list(state: State = HERE) -> None:
    """List the dead letters of all rooms."""
    from estafeta.letters import Letters, letters_of, sums, table
    from estafeta.trouble import Silence

    found = _with_house(state, letters_of)
    silent = [silence for silence in found.values() if isinstance(silence, Silence)]
    if any(told.letters for told in found.values() if isinstance(told, Letters)):
        _show(table(found), "", *sums(found))
        _show("`estafeta dead show ROOM/ID` shows one whole; `again` sends it back; `close` ends it.")
    elif not silent:
        _show("No dead letters.")
    if silent:
        raise silent[0]


@dead_app.command("show")
def dead_show(id: Annotated[str, typer.Argument(help="process/12")], state: State = HERE) -> None:
    """Show one dead letter whole."""
    from estafeta.letters import letter_id, show

    letter = letter_id(id)
    _show(*_with_house(state, lambda bus: show(bus, letter)))


@dead_app.command("again")
def dead_again(
    id: Annotated[str | None, typer.Argument(help="process/12, or process for all letters of that room")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All letters of all rooms.")] = False,
    state: State = HERE,
) -> None:
    """Have a dead letter handled again, after what killed it is mended."""
    from estafeta.letters import letter_id, send_again, send_all_again
    from shared.message import ROOMS

    if (id is None) == (not all_):
        raise Trouble(
            "Which letter is to be handled again?",
            "Name one (`estafeta dead again process/12`), a room (`estafeta dead again process`), or give --all.",
        )
    if id is None or id in ROOMS:
        _show(*_with_house(state, lambda bus: send_all_again(bus, [id] if id else ROOMS)))
        return
    letter = letter_id(id)
    _show(*_with_house(state, lambda bus: send_again(bus, letter)))


@dead_app.command("close")
def dead_close(
    id: Annotated[str, typer.Argument(help="process/12")],
    why: Annotated[str, typer.Option(help="Why it need not be handled; kept with the letter.")],
    state: State = HERE,
) -> None:
    """Close a dead letter for good, with a reason."""
    from estafeta.letters import close, letter_id

    letter = letter_id(id)
    if not why.strip():
        raise Trouble("--why is empty.", "Say in a few words why this letter need not be handled; it is kept with it.")
    _show(*_with_house(state, lambda bus: close(bus, letter, why)))


# ── possible matches ────────────────────────────────────────────────────────────────────────────────────────────────

By = Annotated[str, typer.Option(help="Id of the member of staff who says so.")]
Note = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Survivor = Annotated[str | None, typer.Option(help="Which of the clients goes on; by rule if not given.")]


@review_app.command("list")
def review_list(
    client: Annotated[str | None, typer.Option(help="All that waits about this client.")] = None,
    limit: Annotated[int, typer.Option(help="How many clients.", min=1, max=200)] = 20,
    state: State = HERE,
) -> None:
    """What waits for a person, by client: value × closeness, then age."""
    from estafeta.review import queue
    from estafeta.typed import an_id

    id_ = an_id(client, "client") if client else None
    _show(*_with_house(state, lambda bus: queue(bus, id_, limit)))


@review_app.command("show")
def review_show(
    id: Annotated[str, typer.Argument(help="Id of a possible match, or of its lead.")], state: State = HERE
) -> None:
    """Both records side by side, what agrees, what does not, and the suggested answer."""
    from estafeta.review import side_by_side
    from estafeta.typed import an_id

    id_ = an_id(id, "possible match")
    _show(*_with_house(state, lambda bus: side_by_side(bus, id_)))


def _verdict(verdict: str, meaning: str) -> None:
    @review_app.command(verdict, help=meaning)
    def say(
        by: By,
        ids: Annotated[list[str] | None, typer.Argument(help="Ids of possible matches.")] = None,
        client: Annotated[str | None, typer.Option(help="All that waits about this client, at once.")] = None,
        note: Note = "",
        survivor: Survivor = None,
        state: State = HERE,
    ) -> None:
        from estafeta.review import judge
        from estafeta.typed import an_id

        meant = [an_id(one, "possible match") for one in ids or []]
        about, kept = (an_id(one, "client") if one else None for one in (client, survivor))
        _show(*_with_house(state, lambda bus: judge(bus, verdict, meant, about, by, note, kept)))


for _word, _meaning in {
    "same": "They are one client: merge them.",
    "different": "They are two clients; it is not asked again unless a new key appears.",
    "sister": "They are two companies of one house; it is not asked again unless a new key appears.",
    "skip": "Put the question at the end of the queue.",
}.items():
    _verdict(_word, _meaning)


@review_app.command("merge")
def review_merge(
    one: Annotated[str, typer.Argument(help="Id of a client.")],
    other: Annotated[str, typer.Argument(help="Id of the other.")],
    by: By,
    note: Note = "",
    survivor: Survivor = None,
    state: State = HERE,
) -> None:
    """Make two clients one that nobody has asked about."""
    from estafeta.review import merge
    from estafeta.typed import an_id

    pair, kept = (an_id(one, "client"), an_id(other, "client")), an_id(survivor, "client") if survivor else None
    _show(*_with_house(state, lambda bus: merge(bus, *pair, by, note, kept)))


@review_app.command("split")
def review_split(
    by: By,
    id: Annotated[str | None, typer.Argument(help="Id of a merge.")] = None,
    import_: Annotated[str | None, typer.Option("--import", help="Or of an import: all merges it led to.")] = None,
    note: Note = "",
    state: State = HERE,
) -> None:
    """Undo a merge, at any time: both clients stand as they stood."""
    from estafeta.review import split
    from estafeta.typed import an_id

    merge_id, import_id = an_id(id, "merge") if id else None, an_id(import_, "import") if import_ else None
    _show(*_with_house(state, lambda bus: split(bus, merge_id, import_id, by, note)))


@review_app.command("merges")
def review_merges(
    id: Annotated[str, typer.Argument(help="Id of a client, an import or a merge.")], state: State = HERE
) -> None:
    """What was merged, by whom, and what was undone."""
    from estafeta.review import merges
    from estafeta.typed import an_id

    id_ = an_id(id, "client")
    _show(*_with_house(state, lambda bus: merges(bus, id_)))


def _second_word(verdict: str, meaning: str) -> None:
    @review_app.command(verdict, help=meaning)
    def say(
        id: Annotated[str, typer.Argument(help="Id of the proposal.")],
        by: By,
        note: Note = "",
        state: State = HERE,
    ) -> None:
        from estafeta.review import settle
        from estafeta.typed import an_id

        id_ = an_id(id, "proposal")
        _show(*_with_house(state, lambda bus: settle(bus, id_, verdict, by, note)))


_second_word("confirm", "As the second person: clients with weight are one, merge them.")
_second_word("decline", "They are not to be merged; whoever proposed it may take it back like this.")


@review_app.command("audit")
def review_audit(
    limit: Annotated[int, typer.Option(help="How many joins to show.", min=0, max=200)] = 10, state: State = HERE
) -> None:
    """How often is a lead joined to a wrong card by itself? The estimate, and the joins to be looked at."""
    from estafeta.auditing import report

    _show(*_with_house(state, lambda bus: report(bus, limit)))


def _audit_word(verdict: str, meaning: str) -> None:
    @review_app.command(verdict, help=meaning)
    def say(
        leads: Annotated[list[str], typer.Argument(help="Ids of leads: see `review audit`.")],
        by: By,
        note: Note = "",
        state: State = HERE,
    ) -> None:
        from estafeta.auditing import judge
        from estafeta.typed import an_id

        ids = [an_id(one, "lead") for one in leads]
        _show(*_with_house(state, lambda bus: judge(bus, verdict, ids, by, note)))


_audit_word("right", "Of audited joins: the lead is of the client it was joined to.")
_audit_word("wrong", "Of audited joins: it is not; counted, and told with what it stands on.")


@app.command()
def caught(state: State = HERE) -> None:
    """Web forms that were taken for a machine's: kept, not worked."""
    from estafeta.auditing import caught as forms

    _show(*_with_house(state, forms))


@app.command()
def release(
    receipt: Annotated[str, typer.Argument(help="Its receipt: see `caught`.")], by: By, state: State = HERE
) -> None:
    """A form that was taken for a machine's came of a person: it becomes a lead."""
    from estafeta.auditing import release as released
    from estafeta.typed import an_id

    id_ = an_id(receipt, "form")
    _show(*_with_house(state, lambda bus: released(bus, id_, by)))


# ── recognition on files ────────────────────────────────────────────────────────────────────────────────────────────

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


# ── routing on files ────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── reports and what-ifs ────────────────────────────────────────────────────────────────────────────────────────────

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
    lang: Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")] = None,
    state: State = HERE,
) -> None:
    """How evenly leads were shared out: received, fair share, deviation by pool; unaccepted, fallback, time to owner."""
    from estafeta.explain import language
    from estafeta.fairness import report_fairness as reported

    words = language(lang)
    _show(_with_house(state, lambda bus: reported(bus, since, until, csv, chart, words.language)))


@app.command()
def simulate(
    company: Annotated[
        Path | None, typer.Option(help="The changed company file; without it today's rules decide again.")
    ] = None,
    since: Since = None,
    until: Until = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every difference to this CSV file.")] = None,
    lang: Annotated[str | None, typer.Option(help="en or ru; by LANG if not given.")] = None,
    state: State = HERE,
) -> None:
    """What if? Decide a past period again with a changed company: who would have got what, how evenly, lead by lead."""
    from estafeta.explain import language
    from estafeta.simulate import simulate as tried

    words = language(lang)
    _show(_with_house(state, lambda bus: tried(bus, company, since, until, csv, words.language)))
