"""Can this be taken for a lead? It must have one of the six keys; if not, each cell is told what is wrong with it (R0-10)."""

from __future__ import annotations

from services.intake.rules.keys import RegularLead
from shared.commands import LeadFields
from shared.events import Fault

_REMEDIES: dict[str, tuple[str, str]] = {
    "company": ("is no company name", "give the name of the company, not only its legal form or a placeholder"),
    "contact": ("holds no surname", "give the surname as well: «Тихомирова Инна»"),
    "phone": ("is no phone number", "give at least five digits, best with the area code: «+7 846 201-30-40»"),
    "fax": ("is no fax number", "give at least five digits, best with the area code: «+7 846 201-30-41»"),
    "email": ("is no e-mail address", "write it whole: «demin@frezer.ru»"),
    "website": ("is no web site of a company", "give the company's own site: «frezer.ru»"),
}


def faults_of(fields: LeadFields, record: RegularLead) -> list[Fault]:
    """Why this cannot be looked up: nothing when `record` has any of the six keys (R1-40), else one fault per cell."""
    if record.has_a_key:
        return []
    faults = [
        Fault(field=name, problem=f"«{cell[:80]}» {problem}", remedy=remedy)
        for name, (problem, remedy) in _REMEDIES.items()
        if (cell := getattr(fields, name))
    ]
    return faults or [
        Fault(
            field=", ".join(_REMEDIES),
            problem="none of the six keys is filled in: company name, contact's surname, phone, e-mail, its domain, site",
            remedy="fill in at least one of them and send the row again",
        )
    ]
