"""Where the weights come from: m and u of every level, counted on an invented base and list (MATCHING §§8, 13).

`python -m tests.bench_matching.estimate` writes services/intake/rules/data/weights.tsv anew; the same seed gives the same file.
m is how often two records of one client show a level, u how often those of two clients do; both of the pairs that have the key
at all on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import log2
from pathlib import Path
from random import Random

from estafeta.sample.generator import base_fields, exhibition, world
from services.intake.rules.compare import Comparison, compare
from services.intake.rules.keys import RegularLead
from services.intake.rules.region import of_lead as region_of
from services.intake.rules.regular import make_regular
from services.intake.rules.survivorship import UNKNOWN
from shared.commands import LeadFields

FILE = Path(__file__).parents[2] / "services/intake/rules/data/weights.tsv"
SEED, CLIENTS, ROWS = 77, 8_000, 16_000
OTHERS = 12
"""With how many other clients each row is compared for u."""
BASE = 100_000
"""The base that u of a value of its own stands for: one client in so many holds it; with each more it loses bits."""
OWN_VALUE = {("name", "exact"), ("phone", "exact"), ("phone", "local"), ("email", "exact"), ("domain", "exact")}
ASSIGNED = {("email", "differs"): 0.0, ("tax_id", "exact"): 30.0, ("tax_id", "differs"): -30.0}
"""Two private addresses say nothing where no other key agrees, which is where it is asked: with its bits it ranked worse.
Lists of this kind carry no tax number; a valid one decides by itself."""
LOWEST = -5.0
"""An invented firm has one town, one form and few domains; a real one has branches, and is not ruled out by one difference."""
KEYS = {
    "name": ("exact", "typo", "variant", "differs"),
    "form": ("exact", "differs"),
    "phone": ("exact", "local", "differs"),
    "email": ("exact", "differs"),
    "domain": ("exact", "differs", "unheard"),
    "surname": ("exact", "differs"),
    "region": ("exact", "differs"),
}
_HEAD = f"""\
# Bits of every key and level: key, level, bits, m, u. Bits are log2 of m / u.
# Origin: counted by `python -m tests.bench_matching.estimate` on a list of this project's own generator: seed {SEED},
# {CLIENTS:,} clients, {ROWS:,} rows. u of a value of its own (an equal name, phone, mailbox, domain) is one in {BASE:,}.
# What stands without m and u is assigned, and nothing is below {LOWEST:g} bits: the script says why.
"""


def estimate() -> str:
    """The text of the file."""
    base = world(CLIENTS, SEED)
    firms = {
        one.id: _read({key: cell for key, cell in base_fields(one).items() if key != "curator"}) for one in base.clients
    }
    rng = Random(SEED)
    numbers = list(firms)
    same, other = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in exhibition(base, ROWS, SEED):
        if row.truth is None or row.truth < 0:
            continue
        lead, here = _read(row.fields)
        record, there = firms[row.truth]
        same.update(_levels(compare(lead, record, {}, (here, there))))
        for number in rng.sample(numbers, OTHERS):
            if number != row.truth:
                record, there = firms[number]
                other.update(_levels(compare(lead, record, {}, (here, there))))
    counted = [(key, level) for key, levels in KEYS.items() for level in levels if (key, level) not in ASSIGNED]
    lines = [_line(key, level, same, other) for key, level in counted]
    lines += [f"{key}\t{level}\t{bits:.1f}\t-\t-\n" for (key, level), bits in ASSIGNED.items()]
    return _HEAD + "".join(lines)


def _read(cells: dict[str, str]) -> tuple[RegularLead, str]:
    fields = LeadFields.model_validate(cells)
    record = make_regular(fields)
    region = region_of(fields, record)
    return record, "" if region.code == UNKNOWN else region.code


def _levels(found: Comparison) -> Iterator[tuple[str, str]]:
    """The best level of each key that both sides have."""
    best: dict[str, str] = {}
    for item in found.evidence:
        levels = KEYS.get(item.key, ())
        if item.level in levels and (item.key not in best or levels.index(item.level) < levels.index(best[item.key])):
            best[item.key] = item.level
    return iter(best.items())


def _line(key: str, level: str, same: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> str:
    group = KEYS[key] if key not in ("email", "domain") else ()
    pairs = [(key, one) for one in group] or [(web, one) for web in ("email", "domain") for one in KEYS[web]]
    m = (same[key, level] + 0.5) / (sum(same[pair] for pair in pairs) + 1)
    u = 1 / BASE if (key, level) in OWN_VALUE else (other[key, level] + 0.5) / (sum(other[pair] for pair in pairs) + 1)
    return f"{key}\t{level}\t{max(log2(m / u), LOWEST):.1f}\t{m:.4f}\t{u:.6f}\n"


if __name__ == "__main__":
    FILE.write_text(estimate(), encoding="utf-8")
