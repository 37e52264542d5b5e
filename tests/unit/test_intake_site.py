"""Key 6: web sites, in one namespace with the e-mail domains (MATCHING §6)."""

import pytest

from services.intake.rules import email
from services.intake.rules.site import normalise

TABLE = [
    ("HTTP://WWW.Frezer.ru/about", ["frezer.ru"]),
    ("frezer.ru.", ["frezer.ru"]),
    ("https://m.frezer.ru:443/?utm=1", ["frezer.ru"]),
    ("zavod.spb.ru", ["zavod.spb.ru"]),
    ("frezer.ru / frezer.by", ["frezer.ru", "frezer.by"]),
    ("https://frezer.satom.ru/", ["frezer.satom.ru"]),
    ("https://vk.com/frezer63", ["vk.com/frezer63"]),
    ("vk.com, www.yandex.ru, нет, строится", []),
    ("vk.com", []),
    ("www.yandex.ru", []),
    ("нет", []),
    ("строится", []),
    ("фрезер.рф", ["xn--e1aaf8adt.xn--p1ai"]),
    ("xn--e1aaf8adt.xn--p1ai", ["xn--e1aaf8adt.xn--p1ai"]),
    ("htpp:/frezer.ru", ["frezer.ru"]),
]


@pytest.mark.parametrize(("raw", "expected"), TABLE)
def test_the_sites_of_the_table_are_read(raw: str, expected: list[str]) -> None:
    assert list(normalise(raw)[0]) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("http//:frezer.ru", ["frezer.ru"]),
        ("http:\\\\www.frezer.ru", ["frezer.ru"]),
        ("http;//frezer.ru", ["frezer.ru"]),
        ("www2.frezer.ru", ["frezer.ru"]),
        ("www,frezer.ru", ["frezer.ru"]),
        ("сайт: frezer.ru", ["frezer.ru"]),
        ("frezer.ru, frezer.by", ["frezer.ru", "frezer.by"]),
        ("frezer.ru; vk.com/frezer63", ["frezer.ru", "vk.com/frezer63"]),
        ("frezer.ru/frezer.by", ["frezer.ru", "frezer.by"]),
        ("zavod.omsk.ru", ["zavod.omsk.ru"]),
        ("frezer.tilda.ws", ["frezer.tilda.ws"]),
        ("tilda.ws", []),
        ("www.tilda.ws", []),
        ("zavod.narod.ru", ["zavod.narod.ru"]),
        ("narod.ru", []),
        ("https://m.vk.com/frezer63?w=wall", ["vk.com/frezer63"]),
        ("https://t.me/frezer_bot", ["t.me/frezer_bot"]),
        ("https://www.youtube.com/channel/UCabc/videos", ["youtube.com/channel/ucabc"]),
        ("facebook.com/profile.php?id=12345", ["facebook.com/profile.php?id=12345"]),
        ("https://2gis.ru/samara/firm/123", ["2gis.ru/samara/firm/123"]),
        ("frezer. ru", ["frezer.ru"]),
        ("mail.ru", []),
        ("google.com", []),
        ("frezer", []),
        ("frezer.r", []),
        ("192.168.0.1", []),
        ("www.frezer.ru/katalog/stanki.html#top", ["frezer.ru"]),
    ],
)
def test_the_ways_people_write_a_site(raw: str, expected: list[str]) -> None:
    assert list(normalise(raw)[0]) == expected


def test_a_site_and_an_address_of_one_firm_meet() -> None:
    assert normalise("https://www.фрезер.рф/")[0] == tuple(box.domain for box in email.normalise("demin@фрезер.рф")[0])


def test_a_hyphen_at_the_end_of_a_label_is_not_lost() -> None:
    assert normalise("garant-.ru")[0] == ("garant-.ru",) != normalise("garant.ru")[0]
