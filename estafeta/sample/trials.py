"""The hard cases: firms that are nearly one another in every way that we know, and rows that point at two of them.

They stand beside the base and the list of `generator`, which stay what they are for their seed.
"""

# ruff: noqa: S311 - invented data needs numbers that come again with the seed, not secrets

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from estafeta.sample.generator import ListRow, row_of
from estafeta.sample.words import Form, words
from estafeta.sample.world import Client, World, ascii_of, feminine, firm, masculine, mobile, person, sister

_LONG = {
    "S.R.L.": "Societatea cu Răspundere Limitată",
    "ТОО": "Товарищество с ограниченной ответственностью",
    "ТОВ": "Товариство з обмеженою відповідальністю",
}
_LATIN = {"S.R.L.": ("SRL", "S.R.L."), "ТОО": ("TOO", "LLP"), "ТОВ": ("TOV", "LLC")}
_LANGUAGES = {"S.R.L.": "romanian", "ТОО": "kazakh", "ТОВ": "ukrainian"}


def harder(base: World, n: int, seed: int) -> World:
    """The base with `n` firms more: each is made after one of it and is another firm. The base itself is not changed.

    Kinds, equally often: sisters of all names (`{}-Юг`, `НПП {}`, `{} 2`), the same name with another form, numbered
    twins (№14, №41), lettered twins (-М, -Н), a sole trader's relative, a neighbour in the business centre, one bookkeeper
    for two firms, and firms with Romanian, Kazakh and Ukrainian names.
    """
    rng = Random(f"harder/{base.seed}/{seed}")
    made = World([*base.clients], base.seed, set(base.domains), set(base.identities))
    kinds = (_sister, _other_form, _numbered, _lettered, _relative, _neighbour, _bookkept, _foreign)
    while len(made.clients) < len(base.clients) + n:
        one = rng.choice(kinds)(len(made.clients) + 1, rng.choice(base.clients), made, rng)
        if one is not None and one.identity not in made.identities:
            made.clients.append(one)
            made.identities.add(one.identity)
    return made


def trial_rows(base: World, n: int, seed: int) -> list[ListRow]:
    """`n` rows against a base: half are of its clients, half of firms that are made as in `harder` and are not in it.

    One in five is of a person who has moved: he writes for his new firm from the private mailbox or the telephone
    that the base knows at his old one. Kinds: known, trial, moved.
    """
    rng = Random(f"trials/{base.seed}/{seed}")
    hard = harder(base, n, seed + 1)
    strangers = [replace(one, id=-1_000_000 - one.id) for one in hard.clients[len(base.clients) :]]
    names = {one.name for one in base.clients}
    rows = []
    for stranger in strangers:
        known = rng.random() < 0.5
        row = row_of(rng.choice(base.clients) if known else stranger, "known" if known else "trial", rng, hard.domains)
        if not known and row.fields["company"] and stranger.name in names:
            # without its form nobody could tell it from the firm of the same name
            row.fields["company"] = f"{stranger.form.short} «{stranger.name}»"
        rows.append(_moved(row, rng.choice(base.clients), rng) if rng.random() < 0.2 else row)
    return rows


def _moved(row: ListRow, old: Client, rng: Random) -> ListRow:
    """The same row, left by somebody whom the base knows at another firm."""
    private = [
        (who, address)
        for who, address in zip(old.people, old.emails, strict=True)
        if address and address.split("@")[1] in words().lists["free_mail"]
    ]
    if not row.fields["company"] or not private or row.truth == old.id:
        return row
    who, address = rng.choice(private)
    fields = row.fields | {"contact": f"{who.first} {who.surname}", "email": address}
    kept = row.evidence - {"person"} - (frozenset() if row.fields["website"] else {"web"})
    return replace(row, fields=fields, kind="moved", evidence=kept)


# ── one firm made after another ─────────────────────────────────────────────────────────────────────────────────────

_Maker = Callable[[int, Client, World, Random], Client | None]


def _sister(number: int, model: Client, made: World, rng: Random) -> Client | None:
    one = sister(number, model, made, rng)
    return one and replace(one, name=rng.choice(words().lists["trial_sister"]).format(model.name))


def _other_form(number: int, model: Client, made: World, rng: Random) -> Client | None:
    """ООО and АО of one name and one office."""
    one = sister(number, model, made, rng)
    forms = {form.short: form for form in words().forms[model.town.country]}
    short = "АО" if model.form.short in ("ООО", "ТОО") else "ООО"
    family = ("АО", "ОАО", "ЗАО", "ПАО")
    if one is None or short not in forms or (short in family and model.form.short in family):
        return None
    return replace(one, name=model.name, form=forms[short], domain=model.domain)


def _numbered(number: int, model: Client, made: World, rng: Random) -> Client | None:
    return _twin(number, "Комбинат №{}", rng.sample(("14", "41", "4", "1", "114"), 2), model, made, rng)


def _lettered(number: int, model: Client, made: World, rng: Random) -> Client | None:
    return _twin(number, f"{model.name}-{{}}", rng.sample("МНСКЮ", 2), model, made, rng)


def _twin(number: int, name: str, marks: list[str], model: Client, made: World, rng: Random) -> Client | None:
    """A firm of the model's office that differs from another of its sisters by a number or a letter."""
    one = sister(number, model, made, rng)
    return one and replace(one, name=name.format(marks[0]))


def _relative(number: int, model: Client, made: World, rng: Random) -> Client | None:
    """A sole trader of the same family, who answers the same telephone at home."""
    if model.form.short != "ИП":
        return None
    surname, first, patronymic = model.name.split(" ", 2)
    while (other := person(rng)).first[0] == first[0]:
        pass
    man = other.patronymic.endswith("ч")
    surname = masculine(surname) if man else feminine(masculine(surname))
    one = firm(number, made, rng)
    name = f"{surname} {other.first} {patronymic if patronymic.endswith('ч') == man else other.patronymic}"
    return replace(one, form=model.form, name=name, town=model.town, phones=model.phones[:1])


def _neighbour(number: int, model: Client, made: World, rng: Random) -> Client | None:
    """Another firm of the same house, behind the same switchboard."""
    one = firm(number, made, rng)
    return replace(one, town=model.town, phones=(model.phones[0], mobile(model.town, rng)))


def _bookkept(number: int, model: Client, made: World, rng: Random) -> Client | None:
    """A firm whose mail goes to the bookkeeper of another."""
    if model.domain or not model.office_email:
        return None
    return replace(firm(number, made, rng), office_email=model.office_email, domain=None, site=None)


def _foreign(number: int, model: Client, made: World, rng: Random) -> Client | None:
    """A firm with a name in a language of its own, after which no other is called."""
    country, short = rng.choice(words().lists["trial_form"]).split("|")
    one = firm(number, made, rng)
    name = rng.choice(words().lists[_LANGUAGES[short]])
    zone = {"RO": ".ro", "KZ": ".kz", "UA": ".ua"}[country]
    domain = f"{ascii_of(name) or 'firma'}{number}{zone}"
    form = Form(short, _LONG[short], _LATIN[short])
    office = f"info@{domain}"
    return replace(
        one, form=form, name=name, domain=domain, site=domain, office_email=office, emails=(None,) * len(one.people)
    )
