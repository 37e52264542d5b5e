"""The directory through time on a real database: who it was at any moment, as it was known then and as it is known now."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest

from services.routing import directory, handlers, presence, store
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import Presence
from shared.commands import ApplyCompany, SetPresence
from shared.database import fetch
from shared.questions import TellDirectory
from tests.integration.routing_house import NOW, SALES, DbOf, away, batch, company, person, shift, without

HOUR = timedelta(hours=1)
COVER = {"office": "msk", "days": "Mon-Fri", "hours": "09:00-18:00", "people": 2}


def in_order(said: ApplyCompany) -> dict[str, list[str]]:
    """Every entry of a company as text, part by part, in no order of its own."""
    parts = {name: getattr(said, name) for name in ("offices", "staff", "duty", "absences", "cover", "wishes")}
    offices = [entry.model_copy(update={"regions": sorted(entry.regions)}) for entry in parts.pop("offices")]
    return {
        name: sorted(entry.model_dump_json() for entry in entries)
        for name, entries in {**parts, "offices": offices}.items()
    }


@pytest.mark.rule("R1-08")
async def test_the_directory_of_every_moment_is_what_was_applied_then(db_of: DbOf) -> None:
    first = company(absences=[away("vera")], cover=[COVER])
    second = first.model_copy(
        update={
            "staff": [
                *without(first.staff, "boris", "anna"),
                first.staff[0].model_copy(update={"weight": 0.5, "duty_hours": 20.0, "notice_at": NOW + 9 * HOUR}),
            ],
            "duty": [entry for entry in first.duty if entry.staff != "boris"],
            "absences": [],
            "cover": [],
        }
    )
    files = [first, second, first, first, second]
    async with db_of("routing") as db:
        for n, file in enumerate(files):
            await handlers.apply_company(batch(file, now=NOW + n * HOUR), db)
        assert await store.directory_at(db, NOW - HOUR) is None
        assert await store.history_from(db) == NOW
        for n, file in enumerate(files):
            for moment in (NOW + n * HOUR, NOW + n * HOUR + HOUR - timedelta(microseconds=1)):
                then = await store.directory_at(db, moment)
                assert then is not None
                assert in_order(then) == in_order(file), f"{n}: {moment}"
                assert (then.name, then.home_region, then.time_zone) == (file.name, file.home_region, file.time_zone)
        versions = [await store.in_force(db, NOW + n * HOUR) for n in range(len(files))]
        assert [(row["version"], row["since"]) for row in versions if row] == [
            (1, NOW),
            (2, NOW + HOUR),
            (3, NOW + 2 * HOUR),
            (3, NOW + 2 * HOUR),
            (4, NOW + 4 * HOUR),
        ]
        assert await store.directory_changes(db, NOW, NOW + 9 * HOUR) == [NOW + HOUR, NOW + 2 * HOUR, NOW + 4 * HOUR]


async def test_a_file_that_changes_nothing_adds_no_history(db_of: DbOf) -> None:
    async def facts() -> int:
        return int((await fetch(db, "select count(*) n from directory_facts"))[0]["n"])

    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(cover=[COVER])), db)
        before = await facts()
        await handlers.apply_company(batch(company(cover=[COVER]), now=NOW + HOUR), db)
        assert await facts() == before == 1 + 3 + 12 + 2 + 1


async def test_what_stood_for_no_moment_is_no_history(db_of: DbOf) -> None:
    whole = company()
    small = whole.model_copy(update={"staff": without(whole.staff, "gleb")})
    async with db_of("routing") as db:
        await handlers.apply_company(batch(whole, small, whole), db)
        then = await store.directory_at(db, NOW)
        assert then is not None
        assert in_order(then) == in_order(whole)
        assert await store.directory_changes(db, NOW - HOUR, NOW + HOUR) == [NOW]


async def test_a_change_that_waited_for_a_later_one_comes_after_it(db_of: DbOf) -> None:
    whole = company()
    small = whole.model_copy(update={"staff": without(whole.staff, "gleb")})
    async with db_of("routing") as db:
        await handlers.apply_company(batch(whole), db)
        await handlers.apply_company(batch(small, now=NOW + HOUR), db)
        await handlers.apply_company(batch(whole, now=NOW + HOUR / 2), db)  # it began earlier, and was done later
        for moment, file in ((NOW + HOUR / 2, whole), (NOW + HOUR, whole)):
            then = await store.directory_at(db, moment)
            assert then is not None
            assert in_order(then) == in_order(file)
        overlaps = await fetch(
            db,
            """
            select a.key from directory_facts a join directory_facts b on (a.kind, a.key) = (b.kind, b.key)
             where a.ctid <> b.ctid
               and tstzrange(a.valid_from, a.valid_to) && tstzrange(b.valid_from, b.valid_to)
            """,
        )
        assert not overlaps


@pytest.mark.rule("R1-24")
async def test_an_absence_that_was_entered_afterwards_is_told_apart_from_what_routing_knew(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.apply_company(batch(company(absences=[away("vera")]), now=NOW + 3 * HOUR), db)
        then = await store.directory_at(db, NOW)
        known = await store.directory_at(db, NOW, known_at=NOW + 4 * HOUR)
        assert then is not None
        assert known is not None
        assert (len(then.absences), [entry.staff for entry in known.absences]) == (0, ["vera"])
        (later,) = await store.said_later(db, NOW)
        assert (later["kind"], later["content"]["staff"], later["valid_from"]) == ("absence", "vera", NOW + 3 * HOUR)
        assert not await store.said_later(db, NOW + 3 * HOUR)


async def test_only_then_leaves_out_what_does_not_cover_the_moment(db_of: DbOf) -> None:
    later = NOW + timedelta(days=7)
    file = company(duty=[shift("anna"), shift("boris", at=later)], absences=[away("vera", days=2)])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        for moment, on_duty, absent in ((NOW, ["anna"], ["vera"]), (later, ["boris"], [])):
            then = await store.directory_at(db, moment, only_then=True)
            assert then is not None
            assert ([entry.staff for entry in then.duty], [entry.staff for entry in then.absences]) == (on_duty, absent)


@pytest.mark.rule("R1-24")
async def test_the_field_made_of_history_is_the_field_routing_decided_on(db_of: DbOf) -> None:
    file = company(
        absences=[away("vera"), away("anna", reason="busy")],
        staff=[*company().staff[1:], person("anna", per_day=3, notice_at=NOW - HOUR, weight=0.5)],
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        then: datetime = NOW + HOUR
        decided_on = await store.field_of_play(db, then)
        stood = await store.directory_at(db, then)
        assert decided_on is not None
        assert stood is not None
        assert Calendar(stood).field_at(then, Presence()).id == decided_on.id


def _edited(file: ApplyCompany, dice: Random) -> ApplyCompany:
    """The file with something else in it: people, weights, shifts, absences, regions, what must be covered."""
    whole = company()
    offices = [
        office.model_copy(
            update={"regions": [region for region in office.regions if dice.random() < 0.7 or region == "RU-MOW"]}
        )
        for office in whole.offices
    ]
    staff = [
        entry.model_copy(update={"weight": dice.choice([0.5, 1.0]), "per_day": dice.choice([None, 3])})
        for entry in whole.staff
        if dice.random() < 0.8 or entry.id in ("boss", "head_msk")
    ]
    ids = {entry.id for entry in staff}
    shifts = [shift(who, at=NOW + dice.randrange(3) * HOUR) for who in SALES if who in ids and dice.random() < 0.6]
    absences = [away(who, days=dice.randrange(1, 4)) for who in SALES if who in ids and dice.random() < 0.4]
    more = {"duty": shifts, "absences": absences, "cover": [COVER] * dice.randrange(2)}
    return company(offices=offices, staff=staff, **more) if dice.random() < 0.8 else file


@pytest.mark.parametrize("seed", range(4))
async def test_however_often_it_changes_every_moment_of_history_is_what_was_applied_last(
    db_of: DbOf, seed: int
) -> None:
    dice, file, at = Random(seed), company(), NOW
    stood: list[tuple[datetime, ApplyCompany]] = []
    async with db_of("routing") as db:
        for _ in range(25):
            file = _edited(file, dice)
            at += timedelta(seconds=dice.choice([0, 1, 60]))
            await handlers.apply_company(batch(file, now=at, of=str(at)), db)
            stood = [*(one for one in stood if one[0] < at), (at, file)]
        for n, (begins, said) in enumerate(stood):
            ends = stood[n + 1][0] if n + 1 < len(stood) else at + HOUR
            for moment in (begins, ends - timedelta(microseconds=1)):
                then = await store.directory_at(db, moment)
                assert then is not None
                assert in_order(then) == in_order(said)
        changed = await store.directory_changes(db, NOW, at + HOUR)
        assert set(changed) <= {begins for begins, _ in stood}
        now = await store.directory_now(db, NOW - 9 * HOUR, NOW + timedelta(days=9))
        assert now is not None
        assert in_order(now) == in_order(file)
        lasting = await fetch(
            db, "select count(*) n from directory_facts where valid_to is not null and valid_to <= valid_from"
        )
        assert lasting[0]["n"] == 0


@pytest.mark.rule("R1-24")
async def test_what_people_said_of_their_presence_is_known_for_every_moment(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        said = [
            ("anna", "busy", 10, 40),
            ("anna", "free", 20, None),
            ("boris", "absent", 15, None),
            ("boris", "back", 50, None),
        ]
        for who, word, minute, until in said:
            at = NOW + timedelta(minutes=minute)
            ends = None if until is None else NOW + timedelta(minutes=until)
            heard = SetPresence.model_validate(
                {
                    "staff": who,
                    "state": word,
                    "at": at,
                    "until": ends,
                }
            )
            await presence.set_presence(batch(heard, now=at, of=f"{who} {minute}"), db)
        for minute, passed in ((5, {}), (12, {"anna": "busy"}), (25, {"boris": "absent"}), (55, {})):
            told = await directory.tell_directory(
                TellDirectory(at=NOW + timedelta(minutes=minute), region="RU-MOW"), db
            )
            why = {one["id"]: one["why"] for one in told["region"]["passed"] if one["id"] in ("anna", "boris")}
            assert why.keys() == passed.keys(), minute
            assert [one["id"] for one in told["region"]["takers"]] == [w for w in ("anna", "boris") if w not in passed]
