"""A text file as rows of cells: its encoding, its delimiter, its records."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import charset_normalizer

from estafeta.lists.headings import Vocabulary, find_header, known_words
from estafeta.lists.trouble import UnknownEncoding, UnreadableFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ONE_BYTE = {"cp1251": 0.0, "koi8_r": 0.0, "cp866": -0.2, "mac_cyrillic": -0.5, "cp1252": 0.0}
"""The encodings that are tried, in the order that wins a tie, and how much less likely the rare ones are."""
_SAMPLE = 200_000
_DELIMITERS = (";", ",", "\t", "|")
_LOOKED_AT = 60
_LONGEST_RECORD = 40  # lines; a cell with more of them is a quotation mark that nobody closed
_FREQUENT = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"  # Russian letters, the most frequent first
_FORMS = frozenset({"ооо", "зао", "оао", "пао", "тоо", "нпо", "нпп", "москва", "санкт", "петербург"})
_WORD = re.compile(r"[^\W\d_]+")
_TURNED = re.compile(r"[а-яё](?=[А-ЯЁ])")
_INSIDE = re.compile(r"(?<=\w)[«“„‘–—…](?=\w)")
_ODD = re.compile(r"[^\w\s!-~«»“”„’№–—…°•·\u00a0\u00ad]")


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded file; bytes that could not be decoded stand in it as lone surrogates."""

    text: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a text file; `unclosed` when it holds a quotation mark that was opened and not closed."""

    cells: list[str]
    unclosed: bool = False


def decode(path: Path, raw: bytes) -> Text:
    """The text of `raw`: by its mark, strictly as UTF-8, or by how Russian it looks in one of the one-byte encodings.

    Raises UnknownEncoding when it looks like nothing, UnreadableFile when it is no text.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return Text(raw.decode(encoding, "surrogateescape" if encoding == "utf-8-sig" else "replace"), encoding)
    if wide := _utf16_without_mark(raw):
        return Text(raw.decode(wide, "replace"), wide)
    if raw.count(0, 0, _SAMPLE) * 100 > len(raw[:_SAMPLE]):
        raise UnreadableFile(
            path, "this is no text and no workbook that is known here.", "Save it as XLSX or CSV (UTF-8)."
        )
    try:
        return Text(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        first_bad = error.start
    escaped = raw.decode("utf-8", "surrogateescape")
    bad = sum(1 for char in escaped if "\ud800" <= char <= "\udfff")
    good = sum(1 for char in escaped if char > "\x7f") - bad
    if good > 10 * bad:
        return Text(escaped, "utf-8")
    # lines of plain ASCII say nothing about the encoding, so the sample begins shortly before the first that does
    sample = raw[raw.rfind(b"\n", 0, first_bad) + 1 :][:_SAMPLE]
    found = _one_byte(sample)
    if found is None:
        raise UnknownEncoding(
            path,
            f"its encoding is not known: byte {first_bad + 1} is no UTF-8, and the text makes no sense in "
            "Windows-1251, KOI8-R, CP866 or Windows-1252.",
            "Save it from the spreadsheet program as XLSX, or as CSV UTF-8.",
        )
    # a few bytes of an encoding have no character: they are marked, and only their rows suffer
    return Text(raw.decode(found, "surrogateescape"), found)


def _utf16_without_mark(raw: bytes) -> str | None:
    sample = raw[:4000]
    if len(sample) < 4 or b"\0" not in sample or len(raw) % 2:
        return None
    for encoding, high in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if sum(byte in (0, 4) for byte in high) >= 0.9 * len(high):
            return encoding
    return None


def _one_byte(sample: bytes) -> str | None:
    """The encoding in which `sample` reads most like a list in Russian; None when it reads like nothing."""
    scores: dict[str, tuple[float, str]] = {}
    for encoding, likely in _ONE_BYTE.items():
        text = sample.decode(encoding, "replace")
        if text.count("\ufffd") * 50 <= len(text):
            scores[encoding] = (_looks_right(text) + likely, text)
    if not scores:
        return None
    best = max(scores, key=lambda encoding: scores[encoding][0])
    value, text = scores[best]
    lead = value - max((other for other, words in scores.values() if words != text), default=-9.0)
    # a list may hold cells that some program has spoilt before; what is far ahead of all others is still right
    if (value > 0 and lead > 0.5) or (value > -1.5 and lead > 1.0):
        return best
    guess = charset_normalizer.from_bytes(sample, cp_isolation=[*_ONE_BYTE]).best()
    if guess is not None and scores.get(guess.encoding, (-1.0, ""))[0] > 0:
        return guess.encoding
    return best if value > 0 else None


def _looks_right(text: str) -> float:
    """How much `text` reads like a list of firms, per letter beyond ASCII: above 0 is plausible, 1 … 2 is Russian."""
    weights = _letter_weights()
    known = known_words() | _FORMS
    total, letters = 0.0, 0
    for word, times in Counter(_WORD.findall(text)).items():
        beyond = [char for char in word if char > "\x7f"]
        if not beyond:
            continue
        letters += len(beyond) * times
        value = sum(weights.get(char.lower(), -4.0) for char in beyond)
        cyrillic = sum("\u0400" <= char <= "\u04ff" for char in beyond)
        if cyrillic == 0:
            # Latin with accents: they stand alone among plain letters, or the word is Russian read wrongly
            value = 0.6 * len(beyond) if len(beyond) * 2 < len(word) or len(word) <= 2 else -2.0 * len(beyond)
        elif cyrillic < len(word):
            value -= 2.0 * len(word)  # two alphabets in one word
        elif word.lower() in known:
            value += 4.0 * len(word)
        # cASE tURNED oVER is the mark of KOI8-R and Windows-1251 taken for each other
        value -= 4.0 * len(_TURNED.findall(word))
        total += value * times
    odd = sum(1 for char in _ODD.findall(text) if char > "\x7f")
    # capitals read in the wrong encoding become quotation marks and dashes, which then stand alone or within words
    odd += abs(text.count("«") - text.count("»")) + abs(text.count("“") - text.count("”")) + len(_INSIDE.findall(text))
    return (total - 4.0 * odd) / max(letters + odd, 1)


@cache
def _letter_weights() -> dict[str, float]:
    """From +2 for the most frequent Russian letter down to -2.5 for the rarest."""
    return {letter: 2.0 - 4.5 * place / (len(_FREQUENT) - 1) for place, letter in enumerate(_FREQUENT)}


def find_delimiter(text: str, vocabulary: Vocabulary) -> str:
    """The delimiter with which the first rows make the best headings and the most even rows."""
    declared = re.match(r"sep=(.)\r?\n", text)  # a line that Excel writes and understands
    if declared:
        return declared[1]
    lines = _lines(text[:_SAMPLE])[:_LOOKED_AT]
    best, best_value = ",", (0.0, 0.0)
    for delimiter in _DELIMITERS:
        rows = [[cell.strip() for cell in record.cells] for record in _read(lines, delimiter)]
        header = find_header(rows, vocabulary)
        widths = Counter(len(row) for row in rows if any(row))
        width, times = max(widths.items(), key=lambda found: (found[1], found[0]), default=(1, 0))
        even = times / max(len(rows), 1) if width > 1 else 0.0
        value = (header.score if header else 0.0, even)
        if value > best_value:
            best, best_value = delimiter, value
    return best


def read_records(text: str, delimiter: str) -> Iterator[Record]:
    """The records of a text in order; a blank line is a record without cells, as in a spreadsheet program."""
    lines = _lines(text)
    if lines and re.fullmatch(r"sep=.\r?\n?", lines[0]):
        yield Record([])
        lines = lines[1:]
    yield from _read(lines, delimiter)


def _lines(text: str) -> list[str]:
    return list(io.StringIO(text.replace("\0", ""), newline=""))


def _read(lines: Sequence[str], delimiter: str) -> Iterator[Record]:
    """Read records; one stray quotation mark spoils its own line and no other.

    The csv module takes everything up to the next quotation mark into the cell, which may be the rest of the file.
    So a record over too many lines is read again as one line in which the mark means itself.
    """
    start = 0
    while start < len(lines):
        reader = csv.reader(lines[start:] if start else lines, delimiter=delimiter)
        done = 0
        while True:
            cells: list[str] | None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:  # a cell beyond the module's limit
                cells = None
            spoilt = cells is None or reader.line_num - done > _LONGEST_RECORD
            if cells is not None and not spoilt and start + reader.line_num >= len(lines):
                # the last record: a quotation mark left open is closed silently at the end of the file
                taken = "".join(lines[start + done :])
                spoilt = taken.count('"') % 2 == 1 and reader.line_num - done > 1
            if cells is not None and not spoilt:
                yield Record(cells)
                done = reader.line_num
                continue
            literal = next(csv.reader([lines[start + done]], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
            yield Record(literal, unclosed=True)
            start += done + 1
            break
