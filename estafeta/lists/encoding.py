"""In which encoding a text file is: by its mark, strictly as UTF-8, or by how much it reads like a list of firms."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import BinaryIO

from estafeta.lists.headings import known_words
from estafeta.lists.trouble import UnknownEncoding, UnreadableFile

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ONE_BYTE = {"cp1251": 0.0, "koi8_r": 0.0, "cp866": -0.2, "mac_cyrillic": -0.3, "cp1252": 0.0, "cp1250": -0.05}
"""The encodings that are tried, in the order that wins a tie, and how much less likely the rare ones are."""
_SAMPLE = 200_000
_CHUNK = 1024**2
_FREQUENT = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"  # Russian letters, the most frequent first
_FOREIGN = frozenset("ЂЃЉЊЌЋЏђѓљњќћџЅѕј")
"""Letters of Serbian and Macedonian: in a list in Russian they are the capitals of Mac Cyrillic, read as Windows-1251."""
_RARE = frozenset("ãÃþÞðÐõÕªº¹³")
"""In Windows-1252 the Romanian ă, ţ, ş and the Polish ą, ł of Windows-1250 read so."""
_FORMS = frozenset({"ооо", "зао", "оао", "пао", "тоо", "нпо", "нпп", "москва", "санкт", "петербург"})
_WORD = re.compile(r"[^\W\d_]+")
_TURNED = re.compile(r"[а-яё](?=[А-ЯЁ])")
_INSIDE = re.compile(r"(?<=\w)[«“„‘–—…](?=\w)|(?<!\w)[„…†‡‚‰‹’”™›](?=[а-яё])")
_ODD = re.compile(r"[^\w\s!-~«»“”„’№–—…°•·\u00a0\u00ad]")
_SPOILT = re.compile(r"(?:[РС][\u0402-\u040f\u0451-\u045f\u0080-\u00bf\u2010-\u2122А-Яа-я]){4,}")
"""Russian that another program has read in a wrong encoding and written so: it tells nothing of this file's."""
_ESCAPED = re.compile(r"[\ud800-\udfff]")


def find_encoding(path: Path, content: BinaryIO) -> str:
    """The name of the encoding of `content`, which is read from its beginning in pieces; `path` is for the complaint.

    Raises UnknownEncoding when it reads like nothing, UnreadableFile when it is no text.
    """
    content.seek(0)
    sample = content.read(_SAMPLE)
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if wide := _utf16_without_mark(sample):
        return wide
    if sample.count(0) * 100 > len(sample):
        raise UnreadableFile(
            path, "this is no text and no workbook that is known here.", "Save it as XLSX or CSV (UTF-8)."
        )
    first_bad = _first_byte_beyond_utf8(content)
    if first_bad is None:
        return "utf-8"
    found = _one_byte(_sample_around(content, first_bad))
    if found is None:
        raise UnknownEncoding(
            path,
            f"its encoding is not known: byte {first_bad + 1} is no UTF-8, and the text makes no sense in "
            "Windows-1251, KOI8-R, CP866, Mac Cyrillic, Windows-1250 or Windows-1252.",
            "Save it from the spreadsheet program as XLSX, or as CSV UTF-8.",
        )
    return found


def errors_of(encoding: str) -> str:
    """What becomes of bytes without a character: they are marked as lone surrogates, so that only their rows suffer."""
    return "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _first_byte_beyond_utf8(content: BinaryIO) -> int | None:
    """The place of the first byte that is no UTF-8; None when there is none, or hardly any for the good ones."""
    content.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    first: int | None = None
    position = bad = good = 0
    more = True
    while more:
        chunk = content.read(_CHUNK)
        more = bool(chunk)
        text = decoder.decode(chunk, final=not more)
        if text.isascii():
            position += len(text)
            continue
        wrong = len(_ESCAPED.findall(text))
        if wrong and first is None:
            first = position + len(text[: text.index(_ESCAPED.findall(text)[0])].encode())
        bad += wrong
        good += len(text) - len(text.encode("ascii", "ignore")) - wrong
        position += len(text.encode("utf-8", "surrogateescape"))
    return None if good > 10 * bad else first


def _sample_around(content: BinaryIO, place: int) -> bytes:
    """Lines of plain ASCII say nothing about the encoding, so the sample begins shortly before the first that does."""
    before = min(place, 4096)
    content.seek(place - before)
    sample = content.read(before + _SAMPLE)
    return sample[sample.rfind(b"\n", 0, before) + 1 :]


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
    import charset_normalizer  # it takes its time to load, and is seldom asked

    guess = charset_normalizer.from_bytes(sample, cp_isolation=[*_ONE_BYTE]).best()
    if guess is not None and scores.get(guess.encoding, (-1.0, ""))[0] > 0:
        return guess.encoding
    return best if value > 0 else None


def _looks_right(text: str) -> float:
    """How much `text` reads like a list of firms, per letter beyond ASCII: above 0 is plausible, 1 … 2 is Russian."""
    weights = _letter_weights()
    known = known_words() | _FORMS
    total, letters = 0.0, 0
    text = _SPOILT.sub("", text)
    for word, times in Counter(_WORD.findall(text)).items():
        beyond = [char for char in word if char > "\x7f"]
        if not beyond:
            continue
        letters += len(beyond) * times
        value = sum(weights.get(char.lower(), -4.0) - 8.0 * (char in _FOREIGN) for char in beyond)
        cyrillic = sum("\u0400" <= char <= "\u04ff" for char in beyond)
        if cyrillic == 0:
            # Latin with accents: they stand alone among plain letters, or the word is Russian read wrongly
            value = 0.6 * len(beyond) if len(beyond) * 2 < len(word) or len(word) <= 2 else -2.0 * len(beyond)
            value -= sum(char in _RARE for char in beyond)
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
