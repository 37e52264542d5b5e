"""The operator's line to the house: sends commands until they are stored, asks questions, learns what came of a wish."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import nats
from nats import errors as nats_errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js import errors as js_errors

from estafeta.house.trouble import NoHouse
from estafeta.trouble import Silence, Trouble
from shared.clock import host_now
from shared.letter import encode_command
from shared.message import Command, Question
from shared.nats_client import inbox_prefix
from shared.questions import TellOutcome

CONNECT_SECONDS = 4.0
ACK_SECONDS = 5.0
ASK_SECONDS = 5.0
TRIES = 6


@dataclass(frozen=True, slots=True)
class Line:
    """Where the house's bus is and how the operator enters it."""

    url: str
    user: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The stream's word that a command is safe; `again` says it was there already."""

    sequence: int
    again: bool


def line_to_house(state: Path) -> Line:
    """How to reach the house: the `ESTAFETA_NATS_…` variables, else what `estafeta up` wrote into `state`."""
    if url := os.environ.get("ESTAFETA_NATS_URL"):
        return Line(url, os.environ.get("ESTAFETA_NATS_USER"), os.environ.get("ESTAFETA_NATS_PASSWORD"))
    path = state / "house.json"
    try:
        house = json.loads(path.read_text())
        operator = house["operator"]
        return Line(house["nats_url"], operator["user"], operator["password"])
    except FileNotFoundError:
        raise NoHouse(state=state) from None
    except PermissionError:
        raise Trouble(f"{path} may not be read by you.", "Use the account that started the house.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Trouble(
            f"{path} is not what `estafeta up` writes ({type(error).__name__}: {error}).",
            "Stop the house and start it again: it writes the file anew.",
        ) from None


def fresh_id() -> UUID:
    """An id nobody has used: for a wish that a person makes once. What comes of wishes of one hour stands together in
    every index (version 7 of RFC 9562)."""
    random = secrets.randbits(74)
    moment = int(host_now().timestamp() * 1000)
    return UUID(int=moment << 80 | 7 << 76 | random >> 62 << 64 | 2 << 62 | random & (1 << 62) - 1)


class Bus:
    """A connection to the house for the length of one command: `async with Bus(line) as bus`.

    Every wait has its own end; a broker that restarts meanwhile is waited for.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._complaints: list[str] = []
        self._nats: Client
        self._stream: JetStreamContext

    async def __aenter__(self) -> Self:
        async def complain(error: Exception) -> None:
            self._complaints.append(str(error) or type(error).__name__)

        try:
            self._nats = await asyncio.wait_for(
                nats.connect(
                    self.line.url,
                    name="operator",
                    user=self.line.user,
                    password=self.line.password,
                    inbox_prefix=inbox_prefix("operator"),
                    connect_timeout=2,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    error_cb=complain,
                ),
                CONNECT_SECONDS,
            )
        except (TimeoutError, OSError, nats_errors.Error, ValueError) as error:
            raise self._unreachable(error) from None
        self._stream = self._nats.jetstream(timeout=ACK_SECONDS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._nats.close()

    def _unreachable(self, error: Exception) -> Silence:
        said = " ".join([*self._complaints, str(error)])
        if "Authorization" in said:
            return Silence(
                f"The house at {self.line.url} does not let the operator in: user or password is wrong.",
                "Name the state directory of the house that runs (--state), or set ESTAFETA_NATS_USER and "
                "ESTAFETA_NATS_PASSWORD.",
            )
        why = self._complaints[-1] if self._complaints else str(error) or "no answer"
        return Silence(
            f"The house at {self.line.url} does not answer ({why}).",
            "Is it running? `estafeta up` starts it; if ESTAFETA_NATS_URL is set, it must name a server that is there.",
        )

    async def send(self, command: Command, id: UUID, *, room: str = "") -> Stored:
        """Send until the stream has stored it, `TRIES` times at most; the same id is never stored twice.

        `room` addresses a command that every room understands.
        """
        subject, payload, headers = encode_command(command, id=id, room=room)
        why = ""
        for attempt in range(TRIES):
            try:
                ack = await self._stream.publish(subject, payload, timeout=ACK_SECONDS, headers=headers)
                return Stored(ack.seq, bool(ack.duplicate))
            except nats_errors.MaxPayloadError:
                raise Trouble(
                    f"{subject} would be {len(payload):,} bytes long; the house takes {self._nats.max_payload:,}.",
                    "Shorten the longest cells, or send fewer rows at once.",
                ) from None
            except (TimeoutError, nats_errors.Error, js_errors.APIError) as error:
                why = str(error) or type(error).__name__
                await asyncio.sleep(min(0.2 * 2**attempt, 3))
        complaint = f"; the server says: {self._complaints[-1]}" if self._complaints else ""
        raise Silence(
            f"The house did not store the command {subject} in {TRIES} tries ({why}{complaint}).",
            "See `estafeta status`; sending the same again later is safe, nothing is taken in twice.",
        )

    async def ask(self, question: Question, *, room: str = "", seconds: float = ASK_SECONDS) -> dict[str, Any]:
        """The answer of the room that owns the fact; `room` addresses a question that every room understands."""
        owner, subject = room or type(question).owner, question.subject_in(room)
        return await self._request(owner, subject, question.model_dump_json().encode(), seconds)

    async def _request(self, room: str, subject: str, payload: bytes, seconds: float) -> dict[str, Any]:
        try:
            reply = await self._nats.request(subject, payload, timeout=seconds)
        except nats_errors.NoRespondersError:
            raise Silence(
                f"The room {room} does not answer: nobody there hears {subject}.",
                f"`estafeta status` shows how the rooms are; {room} may be starting or down.",
            ) from None
        except (TimeoutError, nats_errors.Error) as error:
            why = str(error) or "time-out"
            raise Silence(
                f"The room {room} did not answer {subject} within {seconds:g} s ({why}).",
                "`estafeta status` shows how the rooms are; ask again in a moment.",
            ) from None
        try:
            envelope = json.loads(reply.data)
        except ValueError:
            raise Silence(
                f"The room {room} answered {subject} with something that is not JSON.",
                "Are the house and this command of one version? Stop the house and start it again.",
            ) from None
        if envelope.get("ok") is False:
            raise Trouble(
                f"The room {room} refuses {subject}: {envelope.get('problem', 'no reason given')}",
                envelope.get("remedy") or "See the room's log.",
                code=1,
            )
        answer: dict[str, Any] = envelope.get("answer", envelope)
        return answer

    async def outcome(self, room: str, command_id: UUID, *, seconds: float = 30.0) -> dict[str, Any]:
        """What became of a command: waits until it is `done` or `dead`; `{state, said: [{type, payload}], reason}`."""
        ends, pause = time.monotonic() + seconds, 0.02
        while True:
            try:
                answer = await self.ask(TellOutcome(command_id=command_id), room=room)
            except Silence:
                if time.monotonic() > ends:
                    raise
                answer = {"state": "unknown"}
            if answer.get("state") in ("done", "dead"):
                return answer
            if time.monotonic() > ends:
                raise Silence(
                    f"The command {command_id} is stored, but the room {room} has not worked it within {seconds:g} s.",
                    "It is not lost and will be worked when the room can: see `estafeta status` and `estafeta dead`.",
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
