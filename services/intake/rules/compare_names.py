"""Do two names mean one company: exactly, but for a slip of the pen, or not? What forbids joining them? (MATCHING §8)"""

from __future__ import annotations

from msgspec.structs import replace
from rapidfuzz.distance import OSA

from services.intake.rules.keys import CompanyName
from services.intake.rules.script import first_letter, skeleton

SHORTEST_TYPO = 6
"""Names shorter than this differ by a letter because they are different names (Лорис, Лорес)."""
SHORTEST_TYPO_WORD = 5
LONG_WORD = 9
MOST_SLIPS = 2
MOST_GIVEN = 3
"""First name, patronymic, and «оглы»."""
_MARKS = ("descriptors", "numbers", "letters")


def compare_names(ours: CompanyName | None, theirs: CompanyName | None) -> tuple[str, tuple[str, ...]]:
    """How two names agree (`exact typo variant differs missing`), and what in them forbids joining.

    A missing name agrees and conflicts with nothing.
    Conflicts: form, country of the form, descriptors, numbers, letters, initials, name.
    A descriptor, a number or a single letter tells sister companies apart, so losing one is never a typo.
    """
    if ours is None or theirs is None:
        return "missing", ()
    conflicts = []
    if ours.form and theirs.form and ours.form != theirs.form:
        conflicts.append("form")
    if ours.form_country and theirs.form_country and ours.form_country != theirs.form_country:
        conflicts.append("country of the form")
    if ours.initials or theirs.initials:
        level = _compare_traders(ours, theirs)
        if level == "variant":
            conflicts.append("initials")
    else:
        level, marks = _compare_firms(ours, theirs)
        conflicts += marks
    if level in ("variant", "differs") and not conflicts:
        conflicts.append("name")
    return level, tuple(conflicts)


def without_place(name: CompanyName) -> CompanyName:
    """The name without the city with which it ends (`place`)."""
    parts = name.skeleton.split()[: -len(" ".join(map(skeleton, name.place.split())).split())]
    return replace(
        name,
        core=name.core.removesuffix(name.place).rstrip(),
        skeleton=" ".join(parts),
        sorted_skeleton=" ".join(sorted(parts)),
        place="",
    )


def _compare_firms(ours: CompanyName, theirs: CompanyName) -> tuple[str, list[str]]:
    """The level, and the marks that tell sisters apart and are not equal."""
    if ours.sorted_skeleton == theirs.sorted_skeleton:
        marks = [mark for mark in _MARKS if getattr(ours, mark) != getattr(theirs, mark)]
        if marks:
            return "variant", marks
        return ("exact" if _spelt_alike(ours, theirs) else "differs"), []
    marks = ["numbers"] if ours.numbers != theirs.numbers else []
    if ours.letters != theirs.letters:
        marks.append("letters")
    if not marks and _written_together(ours, theirs):
        return "exact", []
    if ours.descriptors != theirs.descriptors and not _is_misspelt_descriptor(ours, theirs):
        marks.append("descriptors")
    if not marks and _is_typo(ours, theirs):
        return "typo", []
    words, others = set(ours.skeleton.split()), set(theirs.skeleton.split())
    return ("variant" if words <= others or others <= words else "differs"), marks


def _spelt_alike(ours: CompanyName, theirs: CompanyName) -> bool:
    """Whether a short name that sounds the same is written the same; between two scripts the sound is all there is."""
    if len(ours.sorted_skeleton) >= SHORTEST_TYPO or ours.core == theirs.core:
        return True
    return ours.core.isascii() != theirs.core.isascii() or sorted(ours.core.split()) == sorted(theirs.core.split())


def _written_together(ours: CompanyName, theirs: CompanyName) -> bool:
    """«Лазурный берег» and «Лазурныйберег», but for short names."""
    one, other = ours.skeleton.replace(" ", ""), theirs.skeleton.replace(" ", "")
    return one == other and len(one) >= SHORTEST_TYPO


def _is_misspelt_descriptor(ours: CompanyName, theirs: CompanyName) -> bool:
    """Whether what stands on one side only is a slip of the pen in a long descriptor, and no descriptor of its own."""
    missing = ours.descriptors ^ theirs.descriptors
    if len(missing) != 1:
        return False
    (mark,) = missing
    words = (ours if mark in ours.descriptors else theirs).skeleton.split()
    return len(mark) >= SHORTEST_TYPO and skeleton(mark) in words


def _is_typo(ours: CompanyName, theirs: CompanyName) -> bool:
    """One or two slips in long words, everything else equal; in letters if the script is one, else in sounds."""
    if min(len(ours.skeleton), len(theirs.skeleton)) < SHORTEST_TYPO:
        return False
    return _few_slips(ours.skeleton, theirs.skeleton) or (
        ours.core.isascii() == theirs.core.isascii() and _few_slips(ours.core, theirs.core)
    )


def _few_slips(one: str, other: str) -> bool:
    words, others = one.split(" "), other.split(" ")
    if len(words) != len(others):
        return False
    slips = 0
    for word, another in zip(words, others, strict=True):
        if word == another:
            continue
        shortest = min(len(word), len(another))
        allowed = 0 if shortest < SHORTEST_TYPO_WORD else 1 if shortest < LONG_WORD else 2
        distance = OSA.distance(word, another, score_cutoff=allowed)
        if distance > allowed:
            return False
        slips += distance
    return slips <= MOST_SLIPS


# ── sole traders ────────────────────────────────────────────────────────────────────────────────────────────────────


def _compare_traders(ours: CompanyName, theirs: CompanyName) -> str:
    """Sole traders: one surname in a family is many firms, so a surname is a name only with what follows it.

    One of the two may stand without its form: «Дёмин Р. А.», «Р. А. Дёмин».
    """
    trader, other = (ours, theirs) if ours.initials else (theirs, ours)
    surname, *rest = trader.skeleton.split(" ")
    given = list(zip(rest, trader.initials, strict=False))
    agreed = "exact"
    if other.initials:
        namesake, *rest = other.skeleton.split(" ")
        if surname != namesake:
            if not _is_misspelt_surname(surname, namesake):
                return "differs"
            agreed = "typo"
        others = list(zip(rest, other.initials, strict=False))
    else:
        words = [(skeleton(word), first_letter(word)) for word in other.core.split()]
        namesakes = [word for word in words if word[0] == surname]
        if not namesakes:
            return "differs"
        others = [word for word in words if word != namesakes[0]]
        if len(others) > MOST_GIVEN:
            return "variant"
    agree = all(_same_given(one, another) for one, another in zip(given, others, strict=False))
    if agreed == "typo" and not (len(given) == len(others) > 1 and agree):
        return "differs"
    return agreed if given and others and agree else "variant"


def _is_misspelt_surname(one: str, other: str) -> bool:
    """One slip in a long surname; «-а» at its end is no slip but his wife."""
    if min(len(one), len(other)) < SHORTEST_TYPO or one.endswith("a") != other.endswith("a"):
        return False
    return OSA.distance(one, other, score_cutoff=1) <= 1


def _same_given(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Two given names, or a name and its initial; each as its sound and its first letter in Cyrillic."""
    if _is_initial(one[0]) or _is_initial(other[0]):
        return one[1] == other[1]
    return one[0] == other[0]


def _is_initial(sound: str) -> bool:
    return len(sound) == 1 or sound in ("iu", "ia")


def same_person(ours: str, theirs: str) -> bool:
    """Whether given names as they were written can be one person's: missing, an initial, or the same beginning."""
    one, other = ours.split(), theirs.split()
    if not one or not other:
        return True
    first, second = skeleton(one[0].casefold()), skeleton(other[0].casefold())
    if _is_initial(first) or _is_initial(second):
        return first_letter(one[0].casefold()) == first_letter(other[0].casefold())
    return first[:3] == second[:3]
