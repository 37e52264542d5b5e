"""Which regions no office serves, and which one office holds within another's: both work, and both are told."""

from __future__ import annotations

from estafeta.company.fields import RU_SUBJECTS
from shared.commands import ApplyCompany


def regions_to_look_at(company: ApplyCompany) -> list[str]:
    """Gaps and overlaps of the offices' regions, as sentences; one region in two offices is a mistake of the file."""
    office_of = {region: office.id for office in company.offices for region in office.regions}
    said = []
    if "RU" not in office_of and any(region.startswith("RU-") for region in office_of):
        gaps = [region for region in RU_SUBJECTS if region not in office_of]
        if gaps:
            listed = ", ".join(gaps[:10]) + (f" and {len(gaps) - 10} more" if len(gaps) > 10 else "")
            said.append(f"no office serves {listed}: leads from there go to the head of sales (G8)")
    for region, office in sorted(office_of.items()):
        country, _, subject = region.partition("-")
        if subject and office_of.get(country, office) != office:
            said.append(
                f"{region} of the office {office} lies within {country} of the office {office_of[country]}: "
                f"leads from {region} go to {office}"
            )
    return said
