"""How well does the match do against the truth? The rules of intake over invented bases and lists, without servers.

The candidates come from `recognition.Known`, which the store fills from PostgreSQL by the same search keys and the same
limit of holders; here it holds the whole base. So what is measured is what intake decides, at the speed of memory.
The base goes in by the same door as the list: it is recognised row by row, and a join inside it is a false one.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from uuid import UUID

from estafeta.sample.generator import ListRow, base_fields, exhibition, world
from estafeta.sample.trials import harder, trial_rows
from services.intake.rules.recognition import Known, Recognised, recognise
from services.intake.rules.region import of_lead as region_of
from services.intake.rules.regular import make_regular
from services.intake.rules.search_keys import RARE_NAME, search_keys
from services.intake.rules.survivorship import Arrival
from shared.commands import LeadFields
from shared.words import Outcome


@dataclass(slots=True)
class Measured:
    """Counts of one list against one base; see `table` for what they mean."""

    seed: int
    clients: int
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    joins: int = 0
    false_joins: Counter[str] = field(default_factory=Counter)
    sisters: int = 0
    decidable: int = 0
    joined: int = 0
    found: int = 0
    any_key: int = 0
    any_found: int = 0
    common: int = 0
    common_found: int = 0
    normalise_seconds: float = 0.0
    match_seconds: float = 0.0
    examples: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of the automatic joins, the share that is right."""
        return 1 - self.false_joins.total() / max(self.joins, 1)

    @property
    def precision_at_least(self) -> float:
        """The lower end of its Wilson interval, 95 %."""
        n, z = max(self.joins, 1), 1.96
        middle = self.precision + z * z / (2 * n)
        spread = z * ((self.precision * (1 - self.precision) + z * z / (4 * n)) / n) ** 0.5
        return float((middle - spread) / (1 + z * z / n))

    @property
    def recall(self) -> float:
        """Of the decidable rows, the share that is joined automatically and rightly."""
        return self.joined / max(self.decidable, 1)

    @property
    def found_share(self) -> float:
        """Of the decidable rows, the share whose right client is joined or shown to a person."""
        return self.found / max(self.decidable, 1)

    @property
    def any_found_share(self) -> float:
        """The same of all rows in which the name, a phone or an address is truly the client's.

        Without rows that say nothing true but a name which more than three bear: MATCHING §8 makes them new, with a hint.
        """
        return (self.any_found - self.common_found) / max(self.any_key - self.common, 1)

    @property
    def with_common_share(self) -> float:
        """The same with them."""
        return self.any_found / max(self.any_key, 1)

    @property
    def review(self) -> float:
        """The share of rows that a person must look at."""
        return self.outcomes["possible"] / max(self.rows, 1)


def measure(clients: int, rows: int, seed: int, hard: bool = False) -> Measured:
    """A list against a base, both of `seed`; `hard`: base and list of `trials` instead of an exhibition's."""
    base = world(clients, seed)
    truth: dict[UUID, int] = {}
    if hard:
        base = harder(base, clients // 10, seed)
        cells = trial_rows(base, rows, seed)
    else:
        cells = [row for row in exhibition(base, rows, seed) if row.truth is not None]
    found = Measured(seed, len(base.clients), len(cells))
    began = process_time()
    known_firms = _arrivals(((one.id, base_fields(one)) for one in base.clients), truth)
    visitors = _arrivals(((row.truth or 0, row.fields) for row in cells), truth)
    found.normalise_seconds = process_time() - began
    family = {one.id: one.sister_of or one.id for one in base.clients}

    gc.collect()
    gc.freeze()  # as the rooms do: what is known is not garbage
    known = Known()
    began = process_time()
    of_base = recognise(known_firms, known)
    results = recognise(visitors, known)
    found.match_seconds = process_time() - began
    for result in of_base:
        if not result.opened:
            _join(found, result, truth, family, "base")
    for row, result in zip(cells, results, strict=True):
        _count(found, row, result, truth, family)
    return found


def _arrivals(rows: Iterable[tuple[int, Mapping[str, str]]], truth: dict[UUID, int]) -> list[Arrival]:
    """Rows as intake sees them; `truth` learns whose row opened which card."""
    made = []
    for firm, cells in rows:
        fields = LeadFields.model_validate({name: cell for name, cell in cells.items() if name != "curator"})
        record = make_regular(fields)
        region = region_of(fields, record)
        number = UUID(int=len(truth) + 1)
        truth[number] = firm
        made.append(
            Arrival(number, number, fields.company, record, search_keys(record), region.code, region.by, region.flags)
        )
    return made


def _count(
    found: Measured, row: ListRow, result: Recognised, truth: Mapping[UUID, int], family: dict[int, int]
) -> None:
    decision = result.decision
    found.outcomes[decision.outcome.value] += 1
    found.rules[decision.rule] += 1
    right = False
    if decision.outcome is Outcome.SAME:
        right = _join(found, result, truth, family, row.kind)
    if row.truth is None or row.truth < 0:
        return  # a firm that is not in the base: only a false join can be wrong
    shown = right or any(truth[one.card.client_id] == row.truth for one in decision.possible)
    if row.evidence & {"name", "phone", "web"}:
        found.any_key += 1
        found.any_found += shown
        if row.evidence == {"name"} and decision.namesakes > RARE_NAME:
            found.common += 1
            found.common_found += shown
        if "name" in row.evidence and row.evidence & {"phone", "web"}:
            found.decidable += 1
            found.joined += right
            found.found += shown


def _join(found: Measured, result: Recognised, truth: Mapping[UUID, int], family: dict[int, int], kind: str) -> bool:
    """Count an automatic join; whether it is right."""
    mine, theirs = truth[result.arrival.lead_id], truth[result.card.client_id]
    found.joins += 1
    if mine == theirs:
        return True
    found.false_joins[kind] += 1
    found.sisters += kind == "sister" or family.get(mine, mine) == family.get(theirs, theirs)
    if len(found.examples) < 10:
        found.examples.append(
            f"{result.decision.rule}: {result.arrival.name!r} ({mine}) to {result.card.name!r} ({theirs})"
        )
    return False


def table(measured: Sequence[tuple[str, Measured]]) -> list[str]:
    """The figures as Markdown, a column for each list."""

    def line(what: str, wanted: str, *cells: str) -> str:
        return "| " + " | ".join((what, *cells, wanted)) + " |"

    each = [one for _, one in measured]
    lines = [line("", "wanted", *(name for name, _ in measured)), "|---" * (len(each) + 2) + "|"]
    lines += [
        line("seed", "", *(str(one.seed) for one in each)),
        line("clients × rows", "", *(f"{one.clients:,} × {one.rows:,}" for one in each)),
        line("automatic joins", "≥ 20,000", *(f"{one.joins:,}" for one in each)),
        line("false joins", "", *(f"{one.false_joins.total()}" for one in each)),
        line("of them sister companies", "0", *(f"{one.sisters}" for one in each)),
        line("precision", "≥ 0.9995", *(f"{one.precision:.5f} (≥ {one.precision_at_least:.4f})" for one in each)),
        line("auto recall of decidable rows", "≥ 0.95", *(f"{one.recall:.4f}" for one in each)),
        line("right client found, decidable rows", "≥ 0.995", *(f"{one.found_share:.4f}" for one in each)),
        line("right client found, any true key", "≥ 0.97", *(f"{one.any_found_share:.4f}" for one in each)),
        line("the same with common names alone", "", *(f"{one.with_common_share:.4f}" for one in each)),
        line("review rate", "≤ 0.12", *(f"{one.review:.4f}" for one in each)),
        line("rows/s of one core, normalised", "", *(f"{_rate(one, one.normalise_seconds):,}" for one in each)),
        line("rows/s of one core, matched", "≥ 4,000", *(f"{_rate(one, one.match_seconds):,}" for one in each)),
    ]
    for name, one in measured:
        lines += ["", f"{name}, rules: " + ", ".join(f"{rule} {n:,}" for rule, n in one.rules.most_common()) + "."]
        if one.false_joins:
            kinds = ", ".join(f"{kind} {n}" for kind, n in one.false_joins.most_common())
            lines += [f"{name}, false joins by kind: {kinds}.", *(f"- {example}" for example in one.examples)]
    return lines


def _rate(one: Measured, seconds: float) -> int:
    return round((one.clients + one.rows) / max(seconds, 1e-9) / 100) * 100
