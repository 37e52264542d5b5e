"""The promise, as it can be counted: nothing lost, nothing twice, each history in order, poison alone, and all comes to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from shared.packs import Outgoing
    from tests.simulation.nats import Stream
    from tests.simulation.replica import Room
    from tests.simulation.world import World

LISTENERS = {"intake": ("routing",), "routing": ("process", "reminders")}


class Violation(AssertionError):
    """The promise was broken."""


def restless(world: World) -> str:
    """What is still on its way, in words; empty when all is at rest."""
    for source, listeners in LISTENERS.items():
        rows = world.rooms[source].base.rows
        for name, said in rows["sequences"].items():
            held = False
            for listener in listeners if not name.startswith("letter/") else ():
                applied, holder = world.rooms[listener].base.rows["watermarks"].get((source, name), (0, None))
                if holder is not None:
                    held = True
                elif applied < said:
                    return f"{listener} has applied {applied} of {said} in {name}"
            if name in rows["unheard"] and not held:
                return f"{source} does not know that all of {name} is heard"
    for room in world.rooms.values():
        if unsent := room.base.rows["unsent"]:
            return f"{room.name} has something unsent: {sorted(unsent)}"
        for row in room.base.rows["dead_letters"].values():
            mark = room.base.rows["watermarks"].get((row["source"], row["aggregate"]), (0, None))
            if row["state"] == "again" or (row["state"] == "waiting" and mark[1] is None):
                return f"letter {row['id']} of {room.name} is {row['state']}"
    for stream in world.streams.values():
        for durable, consumer in stream.consumers.items():
            if consumer.pending or consumer.unacked:
                return f"{durable} has {len(consumer.pending)} pending and {len(consumer.unacked)} unacked"
    return ""


def check_sent_again(stream: Stream, message: Outgoing) -> None:
    """What is sent again was lost, or met its listener at least once: never does it still wait there to be delivered.

    Beyond blame is what was committed after a mark had told about its place, and copies that the bus took in twice.
    """
    id, _, resends = message[2].get("Nats-Msg-Id", "").partition("/")
    if not resends:
        return
    waiting = [
        any(one.first and not one.tries and one.headers["ce-id"] == id for one in consumer.pending if one.payload)
        for consumer in stream.consumers_of(message[0])
    ]
    late = stream.world.rooms[message[2]["ce-source"].rpartition("/")[2]].base.late
    if waiting and all(waiting) and UUID(id) not in late:
        stream.world.waste.append(f"{message[2]['ce-subject']} {message[2]['ce-sequence']}")


def check_order(stream: Stream, message: Outgoing) -> None:
    """What is sent for the first time in the line of single wishes stands there in the order of its history.

    Beyond blame is what came after a message that the stream had no room for.
    """
    subject, _, headers = message
    name = headers.get("ce-subject", "")
    is_again = "/" in headers.get("Nats-Msg-Id", "")
    if not name or is_again or subject.startswith("evt.bulk.") or name in stream.world.refused:
        return
    history, number = (headers["ce-source"], name), int(headers["ce-sequence"])
    if number < stream.last.get(history, 0):
        stream.world.disorder.append(f"{name} {number} after {stream.last[history]}")
    stream.last[history] = number


def check_hold(world: World) -> None:
    """While poison is not mended: just its own dead letters, and just its own history waits behind it."""
    for name, room in world.rooms.items():
        held = set()
        for row in room.base.rows["dead_letters"].values():
            if row["state"] == "dead":
                if not _is_poison(_trouble_of(world, name, row), name):
                    raise Violation(f"{name}: a letter died that is no poison: {row['reason']}")
                if row["aggregate"]:
                    mark = room.base.rows["watermarks"][row["source"], row["aggregate"]]
                    if mark != (row["sequence"] - 1, row["id"]):
                        raise Violation(f"{name}: letter {row['id']} does not hold its history: {mark}")
                    held.add((row["source"], row["aggregate"]))
            elif row["state"] == "waiting" and not _waits_rightly(room, row):
                raise Violation(f"{name}: letter {row['id']} waits behind nothing")
        for key, mark in room.base.rows["watermarks"].items():
            if mark[1] is not None and key not in held:
                raise Violation(f"{name}: {key} is held by letter {mark[1]}, which is not dead")
    _check_announcements(world)


def _trouble_of(world: World, room: str, row: dict[str, Any]) -> str:
    if room == "intake":
        return next((wish.trouble for wish in world.wishes if wish.id == row["message_id"]), "")
    return str(row["payload"])


def _waits_rightly(room: Room, row: dict[str, Any]) -> bool:
    mark = room.base.rows["watermarks"][row["source"], row["aggregate"]]
    return mark[1] is not None and row["sequence"] > mark[0]


def _check_announcements(world: World) -> None:
    for name, room in world.rooms.items():
        told = Counter(
            row["aggregate"] for row in room.base.rows["outbox"].values() if row["type"].startswith("MessageDied")
        )
        for row in room.base.rows["dead_letters"].values():
            if row["state"] == "dead" and not told[f"letter/{name}/{row['id']}"]:
                raise Violation(f"{name}: letter {row['id']} died and nobody was told")


def check(world: World) -> None:
    """At the end: what was wished, once, in order, everywhere, and nothing else; and late was not taken for lost."""
    if world.waste:
        raise Violation(f"sent again while still on its way: {', '.join(world.waste)}")
    if world.disorder:
        raise Violation(f"sent out of order: {', '.join(world.disorder)}")
    for room in world.rooms.values():
        for replica in room.replicas:
            for task in replica.tasks:
                if task.done() and not replica.dead:
                    raise Violation(f"{room.name} {replica.number}: a task has ended: {task!r}")
    _check_announcements(world)
    closed = world.closed
    for room in world.rooms.values():
        for row in room.base.rows["dead_letters"].values():
            if row["state"] != "settled":
                raise Violation(f"{room.name}: letter {row['id']} is {row['state']} at the end")
    accepted = [wish for wish in world.wishes if ("intake", wish.id) not in closed]
    _same(world, "intake", [str(wish.number) for wish in accepted])
    said = _said(world, "intake", [name for wish in accepted for name in wish.names])
    went = _heard(world, "routing", "intake", [name for name, id in said if ("routing", id) not in closed])
    said = _said(world, "routing", went)
    for listener in LISTENERS["routing"]:
        _heard(world, listener, "routing", [name for name, id in said if (listener, id) not in closed])


def _same(world: World, room: str, names: list[str]) -> None:
    expected, got = Counter(names), Counter(name for _, name in world.rooms[room].base.effects)
    if expected != got:
        raise Violation(f"{room}: lost {dict(expected - got)}, twice or uncalled for {dict(got - expected)}")


def _said(world: World, room: str, names: list[str]) -> list[tuple[str, UUID]]:
    """Each effect has its event and each event its effect, numbered without gaps."""
    rows = [row for row in world.rooms[room].base.rows["outbox"].values() if not row["type"].startswith("Mess")]
    said = [(_name_in(row), row["message_id"]) for row in rows]
    if Counter(names) != Counter(name for name, _ in said):
        raise Violation(f"{room} said {sorted(said)} and should have said {sorted(names)}")
    histories: dict[str, list[int]] = {}
    for row in rows:
        histories.setdefault(row["aggregate"], []).append(row["sequence"])
    for name, numbers in histories.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            raise Violation(f"{room}: {name} is numbered {sorted(numbers)}")
    return said


def _heard(world: World, room: str, source: str, names: list[str]) -> list[str]:
    """Each event was applied once, and each aggregate's in their order."""
    _same(world, room, names)
    order = {row["message_id"]: row for row in world.rooms[source].base.rows["outbox"].values()}
    last: dict[str, int] = {}
    for id, name in world.rooms[room].base.effects:
        row = order[id]
        if row["sequence"] <= last.get(row["aggregate"], 0):
            raise Violation(f"{room}: {name} was applied after {last[row['aggregate']]} of {row['aggregate']}")
        last[row["aggregate"]] = row["sequence"]
    return names


def _is_poison(trouble: str, room: str) -> bool:
    return f"{room} unfit" in trouble or f"{room} bug" in trouble


def _name_in(row: Mapping[str, Any]) -> str:
    return str(row["payload"]).partition('"name":"')[2].partition('"')[0]
