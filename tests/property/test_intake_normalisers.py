"""Whatever text comes, the normalisers answer, and what is regular stays as it is (MATCHING §1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import offline
from services.intake.rules import company_name, email, person_name, phone, placeholder, region, site, tax_id
from services.intake.rules.keys import CompanyName
from services.intake.rules.regular import make_regular
from services.intake.rules.script import repair_look_alikes, skeleton
from shared.commands import LeadFields

SIGNS = "абвгеёжзийклмнорстухцчшщъыьэюяАОЗИПРСТМБaopcexyKMHTBibz019 .,;:-–/\\()«»\"'@+&№#\n\u00a0\u200b\u0301\u00ad"
ANY = st.one_of(st.text(max_size=60), st.text(SIGNS, max_size=40))

WORDS = st.sampled_from(
    [
        "Рассвет",
        "Фрезер",
        "Техно-Альфа",
        "Жайык",
        "Rassvet",
        "Söhne",
        "Щит",
        "Юг",
        "Сервис",
        "Трейд",
        "М",
        "Zh",
        "XXI",
        "14",
        "2000",
        "1С",
        "Рыб&Ко",
        "Плюс+",
        "нпп",
        "ТД",
        "Завод",
        "Ёлка",
    ]
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
AROUND = st.sampled_from(
    [
        "{}",
        "ООО «{}»",
        "{} ООО",
        "ЗАО '{}'",
        "{}, ООО",
        "OOO {}",
        'Общество с ограниченной ответственностью "{}"',
        "Компания {}",
        "«{}»",
    ]
)
DISTINCT = ("descriptors", "numbers", "letters")


def distinct(name: CompanyName) -> tuple[object, ...]:
    return (name.core, name.skeleton, name.sorted_skeleton, *(getattr(name, what) for what in DISTINCT))


@given(ANY)
def test_no_text_breaks_a_normaliser(raw: str) -> None:
    company_name.normalise(raw)
    person_name.normalise(raw)
    email.normalise(raw)
    site.normalise(raw)
    tax_id.normalise(raw)
    placeholder.is_placeholder(raw)
    repair_look_alikes(raw)
    skeleton(raw)
    region.named_region(raw)
    region.city_region(raw)
    region.postal_region(raw)
    region.read_address(raw)


@given(ANY, st.sampled_from(["RU", "KZ", "BY", "MD", "RO", "DE", "XX"]))
def test_no_text_breaks_the_telephone_rule(raw: str, country: str) -> None:
    for one in phone.normalise(raw, country)[0]:
        assert one.local.isdigit()
        assert 5 <= len(one.local) <= 7
        assert not one.e164 or one.e164.endswith(one.local)


@given(
    st.builds(
        LeadFields,
        company=ANY,
        contact=ANY,
        phone=ANY,
        fax=ANY,
        email=ANY,
        website=ANY,
        tax_id=ANY,
        city=ANY,
        address=ANY,
    )
)
def test_no_record_breaks_the_whole(fields: LeadFields) -> None:
    lead = make_regular(fields)
    assert lead == make_regular(fields)
    region.of_lead(fields, lead)


@given(NAMES, AROUND)
def test_a_regular_company_name_stays_as_it_is(name: str, around: str) -> None:
    once, _ = company_name.normalise(around.format(name))
    assert once is not None
    again, _ = company_name.normalise(once.core)
    assert again is not None
    assert distinct(again) == distinct(once)


@given(NAMES, AROUND)
def test_a_form_around_a_name_changes_nothing_in_it(name: str, around: str) -> None:
    bare, _ = company_name.normalise(name)
    dressed, _ = company_name.normalise(around.format(name))
    assert bare is not None
    assert dressed is not None
    assert distinct(dressed) == distinct(bare)


@given(NAMES, WORDS)
def test_a_word_more_is_another_name(name: str, word: str) -> None:
    shorter, _ = company_name.normalise(name)
    longer, _ = company_name.normalise(f"{name} {word}")
    assert shorter is not None
    assert longer is not None
    assert shorter.sorted_skeleton != longer.sorted_skeleton


@given(
    st.one_of(ANY, st.sampled_from(["Римская-Корсакова Анна", "Tikhomirova Inna", "Белозёрская О.", "Калинина Вера"]))
)
def test_a_folded_surname_stays_folded(raw: str) -> None:
    for surname in person_name.normalise(raw)[0]:
        assert person_name.fold_surname(surname.key) == surname.key
        assert person_name.surname_skeleton(surname.key) == surname.skeleton


NUMBERS = st.from_regex(r"\A(\+7|8|7)? ?\(?[3489][0-9]{2}\)? ?[2-9][0-9]{2}-?[0-9]{2}-?[0-9]{2}\Z")


@given(st.one_of(ANY, NUMBERS))
def test_a_whole_number_stays_as_it_is(raw: str) -> None:
    for one in phone.normalise(raw)[0]:
        if one.e164:
            (again,) = phone.normalise(one.e164)[0]
            assert (again.e164, again.local, again.country) == (one.e164, one.local, one.country)


ADDRESSES = st.builds(
    "{}@{}".format,
    st.from_regex(r"\A[a-z][a-z0-9._+-]{0,15}[a-z0-9]\Z"),
    st.sampled_from(["frezer.ru", "фрезер.рф", "yandex.kz", "gmail.com", "zavod.omsk.ru", "Mail.RU"]),
)


@given(st.one_of(ANY, ADDRESSES))
def test_a_regular_address_stays_as_it_is(raw: str) -> None:
    for box in email.normalise(raw)[0]:
        assert email.normalise(box.email)[0] == (box,)
        (again,) = email.normalise(box.mailbox)[0]
        assert again.mailbox == box.mailbox


SITES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "http://", "https://www.", "www.", "htpp:/"]),
    st.sampled_from(
        [
            "frezer.ru",
            "фрезер.рф",
            "a.frezer.satom.ru",
            "vk.com/frezer63",
            "zavod.spb.ru",
            "m.vk.com/club/1",
            "tilda.ws/x",
        ]
    ),
    st.sampled_from(["", "/", "/about", "/?utm=1", ".", ":80/x"]),
)


@given(st.one_of(ANY, SITES))
def test_a_regular_site_stays_as_it_is(raw: str) -> None:
    for key in site.normalise(raw)[0]:
        assert site.normalise(key)[0] == (key,)


@pytest.mark.rule("R1-43")
@given(ANY, ANY, ANY)
def test_a_region_is_always_derived_and_says_by_what(stated: str, city: str, postal_code: str) -> None:
    found = region.derive(stated=stated, city=city, phones=(), postal_code=postal_code, domains=())
    assert (found.code == region.UNKNOWN) == (found.by == "unknown")


LONG_PIECES = (
    "а", "А.", "(", "«", "1", "1-", "+7 ", "8 927 700 10 20 ", "/", "@", "a@", "a@b.ru ", ".", "а б ", "ООО ",
    "О.", "г. ", " - ", "http://", "www.", "&", "&#64;", ",", "доб ", "с 9 ", "at ", "и ", "\n", "Иванов - ",
    "Общество с ограниченной ", "№", "\u0301", "к.т.", "E+10 ", "1:11 ", " . ru", "h", "|", "vk.com/", "[",
    "Ο", "1 2 3 4 5 6 7 8 9 ",
)  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", LONG_PIECES)
def test_a_cell_of_a_hundred_thousand_characters_is_read_at_once(piece: str) -> None:
    """What grows with the square of the length would need minutes here, and the test would be stopped."""
    for end in ("", "!", " x@frezer.ru"):
        raw = piece * (100_000 // len(piece)) + end
        company_name.normalise(raw)
        person_name.normalise(raw)
        phone.normalise(raw)
        email.normalise(raw)
        site.normalise(raw)
        tax_id.normalise(raw)
        placeholder.is_placeholder(raw)


def canon(key: str, raw: str) -> Any:
    return offline.normalise({"id": 1, "key": key, "op": "canon", "input": raw})["output"]


REAL = st.sampled_from(
    [
        "ООО «Юг-Агро» г. Ростов-на-Дону",
        "ИП Дёмин Р.А.",
        "Hofmann & Söhne GmbH & Co. KG",
        "A.B.C. Company",
        "ЧТУП «Витпак»",
        "СП «Санта-М» ООО",
        "深圳阳光有限公司",
        "Î.C.S. „Vulcan” S.R.L.",
        "Чапаева (Петрова) Н.; Римская - Корсакова А.",
        "8 (846) 201-30-40/41 доб. 5, 8 927 700 10 20",
        "demin [at] frezer.ru; o.demin+x@googlemail.com",
        "htpp:/фрезер.рф / m.vk.com/frezer63?w=1",
    ]
)


@given(st.sampled_from(["company", "surname", "email", "website"]), st.one_of(ANY, REAL))
def test_what_the_command_prints_is_printed_again_for_itself(key: str, raw: str) -> None:
    once = canon(key, raw)
    if key == "company":
        if (
            once["form"] is None
        ):  # the core of a sole trader or of a joint-stock bank is read without what its form told
            assert canon(key, once["core"]) == once
    elif key == "surname":
        if once:
            assert person_name.fold_surname(once) == once
    elif key == "email":
        assert canon(key, "; ".join(one["email"] for one in once)) == once
    else:
        assert canon(key, "; ".join(once)) == once


@given(st.sampled_from(["company", "surname", "phone", "email", "domain", "website"]), st.one_of(ANY, REAL))
def test_a_text_meets_itself_whenever_it_gives_a_key(key: str, raw: str) -> None:
    found = canon(key, raw)
    met = offline.normalise({"id": 1, "key": key, "op": "same_key", "input": [raw, raw]})["output"]
    assert met == bool(found["core"] if key == "company" else found)
