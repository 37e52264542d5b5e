"""Keys 4 and 5: e-mail addresses, the mailbox behind them, and the corporate domain (MATCHING §§5, 6)."""

import pytest

from services.intake.rules.email import is_role, normalise

TABLE = [
    ("Sales@Frezer.RU", [("sales@frezer.ru", "sales@frezer.ru")]),
    (" demin@frezer.ru ", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("mailto:demin@frezer.ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("<demin@frezer.ru>,", [("demin@frezer.ru", "demin@frezer.ru")]),
    ('"Р. Дёмин" <demin@frezer.ru>', [("demin@frezer.ru", "demin@frezer.ru")]),
    ("demin@frezer,ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("demin [at] frezer.ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("demin(собака)frezer.ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("demin @ frezer.ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("a@x.ru;b@x.ru", [("a@x.ru", "a@x.ru"), ("b@x.ru", "b@x.ru")]),
    ("a@x.ru b@x.ru", [("a@x.ru", "a@x.ru"), ("b@x.ru", "b@x.ru")]),
    ("demin@frezer.ru.", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("o.demin+spb@gmail.com", [("o.demin+spb@gmail.com", "odemin@gmail.com")]),
    ("o.demin@googlemail.com", [("o.demin@googlemail.com", "odemin@gmail.com")]),
    ("r.demin@ya.ru", [("r.demin@ya.ru", "r-demin@yandex.ru")]),
    ("r-demin@yandex.kz", [("r-demin@yandex.kz", "r-demin@yandex.ru")]),
    ("r.demin@mail.ru", [("r.demin@mail.ru", "r.demin@mail.ru")]),
    ("demin@фрезер.рф", [("demin@xn--e1aaf8adt.xn--p1ai", "demin@xn--e1aaf8adt.xn--p1ai")]),
    ("dеmin@frezer.ru", [("demin@frezer.ru", "demin@frezer.ru")]),
    ("demin@frezer", []),
    ("нет", []),
    ("-", []),
    ("demin.frezer.ru", []),
    ("demin@mail.r", []),
]


@pytest.mark.parametrize(("raw", "expected"), TABLE)
def test_the_addresses_of_the_table_are_read(raw: str, expected: list[tuple[str, str]]) -> None:
    assert [(box.email, box.mailbox) for box in normalise(raw)[0]] == expected


def test_an_address_in_no_zone_is_told_as_a_typo() -> None:
    assert normalise("demin@mail.r")[1] == ("typo_tld",)


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        ("demin@frezer. ru", "demin@frezer.ru"),
        ("demin@frezer.ру", "demin@frezer.ru"),
        ("demin@frеzer.ru", "demin@frezer.ru"),
        ("demin..r@frezer.ru", "demin.r@frezer.ru"),
        ("demin at frezer.ru", "demin@frezer.ru"),
        ("demin@@frezer.ru", "demin@frezer.ru"),
        ("www.demin@frezer.ru", "demin@frezer.ru"),
        ("demin[собака]frezer[точка]ru", "demin@frezer.ru"),
        ("E-mail: demin@frezer.ru, тел. 201-30-40", "demin@frezer.ru"),
    ],
)
def test_a_damaged_address_is_repaired(raw: str, email: str) -> None:
    assert [box.email for box in normalise(raw)[0]] == [email]


@pytest.mark.parametrize(
    "local", ["info", "sales", "office", "zakaz", "buh", "hr", "secretary", "info2", "sales-msk", "zakaz.spb"]
)
def test_a_mailbox_of_a_function_is_a_role(local: str) -> None:
    assert is_role(local)
    assert normalise(f"{local}@frezer.ru")[0][0].is_role


@pytest.mark.parametrize("local", ["demin", "r.demin", "infoman", "sales.demin", "o.demin+info"])
def test_a_mailbox_of_a_person_is_none(local: str) -> None:
    assert not is_role(local)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("demin@frezer.ru", "frezer.ru"),
        ("demin@msk.frezer.ru", "frezer.ru"),
        ("x@zavod.spb.ru", "zavod.spb.ru"),
        ("x@zavod.omsk.ru", "zavod.omsk.ru"),
        ("x@mail.zavod.omsk.ru", "zavod.omsk.ru"),
        ("x@frezer.com.by", "frezer.com.by"),
        ("x@фрезер.рф", "xn--e1aaf8adt.xn--p1ai"),
        ("x@frezer-group.ru", "frezer-group.ru"),
    ],
)
def test_a_corporate_address_shows_its_registrable_domain(address: str, domain: str) -> None:
    assert [box.domain for box in normalise(address)[0]] == [domain]


FREE = "bk.ru list.ru inbox.ru ya.ru rambler.ru ukr.net tut.by mail.kz inbox.lv yahoo.ro mtu-net.ru"
LACKED = (
    "internet.ru yandex.by yandex.kz meta.ua mail.kz inbox.lv narod.ru qip.ru nm.ru hotbox.ru rdslink.ro k.ro xakep.ru "
    "e1.ru ngs.ru sibmail.com mail.uz umail.uz inbox.uz freemail.ru smtp.ru mtu-net.ru vk.com"
)


@pytest.mark.parametrize(
    "domain", [*FREE.split(), *LACKED.split(), "tempmail.com", "mailinator.com", "frezer", "omsk.ru"]
)
def test_free_disposable_and_provider_addresses_have_no_corporate_domain(domain: str) -> None:
    assert not any(box.domain for box in normalise(f"x@{domain}")[0])
