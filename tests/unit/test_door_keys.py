"""Keys for the HTTP door: what the operator's tool makes is what the door reads."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from estafeta.house.house import door_of
from estafeta.house.state import StateDirectory
from estafeta.house.trouble import DoorUnreadable
from estafeta.keys import first_sources, new_key, new_webhook_key
from services.intake.http.signature import key_bytes
from services.intake.http.sources import Sources


def read(text: str) -> Sources:
    return Sources.model_validate(tomllib.loads(text))


def test_a_new_house_has_a_sources_file_that_the_door_reads_and_a_key_that_opens_it(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    file = state.sources()
    holder = read(file.read_text(encoding="utf-8")).holder_of((tmp_path / "local.key").read_text().strip())
    assert holder is not None
    assert holder[0] == "local"
    assert {stat.S_IMODE(one.stat().st_mode) for one in (file, tmp_path / "local.key")} == {0o600}


def test_a_sources_file_is_made_once_and_then_belongs_to_whoever_changes_it(tmp_path: Path) -> None:
    file = StateDirectory(tmp_path).sources()
    file.write_text("# nobody")
    assert StateDirectory(tmp_path).sources() == file
    assert file.read_text() == "# nobody"


def test_the_examples_in_a_new_sources_file_are_right(tmp_path: Path) -> None:
    lines = first_sources(new_key()[1]).splitlines()
    head = lines.index("# [sources.partner]")
    text = "\n".join(line.removeprefix("# ") for line in lines[head:])
    text = text.replace("sha256:…", new_key()[1]).replace("whsec_…", new_webhook_key())
    sources = read(text)
    assert set(sources.sources) == {"partner", "site"}
    assert set(sources.forms) == {"spring-2026"}


def test_no_two_keys_are_the_same_and_webhook_keys_are_as_the_standard_wants_them() -> None:
    assert len({new_key() for _ in range(5)}) == len({new_webhook_key() for _ in range(5)}) == 5
    assert len(key_bytes(new_webhook_key())) == 32


@pytest.mark.parametrize("value", ["8000", ":8000", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused_in_words(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTAFETA_HTTP_DOOR", value)
    with pytest.raises(DoorUnreadable, match="ESTAFETA_HTTP_DOOR"):
        door_of("ESTAFETA_HTTP_DOOR")
    monkeypatch.setenv("ESTAFETA_HTTP_DOOR", "0.0.0.0:8000")
    assert door_of("ESTAFETA_HTTP_DOOR") == "0.0.0.0:8000"
