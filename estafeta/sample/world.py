"""An invented client base: firms, their people, telephones, addresses and sites, and firms that are nearly one another."""

# ruff: noqa: S311 - invented data needs numbers that come again with the seed, not secrets

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from estafeta.sample.words import Form, Town, words

LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch . y . e yu ya".replace(".", "").split(" "),
        strict=True,
    )
)
_MOBILE = {
    "RU": "7903 7905 7906 7909 7910 7912 7915 7916 7917 7920 7921 7922 7925 7926 7927 7937 7950 7961 7965 7981 7985 7999",
    "KZ": "7701 7702 7705 7707 7747 7775 7777",
    "BY": "37529 37533 37544",
    "MD": "37368 37369 37379",
}
_LENGTH = {"RU": 11, "KZ": 11, "BY": 12, "MD": 11}
_ZONES = {"RU": [".ru"] * 14 + [".com", ".su", ".org", ".рф"], "KZ": [".kz"], "BY": [".by"], "MD": [".md"]}
_SISTERS = ("ТД {}", "{}-Сервис", "{} Инвест", "УК {}", "{}-Логистика", "{} Девелопмент")

Curators = Mapping[str, Sequence[str]]
"""Region code → ids of the staff who hold clients there."""

CURATORS: Curators = {
    **dict.fromkeys(
        ("RU-MOW", "RU-MOS", "RU-TUL", "RU-VOR", "RU-ROS", "RU-KDA", "BY", "MD"),
        ("petrova", "kuznetsov", "orlova", "morozov", "belova", "sidorov"),
    ),
    **dict.fromkeys(("RU-SPE", "RU-NGR"), ("lebedeva", "nikitin")),
    **dict.fromkeys(("RU-TA", "RU-NIZ", "RU-SAM", "RU-BA", "RU-SAR", "RU-KIR", "RU-UD"), ("galieva", "safin")),
    **dict.fromkeys(("RU-SVE", "RU-TYU", "RU-NVS", "RU-CHE", "RU-PER"), ("zueva", "demidov")),
    "KZ": ("ospanov", "kim"),
}
"""Whose clients they are in the sample company."""


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person."""

    surname: str
    first: str
    patronymic: str

    @property
    def full(self) -> str:
        """Surname, first name, patronymic."""
        return f"{self.surname} {self.first} {self.patronymic}"


@dataclass(frozen=True, slots=True)
class Client:
    """A firm as it really is; `emails` are those of `people`, in their order, `sister_of` the firm it shares keys with."""

    id: int
    form: Form
    name: str
    town: Town
    phones: tuple[str, ...]
    domain: str | None
    site: str | None
    people: tuple[Person, ...]
    emails: tuple[str | None, ...]
    office_email: str | None
    curator: str | None = None
    sister_of: int | None = None

    @property
    def identity(self) -> tuple[str, str | None]:
        """What makes two invented firms one: the name and the domain."""
        return self.name.casefold(), self.domain


@dataclass(slots=True)
class World:
    """A client base with ids 1 … n, and what is taken already: domains, sites and mailboxes, and names with their domains."""

    clients: list[Client]
    seed: int
    domains: set[str] = field(default_factory=set)
    identities: set[tuple[str, str | None]] = field(default_factory=set)


def world(n: int, seed: int, curators: Curators = CURATORS) -> World:
    """A base of `n` clients; the same for the same seed.

    3 % are sisters of another firm (they share domain and telephone), 1 % share a business centre's telephone, and
    common names are borne by many. A third of the clients has a curator from `curators`, by region.
    """
    rng = Random(f"world/{seed}")
    made = World([], seed)
    for number in range(1, n + 1):
        client = None
        if made.clients and rng.random() < 0.03:
            client = sister(number, rng.choice(made.clients), made, rng)
        if client is None:
            client = firm(number, made, rng)
            if made.clients and rng.random() < 0.01:
                neighbours = [other for other in made.clients if other.town == client.town] or [client]
                client = replace(client, phones=(rng.choice(neighbours).phones[0], *client.phones[1:]))
        if rng.random() < 0.35 and (staff := curators.get(client.town.region)):
            client = replace(client, curator=rng.choice(staff))
        made.clients.append(client)
        made.identities.add(client.identity)
    return made


def firm(number: int, made: World, rng: Random) -> Client:
    """A new firm; its domain is nobody else's."""
    lists = words().lists
    town = rng.choices(words().towns, cum_weights=words().town_weights)[0]
    form = rng.choices(words().forms[town.country], cum_weights=words().form_weights[town.country])[0]
    owner = person(rng)
    name = owner.full if form.short == "ИП" else _name(rng)
    phones = [landline(town, rng)] if rng.random() < 0.75 else []
    if rng.random() < 0.5 or not phones:
        phones.append(mobile(town, rng))
    if town.country == "RU" and rng.random() < 0.12:
        phones.append(f"+7800{rng.randint(1_000_000, 9_999_999)}")
    base = ascii_of(name.split(" ")[0] if rng.random() < 0.5 else name)[:20] or "firm"
    domain = _domain(base, town.country, made, rng) if rng.random() < 0.7 else None
    site = None
    if domain and rng.random() < 0.85:
        site = domain if rng.random() < 0.8 else taken_by_none(f"{base}-shop{abs(number)}.ru", made.domains)
    elif rng.random() < 0.1:
        # firms without a site of their own live on a catalogue's host, many on one
        site = taken_by_none(rng.choice(lists["catalogue"]).format(f"{base}{abs(number)}"), made.domains)
    people = tuple(person(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3))))
    if form.short == "ИП" and rng.random() < 0.7:
        people = (owner, *people[1:])
    emails = tuple(
        address and taken_by_none(address, made.domains) for one in people for address in [_email(one, domain, rng)]
    )
    office = None
    if domain and rng.random() < 0.6:
        office = f"{rng.choice(('info', 'sales', 'office', 'mail', 'zakaz'))}@{domain}"
    elif rng.random() < 0.3:
        office = f"{base[:12]}{rng.randint(1, 999)}@{rng.choice(lists['free_mail'])}"
        office = taken_by_none(office, made.domains)
    return Client(number, form, name, town, tuple(phones), domain, site, people, emails, office)


def sister(number: int, parent: Client, made: World, rng: Random) -> Client | None:
    """Another firm of the same owners: it shares domain and telephone and must never be merged; None if it cannot be."""
    if parent.form.short == "ИП" or not parent.domain or parent.sister_of:
        return None
    head = person(rng)
    forms = words().forms[parent.town.country]
    client = replace(
        parent,
        id=number,
        form=forms[0],
        name=rng.choice(_SISTERS).format(parent.name),
        phones=(parent.phones[0], mobile(parent.town, rng)),
        people=(head,),
        emails=(f"{ascii_of(head.surname)}@{parent.domain}",),
        curator=None,
        sister_of=parent.id,
    )
    return None if client.identity in made.identities else client


def person(rng: Random) -> Person:
    """An invented person, 62 % men, as at industrial exhibitions."""
    lists = words().lists
    surname = rng.choice(lists["surname"])
    fathers = lists["father"]
    pair = 2 * rng.randrange(len(fathers) // 2)
    if rng.random() < 0.62:
        return Person(surname, rng.choice(lists["male"]), fathers[pair])
    return Person(feminine(surname), rng.choice(lists["female"]), fathers[pair + 1])


def feminine(surname: str) -> str:
    """The feminine form of a surname, where it has one: Иванов → Иванова, Вишневский → Вишневская, Пак → Пак."""
    if re.search(r"(?:ов|ев|ёв|ин|ын)$", surname):
        return surname + "а"
    if re.search(r"(?:ий|ой|ый)$", surname):
        return surname[:-2] + "ая"
    return surname


def masculine(surname: str) -> str:
    """The masculine form of a surname: the way back from `feminine`."""
    if re.search(r"(?:ов|ев|ёв|ин|ын)а$", surname):
        return surname[:-1]
    return surname.removesuffix("ая") + "ий" if surname.endswith("кая") else surname


def landline(town: Town, rng: Random) -> str:
    """A telephone in a town, as E.164."""
    head = town.area if town.country != "RU" else f"7{town.area}"
    return f"+{head}{_digits(_LENGTH[town.country] - len(head), rng, '2', '7')}"


def mobile(town: Town, rng: Random) -> str:
    """A mobile telephone of a town's country, as E.164."""
    head = rng.choice(_MOBILE[town.country].split())
    return f"+{head}{_digits(_LENGTH[town.country] - len(head), rng, '1', '9')}"


def _digits(count: int, rng: Random, lowest: str, highest: str) -> str:
    return f"{rng.randint(int(lowest), int(highest))}" + "".join(str(rng.randrange(10)) for _ in range(count - 1))


def latin(text: str, other: Mapping[str, str] | None = None) -> str:
    """Russian text in Latin letters; `other` gives variants of single letters."""
    letters = []
    for char in text:
        low = char.lower()
        written = (other or {}).get(low) or LATIN.get(low, low)
        letters.append(written.capitalize() if char != low else written)
    return "".join(letters)


def ascii_of(text: str) -> str:
    """Text as it stands in an address: Latin lower-case letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", latin(text).lower())


def _domain(base: str, country: str, made: World, rng: Random) -> str:
    zone = rng.choice(_ZONES[country] if rng.random() < 0.8 else _ZONES["RU"])
    domain = base + zone
    for attempt in range(1_000):
        if domain not in made.domains:
            break
        tail = rng.choice(("-", "", "-group", "-msk", "-nn", "24", "group", "spb", "rus"))
        domain = f"{base}{tail}{rng.randint(1, 9999) if attempt else ''}".rstrip("-") + zone
    made.domains.add(domain)
    return domain


def taken_by_none(address: str, taken: set[str]) -> str:
    """The address, or when another has it already one like it; nobody's afterwards. One address is never two firms'."""
    own, count = address, 2
    while own in taken:
        own = f"x{count}{address}"
        count += 1
    taken.add(own)
    return own


def _email(one: Person, domain: str | None, rng: Random) -> str | None:
    surname = ascii_of(one.surname)
    if domain and rng.random() < 0.75:
        local = surname if rng.random() < 0.5 else f"{ascii_of(one.first)[0]}.{surname}"
        return f"{local}@{domain}"
    if rng.random() < 0.5:
        free = words().lists["free_mail"]
        return f"{surname}{rng.choice(('', '.', '_'))}{rng.randint(1, 2010)}@{rng.choice(free)}"
    return None


def _name(rng: Random) -> str:
    """The name of a firm without its form: common words by frequency, compounds, syllables, plants, surnames."""
    lists = words().lists
    root, ending = rng.choice(lists["root"]), rng.choice(lists["ending"])
    dice = rng.random()
    if dice < 0.13:
        return lists["common"][min(int(rng.expovariate(1 / 22)), len(lists["common"]) - 1)]
    if dice < 0.50:
        return root + ending
    if dice < 0.60:
        return root + ending + rng.choice(lists["suffix"])
    if dice < 0.72:
        made = "".join(rng.choice(lists["syllable"]) for _ in range(rng.randint(2, 4))).capitalize()
        return f"{made} {ending.capitalize()}" if rng.random() < 0.25 else made
    if dice < 0.80:
        return root + rng.choice(lists["syllable"]) + ending
    if dice < 0.86:
        return f"{rng.choice(lists['plant'])} {root}{ending}"
    if dice < 0.88:
        return f"{rng.choice(('Комбинат', 'Завод', 'База'))} №{rng.randint(2, 60)}"
    if dice < 0.94:
        return latin(root + ending) + rng.choice(("", " Group", " Rus"))
    return rng.choice(lists["surname"])
