"""A small flood in each way: listeners down, a full stream, a slow database. `make flood` makes a large one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flood.__main__ import flood
from tests.flood.gauges import MOST_BYTES, too_much

EVENTS = 5_000


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.rule("R0-10", "G8")
async def test_a_flood_piles_up_drains_by_itself_and_breaks_no_promise(tmp_path: Path) -> None:
    assert await flood(tmp_path / "house", EVENTS, seed=1, durable=False)


def test_a_room_that_holds_too_much_at_one_moment_is_found() -> None:
    calm = [100 * 2**20] * 40
    assert too_much({"intake": calm, "routing": calm}, long=True) == []
    [found] = too_much({"intake": calm, "routing": [*calm, MOST_BYTES + 1, *calm]}, long=True)
    assert found.startswith("routing held 150 MiB at most")


def test_a_room_that_grows_is_found_in_a_long_run_only() -> None:
    growing = [(80 + n) * 2**20 for n in range(40)]
    assert too_much({"intake": growing}, long=False) == []
    assert too_much({"intake": growing}, long=True) == ["intake grew from 94 to 114 MiB"]


def test_a_room_that_was_never_weighed_proves_nothing() -> None:
    assert too_much({"intake": []}, long=False) == ["intake was never weighed"]
