"""Cutting a list into commands: the same list always gives the same ids, and no command is too large."""

from __future__ import annotations

from uuid import UUID

import pytest

from estafeta.importing import Intent, chunks, commands, import_id_of
from estafeta.trouble import Trouble
from shared.commands import MAX_ROWS, LeadFields, Row
from shared.words import Source

IMPORT = UUID("6f1c2a9e-0d7b-5c3e-9a44-0b1f6c2d7e88")
INTENT = Intent("ПромЭкспо 2026")


def rows(count: int, company: str = "Ромашка") -> list[Row]:
    return [Row(sheet="", number=n, fields=LeadFields(company=f"{company} {n}")) for n in range(1, count + 1)]


def test_an_import_is_known_by_content_campaign_and_purpose() -> None:
    once = import_id_of(b"list", "ПромЭкспо", "leads")
    assert once == import_id_of(b"list", " ПромЭкспо ", "leads")
    others = [
        import_id_of(b"list!", "ПромЭкспо", "leads"),
        import_id_of(b"list", "Другая", "leads"),
        import_id_of(b"list", "ПромЭкспо", "clients"),
    ]
    assert len({once, *others}) == 4


@pytest.mark.parametrize("count", [0, 1, MAX_ROWS, MAX_ROWS + 1, 1234])
def test_chunks_hold_every_row_once_in_order(count: int) -> None:
    given = rows(count)
    cut = list(chunks(given))
    assert [row for chunk in cut for row in chunk] == given
    assert all(0 < len(chunk) <= MAX_ROWS for chunk in cut)


def test_a_chunk_of_long_rows_is_cut_by_bytes() -> None:
    given = rows(100, company="Я" * 1000)
    cut = list(chunks(given, most_bytes=20_000))
    assert [row for chunk in cut for row in chunk] == given
    assert max(sum(len(row.model_dump_json().encode()) for row in chunk) for chunk in cut) <= 20_000


def test_the_same_list_gives_the_same_commands_with_the_same_ids() -> None:
    first, second = (list(commands(IMPORT, "list.xlsx", rows(1200), INTENT)) for _ in range(2))
    assert first == second
    assert len({id_ for id_, _ in first}) == len(first) == 3


def test_what_is_read_otherwise_this_time_is_another_command() -> None:
    (one,) = commands(IMPORT, "list.xlsx", rows(10), INTENT)
    (other,) = commands(IMPORT, "list.xlsx", rows(10, company="Лютик"), INTENT)
    assert one[0] != other[0]


def test_a_command_carries_what_the_operator_meant() -> None:
    intent = Intent("База", "clients", Source.OTHER, "petrova", "KZ")
    ((_, command),) = commands(IMPORT, "base.csv", rows(1), intent)
    assert (command.import_id, command.file_name, command.purpose) == (IMPORT, "base.csv", "clients")
    assert (command.source, command.submitter, command.default_country) == (Source.OTHER, "petrova", "KZ")
    assert command.campaign == "База"


@pytest.mark.parametrize("intent", [Intent(" "), Intent("X" * 201), Intent("База", country="RUS")])
def test_an_intent_that_cannot_be_sent_names_the_field(intent: Intent) -> None:
    with pytest.raises(Trouble, match=r"SubmitRows cannot be sent: (campaign|default_country)"):
        list(commands(IMPORT, "base.csv", rows(1), intent))
