"""Who gets the lead: the rules in their order, one record per lead, and the same receiver whenever it is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.routing.rules.case import Among, Case, Client, Lead, Note, Passed, To, Verdict
from services.routing.rules.existing_client import (
    is_existing,
    with_account_owner,
    with_his_curator,
    with_his_manager,
)
from services.routing.rules.fair_share import Ledger, Share, Weights
from services.routing.rules.fallback import answers_for
from services.routing.rules.field import Field
from services.routing.rules.finder import with_the_finder
from services.routing.rules.named_manager import with_the_named_one
from services.routing.rules.sharing import among_those_in_turn, pools_of

RULES_VERSION = "1"
"""To be raised with every change that could give a lead to somebody else; decisions carry it."""

_WHO_NAMES_ONE: Sequence[Callable[[Case], Verdict | None]] = (
    with_account_owner,  # R1-09
    with_the_named_one,  # R1-10, R1-23
    with_the_finder,  # R1-39
    with_his_curator,  # R1-34: comes in where the rules below it would only share out
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a lead went where it went: the whole record, but for the moment and the field's own id.

    `rule` decided and `rules` were met on the way to it, in order. `candidates` were eligible; `excluded` were not, with
    the reason. `share` is how the ledger of `pool` moved, None when the lead was not shared out (G6). `queue` is set
    when nobody could take the lead and `receiver` only answers for it (G8). `alarm` notes are those somebody must see.
    """

    lead: Lead
    client: Client
    then: Client
    rule: str
    rules: tuple[str, ...]
    receiver: str
    office: str
    queue: str | None
    pool: str | None
    candidates: Weights
    excluded: Mapping[str, Passed]
    share: Share | None
    told: tuple[str, ...]
    notes: tuple[Note, ...]


ALARMS = frozenset(
    {
        "nobody_on_duty",
        "nobody_in_region",
        "nobody_at_home",
        "region_unserved",
        "owner_away",
        "manager_left",
        "manager_away",
        "named_unknown",
        "answerer_away",
    }
)
"""The notes that somebody must look at."""


def assign_all(
    leads: Iterable[Lead], clients: Mapping[UUID, Client], field: Field, ledgers: Mapping[str, Ledger]
) -> list[Decision]:
    """Decide `leads` in order; each decision is already known to the next, so one client never goes to two managers.

    The ledgers are moved on in place, all pools of `pools_needed` must be there; the clients given are left as they are.
    """
    known = dict(clients)
    decisions = []
    for lead in leads:
        decision = assign(lead, known[lead.client_id], field, ledgers)
        known[lead.client_id] = decision.then
        decisions.append(decision)
    return decisions


def assign(lead: Lead, client: Client, field: Field, ledgers: Mapping[str, Ledger]) -> Decision:
    """Give one lead to its receiver; a lead that is shared out moves the ledger of its pool in place."""
    case = Case(lead, client, field)
    verdict = _verdict(case)
    bench = verdict.bench if isinstance(verdict, Among) else None
    if bench is not None:
        case.passed.update(bench.passed)
    share: Share | None = None
    queue: str | None = None
    if isinstance(verdict, To):
        rule, receiver, office = verdict.rule, verdict.person.id, verdict.person.office
    elif bench is not None and bench.weights and isinstance(verdict, Among):
        share = ledgers[bench.pool].share_out(bench.weights)
        rule, receiver = verdict.rule, share.receiver
        office = bench.office or field.people[receiver].office
    else:
        if isinstance(verdict, Among):
            case.rules.append(verdict.rule)
            case.note(verdict.empty, verdict.bench.office or "")
            queue, waits_in = verdict.bench.pool, verdict.bench.office
        else:
            case.note(*verdict.alarm)
            queue, waits_in = verdict.queue, verdict.office
        answerer = answers_for(waits_in, case)
        rule, receiver, office = "G8", answerer.id, waits_in or answerer.office
    case.rules.append(rule)
    return Decision(
        lead=lead,
        client=client,
        then=_afterwards(lead, client, field, receiver, rule),
        rule=rule,
        rules=tuple(dict.fromkeys(case.rules)),
        receiver=receiver,
        office=office,
        queue=queue,
        pool=bench.pool if bench else None,
        candidates=bench.weights if bench else (),
        excluded={who: why for who, why in case.passed.items() if who != receiver},
        share=share,
        told=tuple(who for who in case.told if who != receiver),
        notes=tuple(case.notes),
    )


def _verdict(case: Case) -> Verdict:
    if (held := with_his_manager(case)) is not None:
        return held
    if is_existing(case):
        case.rules.append("R1-34")
    for names_one in _WHO_NAMES_ONE:
        if (verdict := names_one(case)) is not None:
            return verdict
    return among_those_in_turn(case)


def _afterwards(lead: Lead, client: Client, field: Field, receiver: str, rule: str) -> Client:
    """What is known of the client from now on: who holds him until process answers, and who is his curator.

    The receiver becomes curator of a client that has none, or whose curator has left. Not the one who only serves a
    call (R1-23), nor the head who answers for a queue (G8), nor the manager of a sale that was open before (R1-33).
    """
    curator = client.curator
    if rule not in ("R1-23", "R1-33", "G8"):
        person = field.find(curator)
        if person is None or not person.active:
            curator = receiver
    region = lead.region if client.region in ("", "unknown") else client.region
    return replace(
        client, known=True, region=region or "unknown", curator=curator, given_to=receiver, given_lead=lead.lead_id
    )


def pools_needed(leads: Iterable[Lead], clients: Mapping[UUID, Client], field: Field) -> set[str]:
    """The pools these leads may draw on, so that all are locked at once in one order before the first is decided."""
    ways = set()
    for lead in leads:
        client = clients[lead.client_id]
        if client.open_with is None and client.given_to is None:
            ways.add((lead.source, client.region if lead.region in ("", "unknown") else lead.region))
    return {pool for source, region in ways for pool in pools_of(source, region, field)}
