"""Who gets the lead: the rules in their order, one record per lead, and the same receiver whenever it is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.routing.rules.caps import Loads
from services.routing.rules.case import Among, Bench, Case, Client, Lead, Note, Passed, To, Verdict
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
from services.routing.rules.meeting import Diary
from services.routing.rules.named_manager import with_the_named_one
from services.routing.rules.returning_caller import with_whom_he_worked
from services.routing.rules.sharing import among_those_in_turn, pools_of, region_of
from services.routing.rules.whole_list import Row, Split, list_pool

RULES_VERSION = "3"
"""To be raised with every change that could give a lead to somebody else; decisions carry it."""

_WHO_NAMES_ONE: Sequence[Callable[[Case], Verdict | None]] = (
    with_whom_he_worked,  # R1-16: for calls it goes first (R1-34)
    with_account_owner,  # R1-09
    with_the_named_one,  # R1-10, R1-23
    with_the_finder,  # R1-39
)
"""The rules that name one person, in their order; after them the lead is shared (R1-08 … R1-30)."""

CAPS = "caps"
"""What is locked besides the pools where somebody has a cap: he may sit on several benches."""

MEETINGS = "meetings"
"""What is locked besides the pools where a lead has a meeting: nobody is given two at one time, whoever gives them."""


class Decision(Struct, frozen=True):
    """Why a lead went where it went: the whole record, but for the moment and the field's own id.

    `rule` decided and `rules` were met on the way to it, in order. `candidates` were eligible; `excluded` were not, with
    the reason. `share` is how the ledger of `pool` moved, None when the lead was not shared out (G6). `queue` is set
    when nobody could take the lead and `receiver` only answers for it (G8); "" where nobody at all can. Notes whose code
    is among `ALARMS` are those somebody must see. `full` had reached a cap. `among` are those of the candidates who might
    receive: not all of them, where a list is split as a whole or somebody had received two in a row. `counted` is what
    those with a cap had received that day and held open. `engaged` were not free at the time of the lead's meeting.
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
    full: Mapping[str, Passed]
    among: frozenset[str] | None
    counted: Mapping[str, tuple[int, int]]
    engaged: Mapping[str, Passed]


ALARMS = frozenset(
    {
        "nobody_on_duty",
        "nobody_in_region",
        "nobody_at_home",
        "nobody_free",
        "manager_engaged",
        "region_unserved",
        "owner_away",
        "owner_busy",
        "owner_left",
        "owner_function",
        "owner_declined",
        "owner_silent",
        "owner_unknown",
        "region_unserved_meeting",
        "nobody_answers",
        "manager_left",
        "manager_away",
        "named_unknown",
        "answerer_away",
    }
)
"""The notes that somebody must look at."""


def assign_all(
    leads: Sequence[Lead],
    clients: Mapping[UUID, Client],
    fields: Field | Sequence[Field],
    ledgers: Mapping[str, Ledger],
    loads: Loads | None = None,
    diary: Diary | None = None,
) -> list[Decision]:
    """Decide `leads` in order; each decision is already known to the next, so one client never goes to two managers.

    Leads of one list are split as a whole. `fields` is the field of play, or one for each lead. The ledgers, loads and
    diary are moved on in place, all of `pools_needed` must be there; the clients given are left as they are. `diary` is
    needed where a lead has a meeting.
    """
    known, loads = dict(clients), loads or Loads()
    fields = [fields] * len(leads) if isinstance(fields, Field) else fields
    looked: dict[UUID, _Looked] = {}
    splits = split_lists(leads, known, fields, ledgers, loads, looked)
    decisions = []
    for lead, field in zip(leads, fields, strict=True):
        full, counted = loads.full(field), loads.counted(field)
        client, look = known[lead.client_id], looked.get(lead.lead_id)
        engaged = diary.engaged(lead, client, field) if diary else {}
        decision = assign(
            lead, client, field, ledgers, full=full, counted=counted, engaged=engaged, splits=splits, look=look
        )
        loads.count(decision.receiver, decision.rule)
        if diary:
            diary.note(lead, decision.receiver)
        known[lead.client_id] = decision.then
        decisions.append(decision)
    return decisions


_Looked = tuple[Case, Verdict, Bench | None]
"""A lead before the rules, what they say, and the bench if it is to be shared."""

Splits = Mapping[tuple[str, str], Split]
"""The lists that are split as a whole, by list and pool."""


def split_lists(
    leads: Sequence[Lead],
    clients: Mapping[UUID, Client],
    fields: Sequence[Field],
    ledgers: Mapping[str, Ledger],
    loads: Loads,
    looked: dict[UUID, _Looked] | None = None,
) -> Splits:
    """Split each list among `leads`, pool by pool, as far as its leads are to be shared out.

    A second lead of one client follows the first and is not counted, nor is one with a meeting, which only those may
    receive who are free. A list in which somebody may come to his cap is not split: it is shared out row by row. How
    each lead was looked at is left in `looked`, to be decided from.
    """
    rows: dict[tuple[str, str], list[Row]] = {}
    met: set[UUID] = set()
    capped: set[str] = set()
    for lead, field in zip(leads, fields, strict=True):
        if lead.list_id is None or lead.client_id in met or lead.meeting is not None:
            continue
        met.add(lead.client_id)
        look = case, _, bench = _look(lead, clients[lead.client_id], field, loads.full(field), {})
        if looked is not None and not field.capped:
            looked[lead.lead_id] = look
        if bench is not None and bench.weights:
            rows.setdefault((lead.list_id, bench.pool), []).append(Row(bench.pool, bench.weights, region_of(case)))
            if field.capped:
                capped.update(person.id for person in field.capped)
    return {
        (name, pool): Split(those, ledgers[pool], ledgers[list_pool(pool, name)])
        for (name, pool), those in rows.items()
        if not capped or not any(who in capped for row in those for who, _ in row.weights)
    }


def assign(
    lead: Lead,
    client: Client,
    field: Field,
    ledgers: Mapping[str, Ledger],
    *,
    full: Mapping[str, Passed] | None = None,
    counted: Mapping[str, tuple[int, int]] | None = None,
    engaged: Mapping[str, Passed] | None = None,
    splits: Splits | None = None,
    among: frozenset[str] | None = None,
    rest: bool = True,
    look: _Looked | None = None,
) -> Decision:
    """Give one lead to its receiver; a lead that is shared out moves the ledger of its pool in place.

    `full` have reached a cap, `counted` is only kept; `engaged` are not free at the lead's meeting. Of a list that is
    split, `splits` says who may receive. What is decided again is given `among` as its record has it, and no `rest`.
    `look` is how it was looked at already.
    """
    if look is None or look[0].client is not client:
        look = _look(lead, client, field, full or {}, engaged or {})
    case, verdict, bench = look
    share: Share | None = None
    queue: str | None = None
    if isinstance(verdict, To):
        rule, receiver, office = verdict.rule, verdict.person.id, verdict.person.office
    elif bench is not None and bench.weights and isinstance(verdict, Among):
        split = (splits or {}).get((lead.list_id or "", bench.pool))
        row = Row(bench.pool, bench.weights, region_of(case))
        among = split.among(row) if split else among
        share = ledgers[bench.pool].share_out(bench.weights, among, rest=rest)
        rule, receiver = verdict.rule, share.receiver
        office = bench.office or field.people[receiver].office
        if split:
            split.took(row, receiver)
        if lead.list_id and (own := ledgers.get(list_pool(bench.pool, lead.list_id))):
            own.book(bench.weights, receiver)
    else:
        if isinstance(verdict, Among):
            case.rules.append(verdict.rule)
            missing = any(case.passed.get(who) is why for who, why in case.engaged.items())
            case.note("nobody_free" if missing else verdict.empty, verdict.bench.office or "")
            queue, waits_in = verdict.bench.pool, verdict.bench.office
        else:
            case.note(*verdict.alarm)
            queue, waits_in = verdict.queue, verdict.office
        answerer = answers_for(waits_in, case)
        rule, receiver = "G8", answerer.id if answerer else ""
        office = waits_in or (answerer.office if answerer else "")
    case.rules.append(rule)
    away = any(note.code == "answerer_away" for note in case.notes)  # then he is named with the reason, too
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
        excluded={who: why for who, why in case.passed.items() if who != receiver or away},
        share=share,
        told=tuple(who for who in case.told if who != receiver),
        notes=tuple(case.notes),
        full=case.full,
        among=share.among if share else None,
        counted=counted or {},
        engaged=case.engaged,
    )


def _verdict(case: Case) -> Verdict:
    if (held := with_his_manager(case)) is not None:
        return held
    if is_existing(case):
        case.rules.append("R1-34")
    for names_one in _WHO_NAMES_ONE:
        if (verdict := names_one(case)) is not None:
            return verdict
    below = among_those_in_turn(case)
    return with_his_curator(case, below) or below


def bench_of(
    lead: Lead, client: Client, field: Field, full: Mapping[str, Passed], engaged: Mapping[str, Passed]
) -> Bench | None:
    """The bench that a lead would be shared among, nothing decided; None where the rules name one person, or nobody."""
    return _look(lead, client, field, full, engaged)[2]


def _look(
    lead: Lead, client: Client, field: Field, full: Mapping[str, Passed], engaged: Mapping[str, Passed]
) -> _Looked:
    case = Case(lead, client, field, full=full, engaged=engaged)
    verdict = _verdict(case)
    return case, verdict, _bench_of(verdict, case)


def _bench_of(verdict: Verdict, case: Case) -> Bench | None:
    """The bench that a verdict shares among, without those who have reached a cap or are not free; None where one is named."""
    if not isinstance(verdict, Among):
        return None
    bench = verdict.bench
    case.passed.update(bench.passed)
    if not case.full and not case.engaged:
        return bench
    stopped = {who: why for who, _ in bench.weights if (why := case.stopped(who)) is not None}
    if not stopped:
        return bench
    case.passed.update(stopped)
    return replace(bench, weights=tuple(entry for entry in bench.weights if entry[0] not in stopped))


def _afterwards(lead: Lead, client: Client, field: Field, receiver: str, rule: str) -> Client:
    """What is known of the client from now on: who holds him until process answers, and who is his curator.

    The receiver becomes curator of a client that has none, or whose curator has left. Not the one who only serves a
    call (R1-23), nor the head who answers for a queue (G8), nor the manager of a sale that was open before (R1-33).
    """
    curator = client.curator
    if not receiver:
        return replace(client, known=True)
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
    ways, has_meeting = set(), False
    for lead in leads:
        has_meeting = has_meeting or lead.meeting is not None
        client = clients[lead.client_id]
        if client.open_with is None and client.given_to is None:
            region = client.region if lead.region in ("", "unknown") else lead.region
            ways.add((lead.source, region, lead.list_id))
    needed = {CAPS} if field.capped else set()
    if has_meeting:
        needed.add(MEETINGS)
    for source, region, list_id in ways:
        pools = pools_of(source, region, field)
        needed.update(pools)
        if list_id is not None:
            needed.update(list_pool(pool, list_id) for pool in pools)
    return needed
