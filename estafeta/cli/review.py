"""`estafeta review`: possible matches, and a person's word on them; forms taken for a machine's."""

from __future__ import annotations

from typing import Annotated

import typer

from estafeta.cli.terminal import HERE, State, display, with_house

review_app = typer.Typer(
    help="Possible matches: who of these is one client? A person's word, for everybody, and reversible.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app = typer.Typer(rich_markup_mode=None)

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
    display(*with_house(state, lambda bus: queue(bus, id_, limit)))


@review_app.command("show")
def review_show(
    id: Annotated[str, typer.Argument(help="Id of a possible match, or of its lead.")], state: State = HERE
) -> None:
    """Both records side by side, what agrees, what does not, and the suggested answer."""
    from estafeta.review import side_by_side
    from estafeta.typed import an_id

    id_ = an_id(id, "possible match")
    display(*with_house(state, lambda bus: side_by_side(bus, id_)))


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
        display(*with_house(state, lambda bus: judge(bus, verdict, meant, about, by, note, kept)))


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
    display(*with_house(state, lambda bus: merge(bus, *pair, by, note, kept)))


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
    display(*with_house(state, lambda bus: split(bus, merge_id, import_id, by, note)))


@review_app.command("merges")
def review_merges(
    id: Annotated[str, typer.Argument(help="Id of a client, an import or a merge.")], state: State = HERE
) -> None:
    """What was merged, by whom, and what was undone."""
    from estafeta.review import merges
    from estafeta.typed import an_id

    id_ = an_id(id, "client")
    display(*with_house(state, lambda bus: merges(bus, id_)))


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
        display(*with_house(state, lambda bus: settle(bus, id_, verdict, by, note)))


_second_word("confirm", "As the second person: clients with weight are one, merge them.")
_second_word("decline", "They are not to be merged; whoever proposed it may take it back like this.")


@review_app.command("audit")
def review_audit(
    limit: Annotated[int, typer.Option(help="How many joins to show.", min=0, max=200)] = 10, state: State = HERE
) -> None:
    """How often is a lead joined to a wrong card by itself? The estimate, and the joins to be looked at."""
    from estafeta.auditing import report

    display(*with_house(state, lambda bus: report(bus, limit)))


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
        display(*with_house(state, lambda bus: judge(bus, verdict, ids, by, note)))


_audit_word("right", "Of audited joins: the lead is of the client it was joined to.")
_audit_word("wrong", "Of audited joins: he is another; the lead is taken off that card and taken in again.")


@app.command()
def caught(state: State = HERE) -> None:
    """Web forms that were taken for a machine's: kept, not worked."""
    from estafeta.auditing import caught as forms

    display(*with_house(state, forms))


@app.command()
def release(
    receipt: Annotated[str, typer.Argument(help="Its receipt: see `caught`.")], by: By, state: State = HERE
) -> None:
    """A form that was taken for a machine's came of a person: it becomes a lead."""
    from estafeta.auditing import release as released
    from estafeta.typed import an_id

    id_ = an_id(receipt, "form")
    display(*with_house(state, lambda bus: released(bus, id_, by)))
