"""The meetings of an agent's list: read by his clock, and what says no moment is sent back with its cell and remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from estafeta.lists.reading import FileList, read_list
from services.intake.rules.agreed_meeting import meeting_of
from services.intake.rules.submission import of_rows
from shared.commands import SubmitRows
from shared.message import Heard
from shared.words import Source
from tests.integration.routing_house import uid

YEKATERINBURG = ZoneInfo("Asia/Yekaterinburg")
AT = datetime(2026, 11, 25, 5, tzinfo=UTC)  # 10:00 there


def read(folder: Path, headings: str, *rows: str, clock: ZoneInfo | None = YEKATERINBURG) -> FileList:
    file = folder / "list.csv"
    lines = [
        f"Компания;Телефон;{headings}",
        *(f"ООО «Фрезер {n}»;+7 343 201-30-4{n};{row}" for n, row in enumerate(rows)),
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return read_list(file, clock=clock)


@pytest.mark.rule("R1-28")
@pytest.mark.parametrize(
    ("headings", "row", "minutes"),
    [
        ("Дата встречи;Время встречи;Длительность встречи", "25.11.2026;10:00;90 мин", 90),
        ("Meeting date;Meeting time;Meeting minutes", "2026-11-25;10.00;", 60),
        ("Data întâlnirii;Ora întâlnirii;Durata întâlnirii", "25/11/26;10:00:00;30", 30),
        ("Дата и время встречи", "25.11.2026 10:00", 60),
        ("Meeting date and time", "2026-11-25 в 10 ч", 60),
    ],
)
def test_a_list_of_an_agent_carries_its_meetings(tmp_path: Path, headings: str, row: str, minutes: int) -> None:
    found = read(tmp_path, headings, row, ";" * headings.count(";"))
    assert found.rejected == []
    chunk = SubmitRows(
        import_id=uid("import"), file_name="list.csv", campaign="Обзвон", source=Source.AGENT, rows=list(found.rows)
    )
    heard = Heard(uid("chunk"), uid("chunk"), message=SubmitRows.model_validate_json(chunk.model_dump_json()), at=AT)
    with_one, without = of_rows(heard, AT)
    agreed = meeting_of(with_one.call)
    assert agreed is not None
    assert (agreed.at, agreed.until - agreed.at) == (AT, timedelta(minutes=minutes))
    assert row.split(";", maxsplit=1)[0] in with_one.fields.comment, "what was written stands in the comment as well"
    assert (without.call, without.fields.comment) == (None, "")


@pytest.mark.rule("R0-10")
@pytest.mark.parametrize(
    ("row", "reason", "remedy"),
    [
        ("завтра;10:00;", "«Дата встречи» is no day: завтра", "25.11.2026"),
        ("31.02.2027;10:00;", "«Дата встречи» is no day of the calendar: 31.02.2027", "25.11.2026"),
        ("25.11.2026;;", "«Время встречи» says no time", "10:00"),
        ("25.11.2026;25:00;", "«Время встречи» says no time: 25:00", "10:00"),
        (";10:00;", "«Дата встречи» is blank", "leave all of it blank"),
        ("25.11.2026;10:00;долго", "«Длительность встречи» is no length in minutes: долго", "5 to 720"),
    ],
)
def test_a_meeting_that_nobody_can_keep_is_sent_back_with_its_cell_and_remedy(
    tmp_path: Path, row: str, reason: str, remedy: str
) -> None:
    found = read(tmp_path, "Дата встречи;Время встречи;Длительность встречи", row, "25.11.2026;10:00;")
    (refused,) = found.rejected
    assert refused.number == 2
    assert reason in refused.reason
    assert remedy in refused.remedy
    assert len(found.rows) == 1


def test_in_any_other_list_the_columns_of_meetings_are_a_comment(tmp_path: Path) -> None:
    found = read(tmp_path, "Дата встречи;Время встречи", "на стенде;утром", clock=None)
    assert found.rejected == []
    assert found.rows[0].call is None
    assert found.rows[0].fields.comment == "Дата встречи: на стенде\nВремя встречи: утром"
