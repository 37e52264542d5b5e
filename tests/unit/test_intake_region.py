"""The region of a lead: stated → city → area code → postal code → country → unknown (R1-43)."""

import pytest

from services.intake.rules import phone, region
from services.intake.rules.places import AREA_CODES, CODES, POSTAL_CODES
from services.intake.rules.regular import make_regular
from shared.commands import LeadFields

pytestmark = pytest.mark.rule("R1-43")


def derive(
    stated: str = "", city: str = "", numbers: str = "", postal_code: str = "", domains: tuple[str, ...] = ()
) -> tuple[str, str]:
    found = region.derive(
        stated=stated, city=city, phones=phone.normalise(numbers)[0], postal_code=postal_code, domains=domains
    )
    return found.code, found.by


def test_the_first_thing_that_tells_the_region_decides() -> None:
    everything = {"city": "Казань", "numbers": "+7 343 201-30-40, +375 17 301 22 33", "postal_code": "630000"}
    zones = ("frezer.kz",)
    assert derive("Самарская область", **everything, domains=zones) == ("RU-SAM", "stated")
    assert derive("", **everything, domains=zones) == ("RU-TA", "city")
    assert derive("", "", everything["numbers"], "630000", zones) == ("RU-SVE", "area_code")
    assert derive("", "", "+375 17 301 22 33", "630000", zones) == ("RU-NVS", "postal_code")
    assert derive("", "", "+375 17 301 22 33", "", zones) == ("BY", "country")
    assert derive(domains=zones) == ("KZ", "country")
    assert derive() == ("unknown", "unknown")


def test_an_unknown_stated_region_is_told_and_the_derivation_goes_on() -> None:
    found = region.derive(stated="Нарния", city="Казань", phones=(), postal_code="", domains=())
    assert (found.code, found.by, found.flags) == ("RU-TA", "city", ("unknown_region",))
    nothing = region.derive(stated="Нарния", city="", phones=(), postal_code="", domains=())
    assert (nothing.code, nothing.by, nothing.flags) == ("unknown", "unknown", ("unknown_region",))


def test_a_mobile_or_toll_free_number_and_a_russian_domain_tell_no_region() -> None:
    assert derive(numbers="8 927 700 10 20, 8 800 333 12 21", domains=("frezer.ru", "frezer.com")) == (
        "unknown",
        "unknown",
    )


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("Москва", "RU-MOW"),
        ("г. Москва", "RU-MOW"),
        ("Moscow", "RU-MOW"),
        ("Московская обл.", "RU-MOS"),
        ("Московская область, г. Химки", "RU-MOS"),
        ("Moscow Oblast", "RU-MOS"),
        ("Респ. Татарстан", "RU-TA"),
        ("Татарстан респ", "RU-TA"),
        ("Республика Алтай", "RU-AL"),
        ("Алтайский край", "RU-ALT"),
        ("ХМАО", "RU-KHM"),
        ("Ханты-Мансийский АО - Югра", "RU-KHM"),
        ("Ямало-Ненецкий АО", "RU-YAN"),
        ("Ненецкий автономный округ", "RU-NEN"),
        ("Республика Саха (Якутия)", "RU-SA"),
        ("Кемеровская область — Кузбасс", "RU-KEM"),
        ("Санкт-Петербург", "RU-SPE"),
        ("Sankt-Peterburg", "RU-SPE"),
        ("RU-SVE", "RU-SVE"),
        ("kz", "KZ"),
        ("Казахстан", "KZ"),
        ("Республика Беларусь", "BY"),
        ("Узбекистан", "UZ"),
        ("Армения", "AM"),
        ("Азербайджан", "AZ"),
        ("Молдова", "MD"),
        ("Таджикистан", "TJ"),
        ("Туркменистан", "TM"),
        ("Украина", "UA"),
        ("Грузия", "GE"),
        ("Киргизия", "KG"),
    ],
)
def test_a_stated_region_is_known_by_its_names(stated: str, code: str) -> None:
    assert derive(stated) == (code, "stated")


@pytest.mark.parametrize(
    ("city", "code"),
    [
        ("г. Ростов-на-Дону", "RU-ROS"),
        ("Нижний Новгород", "RU-NIZ"),
        ("Н.Новгород", "RU-NIZ"),
        ("СПб", "RU-SPE"),
        ("Ekaterinburg", "RU-SVE"),
        ("Химки, Московская область", "RU-MOS"),
        ("Орёл", "RU-ORL"),
        ("Алматы", "KZ"),
        ("Минск", "BY"),
        ("Кишинёв", "MD"),
    ],
)
def test_a_city_lies_in_its_region(city: str, code: str) -> None:
    assert derive(city=city) == (code, "city")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+7 495 201-30-40", "RU-MOW"),
        ("8 (499) 2013040", "RU-MOW"),
        ("(8482) 31-22-11", "RU-SAM"),
        ("8 (48762) 5-11-22", "RU-TUL"),
    ],
)
def test_an_area_code_lies_in_its_region(number: str, code: str) -> None:
    assert derive(numbers=number) == (code, "area_code")


@pytest.mark.parametrize(
    ("postal_code", "code"),
    [
        ("101000", "RU-MOW"),
        ("190000", "RU-SPE"),
        ("443010.0", "RU-SAM"),
        ("220030", "BY"),
        ("050000", "KZ"),
        ("628400", "RU-KHM"),
    ],
)
def test_a_postal_code_lies_in_its_region(postal_code: str, code: str) -> None:
    assert derive(postal_code=postal_code) == (code, "postal_code")


def test_all_subjects_of_the_federation_are_known() -> None:
    subjects = {code for code in CODES if code.startswith("RU-")}
    assert len(subjects) == 89
    without_area = subjects - set(AREA_CODES.values())
    assert without_area == {"RU-ZAP", "RU-KHE", "RU-NEN"}  # their ranges are new or a part of a neighbour's
    assert subjects - set(POSTAL_CODES.values()) == {"RU-ZAP", "RU-KHE"}


def test_the_region_of_a_lead_is_read_out_of_its_address_and_its_company_name() -> None:
    by_address = LeadFields(company="ООО Рассвет", address="603000, Нижний Новгород, ул. Ленина, 1")
    assert region.of_lead(by_address, make_regular(by_address)).code == "RU-NIZ"
    by_name = LeadFields(company="ООО «Рассвет» г. Казань")
    assert region.of_lead(by_name, make_regular(by_name)).code == "RU-TA"


CIS = [
    ("KZ", "Караганда", "+7 727 255 10 20", "frezer.kz"),
    ("BY", "Гомель", "+375 17 301 22 33", "frezer.by"),
    ("KG", "Бишкек", "+996 555 12 34 57", "frezer.kg"),
    ("UZ", "Самарканд", "+998 90 345 67 89", "frezer.uz"),
    ("AM", "Гюмри", "+374 10 52 12 34", "frezer.am"),
    ("AZ", "Гянджа", "+994 12 496 12 34", "frezer.az"),
    ("MD", "Бельцы", "+373 22 71 22 33", "frezer.md"),
    ("TJ", "Худжанд", "+992 37 221 12 34", "frezer.tj"),
    ("TM", "Ашхабад", "+993 12 46 12 34", "frezer.tm"),
]


@pytest.mark.parametrize(("code", "city", "number", "site"), CIS)
def test_every_country_of_the_cis_is_known_by_city_by_dial_code_and_by_zone(
    code: str, city: str, number: str, site: str
) -> None:
    assert derive(city=city) == (code, "city")
    assert derive(numbers=number) == (code, "country")
    assert derive(domains=(site,)) == (code, "country")


def test_every_subject_is_found_by_each_of_its_cities_area_codes_and_postal_codes() -> None:
    for area, code in AREA_CODES.items():
        assert derive(numbers=f"+7 {area} 201-30-40") == (code, "area_code")
    for prefix, code in POSTAL_CODES.items():
        assert derive(postal_code=f"{prefix}001") == (code, "postal_code")
    for code in CODES:
        assert derive(stated=code) == (code, "stated")
