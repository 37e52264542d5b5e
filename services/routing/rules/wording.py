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
        "A known client without an open sale: {who} is the curator and may receive; nothing is counted in the ledger.",
        "Клиент известен, открытого процесса нет: куратор — {who}; в учёте долей лид не считается.",
    ),
    "R1-16": (
        "The caller worked with {who} before, who is on duty.",
        "Звонивший раньше работал с сотрудником {who}, и тот сейчас дежурит.",
    ),
    "R1-10": ("The caller asked for {who}.", "Звонивший спросил конкретного менеджера: {who}."),
    "R1-23": (
        "The manager the caller asked for is absent or busy: {who}, whose turn it was, serves; the curator stays the same.",
        "Менеджер, которого спросил звонивший, отсутствует или занят: обслуживает {who} по очереди, куратор не меняется.",
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
    "nobody_free": (
        "nobody is free at the time of the meeting: agree on another time, or free somebody of the office {about}",
        "на время встречи никто не свободен: перенесите её или освободите кого-нибудь в офисе {about}",
    ),
    "manager_engaged": (
        "{about}, who works the open sale, is not free at the time of the meeting: agree on another time",
        "{about} ведёт открытый процесс, но на время встречи не свободен: договоритесь о другом времени",
    ),
    "nobody_for_meeting": (
        "no manager of the office {about} is there for the meeting, so the home managers share it",
        "в офисе {about} нет менеджера для встречи, её делят менеджеры головного офиса",
    ),
    "region_unserved": (
        "no office serves the region {about}: name it under an office in the company file",
        "регион {about} не закреплён ни за одним офисом: впишите его офису в файле компании",
    ),
    "region_unserved_meeting": (
        "no office serves the region {about}, so the home managers share the meeting: name the region under an office",
        "регион {about} не закреплён ни за одним офисом, встречу делят менеджеры головного офиса: впишите регион офису",
    ),
    "region_assumed": (
        "the region is not known ({about}), so the home region stands in for it",
        "регион не определён ({about}), считаем его домашним",
    ),
    "owner_away": (
        "{about}, who looks after this current client, is absent: somebody must take the call",
        "{about} ведёт этого действующего клиента, но отсутствует: кто-то должен ответить на звонок",
    ),
    "owner_busy": (
        "{about}, who looks after this current client, is busy: somebody must take the call",
        "{about} ведёт этого действующего клиента, но занят: кто-то должен ответить на звонок",
    ),
    "owner_left": (
        "{about}, who looked after this current client, has left: hand the client over",
        "{about} вёл этого действующего клиента, но больше не работает: передайте клиента",
    ),
    "owner_function": (
        "{about}, who is named as the owner of this current client, does not work sales: hand the client over",
        "{about} указан ответственным за действующего клиента, но продажи не ведёт: передайте клиента",
    ),
    "owner_declined": (
        "{about}, who looks after this current client, does not take the call: somebody must",
        "{about} ведёт этого действующего клиента, но не берёт обращение: кто-то должен ответить",
    ),
    "owner_silent": (
        "{about}, who looks after this current client, did not answer in time: somebody must take the call",
        "{about} ведёт этого действующего клиента, но вовремя не ответил: кто-то должен ответить на звонок",
    ),
    "owner_unknown": (
        "nobody of the directory looks after this current client («{about}»): name his account owner",
        "за действующего клиента никто из справочника не отвечает («{about}»): назначьте ответственного",
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
    "named_declined": ("{about}, whom the caller asked for, declined it", "{about}: спросили по телефону, отказался"),
    "named_silent": (
        "{about}, whom the caller asked for, did not answer in time",
        "{about}: спросили по телефону, вовремя не ответил",
    ),
    "named_busy": ("{about}, whom the caller asked for, is busy", "{about}: спросили по телефону, занят"),
    "colleague_unknown": (
        "the caller worked with «{about}», who is not in the directory",
        "звонивший работал с «{about}», такого сотрудника нет в справочнике",
    ),
    "colleague_left": ("{about}, with whom the caller worked, has left", "{about}: работал с клиентом, уволился"),
    "colleague_absent": ("{about}, with whom the caller worked, is absent", "{about}: работал с клиентом, отсутствует"),
    "colleague_busy": ("{about}, with whom the caller worked, is busy", "{about}: работал с клиентом, занят"),
    "colleague_declined": (
        "{about}, with whom the caller worked, declined it",
        "{about}: работал с клиентом, отказался",
    ),
    "colleague_silent": (
        "{about}, with whom the caller worked, did not answer in time",
        "{about}: работал с клиентом, вовремя не ответил",
    ),
    "colleague_off_duty": (
        "{about}, with whom the caller worked, is not on duty",
        "{about}: работал с клиентом, сейчас не дежурит",
    ),
    "colleague_function": (
        "{about}, with whom the caller worked, does not work sales",
        "{about}: работал с клиентом, продажи не ведёт",
    ),
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
    "curator_busy": ("the curator {about} is busy and is told", "куратор {about} занят, ему сообщено"),
    "curator_declined": (
        "the curator {about} declined it and stays curator",
        "куратор {about} отказался, куратором остаётся",
    ),
    "curator_silent": (
        "the curator {about} did not answer in time and is told; he stays curator",
        "куратор {about} вовремя не ответил, ему сообщено; куратором остаётся",
    ),
    "curator_off_duty": ("the curator {about} is not on duty and is told", "куратор {about} не дежурит, ему сообщено"),
    "curator_other_region": (
        "the curator {about} is of another region and is told",
        "куратор {about} из другого региона, ему сообщено",
    ),
    "curator_notice": (
        "the curator {about} has given notice and is told",
        "куратор {about} увольняется, ему сообщено",
    ),
    "curator_away_then": (
        "the curator {about} is absent at the time of the meeting and is told",
        "куратор {about} в день встречи отсутствует, ему сообщено",
    ),
    "curator_off_hours": (
        "the curator {about} is not at work at the time of the meeting and is told",
        "у куратора {about} время встречи нерабочее, ему сообщено",
    ),
    "curator_meeting": (
        "the curator {about} has another meeting at that time and is told",
        "у куратора {about} в это время другая встреча, ему сообщено",
    ),
    "curator_per_day": ("the curator {about} has his leads for today", "куратор {about}: дневной предел исчерпан"),
    "curator_open_leads": ("the curator {about} has his hands full", "куратор {about}: предел открытых лидов исчерпан"),
    "curator_function": ("the curator {about} does not work sales", "куратор {about} продажи не ведёт"),
    "finder_unnamed": ("who found the lead is not said", "не указано, кто нашёл лид"),
    "finder_unknown": (
        "«{about}», who found the lead, is not in the directory",
        "нашедшего лид «{about}» нет в справочнике",
    ),
    "finder_left": ("{about}, who found the lead, has left", "{about}: лид нашёл, но больше не работает"),
    "finder_absent": ("{about}, who found the lead, is absent", "{about}: лид нашёл, но отсутствует"),
    "finder_busy": ("{about}, who found the lead, is busy and is told", "{about}: лид нашёл, но занят, ему сообщено"),
    "finder_declined": ("{about}, who found the lead, does not keep it", "{about}: лид нашёл, но отказался от него"),
    "finder_silent": (
        "{about}, who found the lead, did not answer in time",
        "{about}: лид нашёл, но вовремя не ответил",
    ),
    "finder_function": (
        "{about}, who found the lead, does not work sales",
        "{about}: лид нашёл, но продажи не ведёт",
    ),
    "nobody_answers": (
        "nobody answers for the queue: name a head of sales in the company file",
        "за очередь никто не отвечает: назначьте руководителя продаж в файле компании",
    ),
    "answerer_away": ("{about}, who answers for the queue, is absent", "{about} отвечает за очередь, но отсутствует"),
}

_PASSED: Mapping[str, tuple[str, str]] = {
    "left": ("has left", "больше не работает"),
    "absent": ("absent until {until}: {reason}", "отсутствует до {until}: {reason}"),
    "absent_open": ("absent: {reason}", "отсутствует: {reason}"),
    "busy": ("busy until {until}", "занят до {until}"),
    "busy_open": ("busy", "занят"),
    "declined": ("declined it", "отказался"),
    "silent": ("did not answer in time", "вовремя не ответил"),
    "notice": ("has given notice and takes no new leads", "увольняется, новых лидов не принимает"),
    "per_day": ("has received his {cap} leads of today", "уже получил дневной предел лидов: {cap}"),
    "open_leads": ("holds his {cap} open leads", "уже ведёт предельное число открытых лидов: {cap}"),
    "other_region": ("works another region", "работает с другим регионом"),
    "off_duty": ("not on duty now", "сейчас не дежурит"),
    "away_then": (
        "absent at the time of the meeting, until {until}: {reason}",
        "на время встречи отсутствует, до {until}: {reason}",
    ),
    "off_hours": ("not at work at the time of the meeting", "время встречи — вне его рабочих часов"),
    "meeting": ("has another meeting from {from} to {until} UTC", "занят другой встречей с {from} до {until} UTC"),
    "function": ("does not take new leads (function: {function})", "новых лидов не принимает (функция: {function})"),
}


def reason(rule: str, language: Language, *, who: str, office: str = "", pool: str = "", queue: str = "") -> str:
    """One sentence: why the lead is with `who`."""
    return _said(_REASONS, rule, language, {"who": who, "office": office, "pool": pool, "queue": queue})


def passed_over(why: Passed, language: Language) -> str:
    """Why somebody was passed over, as the end of a sentence that begins with his name."""
    code = why["why"]
    if code in ("absent", "busy") and not why.get("until"):
        code += "_open"
    moments = {name: why.get(name, "")[:16].replace("T", " ") for name in ("from", "until")}
    return _said(_PASSED, code, language, {**why, **moments})


def notes(written: Iterable[Note], language: Language, names: Mapping[str, str] | None = None) -> str:
    """Notes as one line; ids that `names` knows are put as names."""
    return "; ".join(
        _said(_NOTES, note.code, language, {"about": (names or {}).get(note.about, note.about)}) for note in written
    )


def _said(words: Mapping[str, tuple[str, str]], key: str, language: Language, facts: Mapping[str, str]) -> str:
    if key not in words:  # a record of rules that are no more still shows its code
        return key
    return words[key][language == "ru"].format_map(facts)
