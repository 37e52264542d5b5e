"""Would this lead be taken for this client? One raw record against another, by the very code that intake runs (R1-40)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.intake.rules.keys import RegularLead
from services.intake.rules.recognition import Known, recognise
from services.intake.rules.regular import make_regular
from services.intake.rules.search_keys import DOMAIN, MAILBOX, NAME, PHONE, search_keys
from services.intake.rules.survivorship import Arrival, Card
from shared.commands import LeadFields

FIELDS = ("company", "contact", "phone", "email", "website")
HOME = "RU"
_FREQUENCY = {NAME: "name_freq", PHONE: "phone_freq", MAILBOX: "email_freq", DOMAIN: "domain_freq"}
_CLIENT, _LEAD, _NEW = UUID(int=1), UUID(int=2), UUID(int=3)


def judge_pair(lead: Mapping[str, Any], client: Mapping[str, Any], ctx: Mapping[str, Any]) -> dict[str, Any]:
    """What intake decides when `lead` comes and `client` is the one card it could be.

    `lead`, `client`: raw text fields company, contact, phone, email, website; absent ones are empty.
    `ctx`: name_freq, phone_freq, domain_freq, email_freq, how many clients hold such a key of the lead (1 when absent);
    region_a, the country by whose custom the lead's phones are written (ISO 3166-1, RU when absent).
    Gives `outcome` (same, possible, new), `rule`, `score` in bits and `evidence` [{key, level, lead, client, weight, df}].
    Raises ValueError when a frequency is no number; less than one holder is one, the client himself.
    """
    asked = _record(lead, str(ctx.get("region_a") or HOME))
    known_as = _record(client, str(ctx.get("region_b") or HOME))
    known = Known()
    known.keep(Card(_CLIENT, str(client.get("company") or ""), known_as), search_keys(known_as))
    keys = search_keys(asked)
    for key in keys:
        if key in known.frequencies or ctx.get(_FREQUENCY.get(key.kind, "")):
            known.frequencies[key] = _holders(ctx, _FREQUENCY.get(key.kind, ""))
    arrival = Arrival(_LEAD, _NEW, str(lead.get("company") or ""), asked, keys)
    decision = recognise([arrival], known)[0].decision
    return {
        "outcome": decision.outcome.value,
        "rule": decision.rule,
        "score": decision.score,
        "evidence": [
            {
                "key": item.key,
                "level": item.level,
                "lead": item.lead,
                "client": item.client,
                "weight": item.weight,
                "df": item.df,
            }
            for item in decision.evidence
        ],
    }


def _record(fields: Mapping[str, Any], country: str) -> RegularLead:
    return make_regular(LeadFields(**{name: str(fields.get(name) or "") for name in FIELDS}), country)


def _holders(ctx: Mapping[str, Any], name: str) -> int:
    given = ctx.get(name)
    if given is None:
        return 1
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"{name} must be a number of clients, not {given!r}")
    return max(int(given), 1)
