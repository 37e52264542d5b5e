"""How people write a firm's data into a list: shapes, abbreviations, typing errors, and what software does to cells."""

from __future__ import annotations

from random import Random

from estafeta.sample.words import words
from estafeta.sample.world import Client, Person, latin

_VARIANTS = {"х": "h", "ц": "c", "щ": "sch", "й": "i", "ю": "iu", "я": "ia", "ж": "j", "ы": "i"}
_NEIGHBOURS = {
    "а": "впя", "о": "лрт", "е": "кн", "и": "мт", "с": "чм", "т": "иь", "р": "по", "н": "ег", "л": "од", "к": "ук",
    "м": "си", "п": "ар", "в": "ы", "д": "л", "у": "цк",
}  # fmt: skip
_LOOK_ALIKE = str.maketrans("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx")
_QUOTES = ("«{}»", '"{}"', "“{}”", "{}", "'{}'", "{}")
_PLACEHOLDERS = ("нет", "-", "--", "н/д", "не указан", "отсутствует", "n/a", "0")
_EXTENSIONS = (" доб. {}", " доб.{}", " ext {}", ", вн. {}")


def typo(text: str, rng: Random) -> str:
    """One typing error: a letter dropped 30 %, two swapped 20 %, one doubled 20 %, a neighbouring key 30 %."""
    if len(text) < 5:
        return text
    at = rng.randint(1, len(text) - 2)
    letter, dice = text[at], rng.random()
    if not letter.isalpha():
        return text
    if dice < 0.3:
        return text[:at] + text[at + 1 :]
    if dice < 0.5:
        return text[:at] + text[at + 1] + letter + text[at + 2 :]
    if dice < 0.7:
        return text[:at] + letter + text[at:]
    others = "aeios" if letter.isascii() else _NEIGHBOURS.get(letter.lower(), "оаие")
    return text[:at] + rng.choice(others) + text[at + 1 :]


def in_latin(text: str, rng: Random) -> str:
    """Transliterated, a third of the time with letters that others write differently."""
    return latin(text, _VARIANTS if rng.random() < 0.35 else None)


def company(client: Client, rng: Random) -> str:
    """The firm's name as somebody writes it, with or without its form."""
    name, form = client.name, client.form
    if form.short == "ИП":
        surname, first, patronymic = name.split(" ", 2)
        name = rng.choice((name, f"{surname} {first[0]}.{patronymic[0]}.", f"{surname} {first[0]}. {patronymic[0]}."))
    if rng.random() < 0.07:
        name = typo(name, rng)
    in_letters = rng.random() < 0.12
    if in_letters:
        name = in_latin(name, rng)
    short = rng.choice(form.latin) if in_letters else form.short
    quoted = rng.choice(_QUOTES).format(name)
    dice = rng.random()
    if dice < 0.40:
        written = f"{short} {quoted}"
    elif dice < 0.62:
        written = name
    elif dice < 0.72:
        written = f"{name} {short}" if in_letters else f"{name}, {short}"
    elif dice < 0.80:
        long = typo(form.long, rng) if rng.random() < 0.1 else form.long
        written = f"{short if in_letters else long} {quoted}"
    elif dice < 0.86:
        written = short + quoted
    elif dice < 0.90:
        written = f"{short} {name}".lower()
    elif dice < 0.94:
        written = f"{short} {name}".upper()
    elif dice < 0.97:
        written = f"{quoted} {client.town.name}"
    else:
        written = f"Компания {name}"
    # letters of the other alphabet that look the same: one list in a hundred rows has them
    return written.translate(_LOOK_ALIKE) if rng.random() < 0.01 else written


def contact(who: Person, rng: Random) -> str:
    """A person's name as somebody writes it."""
    surname = typo(who.surname, rng) if rng.random() < 0.04 else who.surname
    dice = rng.random()
    if dice < 0.3:
        written = f"{surname} {who.first} {who.patronymic}"
    elif dice < 0.6:
        written = f"{who.first} {surname}"
    elif dice < 0.8:
        written = f"{surname} {who.first}"
    elif dice < 0.9:
        written = f"{surname} {who.first[0]}.{who.patronymic[0]}."
    else:
        written = surname
    return in_latin(written, rng) if rng.random() < 0.1 else written


def phone(number: str, rng: Random) -> str:
    """A telephone (E.164) as somebody writes it; 6 % of the fixed ones without their area code."""
    if number.startswith("+37"):
        return rng.choice((number, f"+{number[1:4]} {number[4:6]} {number[6:]}", number[1:]))
    area, local = number[2:5], number[5:]
    parted = f"{local[:3]}-{local[3:5]}-{local[5:]}"
    dice = rng.random()
    if dice < 0.30:
        written = f"+7 ({area}) {parted}"
    elif dice < 0.50:
        written = f"8 ({area}) {parted}"
    elif dice < 0.60:
        written = f"8{area}{local}"
    elif dice < 0.70:
        written = f"7{area}{local}"
    elif dice < 0.78:
        written = f"({area}) {parted}"
    elif dice < 0.84 and area[0] not in "79" and area != "800":
        written = parted
    elif dice < 0.92:
        written = f"+7 {area} {local}"
    else:
        written = f"8-{area}-{parted}"
    if rng.random() < 0.08:
        written += rng.choice(_EXTENSIONS).format(rng.randint(100, 999))
    return written


def site(address: str, rng: Random) -> str:
    """A site as somebody writes it, in seven shapes."""
    shapes = (
        "{}",
        "www.{}",
        "http://{}",
        "http://www.{}/",
        "https://{}/contacts",
        "WWW.{}",
        "https://www.{}/ru/?utm=expo",
    )
    # the address on a catalogue's host has a path of its own
    return rng.choice(shapes[:4] if "/" in address else shapes).format(address)


def spoil(fields: dict[str, str], evidence: dict[str, bool], rng: Random) -> None:
    """What happens to cells on their way through forms and programs; evidence that is lost is unmarked.

    Swapped cells 0.5 %, spreadsheet artefacts 0.5 %, mojibake 0.2 %, placeholders in 2 % of the rows.
    """
    dice = rng.random()
    if dice < 0.005:
        one, other = rng.choice((("phone", "email"), ("email", "website"), ("contact", "phone")))
        fields[one], fields[other] = fields[other], fields[one]
    elif dice < 0.0075 and fields["phone"].isdigit():
        fields["phone"] += ".0"
    elif dice < 0.01 and fields["phone"].isdigit():
        fields["phone"] = f"{float(fields['phone']):.2E}".replace(".", ",")
        evidence["phone"] = False
    elif dice < 0.012 and fields["company"]:
        fields["company"] = fields["company"].encode("utf-8").decode("cp1251", "replace")
        evidence["name"] = False
    if rng.random() < 0.02:
        blank = [name for name in ("company", "contact", "phone", "email", "website") if not fields[name]]
        if blank:
            fields[rng.choice(blank)] = rng.choice(_PLACEHOLDERS)


def remark(kind: str, rng: Random) -> str:
    """What somebody notes of a visitor: `interest` or `position`."""
    return rng.choice(words().lists[kind])
