"""The words of an explanation, English and Russian. What a room says in its own words comes through as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ru"]

_WORDS: Mapping[str, tuple[str, str]] = {
    # headings
    "why_card": ("Why this card", "Почему эта карточка"),
    "why_manager": ("Why this manager", "Почему этот менеджер"),
    "the_sale": ("Where the sale stands", "Как идёт продажа"),
    "leads_of_client": ("The leads of this client", "Обращения этого клиента"),
    # the lead
    "lead": ("Lead {id}: {who}", "Лид {id}: {who}"),
    "client": ("Client {id}: {who}", "Клиент {id}: {who}"),
    "entry": ("Entry {id} of a client base: {who}", "Запись {id} клиентской базы: {who}"),
    "entered": ("entered {when}", "внесена {when}"),
    "came": ("came {when} from {where}", "поступил {when}, источник: {where}"),
    "in_file": ("file {file}, row {row}", "файл {file}, строка {row}"),
    "in_sheet": ("file {file}, sheet {sheet}, row {row}", "файл {file}, лист {sheet}, строка {row}"),
    "campaign": ("campaign “{campaign}”", "кампания «{campaign}»"),
    "by": ("brought by {who}", "передал {who}"),
    # the card
    "new": (
        "New: a card was opened, because {because} ({rule}).",
        "Новый: открыта карточка, так как {because} ({rule}).",
    ),
    "same": (
        "Same: joined to the card that was there, because {because} ({rule}).",
        "Тот же: присоединён к имеющейся карточке, так как {because} ({rule}).",
    ),
    "possible": (
        "Possible: like a card that is there, because {because} ({rule}). A person decides; the lead does not wait.",
        "Возможно, известен: похож на имеющуюся карточку, так как {because} ({rule}). "
        "Решает человек, лид тем временем не ждёт.",
    ),
    "rejected": (
        "Rejected: it is kept raw, but is no workable lead ({rule}).",
        "Отклонён: сохранён как есть ({rule}).",
    ),
    "early": (
        "No lead yet: {because} ({rule}).",
        "Ещё не лид: {because} ({rule}).",
    ),
    "early_of": ("it turned out to be of {name} ({id})", "оказался клиентом {name} ({id})"),
    "early_perhaps": ("it may be of {name} ({id})", "возможно, это {name} ({id})"),
    "before": ("Before there was a lead", "До обращения"),
    "registered": ("registered {when}, {where}", "зарегистрировался {when}, {where}"),
    "spoke": ("spoke with our agent {when}, {where}", "говорил с нашим агентом {when}, {where}"),
    "perhaps": ("{what} (possibly he, not surely)", "{what} (возможно, он)"),
    "card": ("card: {name} ({id})", "карточка: {name} ({id})"),
    "region": ("region: {region}, by {by}", "регион: {region}, определён так: {by}"),
    "in_region": ("region", "регион"),
    "curator": ("curator: {who}", "куратор: {who}"),
    "keys": ("keys read from it:", "ключи, прочитанные из него:"),
    "no_keys": ("none", "нет"),
    "compared": ("what was compared, {score:+.1f} bits in all:", "что сравнивалось, всего {score:+.1f} бит:"),
    "holders": ("held by {df} cards", "встречается в карточках: {df}"),
    "holder": ("held by one card", "встречается в одной карточке"),
    "also": ("other cards that were looked at:", "какие ещё карточки рассматривались:"),
    "no_others": ("no other card shares a key with it", "других карточек с общими ключами нет"),
    "for_review": ("for a person to decide", "решает человек"),
    "aside": ("put aside", "отклонена"),
    "conflicts": ("but: {conflicts}", "но: {conflicts}"),
    "flags": ("noticed on the way: {flags}", "замечено по пути: {flags}"),
    "join_right": ("{who} looked at it and says: that is right. {note}", "{who} посмотрел: верно. {note}"),
    "join_wrong": ("{who} looked at it and says: that is wrong. {note}", "{who} посмотрел: неверно. {note}"),
    "taken_off": (
        "{who} says that this is wrong, so it was taken off that card and goes on as lead {again}. {note}",
        "{who} говорит, что это неверно: лид снят с этой карточки и продолжается как лид {again}. {note}",
    ),
    "stays": (
        "{who} says that this is wrong, but it stays: {because}. {note}",
        "{who} говорит, что это неверно, но лид остаётся: {because}. {note}",
    ),
    "taken_again": (
        "taken in again: it had been joined to a wrong card as lead {id}",
        "принят заново: как лид {id} был присоединён не к той карточке",
    ),
    "old_norm": (
        "the rules of making keys regular have changed since; today they might read it otherwise",
        "правила приведения ключей с тех пор изменились; сегодня он мог бы читаться иначе",
    ),
    # levels of agreement
    "exact": ("equal", "совпадает"),
    "typo": ("equal but for a slip of the pen", "совпадает с точностью до описки"),
    "variant": ("a variant", "вариант"),
    "differs": ("differs", "различается"),
    "missing": ("missing", "нет"),
    "local": ("equal without the area code", "совпадает без кода города"),
    # keys
    "name": ("name", "название"),
    "surname": ("surname", "фамилия"),
    "phone": ("phone", "телефон"),
    "email": ("e-mail", "почта"),
    "domain": ("domain", "домен"),
    "site": ("site", "сайт"),
    "tax_id": ("tax id", "ИНН"),
    "form": ("legal form", "форма"),
    # how the region was found
    "stated": ("as stated", "указан"),
    "city": ("the city", "по городу"),
    "area_code": ("the phone's area code", "по телефонному коду"),
    "postal_code": ("the postal code", "по индексу"),
    "country": ("the country", "по стране"),
    "unknown": ("nothing: it is unknown, treated as home", "никак: неизвестен, считается домашним"),
    # the manager
    "manager": ("{who}, by rule {rule}", "{who}, по правилу {rule}"),
    "queue": (
        "queue «{queue}», answered for by {who}, by rule {rule}",
        "очередь «{queue}», отвечает {who}, правило {rule}",
    ),
    "decided": ("decided {when} by the rules of version {version}", "решено {when} по правилам версии {version}"),
    "moves": ("Moved since", "Переходы клиента"),
    "was_moved": ("{when}, {what}: {had} → {to} ({rule}; {reason})", "{when}, {what}: {had} → {to} ({rule}; {reason})"),
    "by_transfer": ("transfer", "передача клиента"),
    "by_dismissal": ("dismissal", "увольнение"),
    "by_handover": ("hand-over of the office", "передача офиса"),
    "by_name": ("named", "назван"),
    "move_back": ("taken back since", "с тех пор отменено"),
    "move_left": ("not taken back: {why}", "отменить не удалось: {why}"),
    "has_meeting": (
        "has another meeting from {since} to {until}",
        "в это время у него другая встреча: с {since} до {until}",
    ),
    "meeting_agreed": ("the meeting: {since} to {until}", "встреча: с {since} до {until}"),
    "on_duty": ("on duty then: {who}", "тогда дежурили: {who}"),
    "nobody_on_duty": ("nobody was on duty then", "тогда никто не дежурил"),
    "not_this": (
        "not this one: his part of the list was dealt out, or he had the last two",
        "не этот лид: его часть списка уже роздана, или два последних получил он",
    ),
    "again": (
        "made again from its record, it comes out the same",
        "при повторе по записи решение получается тем же",
    ),
    "not_again": (
        "made again from its record, it comes out otherwise: {names}. The record was changed, or it is a fault of ours.",
        "при повторе по записи выходит иначе: {names}. Запись изменена, либо это наша ошибка.",
    ),
    "older_rules": ("made by rules that are no more in force", "принято по правилам, которые больше не действуют"),
    "alarm": ("alarm: {alarm}", "тревога: {alarm}"),
    "answer_awaited": ("has not said yet whether he takes it", "ещё не ответил, берёт ли лид"),
    "answer_waiting": (
        "it waits in the queue until somebody can take it",
        "лид ждёт в очереди, пока кто-то освободится",
    ),
    "answer_accepted": ("accepted by {who} on {when}", "принял {who}, {when}"),
    "answer_declined": ("declined by {who} on {when}", "отказался {who}, {when}"),
    "answer_silent": ("{who} did not answer in time, until {when}", "{who}: не ответил вовремя, до {when}"),
    "answer_withdrawn": ("no answer was needed any more, {when}", "ответ больше не требовался, {when}"),
    "answer_given": (
        "it went on as soon as somebody could take it, {when}",
        "передан, как только появился кто-то свободный, {when}",
    ),
    "told": ("told as well: {who}", "извещены также: {who}"),
    "candidates": ("shared among:", "делилось между:"),
    "weight": ("weight {weight:g}", "вес {weight:g}"),
    "owed": ("owed {before:+.2f} before, {after:+.2f} after", "недополучено {before:+.2f}, стало {after:+.2f}"),
    "receives": ("← receives", "← получает"),
    "excluded": ("not considered:", "не участвовали:"),
    "not_shared": (
        "Nothing was shared out: the rule names one person.",
        "Дележа не было: правило называет одного человека.",
    ),
    "given_back": ("The share was given back later ({when}).", "Доля потом возвращена ({when})."),
    "not_routed": ("not known to routing (yet)", "отделу распределения (пока) неизвестен"),
    # the sale
    "no_sale": ("no sale is known (yet)", "процесс (пока) не открыт"),
    "stage": ("stage {stage}, worked by {who} (sale {id})", "этап «{stage}», ведёт {who} (процесс {id})"),
    "ended": ("ended: {reason}", "завершён: {reason}"),
    "task": ("next: {kind}, by {who}{note}", "дальше: {kind}, делает {who}{note}"),
    "no_task": ("no open task", "открытых задач нет"),
    "deadline": ("deadline {when} ({rule}, {state})", "срок {when} ({rule}, {state})"),
    "step": ("{step}: {when}, tells {who}", "{step}: {when}, извещает {who}"),
    "step_told": ("{step}: told {who} {when}", "{step}: {who} извещён(а) {when}"),
    "step_plan": ("{step}: {when}", "{step}: {when}"),
    "last_touch": (
        "last touch {when}: {kind}, {result}: {comment}",
        "последнее касание {when}: {kind}, {result}: {comment}",
    ),
    "to_close": ("to win it:", "чтобы выиграть:"),
    # stages, kinds, states
    "opened": ("opened", "открыт"),
    "contacted": ("contacted", "контакт есть"),
    "meeting_set": ("meeting set", "встреча назначена"),
    "meeting_held": ("meeting held", "встреча проведена"),
    "proposal": ("proposal", "предложение"),
    "negotiation": ("negotiation", "переговоры"),
    "contract": ("contract", "договор"),
    "won": ("won", "выиграна"),
    "lost": ("lost", "проиграна"),
    "deferred": ("deferred", "отложена"),
    "call": ("call", "звонок"),
    "message": ("message", "сообщение"),
    "offer": ("offer", "предложение"),
    "meeting": ("meeting", "встреча"),
    "materials": ("materials", "материалы"),
    "review": ("review", "разбор"),
    "other": ("other", "прочее"),
    "open": ("open", "открыт"),
    "closed": ("closed", "закрыт"),
    "warning": ("warning", "предупреждение"),
    "due": ("due", "срок"),
    "overdue": ("overdue", "просрочка"),
    "escalated": ("escalated to the head", "передача руководителю"),
    "inbound_call": ("an inbound call", "входящий звонок"),
    "agent": ("an agent", "агент"),
    "website": ("the website", "сайт"),
    "event": ("an event", "мероприятие"),
    "referral": ("a referral", "рекомендация"),
    "reached": ("reached", "дозвонились"),
    "no_answer": ("no answer", "нет ответа"),
    "interested": ("interested", "интересно"),
    "refused": ("refused", "отказ"),
    "agreed": ("agreed", "согласие"),
    "sent": ("sent", "отправлено"),
    "held": ("held", "проведена"),
    "cancelled": ("cancelled", "отменена"),
}

_RULES_RU: Mapping[str, str] = {
    "S0": "ИНН совпадают",
    "S1": "совпадает название, а с ним телефон, почта или сайт",
    "S2": "название совпадает с точностью до описки, а с ним почта или сайт",
    "S3": "у одной из сторон нет названия; совпадает личный адрес почты",
    "S4": "у одной из сторон нет названия; совпадает фамилия, а с ней телефон или корпоративный домен",
    "P-conflict": "ключи совпадают, но в названиях есть то, что различает две компании",
    "P-reach": "совпадает телефон, почта или сайт, и больше ничего",
    "P-typo": "название совпадает с точностью до описки, а с ним телефон",
    "P-nameless": "у одной из сторон нет названия, а совпавшее может принадлежать нескольким компаниям",
    "P-rare": "совпадает редкое название, и больше ничего",
    "P-person": "совпадают название и фамилия контакта, и больше ничего",
    "P-two": "две карточки подходят почти одинаково",
    "N-unknown": "ни у одной карточки нет общего ключа, который говорил бы о компании",
    "N-namesakes": "совпадает только название, а его носят многие",
    "N-weak": "совпадает только фамилия или распространённое значение",
    "R1-31": "одна лишь регистрация на сайте не лид; она хранится, пока не придёт обращение",
    "R1-26": "контакт агента засчитывается, когда назначена встреча; до тех пор он хранится",
    "S-judged": "человек решил, что запись с этими ключами — этот клиент",
    "N-judged": "человек решил, что это другой клиент, и ни один новый ключ не говорит обратного",
}


class Words:
    """`words("stage", stage="opened", …)` in one language; a word that is not known comes through as it is."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **facts: object) -> str:
        """The phrase for `key` with `facts` put in."""
        known = _WORDS.get(key)
        return key.replace("_", " ") if known is None else known[self.language == "ru"].format_map(facts)

    def because(self, rule: str, as_said: str) -> str:
        """Why a recognition rule holds: as the room says it, or in Russian."""
        return _RULES_RU.get(rule, as_said) if self.language == "ru" else as_said
