"""Who was it then: who covered a region, was on duty, was absent, and what was in force at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from estafeta.client import Bus
from estafeta.explain_words import Language
from estafeta.trouble import Trouble
from estafeta.typed import moment, zone_of
from shared.questions import ListStaff, TellDirectory

Answer = Mapping[str, Any]
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "force": "On {at} ({zone}): version {version} of the directory was in force, since {since}.",
        "before": "Nothing is known of {at}: the directory is known since {since}.",
        "never": "No company file has been applied yet.",
        "region": "{code}: office {office}{home}, {by}.",
        "home": " (home region)",
        "assumed": " (not known, taken for the home region)",
        "roster": "calls and site leads go by the duty roster",
        "by_region": "shared among the managers of the region",
        "nobody": "{code}: no office served it.",
        "takers": "  received net-new leads: {who}",
        "no_takers": "  nobody could receive",
        "answers": "  answered for the queue: {who}",
        "passed": "  did not: {who} ({why})",
        "office": "{name} ({id}): {regions}",
        "no_regions": "serves no region",
        "head": "  head: {who}",
        "on_duty": "  on duty: {who}",
        "no_duty": "  on duty: nobody",
        "absent": "  absent: {who} ({reason}{until})",
        "until": ", until {at}",
        "notice": "  under notice: {who}",
        "later": "Entered afterwards, on {at}: {who} {what}.",
        "shift": "was on duty then",
        "absence": "was absent then ({reason})",
    },
    "ru": {
        "force": "{at} ({zone}): действовала версия {version} справочника, с {since}.",
        "before": "О {at} ничего не известно: справочник известен с {since}.",
        "never": "Файл компании ещё не загружен.",
        "region": "{code}: офис {office}{home}, {by}.",
        "home": " (домашний регион)",
        "assumed": " (неизвестен, считается домашним)",
        "roster": "звонки и заявки с сайта идут по графику дежурств",
        "by_region": "делится между менеджерами региона",
        "nobody": "{code}: не обслуживался ни одним офисом.",
        "takers": "  получали новые лиды: {who}",
        "no_takers": "  получать было некому",
        "answers": "  за очередь отвечал: {who}",
        "passed": "  не получал: {who} ({why})",
        "office": "{name} ({id}): {regions}",
        "no_regions": "регионов нет",
        "head": "  руководитель: {who}",
        "on_duty": "  на дежурстве: {who}",
        "no_duty": "  на дежурстве: никого",
        "absent": "  отсутствует: {who} ({reason}{until})",
        "until": ", до {at}",
        "notice": "  увольняется: {who}",
        "later": "Внесено потом, {at}: {who} {what}.",
        "shift": "дежурил в это время",
        "absence": "отсутствовал в это время ({reason})",
    },
}


async def who_was_it(bus: Bus, at: str | None, region: str | None, office: str | None, lang: Language) -> list[str]:
    """What stood at a moment, line by line; the moment is by the clock of the office named, else of the company."""
    directory = await bus.ask(ListStaff())
    offices = [one["id"] for one in directory.get("offices", [])]
    if office is not None and office not in offices:
        raise Trouble(f"--office: there is no office {office!r}.", f"There are {', '.join(offices) or 'none yet'}.")
    zone = zone_of({"office": office}, directory)
    then = moment(at, zone, "--at") if at else datetime.now(UTC)
    answer = await bus.ask(TellDirectory(at=then, region=region.upper() if region else None))
    return told(answer, then, zone, office, _WORDS[lang], lang)


def told(
    answer: Answer, then: datetime, zone: ZoneInfo, office: str | None, words: Mapping[str, str], lang: Language
) -> list[str]:
    """The answer in words."""
    at = _clock(then, zone)
    if answer["in_force"] is None:
        began = answer["history_from"]
        return [words["before"].format(at=at, since=_clock(began, zone)) if began else words["never"]]
    force = answer["in_force"]
    lines = [words["force"].format(at=at, zone=zone.key, version=force["version"], since=_clock(force["since"], zone))]
    if answer["region"]:
        lines += _region(answer["region"], answer["offices"], words, lang)
    for one in answer["offices"]:
        if office in (None, one["id"]) and (not answer["region"] or office or one["id"] == answer["region"]["office"]):
            lines += _office(one, zone, words)
    lines += [
        words["later"].format(
            at=_clock(one["entered_at"], zone),
            who=one["name"],
            what=words[one["kind"]].format(reason=one.get("reason")),
        )
        for one in answer["later"]
    ]
    return lines


def _region(region: Answer, offices: Sequence[Answer], words: Mapping[str, str], lang: Language) -> list[str]:
    if region["by"] == "nobody":
        lines = [words["nobody"].format(code=region["code"])]
    else:
        name = next(one["name"] for one in offices if one["id"] == region["office"])
        home = words["assumed"] if region["assumed"] else words["home"] if region["home"] else ""
        by = words["roster" if region["by"] == "roster" else "by_region"]
        lines = [words["region"].format(code=region["code"], office=name, home=home, by=by)]
        takers = ", ".join(one["name"] for one in region["takers"])
        lines.append(words["takers"].format(who=takers) if takers else words["no_takers"])
        why = "why_ru" if lang == "ru" else "why"
        lines += [words["passed"].format(who=one["name"], why=one[why]) for one in region["passed"]]
    if region["answers"]:
        lines.append(words["answers"].format(who=region["answers"]["name"]))
    return lines


def _office(office: Answer, zone: ZoneInfo, words: Mapping[str, str]) -> list[str]:
    regions = ", ".join(office["regions"]) or words["no_regions"]
    lines = [words["office"].format(name=office["name"], id=office["id"], regions=regions)]
    if office["head"]:
        lines.append(words["head"].format(who=office["head"]["name"]))
    if office["rostered"]:
        names = ", ".join(one["name"] for one in office["on_duty"])
        lines.append(words["on_duty"].format(who=names) if names else words["no_duty"])
    for one in office["absent"]:
        until = words["until"].format(at=_clock(one["until"], zone)) if one["until"] else ""
        lines.append(words["absent"].format(who=one["name"], reason=one["reason"], until=until))
    if leaving := ", ".join(one["name"] for one in office["staff"] if one["notice"]):
        lines.append(words["notice"].format(who=leaving))
    return lines


def _clock(at: datetime | str, zone: ZoneInfo) -> str:
    moment_ = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment_.astimezone(zone):%Y-%m-%d %H:%M}"
