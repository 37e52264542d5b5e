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


LONGEST_CELL = 2_000
"""More characters than this are no cell; what stands behind them is not read, so that no text takes long."""


def clean(raw: str) -> str:
    """`raw` in one Unicode form, case kept: composed, № as a blank, compatibility forms and invisible marks gone."""
    if len(raw) > LONGEST_CELL:
        raw = raw[:LONGEST_CELL]
    if raw.isascii() or (raw.isprintable() and unicodedata.is_normalized("NFKC", raw)):
        return raw
    text = unicodedata.normalize("NFC", raw)
    if "№" in text:
        text = text.replace("№", " ")
    text = _INVISIBLE.sub("", text)
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


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
_GREEK_WORD = re.compile(
    r"[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοA-Za-zА-Яа-яЁё]*[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο][ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοA-Za-zА-Яа-яЁё]*(?![α-ωά-ώ])"
)
_ROMAN_MIX = re.compile(r"[IVXivxХхІі]{2,}")


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
    if text.isascii():
        return text
    if _GREEK.search(text):
        text = _GREEK_WORD.sub(lambda match: match.group().translate(_GREEK_TO_LATIN), text)
    if not (_LATIN.search(text) and _CYRILLIC.search(text)):
        return text
    return _WORD.sub(_repair_word, text)


def in_latin_look_alikes(text: str) -> str:
    """`text` with every Cyrillic look-alike as the Latin letter: for addresses, which are Latin by nature."""
    return text.translate(_TO_LATIN)


# ── the skeleton ────────────────────────────────────────────────────────────────────────────────────────────────────

# One symbol for one sound: j = ж, w = ш щ, 4 = ч, c = ц, h = х. Pairs that Latin spelling cannot tell apart are one symbol.
_CYRILLIC_PAIRS = re.compile("тс|тз|тч|сч|шч|сх|зх|дж")
_PAIR_SOUND = {"тс": "ц", "тз": "ц", "тч": "ч", "сч": "ш", "шч": "ш", "сх": "ш", "зх": "ж", "дж": "ж"}
_SOUND = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфхцчшщыэжі", "abvgdeziiklmnoprstufhc4wwieji", strict=True)),
        **dict(zip("ґғєқңөұүўәһ", "ggeknouuuah", strict=True)),
        **{"ь": "", "ъ": "", "ю": "iu", "я": "ia", "ї": "i", "ё": "e", "ј": "i"},
    }
)
_LATIN_SOUNDS = re.compile(
    "tsch|shch|sch|tch|skh|zkh|dzh|sh|ch|zh|kh|dj|ph|ck|ts|tz|tc(?=v)|ya|yu|ye|yo|ju|ja|[cqwxyj]"
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
        whole = "".join(
            _LOANS[part] if part in _LOANS else _LATIN_SOUNDS.sub(_latin_sound, _TECH.sub("teh", part))
            for part in _LONG_LOANS.split(word)
        )
    else:
        whole = _CYRILLIC_PAIRS.sub(lambda match: _PAIR_SOUND[match.group()], word).translate(_SOUND)
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
        return roman(word) or _sounds(word)
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
