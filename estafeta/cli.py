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
from shared.commands import ScriptQuestion
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
routing_app = typer.Typer(help="Routing on files, without servers.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(routing_app, name="routing")

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


@app.command()
def lead(
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
    state: State = HERE,
) -> None:
    """Submit one lead and see what became of it: card, outcome, manager, rule, task, deadline."""
    from estafeta.lead import call_of, referral_of, submit_lead, wish

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
    )
    _show(*_with_house(state, lambda bus: submit_lead(bus, command_id, command)))


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
