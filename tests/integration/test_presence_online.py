"""Presence as it is said on the bus: the room decides as a replay of the same words does, whatever order they come in."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import handlers, presence, store
from services.routing.offline import Arrival, Said, replay
from services.routing.rules.case import Client, Lead
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import BUSY_FOR, Presence
from shared.commands import SetPresence
from shared.database import fetch
from shared.events import PresenceRefused, PresenceSaid
from shared.message import Batch, Heard, NotYet
from shared.questions import ListPresence
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, away, batch, company, lead, only, said_of, shift, uid

MINUTE = timedelta(minutes=1)
CALL = Source.INBOUND_CALL


def word(staff: str, state: str, **more: Any) -> SetPresence:
    return SetPresence.model_validate({"staff": staff, "state": state, **more})


async def say(db: AsyncConnection, *words: SetPresence, now: datetime = NOW, of: str = "") -> list[PresenceSaid]:
    return said_of(await presence.set_presence(batch(*words, now=now, of=of or repr(words)), db), PresenceSaid)


@pytest.mark.rule("R1-23")
@pytest.mark.rule("R1-24")
async def test_the_duty_manager_serves_while_the_named_one_is_busy_and_he_himself_once_he_is_free(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await say(db, word("vera", "busy", by="telephony"))
        busy = only(await handlers.assign_leads(batch(lead("a", source=CALL, named_manager="vera")), db))
        assert (busy.rule, busy.manager, busy.told) == ("R1-23", "anna", ["vera"])
        curators = await fetch(db, "select curator from clients where client_id = $1", busy.client_id)
        assert [row["curator"] for row in curators] == [None], "who only serves a call is no curator"
        await say(db, word("vera", "free", by="telephony"), now=NOW + MINUTE)
        free = lead("b", source=CALL, named_manager="vera")
        assert only(await handlers.assign_leads(batch(free, now=NOW + MINUTE), db)).rule == "R1-10"


@pytest.mark.rule("R1-24")
async def test_a_lost_free_blocks_nobody_for_ever(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        [said] = await say(db, word("vera", "busy", by="telephony"))
        assert said.until == NOW + BUSY_FOR
        later = NOW + BUSY_FOR
        call = lead("a", source=CALL, named_manager="vera")
        assert only(await handlers.assign_leads(batch(call, now=later), db)).manager == "vera"


@pytest.mark.rule("R1-24")
async def test_a_word_that_comes_late_is_kept_and_does_not_hold(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await say(db, word("vera", "busy", at=NOW - MINUTE))
        [late] = await say(db, word("vera", "busy", at=NOW - 9 * MINUTE, until=NOW + 99 * MINUTE))
        assert not late.is_newest
        await say(db, word("vera", "free", at=NOW - 5 * MINUTE))
        [vera] = [one for one in (await presence.list_presence(ListPresence(), db))["staff"] if one["id"] == "vera"]
        kept = await fetch(db, "select word, at from presence_said order by at")
        assert [row["word"] for row in kept] == ["busy", "free", "busy"]
    field = await seen(db_of, NOW)
    assert field["vera"] == {"reason": "busy", "until": (NOW - MINUTE + BUSY_FOR).isoformat()}
    assert vera["by"] is None


async def seen(db_of: DbOf, at: datetime) -> dict[str, Any]:
    """Who is away at a moment, as the rules are given it."""
    async with db_of("routing") as db:
        field = await store.field_of_play(db, at)
        assert field is not None
        return {person["id"]: person["away"] for person in field.as_json()["people"]}


async def test_what_cannot_be_said_is_refused_and_its_neighbours_are_kept(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        with pytest.raises(NotYet, match="no company file"):
            await say(db, word("anna", "busy"))
        await handlers.apply_company(batch(company()), db)
        wishes = batch(word("nobody", "busy"), word("anna", "busy"), word("boris", "absent", at=NOW + 9 * MINUTE))
        said = await presence.set_presence(wishes, db)
        assert [refused.staff_id for refused in said_of(said, PresenceRefused)] == ["nobody", "boris"]
        assert [kept.staff_id for kept in said_of(said, PresenceSaid)] == ["anna"]
        assert [row["staff_id"] for row in await fetch(db, "select staff_id from presence")] == ["anna"]


@pytest.mark.rule("R1-24")
async def test_it_is_shown_who_is_here_and_since_when(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        moment = (await fetch(db, "select clock_timestamp() as now"))[0]["now"]
        file = company(duty=[shift("anna", at=moment)], absences=[])
        await handlers.apply_company(batch(file, now=moment), db)
        await say(db, word("boris", "absent", reason="sick", by="head_msk"), now=moment)
        await say(db, word("sofia", "off_shift"), now=moment)
        shown = {one["id"]: one for one in (await presence.list_presence(ListPresence(), db))["staff"]}
    assert {who: shown[who]["state"] for who in ("anna", "boris", "vera", "sofia", "stepan")} == {
        "anna": "available",
        "boris": "absent",
        "vera": "off_shift",
        "sofia": "off_shift",
        "stepan": "available",
    }
    assert (shown["boris"]["reason"], shown["boris"]["by"], shown["boris"]["until"]) == ("sick", "head_msk", None)
    assert shown["anna"]["on_duty"]


@pytest.mark.rule("R1-24")
@pytest.mark.parametrize("seed", range(8))
async def test_words_in_any_order_and_number_make_the_field_that_a_replay_of_them_makes(db_of: DbOf, seed: int) -> None:
    chance = Random(seed)
    file = company(absences=[away("vera"), {**away("sofia"), "reason": "busy"}])
    words = []
    for n in range(40):
        state = chance.choice(["absent", "back", "busy", "free"])
        at = NOW - timedelta(seconds=60 * n + chance.randrange(60))
        until = at + chance.choice([5, 30, 500]) * MINUTE if state in ("absent", "busy") and n % 3 else None
        words.append(word(chance.choice(["anna", "boris", "vera", "sofia"]), state, at=at, until=until))
    expected = Presence()
    for one in sorted(words, key=lambda one: one.at or NOW):
        until = one.until or ((one.at or NOW) + BUSY_FOR if one.state == "busy" else None)
        expected.say(one.state, one.staff, one.at or NOW, until)  # type: ignore[arg-type]  # no one goes off shift
    chance.shuffle(words)
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        while words:
            some = [words.pop() for _ in range(min(len(words), chance.randrange(1, 6)))]
            await say(db, *some)
        for moment in (NOW, NOW + 20 * MINUTE, NOW + 200 * MINUTE, NOW + 5000 * MINUTE):
            there = await store.field_of_play(db, moment)
            assert there is not None
            assert there.as_json() == Calendar(file).field_at(moment, expected).as_json()


@pytest.mark.rule("R1-24")
@pytest.mark.rule("R1-23")
@pytest.mark.parametrize("seed", range(5))
async def test_the_room_gives_each_lead_to_whom_a_replay_of_the_same_day_gives_it(db_of: DbOf, seed: int) -> None:
    """The same arrivals and the same words, once as the room hears them and once as the command that needs no servers."""
    chance = Random(seed)
    file = company()
    offline: list[Arrival | Said] = []
    online: list[str] = []
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        for n in range(60):
            at = NOW + n * MINUTE
            if chance.random() < 0.4:
                who, state = (
                    chance.choice(["anna", "boris", "vera", "sofia"]),
                    chance.choice(["busy", "free", "absent"]),
                )
                state = "back" if state == "absent" and chance.random() < 0.5 else state
                until = None if state in ("free", "back") else at + chance.choice([3, 10, 25]) * MINUTE
                await say(db, word(who, state, until=until), now=at, of=f"{n}")
                offline.append(Said(n, at, state, who, until))  # type: ignore[arg-type]  # a state of four
                continue
            source = chance.choice([CALL, Source.WEBSITE])
            more: dict[str, Any] = {"region": chance.choice(["RU-MOW", "RU-SPE"]), "source": source}
            if source is CALL:
                more["named_manager"] = chance.choice([None, "vera", "anna", "sofia"])
            one = lead(f"{n}", **more)
            made = only(await handlers.assign_leads(Batch([Heard(uid(f"{n}"), uid("c"), message=one, at=at)], at), db))
            online.append(f"{n} {made.manager} {made.rule} {made.queue} {made.told}")
            named = more.get("named_manager")
            asked = Lead(one.lead_id, one.client_id, source, more["region"], named=named)
            offline.append(Arrival(n, at, n, asked, Client(one.client_id)))
    assert online == [
        f"{arrival.number} {made.receiver} {made.rule} {made.queue} {list(made.told)}"
        for arrival, made in replay(file, offline)
    ]
