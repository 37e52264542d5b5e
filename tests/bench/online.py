"""Single leads at a steady pace, each timed from its submission until its deadline is told on the bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from statistics import median
from uuid import UUID, uuid4

from estafeta.client import Bus, line_to_house
from estafeta.house.house import House
from shared.commands import LeadFields, SubmitLead
from shared.events import DeadlineSet
from shared.nats_client import connect
from shared.settings import Settings
from shared.words import Source


async def latencies(house: House, rate: float, seconds: float, name: str) -> list[float]:
    """Send `rate` leads a second for `seconds`; for each, the seconds until its deadline was told (so it is stored)."""
    sent: dict[UUID, float] = {}
    times: list[float] = []
    door = house.operator
    nc = await connect(Settings(nats_url=door.url, nats_user=door.user, nats_password=door.password), "bench ear")

    async def heard(message: object) -> None:
        headers = getattr(message, "headers", None) or {}
        began = sent.pop(UUID(headers["ce-correlation"]), None)
        if began is not None:
            times.append(time.perf_counter() - began)

    await nc.subscribe(DeadlineSet.subject, cb=heard)
    await nc.flush()
    async with Bus(line_to_house(house.state.place)) as bus:
        sending: set[asyncio.Task[object]] = set()
        began = time.perf_counter()
        for nth, command in enumerate(_strangers(int(rate * seconds), name)):
            await asyncio.sleep(max(0.0, began + nth / rate - time.perf_counter()))
            id = uuid4()
            sent[id] = time.perf_counter()
            sending.add(asyncio.create_task(bus.send(command, id)))
        await asyncio.gather(*sending)
        for _ in range(300):
            if not sent:
                break
            await asyncio.sleep(0.1)
    await nc.close()
    if sent:
        raise SystemExit(f"{len(sent)} of the single leads never came to a deadline")
    return sorted(times)


def spell(times: list[float]) -> tuple[str, str]:
    """How many, and their spread in words."""
    ms = [f"{1000 * t:.0f} ms" for t in (median(times), times[int(len(times) * 0.99)], times[-1])]
    return f"{len(times):,} leads", f"p50 **{ms[0]}**, p99 **{ms[1]}**, max {ms[2]}"


def _strangers(count: int, name: str) -> Iterator[SubmitLead]:
    shift = sum(name.encode()) % 100 * 10_000
    for n in range(count):
        yield SubmitLead(
            source_system=f"bench {name}",
            external_id=f"{n}",
            source=Source.WEBSITE,
            campaign="bench online",
            fields=LeadFields(
                company=f"ООО «Онлайн-{n} Пробный {name}»",
                contact="Иванов Пётр",
                phone=f"+7495{6000000 + shift + n}",
                email=f"ivanov@online-{name}-{n}.ru",
                city="Москва",
            ),
        )
