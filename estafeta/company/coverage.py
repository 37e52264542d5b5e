"""Which regions no office serves, and which one office holds within another's: both work, and both are told."""

from __future__ import annotations

from estafeta.company.fields import RU_SUBJECTS
from shared.commands import ApplyCompany

TO_HEAD = "go to the head of sales (G8)"


def regions_to_look_at(company: ApplyCompany) -> list[str]:
    """Gaps and overlaps of the offices' regions, as sentences; one region in two offices is a mistake of the file.

    A country of which only parts are served is a gap in it, and so is every country that is not named at all.
    """
    office_of = {region: office.id for office in company.offices for region in office.regions}
    parts: dict[str, list[str]] = {}
    for region in sorted(office_of):
        country, _, subject = region.partition("-")
        parts.setdefault(country, [])
        if subject:
            parts[country].append(region)
    said = []
    for country, subjects in sorted(parts.items()):
        if country in office_of:
            continue
        if country == "RU":
            if gaps := [region for region in RU_SUBJECTS if region not in office_of]:
                listed = ", ".join(gaps[:10]) + (f" and {len(gaps) - 10} more" if len(gaps) > 10 else "")
                said.append(f"no office serves {listed}: leads from there {TO_HEAD}")
        else:
            said.append(
                f"of {country} only {', '.join(subjects)} is served: leads from elsewhere in {country} {TO_HEAD}"
            )
    if parts:
        said.append(f"no office serves any country but {', '.join(sorted(parts))}: leads from others {TO_HEAD}")
    for region, office in sorted(office_of.items()):
        country, _, subject = region.partition("-")
        if subject and office_of.get(country, office) != office:
            said.append(
                f"{region} of the office {office} lies within {country} of the office {office_of[country]}: "
                f"leads from {region} go to {office}"
            )
    return said
