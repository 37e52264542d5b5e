"""The history of imports, the undoing of one and the preview, as they are printed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console, RenderableType

from estafeta.importing import Intent
from estafeta.imports import chosen, state_of
from estafeta.imports import shown as undone
from estafeta.lead import call_of, referral_of
from estafeta.lists.kind import in_words
from estafeta.previewing import Carried, Preview, write
from estafeta.previewing import shown as previewed
from estafeta.trouble import Trouble

MOSCOW = ZoneInfo("Europe/Moscow")
IMPORTS = [{"id": "6f1c2a9e-0d7b-5c3e-9a44-0b1f6c2d7e88"}, {"id": "6f1cffff-0d7b-5c3e-9a44-0b1f6c2d7e88"}]


def printed(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_import_is_named_by_the_beginning_of_its_id() -> None:
    assert chosen("6f1c2", IMPORTS) is IMPORTS[0]
    assert chosen(" 6F1CFFFF-0d7b-5c3e-9a44-0b1f6c2d7e88 ", IMPORTS) is IMPORTS[1]
    with pytest.raises(Trouble, match="2 imports have an id that begins"):
        chosen("6f1c", IMPORTS)
    for word in ("6", "", "abcdef"):
        with pytest.raises(Trouble, match="No import has the id"):
            chosen(word, IMPORTS)


def test_the_state_of_an_import_is_told_in_words() -> None:
    one: dict[str, Any] = {"undo_at": None, "last_at": "2026-11-23T09:00:00Z", "undoing": False}
    one |= {"asked": 0, "undone": 0, "kept": 0}
    assert state_of(one, MOSCOW) == "taken in 2026-11-23 12:00"
    one |= {"undo_at": "2026-11-24T09:00:00Z", "undoing": True, "undone": 7}
    assert state_of(one, MOSCOW) == "being undone: 7 rows so far"
    one |= {"undoing": False, "kept": 2}
    assert state_of(one, MOSCOW) == "undone 2026-11-24 12:00: 7 rows, 2 left"


def test_what_was_undone_and_what_was_left_is_shown() -> None:
    one = {"campaign": "Expo", "file_name": "list.xlsx", "purpose": "leads"}
    left = {"sheet": "", "row": 3, "client": "Фрезер", "kept_because": "the client was touched once since"}
    told = {"undone": 9, "leads": 10, "cards_gone": 8, "kept": 1, "left": [left]}
    text = printed(undone(one, told, [{"given_back": 9}, {"withdrawn": 9}, {"closed": 9}]))
    assert "9 of 10" in text
    assert "the client was touched once since" in text


def rows(count: int) -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "sheet": "",
        "outcome": "new",
        "rule": "N-unknown",
        "because": "nobody",
        "client": "=1+1",
        "region": "RU-MOW",
    }
    row.update(is_here=False, faults=[], receiver={"id": "anna", "rule": "R1-37", "queue": None})
    bad: dict[str, Any] = {
        "sheet": "",
        "row": 0,
        "outcome": "rejected",
        "rule": "",
        "because": "",
        "client": "",
        "region": None,
    }
    bad |= {"is_here": False, "faults": [{"field": "phone", "problem": "is no phone number"}]}
    return [bad, *({**row, "row": n} for n in range(1, count))]


def test_a_preview_shows_rows_sums_and_why_a_row_would_be_rejected(tmp_path: Path) -> None:
    told = Preview(rows(100))
    text = printed(previewed(Path("list.xlsx"), told, Intent("Expo"), {"anna": "Анна Петрова"}))
    assert "phone: is no phone number" in text
    assert "Анна Петрова" in text
    assert "and 60 rows more" in text
    assert "Would be: 1 rejected, 99 new." in text
    write(told.rows, tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 101
    assert ";'=1+1;" in lines[2], "no spreadsheet takes a cell for a formula"
    with pytest.raises(Trouble, match="cannot be written"):
        write(told.rows, tmp_path / "nowhere" / "all.csv")


def test_what_chunks_would_leave_behind_is_carried_only_to_whom_it_may_concern() -> None:
    carried = Carried()
    first, second = {"client_id": "a", "name": "first"}, {"client_id": "a", "name": "second"}
    few = {"most_holders": 20}
    carried.add({"cards": [{"keys": [1, 2], "card": first}], "gains": [{"address": 1, "client_id": "a"}], **few})
    carried.add({"cards": [{"keys": [1, 2, 3], "card": second}], "gains": [{"address": 3, "client_id": "a"}], **few})
    assert carried.under([7]) == {}
    assert carried.under([2]) == {"cards": [second], "gains": [], "crowds": []}
    assert carried.under([1, 3]) == {
        "cards": [second],
        "gains": [{"address": 1, "client_id": "a"}, {"address": 3, "client_id": "a"}],
        "crowds": [],
    }


def test_of_a_key_that_very_many_gain_only_the_number_is_carried() -> None:
    carried = Carried()
    for n in range(1, 6):
        card = {"client_id": str(n)}
        gains = [{"address": 1, "client_id": str(n)}, {"address": 10 + n, "client_id": str(n)}]
        carried.add({"cards": [{"keys": [1, 10 + n], "card": card}], "gains": gains, "most_holders": 3})
    assert carried.under([1]) == {"cards": [], "gains": [], "crowds": [{"address": 1, "holders": 5}]}
    assert carried.under([15])["cards"] == [{"client_id": "5"}], "by a key of its own a card is met as before"


def test_what_a_caller_answered_belongs_to_a_call() -> None:
    with pytest.raises(Trouble, match="the lead is no call"):
        call_of("website", "anna", "", None, "", None)
    assert call_of("website", "", "", None, "", None) is None
    met = call_of("agent", "", "", "ours", "", None, "2026-11-25T10:00+03:00", 90) or {}
    assert (met["meeting_at"], met["meeting_minutes"]) == ("2026-11-25T10:00+03:00", 90)
    told = call_of("inbound_call", "", "", "ours", "fax, email", None)
    assert told is not None
    assert told["refused"] == ["fax", "email"]
    with pytest.raises(Trouble, match="'faks' is no question"):
        call_of("inbound_call", "", "", None, "faks", None)


def test_a_referral_names_both_sides() -> None:
    assert referral_of("", None) is None
    assert referral_of("Завод «Фрезер»", "anna") == {"by": "Завод «Фрезер»", "obtained_by": "anna"}
    with pytest.raises(Trouble, match="both sides"):
        referral_of("", "anna")


@pytest.mark.rule("R1-07")
def test_the_columns_of_a_file_tell_a_list_a_questionnaire_and_a_catalogue_apart() -> None:
    assert in_words(["company", "contact", "phone"]) == "Taken as a list: companies with persons."
    assert in_words(["company", "phone", "website"]) == "Taken as a catalogue: companies without persons."
    told = in_words(["company", "contact", "term", "interest"])
    assert told == "Taken as a questionnaire: it has answers (interest, term)."
