"""Which field each column of a sheet is: by the operator, by its heading, by its cells; asked when that is not sure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from estafeta.lists.contents import Guess, guess
from estafeta.lists.headings import COMMENT, FIELDS, KEYS, NO_FIELD, Column, Header, Vocabulary, find_header, plain
from estafeta.trouble import Trouble, near

_LETTERS = re.compile(r"[A-Z]{1,3}")
_EXAMPLES = 3
_PERSON = ("contact", "surname", "first_name")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A column that is not understood beyond doubt: its name and cells, and what its cells look like."""

    sheet: str
    column: Column
    examples: tuple[str, ...]
    guess: str


Ask = Callable[[Doubt], str | None]
"""Tells the field of a column in doubt; None, or `comment`, when it is none."""


def read_map(texts: Sequence[str]) -> dict[str, str]:
    """The `--map` options: `"Наименование=company,Тел.=phone"` → heading (or column letter) → field.

    A comma within a heading stays in it. The field `comment` means: none. Raises Trouble for what cannot be meant.
    """
    named: dict[str, str] = {}
    for text in texts:
        begun: list[str] = []
        for piece in text.split(","):
            begun.append(piece)
            heading, equals, name = ",".join(begun).rpartition("=")
            if not equals:
                continue
            begun, heading, name = [], heading.strip(), name.strip()
            if not heading:
                raise Trouble(f"--map {text!r} names no heading before «={name}».", _HOW)
            if name not in FIELDS and name != NO_FIELD:
                meant = near(name, FIELDS, most=1)
                hint = f"Did you mean {meant[0]}? " if meant else ""
                raise Trouble(f"--map: «{name}» (of «{heading}») is no field.", f"{hint}Fields: {', '.join(FIELDS)}.")
            if named.setdefault(heading, name) != name:
                raise Trouble(f"--map names two fields for «{heading}»: {named[heading]} and {name}.", "Keep one.")
        if "".join(begun).strip():
            raise Trouble(f"--map: «{','.join(begun).strip()}» has no «=field».", _HOW)
    return named


_HOW = 'Write --map "Наименование=company,Тел.=phone", or by letters, --map "A=company,C=phone".'


@dataclass(slots=True)
class Decider:
    """Decides for the sheets of one file. `named` is the operator's map; `ask`, where somebody can be asked.

    `used` are the entries of the map that were met; `notes` tell, by sheet, what was decided without a heading.
    """

    vocabulary: Vocabulary
    named: Mapping[str, str]
    ask: Ask | None = None
    used: set[str] = field(default_factory=set)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def header(self, sheet: str, rows: Sequence[Sequence[str]]) -> Header | None:
        """Where the headings of a sheet are and what its columns mean; None when it holds no list.

        `rows` are its first rows. A sheet without headings that are understood is a list when its cells tell
        who the leads are, when the operator named its columns by letter, or says so when he is asked.
        """
        found = find_header(rows, self.vocabulary)
        found = found or self._without_headings(rows)
        if found is None:
            return None
        body = rows[found.last + 1 :]
        width = max([len(found.columns), *map(len, body)])
        columns = [*found.columns, *(Column(at, "", None) for at in range(len(found.columns), width))]
        columns = self._by_operator(columns)
        taken = {column.field for column in columns}
        cells = [[row[at] for row in body if at < len(row) and row[at]] for at in range(width)]
        decided = [self._decide(sheet, column, cells[column.index], taken) for column in columns]
        self._note(sheet, decided)
        if not {column.field for column in decided} & KEYS:
            return None
        # a column behind the headings that means nothing is no column of theirs
        while len(decided) > len(found.columns) and decided[-1].field is None:
            decided.pop()
        return replace(found, columns=tuple(decided))

    def unused(self) -> list[str]:
        """The headings of the operator's map that no sheet has."""
        return [heading for heading in self.named if heading not in self.used]

    def _by_operator(self, columns: list[Column]) -> list[Column]:
        """The columns with the fields that the operator named: by heading, or by letter where no heading is so called."""
        by_heading = {plain(heading): heading for heading in self.named}
        headings = {plain(column.heading) for column in columns if column.heading}
        self.used |= {heading for form, heading in by_heading.items() if form in headings}
        done = []
        for column in columns:
            key = by_heading.get(plain(column.heading)) if column.heading else None
            if key is None and column.letter in self.named and plain(column.letter) not in headings:
                key = column.letter
                self.used.add(key)
            if key is None:
                done.append(column)
            else:
                name = self.named[key]
                done.append(replace(column, field=None if name == NO_FIELD else name, by="operator"))
        return done

    def _decide(self, sheet: str, column: Column, cells: list[str], taken: set[str | None]) -> Column:
        """The column with its field, when its cells (or the operator) tell what its heading does not."""
        if column.field or column.by == "operator" or not cells or self.vocabulary.is_turned_away(column.heading):
            return column
        found = guess(cells)
        if found is None or (found.field == "row_id" and column.heading):
            return column
        if found.sure and self._is_free(found, taken):
            taken.add(found.field)
            return replace(column, field=found.field, by="content")
        if self.ask is not None:
            doubt = Doubt(sheet, column, tuple(dict.fromkeys(cells))[:_EXAMPLES], found.field)
            name = self.ask(doubt)
            if name and name not in (COMMENT, NO_FIELD):
                taken.add(name)
                return replace(column, field=name, by="operator")
            return replace(column, by="operator")
        self.notes.setdefault(sheet, []).append(
            f"{_of(sheet)}the column «{column.name}» looks like {found.field}, but not beyond doubt, and goes into the "
            f'comment; --map "{column.name}={found.field}" makes it so'
        )
        return column

    @staticmethod
    def _is_free(found: Guess, taken: set[str | None]) -> bool:
        """A second telephone under a strange heading may be somebody else's: only a field that nobody has is given."""
        rivals = _PERSON if found.field in _PERSON else (found.field,)
        return taken.isdisjoint(rivals)

    def _note(self, sheet: str, columns: list[Column]) -> None:
        told = [f"{column.name} = {column.field}" for column in columns if column.by == "content" and column.field]
        if told:
            self.notes.setdefault(sheet, []).append(
                f"{_of(sheet)}understood by the cells under them: {', '.join(told)}"
            )

    def _without_headings(self, rows: Sequence[Sequence[str]]) -> Header | None:
        """The columns of a sheet without headings that are understood, if their cells (or the operator) name them."""
        usual = _usual_width(rows)
        start = next((at for at, row in enumerate(rows) if sum(map(bool, row)) * 2 >= usual), None)
        if start is None:
            return None
        width = max(map(len, rows))
        below = [[row[at] for row in rows[start + 1 :] if at < len(row) and row[at]] for at in range(width)]
        guesses = [guess(cells) for cells in below]
        sure = [found for found in guesses if found and found.sure and found.field != "row_id"]
        named = any(_LETTERS.fullmatch(letter) for letter in self.named)
        told = {found.field for found in sure}
        if not named and not (told & KEYS and (len(told) > 1 or usual == 1)):
            possible = {found.field for found in guesses if found}
            if self.ask is None or not possible & KEYS:
                return None
        first = list(rows[start]) + [""] * (width - len(rows[start]))
        if _is_heading(first, guesses):
            columns = tuple(Column(at, heading, None) for at, heading in enumerate(first))
            return Header(start, start, columns, 0.0)
        return Header(start, start - 1, tuple(Column(at, "", None) for at in range(width)), 0.0)


def goes_on(header: Header, others: Sequence[Header]) -> bool:
    """Whether a sheet without headings holds what one of `others` does: its columns are theirs, in the same places.

    A sheet that was understood by its heading, or that stands alone, needs no other. What looks like firms or people
    beside a list with headings may be the organisers, or a summary.
    """
    if any(column.field and column.by != "content" for column in header.columns):
        return True
    headed = [one for one in others if any(column.field and column.by != "content" for column in one.columns)]
    places = {(column.index, column.field) for column in header.columns if column.field}
    return not headed or any(places <= {(column.index, column.field) for column in one.columns} for one in headed)


def _of(sheet: str) -> str:
    return f"sheet «{sheet}»: " if sheet else ""


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """How many cells of a row are usually filled: the middle one of the filled rows."""
    filled = sorted(count for row in rows if (count := sum(map(bool, row))))
    return filled[len(filled) // 2] if filled else 0


def _is_heading(first: Sequence[str], guesses: Sequence[Guess | None]) -> bool:
    """Whether a first row is headings that nobody understands: short words that look unlike all cells below them."""
    known = [(cell, found) for cell, found in zip(first, guesses, strict=False) if found and found.sure]
    if not known or any(not cell for cell, _ in known):
        return False
    for cell, found in known:
        alike = guess([cell] * _EXAMPLES)
        if len(cell) > 60 or any(char.isdecimal() for char in cell[:-2]) or (alike and alike.field == found.field):
            return False
    # a column of firms or people may begin with one that looks like neither; a telephone never does
    return any(found.field not in ("company", "contact", "city", "position") for _, found in known)
