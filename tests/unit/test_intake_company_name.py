"""Key 1: the company name without its legal form, and nothing that distinguishes lost (MATCHING §2)."""

import pytest

from services.intake.rules.company_name import normalise
from services.intake.rules.keys import CompanyName

TABLE = [
    ("ООО «Лазурный берег»", "лазурный берег", "LLC", "RU"),
    ("ЛАЗУРНЫЙ БЕРЕГ ООО", "лазурный берег", "LLC", "RU"),
    ('Общество с ограниченной ответственностью "Лазурный Берег"', "лазурный берег", "LLC", "RU"),
    ('ООО"Фрезер"', "фрезер", "LLC", "RU"),
    ("ОООФрезер", "фрезер", "LLC", "RU"),
    ("О.О.О. Фрезер", "фрезер", "LLC", "RU"),
    ('Obschestvo s ogranichennoy otvetstvennostyu "Frezer"', "frezer", "LLC", "RU"),
    ("OOO Frezer", "frezer", "LLC", "RU"),
    ("Frezer LLC", "frezer", "LLC", None),
    ("Frezer Ltd.", "frezer", "LLC", None),
    ("ЗАО «ПО «Термоэлемент»", "по термоэлемент", "JSC", "RU"),
    ('ПАО АНК "Северянка" (бывш. ОАО)', "анк северянка", "JSC", "RU"),
    ("ИП Дёмин Р.А.", "демин р а", "IP", "RU"),
    ("Дёмин Роман Алексеевич (ИП)", "демин роман алексеевич", "IP", "RU"),
    ("ТОО «Жайык-Пласт»", "жайык пласт", "LLC", "KZ"),
    ("ЧТУП «Витпак»", "витпак", "UP", "BY"),
    ("СП «Санта-М» ООО", "сп санта м", "LLC", "RU"),
    ("S.C. Vulcan Impex S.R.L.", "vulcan impex", "LLC", "RO/MD"),
    ('Întreprinderea Individuală "Rusu"', "rusu", "IP", "MD"),
    ("Î.I. Rusu", "rusu", "IP", "MD"),
    ("Hofmann & Söhne GmbH", "hofmann & söhne", "LLC", "DE"),
    ("«Бeтoн Cepвиc»", "бетон сервис", None, None),
    ("Торговый дом «Рассвет»", "тд рассвет", None, None),
    ("Группа компаний Рассвет", "рассвет", None, None),
    ("Комбинат №14", "комбинат 14", None, None),
    ("Комбинат-14", "комбинат 14", None, None),
    ('ООО "Юг-Агро" г. Ростов-на-Дону', "юг агро", "LLC", "RU"),
    ("ООО «Ао-Консалт»", "ао консалт", "LLC", "RU"),
]


def read(raw: str) -> CompanyName:
    name, _ = normalise(raw)
    assert name is not None, raw
    return name


@pytest.mark.parametrize(("raw", "core", "form", "country"), TABLE)
def test_the_names_of_the_table_lose_their_form_and_nothing_else(
    raw: str, core: str, form: str | None, country: str | None
) -> None:
    name = read(raw)
    assert (name.core, name.form, name.form_country) == (core, form, country)


@pytest.mark.parametrize("raw", ["ООО", "«ООО»", "«-»", "нет", "", "  ", "АО", '"ИП"', "не указано", "-", "???"])
def test_a_cell_that_names_no_company_gives_no_key(raw: str) -> None:
    assert normalise(raw)[0] is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ООО Фрезер", "OOO Frezer"),
        ("ТД «Рассвет»", "TD Rassvet"),
        ("Рыбклапан", "Rybklapan"),
        ("Техноэнергосервис", "Tekhnoenergoservis"),
        ("Техноэнергосервис", "Tehnoenergoservice"),
        ("Щука-Трейд", "Schuka Trade"),
        ("Век XXI", "Век 21"),
        ("Рассвет+", "Рассвет Плюс"),
        ("Смит и Партнёры", "Смит & Партнеры"),
        ("Комбинат14", "Комбинат №14"),
        ("Санта-М", "Santa-M"),
        ("Жигули Центр", "Zhiguli Center"),
        ("Пластхим", "Plastkhim"),
        ("Пластхим", "Plasthim"),
    ],
)
def test_one_name_in_two_spellings_has_one_skeleton(one: str, other: str) -> None:
    ours, theirs = read(one), read(other)
    assert ours.skeleton == theirs.skeleton
    assert (ours.descriptors, ours.numbers, ours.letters) == (theirs.descriptors, theirs.numbers, theirs.letters)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Рассвет", "ТД Рассвет"),
        ("Рассвет", "УК Рассвет"),
        ("Рассвет", "Рассвет-Сервис"),
        ("Рассвет", "Рассвет-Юг"),
        ("Рассвет", "Рассвет Групп"),
        ("Рассвет", "Рассвет-М"),
        ("Рассвет-М", "Рассвет-Н"),
        ("НПП Рассвет", "НП Рассвет"),
        ("НПП Рассвет", "НПО Рассвет"),
        ("ППК Рассвет", "ПК Рассвет"),
        ("Комбинат №14", "Комбинат №41"),
        ("Вектор 2000", "Вектор 200"),
        ("Комбинат (14)", "Комбинат"),
        ("Рассвет (М)", "Рассвет"),
        ("Рассвет-Казань", "Рассвет"),
        ("Рассвет Казань", "Рассвет"),
        ("Филиал Рассвет", "Рассвет"),
        ("Рассвет 1С", "Рассвет 2С"),
    ],
)
def test_what_tells_sister_companies_apart_is_never_lost(one: str, other: str) -> None:
    ours, theirs = read(one), read(other)
    assert ours.sorted_skeleton != theirs.sorted_skeleton


def test_descriptors_numbers_and_letters_are_told_apart() -> None:
    assert read("Торговый дом «Рассвет»").descriptors == {"тд"}
    assert read("Управляющая компания Рассвет").descriptors == {"ук"}
    assert read("Научно-производственное предприятие «Рассвет»").core == "нпп рассвет"
    assert read("Комбинат №14").numbers == ("14",)
    assert read("СП «Санта-М» ООО").letters == ("м",)
    assert read("Santa-M").letters == ("м",)
    assert read("Станпласт-Zh").letters == ("ж",)


def test_a_city_beside_the_name_is_kept_as_a_note_and_one_inside_it_stays() -> None:
    assert read('ООО "Юг-Агро" г. Ростов-на-Дону').city == "ростов на дону"
    assert (read("«Рассвет» Москва").core, read("«Рассвет» Москва").city) == ("рассвет", "москва")
    assert (read("Рассвет, Казань").core, read("Рассвет, Казань").city) == ("рассвет", "казань")
    assert (read("Рассвет (г. Киров)").core, read("Рассвет (г. Киров)").city) == ("рассвет", "киров")
    assert read("Филиал ООО «Рассвет» в г. Казань").core == "филиал рассвет"
    assert read('Отель "Москва"').core == "отель москва"
    assert read('ООО "Звезда" Сокол').core == "звезда сокол"
    assert read("ИП “Буйда Г.Б.”").core == "буйда г б"


def test_a_bracket_holds_another_name_or_a_former_form() -> None:
    assert read("Рассвет (бывш. Заря)").aliases == ("заря",)
    assert read('ПАО АНК "Северянка" (бывш. ОАО)').aliases == ()
    assert read("Рассвет (ООО)").form == "LLC"


@pytest.mark.parametrize(
    ("raw", "initials"),
    [
        ("ИП Дёмин Р.А.", ("р", "а")),
        ("Дёмин Роман Алексеевич (ИП)", ("р", "а")),
        ("ИП Роман Алексеевич Дёмин", ("р", "а")),
        ("IP Demin Roman Alekseevich", ("р", "а")),
        ("IP Demin Yu.A.", ("ю", "а")),
        ("Бутова Ева Виленовна, ИП", ("е", "в")),
        ("ип александрова м. е.", ("м", "е")),
    ],
)
def test_a_sole_trader_is_his_surname_and_initials(raw: str, initials: tuple[str, ...]) -> None:
    name = read(raw)
    assert name.form == "IP"
    assert name.initials == initials
    assert name.skeleton.split()[0] in ("demin", "butova", "aleksandrova")


@pytest.mark.parametrize(
    "raw",
    [
        "Общство с ограниченой ответственостью «Рассвет»",
        "Рассвет, общество с ограниченной отвественностью",
        "Общесво с огроничиной ответственностью Рассвет",
    ],
)
def test_a_misspelt_form_is_still_the_form(raw: str) -> None:
    name, flags = normalise(raw)
    assert name is not None
    assert (name.core, name.form) == ("рассвет", "LLC")
    assert "form_misspelt" in flags


@pytest.mark.parametrize(
    ("raw", "core"),
    [
        ("IP Telecom", "ip telecom"),
        ("Beauty Spa", "beauty spa"),
        ("Too Good", "too good"),
        ("Клуб Зао-Сити", "клуб зао сити"),
        ("ООО «АО Консалт»", "ао консалт"),
        ("Заозерье", "заозерье"),
        ("Ипотека Центр", "ипотека центр"),
        ("Аорта", "аорта"),
        ("М.Видео", "м видео"),
        ("ООО О'Кей", "окей"),
        ("AO'Dorlyuks'", "dorlyuks"),
        ("1С", "1с"),
        ("000 Рассвет", "рассвет"),
        ("Торговая компания Рассвет", "тк рассвет"),
        ("Компания НПП Трансупаковка", "нпп трансупаковка"),
        ("СП ООО Санта", "сп санта"),
        ("ООО «Рассвет» ИНН 7707083893", "рассвет"),
        ("Фрезер / Frezer", "фрезер"),
    ],
)
def test_words_that_only_look_like_forms_stay(raw: str, core: str) -> None:
    assert read(raw).core == core


def test_look_alike_letters_are_repaired_and_told() -> None:
    name, flags = normalise("«Бeтoн Cepвиc»")
    assert name == normalise("«Бетон Сервис»")[0]
    assert flags == ("look_alikes",)
