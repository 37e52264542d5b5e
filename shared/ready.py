"""`python -m shared.ready ROOM`: exit 0 if the room says of itself that it is ready. For container health checks."""

from __future__ import annotations

import asyncio
import sys

from shared.bus import Bus, NoAnswer
from shared.message import ROOMS
from shared.questions import TellHealth
from shared.settings import Settings


async def problems_of(room: str) -> list[str]:
    """What keeps `room` from being ready; nothing if it is."""
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
    """Ask and tell."""
    if len(sys.argv) != 2 or sys.argv[1] not in ROOMS:
        raise SystemExit(f"usage: python -m shared.ready {{{'|'.join(ROOMS)}}}")
    problems = asyncio.run(problems_of(sys.argv[1]))
    for problem in problems:
        print(problem, file=sys.stderr)
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
