"""A decision in plain words, English and Russian: why this one, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from services.routing.rules.case import Note, Passed

Language = Literal["en", "ru"]

_REASONS: Mapping[str, tuple[str, str]] = {
    "R1-33": (
        "The client's sale is open with {who}, who alone may work it; every lead of this client goes there.",
        "У клиента уже открыт процесс, его ведёт {who}: все обращения этого клиента идут туда.",
    ),
    "R1-09": (
        "A current client called: {who} looks after this client, and such calls never go to the duty manager.",
        "Звонит действующий клиент: его ведёт {who}, дежурному такие звонки не передаются.",
    ),
    "R1-34": (
        "A known client without an open sale: {who} is the curator; nothing is counted in the ledger.",
        "Клиент известен, открытого процесса нет: куратор — {who}; в учёте долей лид не считается.",
    ),
    "R1-10": ("The caller asked for {who}.", "Звонивший спросил конкретного менеджера: {who}."),
    "R1-23": (
        "The manager the caller asked for is absent: {who}, whose turn it was, serves; the curator stays the same.",
        "Менеджера, которого спросил звонивший, нет на месте: обслуживает {who} по очереди, куратор не меняется.",
    ),
    "R1-39": ("{who} found this lead and keeps it.", "Этот лид нашёл и ведёт сам: {who}."),
    "R1-08": (
        "A call to the home office: shared among those on duty; {who} was owed most.",
        "Звонок в головной офис: делится поровну между дежурными; больше всех недополучил {who}.",
    ),
    "R1-45": (
        "A lead of the home region: shared among those on duty; {who} was owed most.",
        "Лид домашнего региона: делится поровну между дежурными; больше всех недополучил {who}.",
    ),
    "R1-46": (
        "A lead of another region: shared among the managers of its office ({office}); {who} was owed most.",
        "Лид другого региона: делится поровну между менеджерами его офиса ({office}); больше всех недополучил {who}.",
    ),
    "R1-37": (
        "From an event list: shared evenly in the pool «{pool}»; {who} was owed most.",
        "Из списка с мероприятия: делится поровну в группе «{pool}»; больше всех недополучил {who}.",
    ),
    "R1-28": (
        "A meeting won by an agent: it goes to a manager of the client's region ({office}); {who} was owed most.",
        "Встреча, назначенная агентом: её ведёт менеджер региона клиента ({office}); больше всех недополучил {who}.",
    ),
    "R1-30": (
        "A meeting won by an agent: shared evenly among the home managers; {who} was owed most.",
        "Встреча, назначенная агентом: делится поровну между менеджерами головного офиса; больше всех недополучил {who}.",
    ),
    "G8": (
        "Nobody could take it: it waits in the queue «{queue}», and {who} answers for it.",
        "Принять некому: лид ждёт в очереди «{queue}», за неё отвечает {who}.",
    ),
}

_NOTES: Mapping[str, tuple[str, str]] = {
    "nobody_on_duty": (
        "nobody is on duty in the office {about}: draw up the roster or take the lead",
        "в офисе {about} никто не дежурит: составьте график или заберите лид",
    ),
    "nobody_in_region": (
        "no manager of the office {about} can take a lead now",
        "ни один менеджер офиса {about} сейчас не может принять лид",
    ),
    "nobody_at_home": (
        "no manager of the home office can take a lead now",
        "ни один менеджер головного офиса сейчас не может принять лид",
    ),
    "nobody_for_meeting": (
        "no manager of the office {about} is there for the meeting, so the home managers share it",
        "в офисе {about} нет менеджера для встречи, её делят менеджеры головного офиса",
    ),
    "region_unserved": (
        "no office serves the region {about}: name it under an office in the company file",
        "регион {about} не закреплён ни за одним офисом: впишите его офису в файле компании",
    ),
    "region_assumed": (
        "the region is not known ({about}), so the home region stands in for it",
        "регион не определён ({about}), считаем его домашним",
    ),
    "owner_away": (
        "{about}, who looks after this current client, is absent: somebody must take the call",
        "{about} ведёт этого действующего клиента, но отсутствует: кто-то должен ответить на звонок",
    ),
    "manager_away": (
        "{about}, who works the open sale, is absent: somebody must look after the client meanwhile",
        "{about} ведёт открытый процесс, но отсутствует: за клиентом нужно присмотреть",
    ),
    "manager_left": (
        "{about}, who worked the open sale, has left: hand the client over",
        "{about} вёл открытый процесс, но больше не работает: передайте клиента",
    ),
    "named_unknown": (
        "the caller asked for «{about}», who is not in the directory",
        "звонивший спросил «{about}», такого сотрудника нет в справочнике",
    ),
    "named_left": ("{about}, whom the caller asked for, has left", "{about}: спросили по телефону, уже не работает"),
    "named_absent": ("{about}, whom the caller asked for, is absent", "{about}: спросили по телефону, отсутствует"),
    "named_function": (
        "{about}, whom the caller asked for, does not work sales",
        "{about}: спросили по телефону, продажи не ведёт",
    ),
    "curator_unknown": (
        "the client's curator «{about}» is not in the directory",
        "куратора клиента «{about}» нет в справочнике",
    ),
    "curator_left": ("the curator {about} has left", "куратор {about} больше не работает"),
    "curator_absent": ("the curator {about} is absent and is told", "куратор {about} отсутствует, ему сообщено"),
    "curator_function": ("the curator {about} does not work sales", "куратор {about} продажи не ведёт"),
    "finder_unnamed": ("who found the lead is not said", "не указано, кто нашёл лид"),
    "finder_unknown": (
        "«{about}», who found the lead, is not in the directory",
        "нашедшего лид «{about}» нет в справочнике",
    ),
    "finder_left": ("{about}, who found the lead, has left", "{about}: лид нашёл, но больше не работает"),
    "finder_absent": ("{about}, who found the lead, is absent", "{about}: лид нашёл, но отсутствует"),
    "finder_function": (
        "{about}, who found the lead, does not take new clients",
        "{about}: лид нашёл, но новых клиентов не ведёт",
    ),
    "answerer_away": ("{about}, who answers for the queue, is absent", "{about} отвечает за очередь, но отсутствует"),
}

_PASSED: Mapping[str, tuple[str, str]] = {
    "left": ("has left", "больше не работает"),
    "absent": ("absent until {until}: {reason}", "отсутствует до {until}: {reason}"),
    "off_duty": ("not on duty now", "сейчас не дежурит"),
    "function": ("does not take new leads (function: {function})", "новых лидов не принимает (функция: {function})"),
}


def reason(rule: str, language: Language, *, who: str, office: str = "", pool: str = "", queue: str = "") -> str:
    """One sentence: why the lead is with `who`."""
    return _said(_REASONS, rule, language, {"who": who, "office": office, "pool": pool, "queue": queue})


def passed_over(why: Passed, language: Language) -> str:
    """Why somebody was passed over, as the end of a sentence that begins with his name."""
    return _said(_PASSED, why["why"], language, {**why, "until": why.get("until", "")[:16].replace("T", " ")})


def notes(written: Iterable[Note], language: Language, names: Mapping[str, str] | None = None) -> str:
    """Notes as one line; ids that `names` knows are put as names."""
    return "; ".join(
        _said(_NOTES, note.code, language, {"about": (names or {}).get(note.about, note.about)}) for note in written
    )


def _said(words: Mapping[str, tuple[str, str]], key: str, language: Language, facts: Mapping[str, str]) -> str:
    if key not in words:  # a record of rules that are no more still shows its code
        return key
    return words[key][language == "ru"].format_map(facts)
