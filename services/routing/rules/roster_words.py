"""What a roster and its check say to people, in English and in Russian (R1-08, G8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.routing.rules.roster_cover import Gap, Watch
from services.routing.rules.roster_load import LEAD, Expected
from services.routing.rules.roster_make import Draft, Empty

_DAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "on_duty": "is on duty elsewhere or already",
        "hours": "has {hours:g} hours in that week already",
        "notice": "has given notice",
        "left": "has left",
        "absent": "is absent ({why})",
        "free": "is free",
        "nobody": "nobody in {office} sells",
        "empty": "{when}: {places} of {needed} places stay empty: {why}",
        "gap_none": "{when}: nobody is on duty",
        "gap_few": "{when}: {there} on duty instead of {needed}",
        "gap_away": "; by the roster {who}, absent ({why})",
        "more": "and {count} more like it until {last}",
        "unkept": "{who}: on duty against the wish, {when}",
        "off": "{who}: {gets} leads expected, fair share {fair}: {sign}{off}, more than one shift ({shift})",
        "limited": "; the limit of {hours:g} hours a week stands in the way",
        "guess": "no leads have come by roster here yet: every hour counts the same",
        "nothing": "there is nothing to cover from {since} to {until}",
        "short": "only {weeks} weeks of arrivals are known: what is expected is rough",
    },
    "ru": {
        "on_duty": "уже дежурит в это время",
        "hours": "уже имеет свои {hours:g} ч за эту неделю",
        "notice": "увольняется",
        "left": "уже не работает",
        "absent": "отсутствует ({why})",
        "free": "может",
        "nobody": "в офисе {office} нет продавцов",
        "empty": "{when}: пустых мест {places} из {needed}: {why}",
        "gap_none": "{when}: никто не дежурит",
        "gap_few": "{when}: дежурит {there}, а нужно {needed}",
        "gap_away": "; по графику {who}, отсутствует ({why})",
        "more": "и ещё {count} таких до {last}",
        "unkept": "{who}: дежурство против пожелания, {when}",
        "off": "{who}: ожидается лидов {gets}, справедливая доля {fair}: {sign}{off}, больше одной смены ({shift})",
        "limited": "; мешает предел {hours:g} ч в неделю",
        "guess": "лидов по графику здесь ещё не было: все часы считаются равными",
        "nothing": "с {since} по {until} закрывать нечего",
        "short": "поступления известны только за {weeks} нед.: ожидание приблизительное",
    },
}


def what_is_unmet(
    draft: Draft, watch: Watch, expected: Expected, since: datetime, until: datetime, lang: str
) -> list[str]:
    """What a draft could not do, in words: empty places and why, wishes not kept, who is far from his share, and doubts."""
    words, zone = _WORDS[lang], expected.zone
    said = _folded([(_empty(one, watch, lang), one.slot.start) for one in draft.empty], zone, lang)
    said += [
        words["unkept"].format(who=_name(shift.staff, watch), when=when(shift.start, shift.end, zone, lang))
        for shift in draft.unkept
    ]
    for who, share in draft.shares.items():
        off = draft.off(who)
        if abs(off) > draft.one_shift and who in watch.people:
            hours = watch.people[who].duty_hours
            said.append(
                words["off"].format(
                    who=_name(who, watch),
                    gets=leads(share.expected),
                    fair=leads(share.fair + draft.carried.get(who, 0)),
                    sign="+" if off > 0 else "−",
                    off=leads(abs(off)),
                    shift=leads(draft.one_shift),
                )
                + (words["limited"].format(hours=hours) if off < 0 and who in draft.limited else "")
            )
    if not draft.shifts and not draft.empty:
        days = {"since": since.astimezone(zone).date(), "until": until.astimezone(zone).date()}
        said.append(words["nothing"].format(**days))
    elif not expected.leads:
        said.append(words["guess"])
    elif expected.weeks < 4:
        said.append(words["short"].format(weeks=expected.weeks))
    return said


def gaps_in_words(gaps: Sequence[Gap], watch: Watch, lang: str) -> list[str]:
    """Gaps of coverage, each with who should be there; those alike at the same hours of other days are told once."""
    zone = ZoneInfo(watch.office.time_zone)
    return _folded([(_gap(gap, watch, zone, lang), gap.start) for gap in gaps], zone, lang)


def when(start: datetime, end: datetime, zone: ZoneInfo, lang: str) -> str:
    """`Mon 2026-11-23 09:00–18:00` by the office's clock."""
    a, z = start.astimezone(zone), end.astimezone(zone)
    until = f"{z:%H:%M}" if a.date() == z.date() else f"{z:%Y-%m-%d %H:%M}"
    return f"{_DAYS[lang][a.weekday()]} {a:%Y-%m-%d %H:%M}–{until}"


def leads(count: int) -> str:
    """Millionths of leads for people to read."""
    return f"{count / LEAD:.1f}"


def _folded(said: Iterable[tuple[str, datetime]], zone: ZoneInfo, lang: str) -> list[str]:
    """Sentences that differ in nothing but the day stand once, with how often they come again and until when."""
    alike: dict[str, list[tuple[str, datetime]]] = {}
    for text, start in said:
        day = f"{_DAYS[lang][start.astimezone(zone).weekday()]} {start.astimezone(zone):%Y-%m-%d}"
        alike.setdefault(text.replace(day, ""), []).append((text, start))
    return [
        group[0][0]
        + (
            f" ({_WORDS[lang]['more'].format(count=len(group) - 1, last=group[-1][1].astimezone(zone).date())})"
            if len(group) > 1
            else ""
        )
        for group in alike.values()
    ]


def _empty(empty: Empty, watch: Watch, lang: str) -> str:
    words = _WORDS[lang]
    whys = [f"{_name(who, watch)} {_why(why, who, watch, lang)}" for who, why in empty.why.items()]
    return words["empty"].format(
        when=when(empty.slot.start, empty.slot.end, ZoneInfo(watch.office.time_zone), lang),
        places=empty.places,
        needed=empty.slot.people,
        why=", ".join(whys) or words["nobody"].format(office=watch.office.name),
    )


def _gap(gap: Gap, watch: Watch, zone: ZoneInfo, lang: str) -> str:
    words = _WORDS[lang]
    kind = "gap_few" if gap.there else "gap_none"
    said = words[kind].format(when=when(gap.start, gap.end, zone, lang), there=gap.there, needed=gap.needed)
    return said + "".join(
        words["gap_away"].format(who=_name(who, watch), why=words.get(why, why) if why in ("notice", "left") else why)
        for who, why in gap.away.items()
    )


def _why(why: str, who: str, watch: Watch, lang: str) -> str:
    words = _WORDS[lang]
    if why == "hours":
        return words["hours"].format(hours=watch.people[who].duty_hours)
    return words[why] if why in words else words["absent"].format(why=why)


def _name(who: str, watch: Watch) -> str:
    return watch.people[who].name if who in watch.people else who
