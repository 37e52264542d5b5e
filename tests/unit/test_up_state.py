"""The state directory: one house at a time, secrets made once and kept from others."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from estafeta.house.state import StateDirectory
from estafeta.house.trouble import HouseRunning, StateUnreadable, StateUnwritable


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_second_house_on_one_state_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    first, second = StateDirectory(tmp_path / "state"), StateDirectory(tmp_path / "state")
    first.take()
    with pytest.raises(HouseRunning, match=r"process \d+"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_a_refused_house_leaves_the_card_of_the_one_that_stands(tmp_path: Path) -> None:
    first, second = StateDirectory(tmp_path), StateDirectory(tmp_path)
    first.take()
    first.hang_card({"pid": 1})
    with pytest.raises(HouseRunning):
        second.take()
    second.release()
    assert (tmp_path / "house.json").exists()
    first.release()
    assert not (tmp_path / "house.json").exists()


def test_secrets_are_made_once_and_are_readable_to_nobody_else(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.take()
    secrets = state.secrets()
    state.hang_card({"operator": "secret"})
    assert len({*secrets.database.values(), *secrets.bus.values()}) == 10
    assert mode(tmp_path / "secrets.json") == mode(tmp_path / "house.json") == 0o600
    assert StateDirectory(tmp_path).secrets() == secrets
    state.release()


def test_a_secret_that_is_new_to_an_old_state_is_added_and_the_others_stay(tmp_path: Path) -> None:
    whole = StateDirectory(tmp_path).secrets()
    kept = {"database": {"intake": whole.database["intake"]}, "bus": whole.bus}
    (tmp_path / "secrets.json").write_text(json.dumps(kept))
    again = StateDirectory(tmp_path).secrets()
    assert again.database["intake"] == whole.database["intake"]
    assert again.database["routing"]
    assert again.bus == whole.bus


def test_damaged_secrets_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"database": ')
    with pytest.raises(StateUnreadable, match=r"secrets\.json cannot be understood[\s\S]*remove it"):
        StateDirectory(tmp_path).secrets()


def test_a_place_that_cannot_hold_a_state_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateUnwritable, match=r"file/state.*cannot be used[\s\S]*--state"):
        StateDirectory(tmp_path / "file" / "state").take()


def test_ports_are_found_again_and_nonsense_is_not_taken_for_one(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert state.last_port("nats") is None
    state.keep_ports({"nats": 4222})
    assert state.last_port("nats") == 4222
    (tmp_path / "ports.json").write_text('{"nats": "many"}')
    assert state.last_port("nats") is None
