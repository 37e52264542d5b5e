"""The operator's commands: what each is called, what it takes, and what it exits with.

Exit codes: 0 all is well; 1 the house is not well, or refused; 2 what was typed cannot be meant; 130 interrupted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from estafeta.client import Bus, line_to_house
from estafeta.trouble import Trouble
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
    state: State = HERE,
) -> None:
    """Import a list and wait until every row has its outcome, owner and deadline; safe to interrupt and to repeat."""
    from estafeta.importing import Intent, import_file
    from estafeta.lists.terminal import read_before_eyes

    meant = source or (Source.OTHER if clients else Source.EVENT)
    intent = Intent(campaign, "clients" if clients else "leads", meant, submitter, country.upper())
    console = _console()
    listed = read_before_eyes(file, console, sheet=sheet, maps=map_ or ())
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
    state: State = HERE,
) -> None:
    """Submit one lead and see what became of it: card, outcome, manager, rule, task, deadline."""
    from estafeta.lead import submit_lead, wish

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
    )
    _show(*_with_house(state, lambda bus: submit_lead(bus, command_id, command)))


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
