"""The company file on a real database: applied whole or not at all, and only what changes is said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.routing import answers, handlers
from shared.commands import ApplyCompany
from shared.database import fetch
from shared.events import (
    ClientRegistered,
    CompanyApplied,
    CompanyRefused,
    OfficeChanged,
    ProcessOpened,
    StaffChanged,
)
from shared.questions import ListStaff
from shared.words import Function, Source
from tests.integration.routing_house import NOW, DbOf, away, batch, company, person, said_of, shift, uid, without


async def test_a_new_company_is_told_to_everybody(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(company()), db)
    offices = {event.office_id: event for event in said_of(said, OfficeChanged)}
    assert {key: office.head for key, office in offices.items()} == {
        "msk": "head_msk",
        "spb": "head_spb",
        "kzn": "head_kzn",
    }
    people = {event.staff_id: event for event in said_of(said, StaffChanged)}
    assert len(people) == 12
    assert people["agata"].function is Function.AGENT
    (applied,) = said_of(said, CompanyApplied)
    assert (applied.offices, applied.staff, applied.duty, applied.absences) == (3, 12, 2, 0)
    assert applied.warnings == ["office kzn serves RU-TA and has nobody with function sales"]
    assert isinstance(said[-1].event, CompanyApplied)


async def test_applying_the_same_file_twice_changes_nothing(db_of: DbOf) -> None:
    file = company(absences=[away("vera")])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(file, now=NOW + timedelta(hours=1)), db)
        assert [type(saying.event) for saying in said] == [CompanyApplied]
        (applied,) = said_of(said, CompanyApplied)
        assert (applied.offices, applied.staff, applied.duty, applied.absences) == (0, 0, 0, 0)
        shown = await answers.list_staff(ListStaff(), db)
        assert (shown["company"]["version"], shown["company"]["applied_at"]) == (1, NOW)


async def test_two_files_in_one_batch_are_applied_in_order(db_of: DbOf) -> None:
    first = company()
    second = first.model_copy(update={"staff": [*first.staff[:-1]]})
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(first, second), db)
    assert [(a.staff, a.offices) for a in said_of(said, CompanyApplied)] == [(12, 3), (1, 1)]
    assert said_of(said, StaffChanged)[-1] == StaffChanged(
        staff_id="head_kzn", name="Name of head_kzn", office_id="kzn", function=Function.HEAD, active=False
    )
    assert said_of(said, OfficeChanged)[-1].head is None


async def test_what_is_no_longer_named_is_retired_and_can_come_back(db_of: DbOf) -> None:
    whole = company(absences=[away("vera")])
    small = whole.model_copy(
        update={
            "staff": without(whole.staff, "boris"),
            "offices": whole.offices,
            "duty": [entry for entry in whole.duty if entry.staff != "boris"],
            "absences": [],
        }
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(whole), db)
        said = await handlers.apply_company(batch(small), db)
        (applied,) = said_of(said, CompanyApplied)
        assert (applied.offices, applied.staff, applied.duty, applied.absences) == (0, 1, 1, 1)
        assert [(e.staff_id, e.active) for e in said_of(said, StaffChanged)] == [("boris", False)]
        kept = await fetch(db, "select retired_at from staff where id = 'boris'")
        assert kept[0]["retired_at"] == NOW
        said = await handlers.apply_company(batch(whole), db)
        assert [(e.staff_id, e.active) for e in said_of(said, StaffChanged)] == [("boris", True)]
        (applied,) = said_of(said, CompanyApplied)
        assert (applied.staff, applied.duty, applied.absences) == (1, 1, 1)


async def test_a_region_may_move_from_one_office_to_another(db_of: DbOf) -> None:
    before = company()
    msk, spb, kzn = before.offices
    after = before.model_copy(
        update={
            "offices": [
                msk.model_copy(update={"regions": ["RU-MOW"]}),
                spb.model_copy(update={"regions": [*spb.regions, "RU-MOS"]}),
                kzn,
            ]
        }
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(before), db)
        said = await handlers.apply_company(batch(after), db)
        (applied,) = said_of(said, CompanyApplied)
        assert applied.offices == 2
        assert not said_of(said, OfficeChanged), "other rooms do not know of regions"
        shown = {o["id"]: o["regions"] for o in (await answers.list_staff(ListStaff(), db))["offices"]}
        assert shown["spb"] == ["BY", "RU-MOS", "RU-SPE"]


@pytest.mark.parametrize(
    ("changed", "field", "problem"),
    [
        ({"staff": [person("x", "tula"), person("b", function="director")]}, "staff[0].office", "'tula'"),
        (
            {"staff": [person("x"), person("x"), person("b", function="director")], "duty": []},
            "staff[1].id",
            "staff[0] already",
        ),
        ({"duty": [shift("nobody")]}, "duty[0].staff", "'nobody'"),
        ({"duty": [shift("anna", "tula")]}, "duty[0].office", "'tula'"),
        (
            {"duty": [{"office": "msk", "staff": "anna", "starts_at": NOW, "ends_at": NOW}]},
            "duty[0].to",
            "ends before it begins",
        ),
        ({"absences": [away("nobody")]}, "absences[0].staff", "'nobody'"),
        ({"absences": [away("anna", days=-5)]}, "absences[0].to", "ends before it begins"),
        ({"home_region": "RU-NVS"}, "home_region", "no office serves"),
        ({"staff": [person("anna"), person("boris")]}, "staff", "nobody answers"),
        ({"time_zone": "Europe/Moskva"}, "time_zone", "Europe/Moskva"),
        ({"offices": [], "staff": [], "duty": []}, "offices", "there is no office"),
        (
            {"staff": [person("anna", weight=0.0001), person("boris"), person("b", function="director")]},
            "staff[0].weight",
            "finer than a thousandth",
        ),
    ],
)
async def test_a_file_that_contradicts_itself_is_refused_with_the_field_and_the_remedy(
    db_of: DbOf, changed: dict[str, object], field: str, problem: str
) -> None:
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(company(**changed)), db)
        assert [type(saying.event) for saying in said] == [CompanyRefused]
        faults = {fault.field: fault for fault in said_of(said, CompanyRefused)[0].faults}
        assert problem in faults[field].problem
        assert faults[field].remedy
        assert (await answers.list_staff(ListStaff(), db))["company"] is None


async def test_every_fault_is_named_at_once_and_nothing_of_the_file_is_applied(db_of: DbOf) -> None:
    offices = [
        {"id": "msk", "name": "Москва", "regions": ["RU-MOW"], "time_zone": "Europe/Moscow"},
        {"id": "spb", "name": "СПб", "regions": ["RU-MOW"], "time_zone": "Mars", "hours": "always"},
    ]
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        said = await handlers.apply_company(batch(company(offices=offices, duty=[shift("x"), shift("y")])), db)
        fields = [fault.field for fault in said_of(said, CompanyRefused)[0].faults]
        assert fields == [
            "offices[1].regions",
            "offices[1].time_zone",
            "offices[1].hours",
            "staff[11].office",
            "duty[0].staff",
            "duty[1].staff",
        ]
        shown = await answers.list_staff(ListStaff(), db)
        assert shown["company"]["version"] == 1
        assert [o["id"] for o in shown["offices"] if o["active"]] == ["kzn", "msk", "spb"]


async def test_what_deserves_a_look_is_a_warning_and_no_fault(db_of: DbOf) -> None:
    file = company(
        staff=[
            person("anna"),
            person("anna2") | {"name": "Name of anna"},
            person("h1", function="head"),
            person("h2", function="head"),
        ],
        duty=[shift("h1", "spb")],
    )
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(file), db)
    warnings = "\n".join(said_of(said, CompanyApplied)[0].warnings)
    for piece in (
        "office msk has 2 heads (h1, h2): h1 answers",
        "office spb has no head",
        "office spb serves RU-SPE, BY and has nobody with function sales",
        "home office msk has no duty roster",
        "there is no head_of_sales",
        "h1 is on the duty roster with function head",
        "'Name of anna' is the name of several people",
    ):
        assert piece in warnings


async def test_shifts_given_twice_are_one_shift(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        said = await handlers.apply_company(batch(company(duty=[shift("anna"), shift("anna")])), db)
    (applied,) = said_of(said, CompanyApplied)
    assert applied.duty == 1
    assert "1 entries of duty are given more than once; once is enough" in applied.warnings


async def test_a_curator_nobody_knows_is_kept_as_named_and_found_when_a_file_knows_him(db_of: DbOf) -> None:
    cards = [
        ClientRegistered(client_id=uid("a"), name="А", region="RU-MOW", curator="Новиков  Пётр"),
        ClientRegistered(client_id=uid("b"), name="Б", region="RU-MOW", curator="name OF vera"),
        ClientRegistered(client_id=uid("c"), name="В", region="unknown", curator="gleb"),
        ClientRegistered(client_id=uid("d"), name="Г", region="RU-MOW"),
    ]
    async with db_of("routing") as db:
        await handlers.learn_clients(batch(*cards), db)
        said = await handlers.apply_company(batch(company()), db)
        assert (
            "curators who are not in the directory, with the number of their clients: Новиков  Пётр (1)"
            in said_of(said, CompanyApplied)[0].warnings
        )
        rows = await fetch(db, "select client_id, curator from clients")
        assert {r["client_id"]: r["curator"] for r in rows} == {
            uid("a"): None,
            uid("b"): "vera",
            uid("c"): "gleb",
            uid("d"): None,
        }
        shown = await answers.list_staff(ListStaff(), db)
        assert shown["unknown_curators"] == [{"name": "Новиков  Пётр", "clients": 1}]
        grown = company()
        grown = ApplyCompany.model_validate(
            {
                **grown.model_dump(),
                "staff": [*grown.model_dump()["staff"], person("novikov") | {"name": "НОВИКОВ Петр"}],
            }
        )
        await handlers.apply_company(batch(grown), db)
        rows = await fetch(db, "select curator from clients where client_id = $1", uid("a"))
        assert rows[0]["curator"] == "novikov"


async def test_open_sales_of_one_who_left_are_named_in_a_warning(db_of: DbOf) -> None:
    whole = company()
    opened = ProcessOpened(
        process_id=uid("p"), client_id=uid("c"), lead_id=uid("l"), manager="vera", office_id="msk", source=Source.EVENT
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(whole), db)
        await handlers.note_opened(batch(opened), db)
        said = await handlers.apply_company(batch(whole.model_copy(update={"staff": without(whole.staff, "vera")})), db)
    assert "vera has left with 1 open sales: hand them over" in said_of(said, CompanyApplied)[0].warnings
