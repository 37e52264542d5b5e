"""The duty roster on a real database: entered, left alone by the file, shown with its gaps, drawn up from what came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import directory, handlers, roster, store
from shared.commands import ChangeStaff, DutyEntry, EnterAbsence, EnterRoster, WithdrawAbsence
from shared.database import execute, fetch
from shared.events import CompanyApplied, DirectoryChanged, DirectoryRefused, DutyGapsFound
from shared.message import NotYet
from shared.questions import DraftRoster, ShowRoster, TellDirectory
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, away, batch, company, lead, managers, person, said_of, shift

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 29, 21, tzinfo=UTC)  # Monday 30 November by the clock of Moscow
COVER = [{"office": "msk", "days": "Mon-Fri", "hours": "09:00-18:00"}]


def duty(staff: str, day: int, *, office: str = "msk", hours: tuple[int, int] = (9, 18)) -> DutyEntry:
    """A shift on the nth day from MONDAY, by the clock of Moscow."""
    starts, ends = (MONDAY + day * DAY + hour * HOUR for hour in hours)
    return DutyEntry(office=office, staff=staff, starts_at=starts, ends_at=ends)


def roster_of(*shifts: DutyEntry, days: int = 7) -> EnterRoster:
    return EnterRoster(office="msk", since=MONDAY, until=MONDAY + days * DAY, shifts=list(shifts), by="head_msk")


async def standing(db: AsyncConnection) -> list[tuple[str, str]]:
    rows = await fetch(
        db,
        "select staff_id, origin from duty where retired_at is null and starts_at >= $1 order by starts_at, 1, 2",
        MONDAY,
    )
    return [(row["staff_id"], row["origin"]) for row in rows]


# ── entered by command ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-08")
async def test_a_roster_that_was_entered_decides_who_is_on_duty_and_no_file_takes_it_away(db_of: DbOf) -> None:
    file = company(duty=[shift("anna")])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        said = await roster.enter_rosters(batch(roster_of(duty("vera", 0), duty("gleb", 1))), db)
        (changed,) = said_of(said, DirectoryChanged)
        assert (changed.what, changed.office_id, changed.come, changed.gone, changed.by) == (
            "roster",
            "msk",
            2,
            0,
            "head_msk",
        )
        assert changed.warnings == []
        await handlers.apply_company(batch(company(duty=[]), now=NOW + HOUR), db)
        assert await standing(db) == [("vera", "command"), ("gleb", "command")]
        given = await handlers.assign_leads(batch(lead("a"), now=MONDAY + 11 * HOUR), db)
        assert managers(given) == ["vera"]


async def test_entering_a_roster_again_changes_nothing_and_another_replaces_only_its_own_time(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[{**duty("anna", 0).model_dump()}])), db)
        first = roster_of(duty("vera", 0), duty("gleb", 6), duty("vera", 8), days=14)
        await roster.enter_rosters(batch(first), db)
        versions = [await store.in_force(db, NOW)]
        (again,) = said_of(await roster.enter_rosters(batch(first, now=NOW + HOUR), db), DirectoryChanged)
        versions.append(await store.in_force(db, NOW + HOUR))
        assert (again.come, again.gone) == (0, 0)
        assert versions[0] == versions[1], "what changes nothing makes no version"
        (other,) = said_of(
            await roster.enter_rosters(batch(roster_of(duty("boris", 0), days=7), now=NOW + 2 * HOUR), db),
            DirectoryChanged,
        )
        assert (other.come, other.gone) == (1, 2)
        assert await standing(db) == [("anna", "file"), ("boris", "command"), ("vera", "command")]
        then = await store.directory_at(db, NOW + HOUR)
        assert then is not None
        assert sorted(entry.staff for entry in then.duty) == ["anna", "gleb", "vera", "vera"]


@pytest.mark.parametrize(
    ("wish", "field", "problem"),
    [
        (roster_of(duty("nobody", 0)), "shifts[0].staff", "'nobody'"),
        (roster_of(duty("anna", 9)), "shifts[0].starts_at", "outside the time"),
        (roster_of(duty("anna", 0), duty("anna", 1, office="spb")), "shifts[1].office", "'spb'"),
        (roster_of(duty("anna", 0, hours=(9, 9))), "shifts[0].ends_at", "ends before it begins"),
        (roster_of().model_copy(update={"office": "tula"}), "office", "'tula'"),
    ],
)
async def test_a_roster_that_contradicts_the_directory_is_refused_whole(
    db_of: DbOf, wish: EnterRoster, field: str, problem: str
) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[])), db)
        (refused,) = said_of(await roster.enter_rosters(batch(wish), db), DirectoryRefused)
        assert [(fault.field, problem in fault.problem) for fault in refused.faults] == [(field, True)]
        assert refused.faults[0].remedy
        assert await standing(db) == []


async def test_what_is_entered_before_any_company_waits_for_it(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        with pytest.raises(NotYet, match="apply"):
            await roster.enter_rosters(batch(roster_of()), db)
        with pytest.raises(NotYet, match="apply"):
            await directory.enter_absences(batch(EnterAbsence(staff="anna", starts_at=NOW, ends_at=NOW + HOUR)), db)


async def test_shifts_of_the_absent_and_of_who_takes_no_leads_are_entered_with_a_warning(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[], absences=[away("vera")])), db)
        said = await roster.enter_rosters(batch(roster_of(duty("vera", 0), duty("head_msk", 1))), db)
        (changed,) = said_of(said, DirectoryChanged)
        assert changed.come == 2
        assert changed.warnings == [
            "head_msk is on duty with function head: only sales receive leads on duty",
            "vera is on duty on 2026-11-30 09:00, and absent then (vacation)",
        ]


@pytest.mark.rule("R1-24")
async def test_an_absence_by_command_outlives_the_file_and_is_cut_to_what_is_left(db_of: DbOf) -> None:
    file = company(absences=[away("boris")])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        wish = EnterAbsence(staff="anna", starts_at=NOW, ends_at=NOW + 5 * DAY, reason="sick leave", by="head_msk")
        strange = EnterAbsence(staff="nobody", starts_at=NOW, ends_at=NOW + DAY)
        backwards = EnterAbsence(staff="anna", starts_at=NOW, ends_at=NOW)
        said = await directory.enter_absences(batch(wish, strange, backwards), db)
        assert [type(one.event) for one in said] == [DirectoryChanged, DirectoryRefused, DirectoryRefused]
        (applied,) = said_of(await handlers.apply_company(batch(file, now=NOW + HOUR), db), CompanyApplied)
        assert applied.absences == 0
        field = await store.field_of_play(db, NOW + DAY)
        assert field is not None
        assert {who: p.away.reason for who, p in field.people.items() if p.away} == {
            "anna": "sick leave",
            "boris": "vacation",
        }

        back = WithdrawAbsence(staff="anna", starts_at=NOW + DAY, ends_at=NOW + 2 * DAY)
        of_file = WithdrawAbsence(staff="boris", starts_at=NOW, ends_at=NOW + DAY)
        said = await directory.withdraw_absences(batch(back, of_file, now=NOW + 2 * HOUR), db)
        cut, kept = said_of(said, DirectoryChanged)
        assert (cut.come, cut.gone, kept.gone) == (2, 1, 0)
        assert "boris is absent (vacation)" in kept.warnings[0]
        for moment, absent in ((HOUR, True), (DAY, False), (2 * DAY - HOUR, False), (2 * DAY, True)):
            field = await store.field_of_play(db, NOW + moment)
            assert field is not None
            assert (field.people["anna"].away is not None) == absent, moment
        then = await store.directory_at(db, NOW + HOUR)
        assert then is not None
        assert [a.ends_at for a in then.absences if a.staff == "anna"] == [NOW + 5 * DAY], "as it was known then"


@pytest.mark.rule("G6")
async def test_weights_and_caps_are_changed_by_command_until_the_file_says_otherwise(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(
            batch(company(staff=[person("anna", per_day=5), person("b", function="director")], duty=[])), db
        )
        wish = ChangeStaff(staff="anna", weight=0.5, open_leads=7, duty_hours=20, lift=["per_day"])
        wrong = ChangeStaff(staff="anna", weight=0.0001)
        said = await directory.change_staff(batch(wish, wrong, ChangeStaff(staff="x"), now=NOW + HOUR), db)
        assert [type(one.event) for one in said] == [DirectoryChanged, DirectoryRefused, DirectoryRefused]
        for at, weight, per_day, open_leads, hours in ((NOW, 1.0, 5, None, None), (NOW + HOUR, 0.5, None, 7, 20.0)):
            then = await store.directory_at(db, at)
            assert then is not None
            anna = next(entry for entry in then.staff if entry.id == "anna")
            assert (anna.weight, anna.per_day, anna.open_leads, anna.duty_hours) == (weight, per_day, open_leads, hours)
        field = await store.field_of_play(db, NOW + HOUR)
        assert field is not None
        assert (field.people["anna"].weight, field.people["anna"].open_leads) == (500, 7)


# ── who was it ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def tell(db: AsyncConnection, at: datetime, region: str | None = None) -> dict[str, Any]:
    return await directory.tell_directory(TellDirectory(at=at, region=region), db)


@pytest.mark.rule("R1-08")
@pytest.mark.rule("R1-46")
async def test_who_covered_a_region_who_was_on_duty_and_who_absent_is_told_for_any_moment(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        assert (await tell(db, NOW))["in_force"] is None
        await handlers.apply_company(batch(company(absences=[away("boris"), away("sofia")])), db)
        moved = company(duty=[shift("vera")])
        msk, spb, kzn = moved.offices
        offices = [
            msk.model_copy(update={"regions": ["RU-MOW"]}),
            spb,
            kzn.model_copy(update={"regions": ["RU-TA", "RU-MOS"]}),
        ]
        await handlers.apply_company(batch(moved.model_copy(update={"offices": offices}), now=NOW + 2 * HOUR), db)

        then = await tell(db, NOW + HOUR, "RU-MOW")
        assert (then["history_from"], then["in_force"]["version"], then["home_region"]) == (NOW, 1, "RU-MOW")
        region = then["region"]
        assert (region["office"], region["home"], region["by"]) == ("msk", True, "roster")
        assert [one["id"] for one in region["takers"]] == ["anna"]
        passed = {one["id"]: one["why"] for one in region["passed"]}
        assert passed.keys() == {"boris", "vera", "gleb"}
        assert "vacation" in passed["boris"]
        office = next(one for one in then["offices"] if one["id"] == "msk")
        assert [one["id"] for one in office["on_duty"]] == ["anna", "boris"]
        assert [(one["id"], one["reason"]) for one in office["absent"]] == [("boris", "vacation")]
        assert office["head"]["id"] == "head_msk"

        assert [one["id"] for one in (await tell(db, NOW, "BY"))["region"]["takers"]] == ["stepan"]
        assert [(await tell(db, NOW + n * HOUR, "RU-MOS"))["region"]["office"] for n in (1, 2)] == ["msk", "kzn"]
        nobody = (await tell(db, NOW, "RU-TA"))["region"]
        assert (nobody["takers"], nobody["answers"]["id"]) == ([], "head_kzn")
        unserved = (await tell(db, NOW, "RU-PRI"))["region"]
        assert (unserved["office"], unserved["by"], unserved["answers"]["id"]) == (None, "nobody", "boss")
        assert (await tell(db, NOW + 2 * HOUR))["in_force"]["version"] == 2
        before = await tell(db, NOW - HOUR)
        assert (before["in_force"], before["history_from"]) == (None, NOW)


# ── shown and drawn up ──────────────────────────────────────────────────────────────────────────────────────────────


async def came(
    db: AsyncConnection, moments: Sequence[datetime], *, pool: str = "duty:msk", source: str = "website"
) -> None:
    """Leads that came at these moments, as decisions keep them."""
    await execute(
        db,
        """
        insert into fields (id, content, first_seen_at) values ('00000000-0000-0000-0000-000000000001', '{}', now())
        on conflict do nothing
        """,
    )
    await execute(
        db,
        """
        insert into decisions (lead_id, client_id, at, received_at, rule, rules, receiver, office_id, pool, candidates,
                               excluded, told, notes, rules_version, field_id, inputs)
        select gen_random_uuid(), gen_random_uuid(), at, at, 'R1-45', '[]', 'anna', 'msk', $2, '[]', '{}', '[]', '[]', '1',
               '00000000-0000-0000-0000-000000000001', jsonb_build_object('lead', jsonb_build_object('source', $3::text))
          from unnest($1::timestamptz[]) at
        """,
        list(moments),
        pool,
        source,
    )


async def today(db: AsyncConnection) -> datetime:
    """Midnight in Moscow of the database's today."""
    row = (
        await fetch(
            db, "select date_trunc('day', now() at time zone 'Europe/Moscow') at time zone 'Europe/Moscow' as at"
        )
    )[0]
    at: datetime = row["at"]
    return at


@pytest.mark.rule("R1-08")
async def test_gaps_are_told_before_they_happen_with_who_is_away(db_of: DbOf) -> None:
    absence = {
        "staff": "gleb",
        "starts_at": MONDAY + 3 * DAY,
        "ends_at": MONDAY + 3 * DAY + 12 * HOUR,
        "reason": "sick",
    }
    file = company(cover=COVER, absences=[absence], duty=[duty("gleb", n).model_dump() for n in range(4)])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        shown = await roster.show_roster(ShowRoster(since=MONDAY, until=MONDAY + 7 * DAY), db)
    (office,) = shown["offices"]
    assert office["id"] == "msk"
    assert [(gap["starts_at"], gap["ends_at"], gap["there"]) for gap in office["gaps"]] == [
        (MONDAY + 3 * DAY + 9 * HOUR, MONDAY + 3 * DAY + 12 * HOUR, 0),
        (MONDAY + 4 * DAY + 9 * HOUR, MONDAY + 4 * DAY + 18 * HOUR, 0),
    ]
    assert office["gaps_in_words"] == [
        "Thu 2026-12-03 09:00–12:00: nobody is on duty; by the roster Name of gleb, absent (sick)",
        "Fri 2026-12-04 09:00–18:00: nobody is on duty",
    ]
    assert office["gaps_in_words_ru"][1] == "пт 2026-12-04 09:00–18:00: никто не дежурит"
    assert {one["id"]: one["hours"] for one in office["people"]} == {"anna": 0, "boris": 0, "gleb": 33.0, "vera": 0}


@pytest.mark.rule("R1-08")
@pytest.mark.rule("G8")
async def test_a_gap_is_told_to_the_head_once_a_week_before_and_again_when_it_opens_again(db_of: DbOf) -> None:
    file = company(cover=COVER, duty=[duty("gleb", n).model_dump() for n in range(4)])
    ill = {"staff": "gleb", "starts_at": MONDAY + 3 * DAY, "ends_at": MONDAY + 4 * DAY}

    async def told(after: timedelta) -> list[tuple[str, list[str]]]:
        async with db_of("routing") as db:
            said, _ = await roster.look_ahead(MONDAY + after, db)
        return [(one.tells, [word[:27] for word in one.in_words]) for one in said_of(said, DutyGapsFound)]

    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
    friday, monday = "Fri 2026-12-04 09:00–18:00:", "Mon 2026-12-07 09:00–18:00:"
    assert await told(-HOUR) == [("head_msk", [friday])]
    assert await told(HOUR) == [("head_msk", [monday])], "the next day has come into sight"
    assert await told(2 * HOUR) == []
    async with db_of("routing") as db:
        await directory.enter_absences(batch(EnterAbsence.model_validate({**ill, "reason": "sick"})), db)
        assert await roster.gaps_to_come(db) == 2
    assert await told(3 * HOUR) == [("head_msk", ["Thu 2026-12-03 09:00–18:00:"])]
    async with db_of("routing") as db:
        await directory.withdraw_absences(batch(WithdrawAbsence.model_validate(ill)), db)
    assert await told(4 * HOUR) == []
    async with db_of("routing") as db:
        await directory.enter_absences(batch(EnterAbsence.model_validate({**ill, "reason": "ill again"})), db)
    assert await told(5 * HOUR) == [("head_msk", ["Thu 2026-12-03 09:00–18:00:"])]
    assert await told(6 * DAY) == [("head_msk", ["Tue 2026-12-08 09:00–18:00:"])], "what is over is forgotten"


async def test_a_roster_that_ended_leaves_a_gap_in_every_week_after_it(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[shift("sofia", "spb")])), db)
        shown = await roster.show_roster(ShowRoster(since=MONDAY, until=MONDAY + 28 * DAY), db)
    words = {office["id"]: office["gaps_in_words"] for office in shown["offices"]}
    assert words.keys() == {"msk", "spb"}, "at home calls go by a roster even if there is none"
    assert words["spb"] == ["Mon 2026-11-30 09:00–18:00: nobody is on duty (and 19 more like it until 2026-12-25)"]


@pytest.mark.rule("G6")
async def test_a_roster_is_drawn_up_from_the_arrivals_of_the_weeks_before_and_can_be_entered(db_of: DbOf) -> None:
    cover = [
        {"office": "msk", "days": "Mon-Fri", "hours": "09:00-13:00"},
        {"office": "msk", "days": "Mon-Fri", "hours": "13:00-18:00"},
    ]
    file = company(
        cover=cover, duty=[], wishes=[{"staff": "anna", "days": "Mon-Fri", "hours": "13:00-18:00", "wish": "off"}]
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        now = await today(db)
        mornings = [now - n * DAY + 10 * HOUR for n in range(1, 57)]
        await came(db, mornings * 3)
        await came(db, [at + 5 * HOUR for at in mornings])
        await came(db, mornings * 9, source="event")
        await came(db, mornings * 9, pool="region:spb")
        await came(db, [now + HOUR] * 99)  # today is not over
        await came(db, [now - 70 * DAY] * 99)  # and that is long ago
        asked = DraftRoster(office="msk", since=date(2026, 11, 30), until=date(2026, 12, 25))
        draft = await roster.draft_roster(asked, db)
        assert draft["problem"] is None
        assert draft["history"] == {"leads": 56 * 4, "weeks": 8}
        assert len(draft["shifts"]) == 40
        assert draft["unmet"] == []
        people = {one["id"]: one for one in draft["people"]}
        assert people.keys() == {"anna", "boris", "vera", "gleb"}
        assert sum(one["expected"] for one in people.values()) == pytest.approx(80, abs=2.0), "20 days, 3 + 1 a day"
        assert all(abs(one["deviation"]) <= draft["one_shift"] for one in people.values())
        assert all(
            datetime.fromisoformat(str(one["starts_at"])).astimezone(UTC).hour == 6
            for one in draft["shifts"]
            if one["staff"] == "anna"
        ), "she wished to be off in the afternoon"
        assert await roster.draft_roster(asked, db) == draft

        entered = EnterRoster.model_validate({**draft, "office": "msk"})
        (changed,) = said_of(await roster.enter_rosters(batch(entered), db), DirectoryChanged)
        assert (changed.come, changed.warnings) == (40, [])
        assert await roster.draft_roster(asked, db) == draft, (
            "what was entered is drawn up anew, and comes out the same"
        )
        (shown,) = (await roster.show_roster(ShowRoster(office="msk", since=draft["since"], until=draft["until"]), db))[
            "offices"
        ]
        assert (shown["gaps"], len(shown["shifts"])) == ([], 40)
        assert {one["id"]: one["expected"] for one in shown["people"]} == {
            k: one["expected"] for k, one in people.items()
        }


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (DraftRoster(office="tula", since=date(2026, 12, 1), until=date(2026, 12, 2)), "no office has the id 'tula'"),
        (DraftRoster(office="msk", since=date(2026, 12, 3), until=date(2026, 12, 2)), "1 to 100 days"),
        (DraftRoster(office="msk", since=date(2026, 12, 3), until=date(2028, 12, 2)), "1 to 100 days"),
    ],
)
async def test_a_roster_that_cannot_be_drawn_up_is_a_problem_in_words(
    db_of: DbOf, asked: DraftRoster, problem: str
) -> None:
    async with db_of("routing") as db:
        assert (await roster.draft_roster(asked, db))[
            "problem"
        ] == "no company file has been applied yet" or "100 days" in problem
        await handlers.apply_company(batch(company()), db)
        assert problem in (await roster.draft_roster(asked, db))["problem"]


@pytest.mark.rule("R1-08")
async def test_what_came_by_roster_is_counted_by_the_clock_of_the_office_whether_or_not_anybody_was_there(
    db_of: DbOf,
) -> None:
    ten, night = MONDAY + 10 * HOUR, MONDAY + 23 * HOUR + HOUR / 2
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[duty("vera", 0)])), db)
        call = lead("call", source=Source.INBOUND_CALL, received_at=ten - HOUR)
        listed = lead("listed", source=Source.EVENT, received_at=ten)
        regional = lead("regional", region="RU-SPE", received_at=ten)
        await handlers.assign_leads(batch(call, lead("site", received_at=ten), listed, regional, now=ten), db)
        await handlers.assign_leads(batch(lead("late", received_at=night), now=night), db)
        zones, span = {"msk": "Europe/Moscow", "kzn": "Asia/Almaty"}, (MONDAY, MONDAY + DAY)
        rows = await store.came_by_hour(db, zones, {"msk": span, "kzn": span})
        assert [(row["office"], row["day"], row["hour"], row["leads"]) for row in rows] == [
            ("msk", date(2026, 11, 30), hour, 1) for hour in (9, 10, 23)
        ]
        spb = await store.came_by_hour(db, {"spb": "Asia/Almaty"}, {"spb": span})
        assert [(row["hour"], row["leads"]) for row in spb] == [(12, 1)], (
            "of a region without a roster, by its own clock"
        )
