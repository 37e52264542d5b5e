"""Writing made equal: case, ё, look-alike letters, and a skeleton that is the same in Cyrillic and Latin (MATCHING §§1, 2)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from services.intake.rules import data

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff™®©℠]"
)
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489]")
_BLANKS = re.compile(r"\s+")
_USUAL = re.compile("[ -~А-Яа-яЁё«»“”„–—]*")
"""What nearly all cells consist of; nothing in them needs to be made one form."""
_STRESS = re.compile("(?<=[А-Яа-я])[\u0300\u0301]")
"""The accent that shows how a Russian name is spoken; й and ё have other marks."""


LONGEST_CELL = 2_000
"""More characters than this are no cell; what stands behind them is not read, so that no text takes long."""


def clean(raw: str) -> str:
    """`raw` in one Unicode form, case kept: composed, № as a blank, compatibility forms and invisible marks gone."""
    if len(raw) > LONGEST_CELL:
        raw = raw[:LONGEST_CELL]
    if raw.isascii() or _USUAL.fullmatch(raw):
        return raw
    if _MISREAD.search(raw):
        raw = _read_again(raw)
    if raw.isprintable() and unicodedata.is_normalized("NFKC", raw) and not _STRESS.search(raw):
        return raw
    text = _STRESS.sub("", unicodedata.normalize("NFC", raw))
    if "№" in text:
        text = text.replace("№", " ")
    text = _INVISIBLE.sub("", text)
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


# ── text that a program read in the wrong encoding ──────────────────────────────────────────────────────────────────

_SECOND = "".join(bytes((byte,)).decode("cp1251", "replace") for byte in range(0x80, 0xC0))
_MISREAD = re.compile(
    rf"(?:[РС][{re.escape(_SECOND)} ]\W{{0,3}}){{2}}"  # РћРћРћ: UTF-8 read as Windows-1251
    "|(?:[ÐÑ][\x80-\xbfŒœŠšŸŽžƒˆ˜‐-›€™]\\W{0,3}){2}"  # ÐžÐžÐž: the same as Windows-1252
    "|[À-ÿ]{4}"  # Ðîìàøêà: Windows-1251 read as Windows-1252; no word of any language has four such letters in a row
)
_CYRILLIC_AS_LATIN = re.compile("[À-ÿ]{4}")
_LOST_BYTE = "\x98"
"""What Windows-1251 has no letter for; programs put a question mark in a diamond there."""


def _read_again(text: str) -> str:
    """`text` as it was before a program took its bytes for those of another encoding; as it is when it makes no sense so."""
    if re.search("[РС]", text):
        sent = bytearray()
        for letter in re.sub("([РС]) (?=[РС])", "\\1\xa0", text).replace("\ufffd", _LOST_BYTE):
            sent += _LOST_BYTE.encode("latin-1") if letter == _LOST_BYTE else letter.encode("cp1251", "replace")
        return _decoded(bytes(sent), "utf-8") or text
    sent = bytearray()
    for letter in text:
        sent += letter.encode("latin-1") if ord(letter) < 256 else letter.encode("cp1252", "replace")
    whole = _decoded(bytes(sent), "utf-8")
    return whole or (_decoded(bytes(sent), "cp1251") if _CYRILLIC_AS_LATIN.search(text) else "") or text


def _decoded(sent: bytes, encoding: str) -> str:
    """The text of these bytes, without a last letter that was cut in two; empty when they are not of that encoding."""
    try:
        return sent.decode(encoding)
    except UnicodeDecodeError as error:
        return sent[: error.start].decode(encoding) if error.start >= len(sent) - 2 else ""


def lower(text: str) -> str:
    """Lower case with ё = е; a mark that lower case leaves loose is dropped."""
    text = text.lower()
    if text.isascii():
        return text
    if "ё" in text:
        text = text.replace("ё", "е")
    return _MARKS.sub("", text)


def fold(raw: str) -> str:
    """`clean` and `lower`, blanks joined: how two cells are compared."""
    return _BLANKS.sub(" ", lower(clean(raw))).strip()


# ── look-alike letters ──────────────────────────────────────────────────────────────────────────────────────────────

_LATIN_TO_CYRILLIC = dict(zip("aceopxykmthbABCEHKMOPTXYiI", "асеорхукмтнвАВСЕНКМОРТХУіІ", strict=True))
_CYRILLIC_TO_LATIN = dict(zip("асеорхуіјѕАВСЕНКМОРТХУІЈЅ", "aceopxyijsABCEHKMOPTXYIJS", strict=True))
_TO_CYRILLIC, _TO_LATIN = str.maketrans(_LATIN_TO_CYRILLIC), str.maketrans(_CYRILLIC_TO_LATIN)
_LATIN = re.compile(r"[A-Za-z]")
_CYRILLIC = re.compile(r"[Ѐ-ԯ]")
_WORD = re.compile(r"[^\W\d_]+")
_GREEK_TO_LATIN = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo")
_GREEK = re.compile("[Α-Ωο]")
_SUSPECT = re.compile("[A-Za-z][Ѐ-ԯ]|[Ѐ-ԯ][A-Za-z]|[Α-Ωο]")
"""Where two alphabets meet inside a word; most texts have no such place."""
_GREEK_WORD = re.compile(
    r"[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοA-Za-zА-Яа-яЁё]*[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο][ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοA-Za-zА-Яа-яЁё]*(?![α-ωά-ώ])"
)
_ROMAN_MIX = re.compile(r"[IVXivxХхІі]{2,}")
_ALL_ALIKE = re.compile(r"(?<![^\W_])[ABCEHKMOPTXaceopxy]+(?![^\W_])")


def _repair_word(match: re.Match[str]) -> str:
    word = match.group()
    if not (_LATIN.search(word) and _CYRILLIC.search(word)):
        return word
    if _ROMAN_MIX.fullmatch(word):
        return word.translate(_TO_LATIN)
    latin = [letter for letter in word if "A" <= letter <= "z"]
    cyrillic = [letter for letter in word if "Ѐ" <= letter <= "ԯ"]
    to_latin = all(letter in _CYRILLIC_TO_LATIN for letter in cyrillic)
    to_cyrillic = all(letter in _LATIN_TO_CYRILLIC for letter in latin)
    if to_cyrillic and (not to_latin or len(cyrillic) >= len(latin)):
        return word.translate(_TO_CYRILLIC)
    return word.translate(_TO_LATIN) if to_latin else word


def repair_look_alikes(text: str) -> str:
    """Words that mix Latin and Cyrillic look-alikes, put into the one script that can write the whole word.

    A word that no single script can write stays as it is; «DжетАвто» is somebody's taste, not a slip.
    """
    if text.isascii() or not _SUSPECT.search(text):
        return text
    if _GREEK.search(text):
        text = _GREEK_WORD.sub(lambda match: match.group().translate(_GREEK_TO_LATIN), text)
    repaired = _WORD.sub(_repair_word, text)
    if len(_LATIN.findall(repaired)) < len(_LATIN.findall(text)):
        # whoever's letters were mixed in one word has the words beside it from the same keyboard: «Игнaтьeв B.A.»
        return _ALL_ALIKE.sub(lambda match: match.group().translate(_TO_CYRILLIC), repaired)
    return repaired


def in_latin_look_alikes(text: str) -> str:
    """`text` with every Cyrillic look-alike as the Latin letter: for addresses, which are Latin by nature."""
    return text.translate(_TO_LATIN)


# ── the skeleton ────────────────────────────────────────────────────────────────────────────────────────────────────

# One symbol for one sound: j = ж, w = ш щ, 4 = ч, c = ц, h = х. Pairs that Latin spelling cannot tell apart are one symbol.
_PAIRS = (("ts", "c"), ("tz", "c"), ("w4", "w"), ("s4", "w"), ("sh", "w"), ("dj", "j"), ("zh", "j"), ("t4", "4"))
"""тс тз шч сч сх дж зх тч, in an order in which no pair is made by another."""
_SOUND = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхцчшщыэжі", "abvgdeziiklmnoprstufhc4wwieji", strict=True)),
        **dict(zip("ґғєқңөұүўәһ", "ggeknouuuah", strict=True)),
        **{"ь": "", "ъ": "", "ю": "iu", "я": "ia", "ї": "i", "ё": "e", "ј": "i"},
    }
)
_LATIN_SOUNDS = re.compile(
    "^j(?=u(?:k|rav)|ar(?:ov|k))|tsch|shch|sch|tch|skh|zkh|dzh|sh|ch|zh|kh|dj|ph|ck|ts|tz|tc(?=v)|ya|yu|ye|yo|ju|ja|[cqwxyj]"
)
_SPELLED = {
    **{"tsch": "4", "shch": "w", "sch": "w", "tch": "4", "skh": "w", "zkh": "j", "dzh": "j", "dj": "j"},
    **{"sh": "w", "ch": "4", "zh": "j", "kh": "h", "ph": "f", "ck": "k", "ts": "c", "tz": "c", "tc": "c"},
    **{"ya": "ia", "yu": "iu", "ye": "e", "ju": "iu", "ja": "ia"},
    **{"q": "k", "w": "v", "x": "ks", "y": "i"},
}
_STRIPPED = str.maketrans(
    {**dict(zip("æœøłđðþıčšž", "aoolddti4wj", strict=True)), "ß": "ss", "&": " i ", "+": " plius "}
)
_DOUBLE = re.compile(r"([^\W\d])\1+")
_DOUBLE_I = re.compile("ii+")
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_ROMAN = re.compile("(?=[ivx]{2})x{0,3}(?:ix|iv|v?i{0,3})")
_LOANS: dict[str, str] = {}
_LONG_LOANS: re.Pattern[str] = re.compile("(?!)")
_TECH = re.compile("tech(?!en)")
SHORT_WORD = 4
"""A word of so few sounds is likely an abbreviation: its doubled letters distinguish it (НПП is not НП)."""


def _latin_sound(match: re.Match[str]) -> str:
    spelled = match.group()
    if spelled == "yo":
        before = match.string[match.start() - 1] if match.start() else ""
        return "io" if before and before in "aeiou" else "e"
    if spelled == "j":
        before = match.string[match.start() - 1] if match.start() else ""
        return "i" if before and before in "aeiouyrvlbmpts" else "j"
    if spelled == "c":
        return "c" if match.string[match.end() : match.end() + 1] in ("e", "i", "y", "v") else "k"
    return _SPELLED[spelled]


def _sounds(word: str) -> str:
    if word in _LOANS:
        return _LOANS[word]
    if word.isascii():
        parts = _LONG_LOANS.split(word)
        whole = "".join(
            [
                _LOANS[part] if part in _LOANS else _LATIN_SOUNDS.sub(_latin_sound, _TECH.sub("teh", part))
                for part in parts
            ]
        )
        if len(parts) > 1:
            whole = whole.replace("ts", "c")  # where two of them meet: Cvetmetservice
    else:
        whole = word.translate(_SOUND)
        for pair, sound in _PAIRS:
            if pair in whole:
                whole = whole.replace(pair, sound)
        if not whole.isascii():
            plain = unicodedata.normalize("NFD", word.translate(_STRIPPED))
            plain = _MARKS.sub("", plain)
            whole = _LATIN_SOUNDS.sub(_latin_sound, plain).translate(_SOUND)
    whole = whole.replace("ie", "e")
    return _DOUBLE.sub(r"\1", whole) if len(whole) > SHORT_WORD else _DOUBLE_I.sub("i", whole)


def _load_loans() -> dict[str, str]:
    loans = {"and": "i", "und": "i", "și": "i", "si": "i", "et": "i"}
    for english, cyrillic in data.table("loan_words.tsv", 2):
        usual, *others = cyrillic.split("|")
        loans[english] = _sounds(usual)
        loans.update((other, loans[english]) for other in others)
    return loans


_LOANS = _load_loans()
_LONG_LOANS = re.compile(
    f"({'|'.join(sorted((word for word in _LOANS if word.isascii() and len(word) >= 5), key=len, reverse=True))}"
    "|(?<=...)(?:line|wood|food|life|time)$)"
)


def roman(word: str) -> str:
    """The Arabic digits of a Roman number of two letters or more up to 39, else an empty string."""
    if len(word) < 2 or not _ROMAN.fullmatch(word):
        return ""
    values = [{"i": 1, "v": 5, "x": 10}[letter] for letter in word]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return str(sum(-value if value < following else value for value, following in pairs))


@lru_cache(maxsize=1 << 13)
def skeleton(word: str) -> str:
    """The sounds of a folded word in one alphabet, digits apart: «жайык-14» and «Zhayyk14» → `jaik 14`.

    Idempotence is promised for the words that come in, not for skeletons: a skeleton is compared, never read again.
    """
    if word.isalpha():
        return (roman(word) if word.isascii() else "") or _sounds(word)
    parts = _PARTS.findall(word.translate(_STRIPPED) if "&" in word or "+" in word else word)
    return " ".join((part.lstrip("0") or "0") if part[0].isdigit() else _sounds(part) for part in parts)


# ── single letters ──────────────────────────────────────────────────────────────────────────────────────────────────

_LETTERS = {
    **dict(zip("abcdefghijklmnopqrstuvwxyz", "абсдефгхижклмнопкрстуввхиз", strict=True)),
    **{"й": "и", "ы": "и", "э": "е", "і": "и", "ї": "и", "є": "е", "щ": "ш", "ё": "е"},
    **{"zh": "ж", "kh": "х", "ts": "ц", "tc": "ц", "ch": "ч", "sh": "ш", "shch": "ш", "sch": "ш"},
    **{"yu": "ю", "ya": "я", "ye": "е", "yo": "е", "iu": "ю", "ia": "я", "ju": "ю", "ja": "я"},
}
_FIRST_LETTERS = re.compile("shch|sch|zh|kh|ts|tc|ch|sh|yu|ya|ye|yo|iu|ia|ju|ja")


def letter(word: str) -> str:
    """A single letter in Cyrillic, whatever script or digraph it was written in: `m` → `м`, `zh` → `ж`; else empty."""
    if len(word) == 1:
        return _LETTERS.get(word, word) if word.isalpha() else ""
    return _LETTERS.get(word, "") if word.isascii() else ""


def first_letter(word: str) -> str:
    """The initial of a folded name in Cyrillic: «юлия» and «yuliya» → `ю`."""
    spelled = _FIRST_LETTERS.match(word)
    return letter(spelled.group() if spelled else word[:1])
