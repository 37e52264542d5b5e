"""`python -m shared.ready ROOM`: exit 0 if the room says of itself that it is ready. For container health checks."""

from __future__ import annotations

import http.client
import os
import sys

_SECONDS = 9.0


def problems_at(address: str) -> list[str]:
    """What the room behind the door at `address` (`host:port`, as in ESTAFETA_HTTP) lacks; nothing if it is ready."""
    host, _, port = address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host.strip("[]"), host.strip("[]"))  # noqa: S104 - compared, not bound
    door = http.client.HTTPConnection(host, int(port), timeout=_SECONDS)
    try:
        door.request("GET", "/readyz")
        answer = door.getresponse()
        said = answer.read(10_000).decode(errors="replace")
        return [] if answer.status == http.HTTPStatus.OK else said.splitlines() or [f"status {answer.status}"]
    except (OSError, http.client.HTTPException) as fault:
        return [f"nobody answers at {address}: {fault}"]
    finally:
        door.close()


async def problems_of(room: str) -> list[str]:
    """What keeps `room` from being ready, asked over the bus: for a room without a door."""
    import asyncio

    from shared.bus import Bus, NoAnswer
    from shared.questions import TellHealth
    from shared.settings import Settings

    bus = Bus(Settings(), f"is {room} ready")
    try:
        await asyncio.wait_for(bus.connect(), 5)
        health = await bus.ask(TellHealth.subject_in(room), b"{}")
        return [] if health["ready"] else list(health["problems"])
    except (NoAnswer, OSError, TimeoutError) as silence:
        return [f"{room} does not answer: {silence}"]
    finally:
        await bus.close()


def main() -> None:
    """Ask and tell. The door is asked first, because that takes a tenth of the time: this runs every few seconds."""
    if address := os.environ.get("ESTAFETA_HTTP"):
        problems = problems_at(address)
    else:
        import asyncio

        from shared.message import ROOMS

        if len(sys.argv) != 2 or sys.argv[1] not in ROOMS:
            raise SystemExit(f"usage: python -m shared.ready {{{'|'.join(ROOMS)}}}")
        problems = asyncio.run(problems_of(sys.argv[1]))
    for problem in problems:
        print(problem, file=sys.stderr)
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
