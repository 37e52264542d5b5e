"""Among whom a net-new lead is shared, by its source and region (R1-08, R1-45, R1-46, R1-37, R1-28, R1-30)."""

from __future__ import annotations

from services.routing.rules.case import Among, Case, Nobody, Note, Verdict
from services.routing.rules.duty import HOME, at_home, by_roster, of_region, on_duty
from services.routing.rules.field import Field
from services.routing.rules.region import Territory, territory
from shared.words import Source


def among_those_in_turn(case: Case) -> Verdict:
    """The bench this lead is shared among; every lead has one, or a queue with an alarm (G8)."""
    where = territory(region_of(case), case.field)
    if where.assumed:
        case.note("region_assumed", region_of(case))
    if case.lead.source is Source.AGENT:
        return _from_an_agent(case, where)
    if where.office is None:
        return Nobody(f"region:{where.region}", None, Note("region_unserved", where.region))
    if case.lead.source is Source.EVENT:
        return _from_a_list(where.office, where, case.field)
    return _in_turn(case, where.office, where)


def pools_of(lead_source: Source, region: str, field: Field) -> tuple[str, ...]:
    """The pools that a lead of this source and region may come to draw on: what must be locked before it is decided."""
    where = territory(region, field)
    if where.office is None:
        return (HOME,) if lead_source is Source.AGENT else ()
    regional = HOME if where.home else f"region:{where.office}"
    if lead_source is Source.EVENT:
        return (regional,)
    if lead_source is Source.AGENT:
        return (regional, HOME)
    return (f"duty:{where.office}",) if by_roster(where, field) else (regional,)


def region_of(case: Case) -> str:
    """The lead's region; where it is not known, the one we know the client by (R1-43)."""
    return case.lead.region if case.lead.region not in ("", "unknown") else case.client.region


def _in_turn(case: Case, office: str, where: Territory) -> Among:
    """Calls and website leads: by the roster at home, else among the region's managers (R1-08, R1-45, R1-46)."""
    rule = "R1-46" if not where.home else "R1-08" if case.lead.source is Source.INBOUND_CALL else "R1-45"
    if "R1-23" in case.rules:
        rule = "R1-23"
    if by_roster(where, case.field):
        return Among(rule, on_duty(office, case.field), "nobody_on_duty")
    return Among(rule, of_region(office, case.field), "nobody_in_region")


def _from_a_list(office: str, where: Territory, field: Field) -> Among:
    """Event lists: that region's managers, or evenly among the home managers (R1-37)."""
    if where.home:
        return Among("R1-37", at_home(office, field), "nobody_at_home")
    return Among("R1-37", of_region(office, field), "nobody_in_region")


def _from_an_agent(case: Case, where: Territory) -> Among:
    """An agent's meeting: a manager of the client's region (R1-28), else evenly among the home managers (R1-30).

    Whoever is not free at its time counts as not there (`meeting`).
    """
    if not where.home:
        case.rules.append("R1-28")
        if where.office is None:
            case.note("region_unserved_meeting", where.region)
        else:
            bench = of_region(where.office, case.field)
            stopped = {who: case.stopped(who) for who, _ in bench.weights}
            if not all(stopped.values()):
                return Among("R1-28", bench, "nobody_in_region")
            case.passed.update(bench.passed)
            case.passed.update({who: why for who, why in stopped.items() if why is not None})
            case.note("nobody_for_meeting", where.office)
    return Among("R1-30", at_home(territory("unknown", case.field).office, case.field), "nobody_at_home")
