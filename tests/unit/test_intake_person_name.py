"""Key 2: the contact's surname, folded (MATCHING §3)."""

import pytest

from services.intake.rules.person_name import normalise
from services.intake.rules.script import skeleton

TABLE = [
    ("Тихомирова Инна Львовна", "тихомиров"),
    ("Инна Тихомирова", "тихомиров"),
    ("И.Л. Тихомирова", "тихомиров"),
    ("ТИХОМИРОВ ИВАН", "тихомиров"),
    ("Tikhomirova Inna", "tikhomirov"),
    ("Гаджиев Руслан Магомед оглы", "гаджиев"),
    ("Ёлкина Юлия", "елкин"),
    ("Чапаева (Петрова) Н.", "чапаев"),
    ("г-жа Лапина", "лапин"),
    ("Белозёрская О.", "белозерский"),
    ("Римский-Корсаков Н.", "римский-корсаков"),
    ("Римская-Корсакова А.", "римский-корсаков"),
    ("Гл. инженер Пак С.", "пак"),
    ("Седых Марина", "седых"),
    ("Нечипоренко Л.", "нечипоренко"),
]


def keys(raw: str) -> list[str]:
    return [surname.key for surname in normalise(raw)[0]]


def sound(raw: str) -> str:
    return normalise(raw)[0][0].skeleton


@pytest.mark.parametrize(("raw", "key"), TABLE)
def test_the_contacts_of_the_table_give_their_surname(raw: str, key: str) -> None:
    assert keys(raw) == [key]


@pytest.mark.parametrize(
    "raw", ["Менеджер", "Юлия", "Пётр Ильич", "Юлия / Пётр Ильич", "нет", "-", "", "Yuriy Vasilevich"]
)
def test_a_title_a_first_name_or_a_patronymic_alone_gives_no_key(raw: str) -> None:
    assert keys(raw) == []


@pytest.mark.parametrize(
    "same",
    [
        ("Тихомиров", "Tikhomirova Inna", "Tihomirov I."),
        ("Ионеску Мария", "Ionescu M."),
        ("Жданов", "Zhdanov", "Jdanov"),
        ("Щукин", "Shchukin", "Schukin"),
        ("Цветков", "Tsvetkov", "Cvetkov"),
        ("Соловьёв", "Solovyov", "Soloviev", "Соловьева"),
        ("Толстой", "Толстая Т."),
        ("Белозерский", "Belozersky", "Belozerskaya"),
        ("Юдин", "Yudin", "Iudina"),
    ],
)
def test_one_surname_has_one_skeleton_in_every_spelling(same: tuple[str, ...]) -> None:
    assert len({sound(raw) for raw in same}) == 1


def test_the_skeleton_of_the_table_is_that_of_the_russian_surname() -> None:
    assert sound("Tikhomirova Inna") == skeleton("тихомиров")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Иванов И.И.; Петрова Анна", ["иванов", "петров"]),
        ("Иванов И.И., Петров П.П.", ["иванов", "петров"]),
        ("Иванов И.И., начальник отдела снабжения", ["иванов"]),
        ("Demin, Roman", ["demin"]),
        ("Иванова Мария и Петров Иван", ["иванов", "петров"]),
        ("Др. Хаус", ["хаус"]),
        ("Ким Чен Ир", ["ким"]),
        ("Абрамович Роман Аркадьевич", ["абрамович"]),
        ("Мицкевич Анна", ["мицкевич"]),
        ("Вера Никитина", ["никитин"]),
        ("Роман А.Б.", ["роман"]),
        ("менеджер по продажам Сидорова Ольга", ["сидоров"]),
        ("Андреев Эраст", ["андреев"]),
        ("Сова Н.", ["сова"]),
        ("Иванова Мария 8-927-700-10-20", ["иванов"]),
        ("Ахмедов Рустам Алишер угли", ["ахмедов"]),
        ("Шевчук Тарас", ["шевчук"]),
        ("Гиоргадзе Нино", ["гиоргадзе"]),
    ],
)
def test_the_surname_is_found_among_names_and_positions(raw: str, expected: list[str]) -> None:
    assert keys(raw) == expected


def test_the_given_name_is_kept_to_be_shown() -> None:
    assert normalise("Тихомирова Инна Львовна")[0][0].given == "Инна Львовна"
