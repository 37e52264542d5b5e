"""A watch that comes round seldom is not taken for one that is stuck."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

import shared.service
from shared.health import Pulse
from shared.service import Service, Watch


async def test_a_watch_that_rests_for_long_is_seen_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.service, "_SEEN", 0.01)
    pulse, steps, turns = Pulse(), [], []
    monkeypatch.setattr(Pulse, "turn", lambda self, name: turns.append(name))

    async def tick(step: Any) -> tuple[int, bool]:
        steps.append(step)
        return 0, False

    service: Any = SimpleNamespace(pulse=pulse, unit=SimpleNamespace(tick=tick), room=SimpleNamespace(name="routing"))
    step: Any = tick
    seldom = Watch(step=step, every=600.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Service._watch(service, seldom, "watch4"), 0.5)
    assert len(steps) == 1
    assert len(turns) > 5
