"""Calendars that people subscribe to: read by whoever has the address, as little of clients as can be, and revoked at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from estafeta.feeds import new_token
from services.routing import feeds, handlers, roster, store
from services.routing.http.door import Door
from shared.clock import host_now
from shared.commands import EnterRoster, OpenFeed, RevokeFeed
from shared.database import engine_for, execute
from shared.events import FeedOpened, FeedRefused, FeedRevoked, LeadAccepted
from shared.questions import ListFeeds
from shared.web.pace import Pace
from shared.words import Source
from tests.conftest import url_of
from tests.integration.routing_house import DbOf, batch, company, lead, managers, said_of, shift

NOW = host_now().replace(minute=0, second=0, microsecond=0)
"""The door asks the clock of the database, so shifts stand around today."""
MEETING = (NOW + timedelta(days=2)).replace(hour=9)


class Ground:
    """A door before a routing room of its own."""

    def __init__(self, database: URL, db_of: DbOf) -> None:
        self.db_of, self.ticks = db_of, 0.0
        self.engine = engine_for(url_of(database, "routing"), "routing", pool_size=1, only_reads=True)
        door = Door(self.engine, pace=Pace(lambda: self.ticks))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=door.app()), base_url="http://door")

    async def opened(self, **wish: Any) -> tuple[str, Any]:
        token, token_hash = new_token()
        async with self.db_of("routing") as db:
            said = await feeds.open_feeds(batch(OpenFeed(token_hash=token_hash, **wish), now=NOW, of=token), db)
        (one,) = said
        return f"/v1/calendars/{token}.ics", one.event

    async def read(self, path: str, tag: str = "") -> httpx.Response:
        return await self.http.get(path, headers={"If-None-Match": tag} if tag else {})


@pytest.fixture
async def ground(database: URL, db_of: DbOf) -> AsyncIterator[Ground]:
    one = Ground(database, db_of)
    on_duty = [shift("anna", at=NOW), shift("boris", at=NOW), shift("anna", at=NOW + timedelta(days=1))]
    hours = [{**office.model_dump(), "hours": "Mon-Sun 00:00-24:00"} for office in company().offices]
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=on_duty, offices=hours), now=NOW), db)
    yield one
    await one.http.aclose()
    await one.engine.dispose()


def meeting(name: str, at: datetime = MEETING) -> LeadAccepted:
    agreed = {"at": at, "until": at + timedelta(hours=1), "place": "theirs"}
    kept = {"contact": "Тихомирова Инна", "phone": "+7 846 201-30-40", "email": "inna@frezer.ru"}
    return lead(name, source=Source.AGENT, submitter="agata", meeting=agreed, company="ООО «Фрезер»", **kept)


def events(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(answer.content).walk("VEVENT"))


@pytest.mark.rule("R1-44")
async def test_an_office_shows_who_is_on_duty_and_whoever_has_it_is_told_that_nothing_changed(ground: Ground) -> None:
    path, _ = await ground.opened(office="msk", lang="en")
    answer = await ground.read(path)
    found = events(answer)
    assert [str(one["SUMMARY"]) for one in found] == [f"On duty: Name of {who}" for who in ("anna", "boris", "anna")]
    assert found[0]["DTSTART"].dt == shift("anna", at=NOW)["starts_at"]
    calendar: Any = Calendar.from_ical(answer.content)
    assert (calendar["X-WR-TIMEZONE"], calendar["X-PUBLISHED-TTL"]) == ("Europe/Moscow", "PT30M")
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(minutes=30)
    tag = answer.headers["etag"]
    for said in (tag, f'"another", W/{tag}'):
        again = await ground.read(path, said)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    # a shift that goes and comes back is the same event, changed
    whole = EnterRoster(office="msk", since=NOW - timedelta(days=1), until=NOW + timedelta(days=9), shifts=[])
    entered = [{**shift("vera", at=NOW + timedelta(days=3)), "office": "msk"}]
    seen = []
    for nth, shifts in enumerate((entered, [], entered)):
        async with ground.db_of("routing") as db:
            wish = EnterRoster.model_validate({**whole.model_dump(), "shifts": shifts})
            await roster.enter_rosters(batch(wish, now=NOW + timedelta(minutes=nth), of=str(nth)), db)
        seen.append([one for one in events(await ground.read(path)) if one["X-ESTAFETA-STAFF"] == "vera"])
    (first,), gone, (back,) = seen
    assert gone == []
    assert (back["UID"], back["SEQUENCE"] - first["SEQUENCE"]) == (first["UID"], 1)
    assert back["LAST-MODIFIED"].dt == NOW + timedelta(minutes=2)


@pytest.mark.rule("R2-10")
async def test_ones_own_calendar_names_the_company_he_meets_and_nothing_more_of_the_client(ground: Ground) -> None:
    async with ground.db_of("routing") as db:
        (holder,) = managers(await handlers.assign_leads(batch(meeting("one"), now=NOW), db))
    own, _ = await ground.opened(staff=holder)
    answer = await ground.read(own)
    (met,) = (one for one in events(answer) if str(one["SUMMARY"]) == "Встреча: ООО «Фрезер»")
    assert (met["DTSTART"].dt, met["SEQUENCE"], str(met["LOCATION"])) == (MEETING, 0, "у клиента")
    secret = ("Тихомирова", "201-30", "frezer.ru")
    assert not [word for word in secret if word in Calendar.from_ical(answer.content).to_ical().decode()]
    others = {who: (await ground.opened(staff=who))[0] for who in ("sofia", "agata")}
    shown = [await ground.read(path) for path in (*others.values(), (await ground.opened(office="msk"))[0])]
    assert all("Встреча" not in one.text for one in shown), "whoever does not meet him does not learn of him"
    # the client is another's now, and so is the meeting
    async with ground.db_of("routing") as db:
        await execute(db, "update clients set given_to = 'sofia', curator = 'sofia'")
    assert "Встреча" in (await ground.read(others["sofia"])).text
    assert "Встреча" not in (await ground.read(own)).text


@pytest.mark.rule("R2-23")
async def test_an_address_answers_until_it_is_revoked_or_its_owner_has_left_and_a_guess_never(ground: Ground) -> None:
    path, made = await ground.opened(staff="sofia", by="head_spb")
    assert (await ground.read(path)).status_code == 200
    for wrong in (path.replace("cal_", "cal_x")[: len(path)], "/v1/calendars/x.ics", f"{path[:-5]}.ics"):
        answer = await ground.read(wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await ground.http.post(path)).status_code == 405
    async with ground.db_of("routing") as db:
        stranger = batch(RevokeFeed(feed_id=made.feed_id, by="anna"), now=NOW)
        assert said_of(await feeds.revoke_feeds(stranger, db), FeedRefused)
    assert (await ground.read(path)).status_code == 200
    async with ground.db_of("routing") as db:
        said = await feeds.revoke_feeds(batch(RevokeFeed(feed_id=made.feed_id, by="sofia"), now=NOW), db)
        assert said_of(said, FeedRevoked)
        listed = (await feeds.list_feeds(ListFeeds(), db), await feeds.list_feeds(ListFeeds(revoked=True), db))
    assert [len(one["feeds"]) for one in listed] == [0, 1]
    assert "hash" not in str(listed)
    assert (await ground.read(path)).status_code == 410
    another, _ = await ground.opened(staff="stepan")
    async with ground.db_of("routing") as db:
        await store.retire_person(db, "stepan", NOW)
    assert (await ground.read(another)).status_code == 410


async def test_a_calendar_is_for_its_owner_his_heads_and_his_office(ground: Ground) -> None:
    kinds = {
        "sofia's, by herself": {"staff": "sofia", "by": "sofia"},
        "sofia's, by the head of sales": {"staff": "sofia", "by": "boss"},
        "the roster, by one of the office": {"office": "msk", "by": "vera"},
        "sofia's, by a colleague": {"staff": "sofia", "by": "stepan"},
        "the roster, by another office": {"office": "msk", "by": "sofia"},
        "of nobody": {},
        "of both": {"staff": "anna", "office": "msk"},
        "of a stranger": {"staff": "zoya"},
    }
    opened = {name for name, wish in kinds.items() if isinstance((await ground.opened(**wish))[1], FeedOpened)}
    assert opened == set(list(kinds)[:3])


async def test_the_door_cannot_write_and_lets_nobody_in_too_often(ground: Ground) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with ground.engine.begin() as db:
            await db.exec_driver_sql("delete from feeds")
    path, _ = await ground.opened(office="msk")
    answers = [await ground.read(path) for _ in range(13)]
    assert [one.status_code for one in answers] == [200] * 12 + [429]
    assert int(answers[-1].headers["retry-after"]) <= 10
    other, _ = await ground.opened(office="spb")
    assert (await ground.read(other)).status_code == 200
