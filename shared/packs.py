"""Events of a list as they travel: many in one message, as a batch of CloudEvents in JSON.

A message costs the broker and each listener about the same however much it holds.
The events of a pack are settled one by one as ever; the message that carried them is done with when all of them are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from shared.message import is_in_bulk

Outgoing = tuple[str, bytes, dict[str, str]]
"""Subject, payload and headers of a message."""
CONTENT_TYPE = "application/cloudevents-batch+json"
MOST_EVENTS, MOST_BYTES = 200, 200_000


_ATTRIBUTES = ("specversion", "id", "type", "source", "time", "subject", "sequence", "correlation", "causation")
_Event: Any = msgspec.defstruct(
    "_Event",
    [*((name, str) for name in _ATTRIBUTES), ("data", msgspec.Raw), ("traceparent", str, "")],
    omit_defaults=True,
)
_decoder = msgspec.json.Decoder(list[_Event])


class Unreadable(ValueError):
    """What says that it is a pack cannot be read as one."""


@dataclass(slots=True)
class Pack:
    """The message that carried several events: how many of them are not settled yet."""

    open: int
    is_returned: bool = False


def in_packs(batch: Iterable[Outgoing]) -> list[Outgoing]:
    """`batch` with the events of lists packed by subject; each aggregate's events stay in their order.

    What an aggregate says on another subject than before goes into a later round of packs, so that a list of which each
    client brings two kinds of event is two packs and not two a client.
    """
    packed: list[Outgoing] = []
    rounds: dict[tuple[int, str], list[Outgoing]] = {}
    stands: dict[str, tuple[int, str]] = {}
    for message in batch:
        subject, _, headers = message
        if not is_in_bulk(subject):
            packed.append(message)  # in a line of its own, where nothing waits for what is packed
            continue
        nth, before = stands.get(headers["ce-subject"], (0, subject))
        place = stands[headers["ce-subject"]] = (nth + (before != subject), subject)
        rounds.setdefault(place, []).append(message)
    for place in sorted(rounds):
        pack: list[Outgoing] = []
        size = 0
        for message in rounds[place]:
            if pack and (len(pack) == MOST_EVENTS or size + len(message[1]) > MOST_BYTES):
                packed.append(_packed(pack))
                pack, size = [], 0
            pack.append(message)
            size += len(message[1])
        packed.append(_packed(pack))
    return packed


def _packed(events: Sequence[Outgoing]) -> Outgoing:
    if len(events) == 1:
        return events[0]
    # The same events make the same id, so that a batch that is sent again after a crash is stored once.
    names = "".join(headers["Nats-Msg-Id"] for _, _, headers in events)
    name = blake2b(names.encode(), digest_size=16).hexdigest()
    content = [
        _Event(
            **{name: headers[f"ce-{name}"] for name in _ATTRIBUTES},
            data=msgspec.Raw(payload),
            traceparent=headers.get("traceparent", ""),
        )
        for _, payload, headers in events
    ]
    return events[0][0], msgspec.json.encode(content), {"Nats-Msg-Id": name, "content-type": CONTENT_TYPE}


def unpacked(payload: bytes) -> list[tuple[bytes, dict[str, str]]]:
    """Payload and headers of each event of a pack, in order. Raises `Unreadable`."""
    try:
        events = _decoder.decode(payload)
    except msgspec.MsgspecError as fault:
        raise Unreadable(str(fault)) from fault
    if not events:
        raise Unreadable("there is nothing in it")
    found = []
    for event in events:
        headers = {f"ce-{name}": getattr(event, name) for name in _ATTRIBUTES}
        if event.traceparent:
            headers["traceparent"] = event.traceparent
        found.append((bytes(event.data), headers))
    return found
