"""One message of a room as it travels: its headers (CloudEvents in binary mode), its place in a history, its pack."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import structlog
from nats.aio.msg import Msg

from shared.clock import host_now
from shared.message import Command, read_uuid
from shared.packs import CONTENT_TYPE, Outgoing, Pack, Unreadable, unpacked

LINES = ("relay", "relay/bulk")
"""The two lines events travel in: what comes of a single wish, and what comes of a list."""
PASSED = "RelayPassed.v2"
_OLD_ACK = 9
_NAMESPACE = UUID("6f9a4d38-6f0f-5c53-9f25-0c5a3c1f7c11")

log = structlog.get_logger()


@dataclass(slots=True)
class Letter:
    """One message as it came from the bus, or back from the dead letters (`dead_id`)."""

    subject: str
    headers: dict[str, str]
    payload: bytes
    tries: int = 1
    reply: str = ""
    dead_id: int | None = None
    pack: Pack | None = None
    sequence: int = field(init=False)
    """Its number in the aggregate's history; 0 for a command."""

    def __post_init__(self) -> None:
        text = self.headers.get("ce-sequence", "")
        self.sequence = int(text) if text.isascii() and text.isdigit() else 0

    @property
    def type(self) -> str:
        """`LeadAccepted.v1`."""
        return self.headers.get("ce-type", "")

    @property
    def aggregate(self) -> str:
        """The aggregate it is about; empty for a command."""
        return self.headers.get("ce-subject", "")

    @property
    def id(self) -> UUID:
        """Its id; a message that came without a proper one gets one from its own bytes."""
        try:
            return read_uuid(self.headers.get("ce-id", ""))
        except ValueError:
            return uuid5(_NAMESPACE, f"{self.subject}\n{self.payload!r}")

    @property
    def bulk(self) -> bool:
        """Whether it travels in the line of lists."""
        return self.subject.startswith(("evt.bulk.", "cmd.bulk."))

    @property
    def line(self) -> str:
        """The line it came in, one of `LINES`."""
        return LINES[self.bulk]

    def settle(self) -> bool:
        """Note that it is done with; whether the message that carried it now is as well."""
        if self.pack is not None:
            self.pack.open -= 1
            return self.pack.open == 0
        return bool(self.reply)

    @property
    def origin(self) -> tuple[UUID, UUID, str]:
        """Its id, the id of the wish that began it all, and the trace it belongs to."""
        id = self.id
        try:
            return id, read_uuid(self.headers.get("ce-correlation", "")), self.headers.get("traceparent", "")
        except ValueError:
            return id, id, self.headers.get("traceparent", "")


def encode_command(command: Command, *, id: UUID, sender: str = "cli", room: str = "") -> Outgoing:
    """A command as it goes on the wire: subject, payload, headers (CloudEvents binary mode)."""
    headers = {
        "Nats-Msg-Id": str(id),
        "ce-specversion": "1.0",
        "ce-id": str(id),
        "ce-type": command.type_name(),
        "ce-source": f"/estafeta/{sender}",
        "ce-time": host_now().isoformat(),
        "ce-correlation": str(id),
    }
    return command.subject_in(room), command.model_dump_json().encode(), headers


def encode_outbox(room: str, row: Any) -> Outgoing:
    """An outbox row as it goes on the wire. A row sent again has a new `Nats-Msg-Id`: the gate drops true repeats."""
    headers = {
        "Nats-Msg-Id": f"{row['message_id']}/{row['resends']}" if row["resends"] else str(row["message_id"]),
        "ce-specversion": "1.0",
        "ce-id": str(row["message_id"]),
        "ce-type": row["type"],
        "ce-source": f"/estafeta/{room}",
        "ce-time": row["said_at"].isoformat(),
        "ce-subject": row["aggregate"],
        "ce-sequence": str(row["sequence"]),
        "ce-correlation": str(row["correlation"]),
        "ce-causation": str(row["cause"]),
    }
    if row["traceparent"]:
        headers["traceparent"] = row["traceparent"]
    return row["subject"], row["payload"].encode(), headers


def letters_of(message: Msg) -> list[Letter]:
    """What a message of a consumer carries: one letter, or those of a pack."""
    # $JS.ACK.<stream>.<consumer>.<delivered>… or, newer, $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>…
    tokens = message.reply.split(".")
    tries = int(tokens[4] if len(tokens) == _OLD_ACK else tokens[6])
    subject, headers, reply = message.subject, message.headers or {}, message.reply
    if headers.get("content-type") == CONTENT_TYPE:
        with suppress(Unreadable):
            events = unpacked(message.data)
            pack = Pack(len(events))
            return [Letter(subject, more, payload, tries, reply, pack=pack) for payload, more in events]
        log.warning("bus.pack_unreadable", subject=subject)  # it is kept as a dead letter, whole
    return [Letter(subject, headers, message.data, tries, reply)]
