"""Events of a list go in packs: none is lost, each history stays in order, and a pack is settled when all of it is."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg

from shared.bus import Bus
from shared.letter import letters_of
from shared.packs import CONTENT_TYPE, MOST_BYTES, MOST_EVENTS, Outgoing, Pack, Unreadable, in_packs, unpacked
from shared.settings import Settings

SPACE = UUID("7c4cfb5c-1d2f-5d60-8a65-3f4a41c1a001")
LIST, OTHER, SINGLE = "evt.bulk.process.task.set", "evt.bulk.process.task.closed", "evt.process.task.set"


def event(number: int, aggregate: str, subject: str = LIST, size: int = 20) -> Outgoing:
    id = str(uuid5(SPACE, str(number)))
    headers = {f"ce-{name}": id for name in ("id", "correlation", "causation")}
    headers |= {"ce-type": "TaskSet.v1", "ce-source": "/estafeta/process", "ce-time": "2026-11-22T08:00:00+00:00"}
    headers |= {"ce-specversion": "1.0", "ce-subject": aggregate, "ce-sequence": str(number), "Nats-Msg-Id": id}
    return subject, b'{"note": "%b"}' % ("я" * size).encode(), headers


def opened(batch: list[Outgoing]) -> list[Outgoing]:
    found: list[Outgoing] = []
    for subject, payload, headers in batch:
        if headers.get("content-type") == CONTENT_TYPE:
            found += [(subject, one, dict(more)) for one, more in unpacked(payload)]
        else:
            found.append((subject, payload, {name: text for name, text in headers.items() if name != "Nats-Msg-Id"}))
    return found


@given(
    st.lists(
        st.tuples(st.sampled_from([LIST, OTHER, SINGLE]), st.sampled_from("abcd"), st.integers(1, 40_000)), max_size=60
    )
)
def test_packs_hold_every_event_once_and_each_history_in_its_order(told: list[tuple[str, str, int]]) -> None:
    batch = [
        event(n, f"tasks/{name}-{subject == SINGLE}", subject, size) for n, (subject, name, size) in enumerate(told)
    ]
    packed = in_packs(batch)
    found = opened(packed)
    plain = [(s, p, {k: v for k, v in h.items() if k != "Nats-Msg-Id"}) for s, p, h in batch]
    assert sorted(found, key=lambda one: int(one[2]["ce-sequence"])) == plain
    histories: dict[str, list[int]] = defaultdict(list)
    for _, _, headers in found:
        histories[headers["ce-subject"]].append(int(headers["ce-sequence"]))
    assert all(numbers == sorted(numbers) for numbers in histories.values())
    for subject, payload, _ in packed:
        assert subject == SINGLE or len(payload) < 2 * MOST_BYTES


def test_a_list_of_five_hundred_is_a_few_messages_and_a_single_event_stays_as_it_is() -> None:
    batch = [event(n, f"tasks/{n}") for n in range(500)]
    packed = in_packs([*batch, event(501, "tasks/x", OTHER), event(502, "tasks/y", SINGLE)])
    assert sorted(len(opened([one])) for one in packed) == sorted([MOST_EVENTS, MOST_EVENTS, 100, 1, 1])
    assert event(501, "tasks/x", OTHER) in packed
    assert in_packs(batch) == in_packs(batch), "sent again after a crash it has the same id, and is stored once"
    again = {headers["Nats-Msg-Id"] for _, _, headers in in_packs(batch[1:])}
    assert not again & {headers["Nats-Msg-Id"] for _, _, headers in in_packs(batch)}


def test_a_list_whose_clients_each_bring_two_kinds_of_event_is_as_few_messages() -> None:
    kinds = [(LIST, OTHER), (OTHER, LIST)]
    batch = [event(2 * n + k, f"tasks/{n}", kinds[n // 75][k]) for n in range(150) for k in (0, 1)]
    packed = in_packs(batch)
    assert len(packed) == len(kinds) * 2
    first_at: dict[tuple[str, str], int] = {}
    for place, (_, _, headers) in enumerate(opened(packed)):
        first_at[headers["ce-subject"], headers["ce-sequence"]] = place
    assert all(first_at[f"tasks/{n}", str(2 * n)] < first_at[f"tasks/{n}", str(2 * n + 1)] for n in range(150))


def test_what_is_no_pack_is_said_to_be_unreadable() -> None:
    for wrong in (b"", b"[]x", b'[{"id": "1"}]', b'{"id": "1"}'):
        with pytest.raises(Unreadable):
            list(unpacked(wrong))


class Wire:
    """A client that writes down what is sent."""

    is_connected = True

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send_frames(self, frames: Any) -> None:
        self.sent += [("ack", frame.split(b" ")[1].decode()) for frame in frames]

    async def publish(self, subject: str, payload: bytes) -> None:
        self.sent.append((payload.decode().split(" ")[0], subject))


def arrived(message: Outgoing, number: int) -> list[Any]:
    subject, payload, headers = message
    reply = f"$JS.ACK.EVENTS.d.2.{number}.1.1.0"
    wire: Any = None
    return letters_of(Msg(wire, subject, reply, payload, headers))


@pytest.fixture
def wired() -> tuple[Bus, Wire]:
    bus, wire = Bus(Settings(), "test"), Wire()
    bus._nc = wire  # type: ignore[assignment]  # stands in for the client, and only here
    return bus, wire


async def test_a_pack_is_acknowledged_when_all_of_it_is_settled(wired: tuple[Bus, Wire]) -> None:
    bus, wire = wired
    [message] = in_packs([event(n, f"tasks/{n}") for n in range(3)])
    letters = arrived(message, 7)
    assert [letter.sequence for letter in letters] == [0, 1, 2]
    assert {letter.tries for letter in letters} == {2}
    await bus.ack(letters[:2])
    assert wire.sent == []
    await bus.ack(letters[2:])
    assert wire.sent == [("ack", letters[0].reply)]


async def test_a_pack_of_which_something_shall_come_again_comes_again_once(wired: tuple[Bus, Wire]) -> None:
    bus, wire = wired
    [message] = in_packs([event(n, f"tasks/{n}") for n in range(4)])
    letters = arrived(message, 8)
    await bus.ack(letters[:2])
    await bus.later(letters[2], 0.2)
    await bus.later(letters[3], 5)
    assert wire.sent == [("-NAK", letters[0].reply)]


def test_a_pack_that_cannot_be_read_is_one_letter_that_names_nothing() -> None:
    for broken in (b"[{", b"[]"):
        [letter] = arrived((LIST, broken, {"content-type": CONTENT_TYPE}), 9)
        assert (letter.payload, letter.sequence, letter.aggregate, letter.pack) == (broken, 0, "", None)
    assert Pack(1).is_returned is False
