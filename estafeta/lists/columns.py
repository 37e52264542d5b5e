"""The cells of a row as the fields of a lead: which column goes where, and how several become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from estafeta.lists.headings import LEAD_FIELDS, MEETING_FIELDS, Column, plain

_HOME_COUNTRY = frozenset({"россия", "рф", "российская федерация", "russia", "ru", "russian federation"})


def plan(columns: list[Column]) -> Callable[[list[str]], tuple[dict[str, str], str | None]]:
    """How to turn the cells of a row into fields: worked out once, so that a row costs little."""
    by_field: dict[str, list[int]] = {}
    for column in columns:
        if column.field:
            by_field.setdefault(column.field, []).append(column.index)
    plain_fields = [(name, by_field[name]) for name in LEAD_FIELDS if name in by_field]
    name_parts = [by_field[part] for part in ("surname", "first_name", "patronymic") if part in by_field]
    # what a questionnaire asks is read by people as well as by rules, so it stands in the comment besides
    asked = (None, "callback", "term", "filled_on", *MEETING_FIELDS)
    others = [(column.index, column.name) for column in columns if column.field in asked]
    curators, extensions, countries = (by_field.get(name, []) for name in ("curator", "extension", "country"))

    def fields_of(row: list[str]) -> tuple[dict[str, str], str | None]:
        fields: dict[str, str] = {}
        length = len(row)
        for name, places in plain_fields:
            if len(places) == 1:
                value = row[places[0]] if places[0] < length else ""
            else:
                # one heading merged over several cells is a name in parts; several headings are several people
                merged = name == "contact" and len({columns[place].heading for place in places}) == 1
                value = (" " if merged else "; ").join(_filled(row, places))
            if value:
                fields[name] = value
        if name_parts:
            whole = " ".join(part for places in name_parts for part in _filled(row, places))
            if whole and whole != fields.get("contact"):
                fields["contact"] = "; ".join(filter(None, (fields.get("contact"), whole)))
        if extensions and (extension := ", ".join(_filled(row, extensions))):
            fields["phone"] = f"{fields.get('phone', '')} доб. {extension}".strip()
        notes = [f"{heading}: {row[index]}" for index, heading in others if index < length and row[index]]
        for country in _filled(row, countries):
            if "region" in fields or plain(country) in _HOME_COUNTRY:
                notes.append(f"Страна: {country}")
            else:
                fields["region"] = country
        if "tax_id" in fields:
            fields["tax_id"] = _with_zero(fields["tax_id"])
        if notes:
            fields["comment"] = "\n".join(filter(None, (fields.get("comment"), *notes)))
        return fields, "; ".join(_filled(row, curators)) or None

    return fields_of


def _filled(row: list[str], places: Iterable[int]) -> list[str]:
    """The cells of a row at these places, without blanks and repeats."""
    return list(dict.fromkeys(row[place] for place in places if place < len(row) and row[place]))


def _with_zero(tax_id: str) -> str:
    """A Russian tax number has 10 or 12 digits; a spreadsheet that took it for a number has eaten its first zero."""
    return f"0{tax_id}" if tax_id.isdecimal() and len(tax_id) in (9, 11) else tax_id
