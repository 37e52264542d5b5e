"""The words of reports on routing, English and Russian."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from estafeta.explain_words import Language

Say = Callable[..., str]

_WORDS: Mapping[str, tuple[str, str]] = {
    "fairness": ("Evenness from {first} to {last} (G6)", "Равномерность с {first} по {last} (G6)"),
    "pool": ("pool", "группа"),
    "manager": ("manager", "менеджер"),
    "office": ("office", "офис"),
    "eligible": ("was eligible", "участвовал"),
    "received": ("received", "получено"),
    "fair_share": ("fair share", "положено"),
    "deviation": ("deviation", "отклонение"),
    "balance": ("owed now", "недополучено сейчас"),
    "leads": ("leads", "лиды"),
    "by_manager": ("Who has how much", "У кого сколько"),
    "in_queue": ("in a queue", "в очереди"),
    "declined": ("declined", "отказался"),
    "silent": ("silent", "не ответил"),
    "unaccepted": ("unaccepted", "не принято"),
    "nothing": ("Nothing was decided from {first} to {last}.", "С {first} по {last} ничего не распределялось."),
    "fallback": (
        "Nobody could take it, and a head answered for it (G8): {count:,} of {of:,} leads ({share:.1%}).",
        "Принять было некому, отвечал руководитель (G8): {count:,} из {of:,} лидов ({share:.1%}).",
    ),
    "open_leads": (
        "Not accepted yet: {unaccepted:,}; accepted: {accepted:,}; declined: {declined:,}; no answer: {silent:,}; "
        "in a queue: {queued:,}.",
        "Ещё не принято: {unaccepted:,}; принято: {accepted:,}; отказов: {declined:,}; без ответа: {silent:,}; "
        "в очереди: {queued:,}.",
    ),
    "to_owner": (
        "From the lead to its owner: half within {median}, 95 of 100 within {most}, at most {longest}.",
        "От лида до ответственного: половина за {median}, 95 из 100 за {most}, не дольше {longest}.",
    ),
    "to_acceptance": (
        "From the lead to his acceptance: half within {median}, 95 of 100 within {most}.",
        "От лида до подтверждения: половина за {median}, 95 из 100 за {most}.",
    ),
    "given_back": (
        "Given back, because the client turned out to be somebody's already, or the lead went on: {count:,} shares; "
        "they count for nobody.",
        "Возвращено долей, так как клиент оказался чьим-то или лид ушёл дальше: {count:,}; они никому не засчитаны.",
    ),
    "seconds": ("{count:.1f} s", "{count:.1f} с"),
    "minutes": ("{count:.0f} min", "{count:.0f} мин"),
    "hours": ("{count:,.1f} h", "{count:,.1f} ч"),
    "home": ("home managers", "менеджеры головного офиса"),
    "duty": ("on duty, {office}", "дежурные, {office}"),
    "region": ("managers of {office}", "менеджеры, {office}"),
    # what if
    "with_file": ("with {file}", "по файлу {file}"),
    "with_rules": ("by today's rules", "по сегодняшним правилам"),
    "otherwise": (
        "{first} to {last}, {by}: of {leads:,} leads {count:,} ({share:.1%}) would have gone otherwise.",
        "С {first} по {last}, {by}: из {leads:,} лидов иначе распределились бы {count:,} ({share:.1%}).",
    ),
    "queued": (
        "Waiting in a queue, because nobody could take them: {was:,} → {would:,}.",
        "В очереди, так как принять некому: {was:,} → {would:,}.",
    ),
    "as_it_was": ("Exactly what happened.", "В точности то, что было."),
    "evenness": ("Evenness (G6): as it was → as it would be", "Равномерность (G6): было → было бы"),
    "at_most": ("at most, at any moment", "наибольшее за всё время"),
    "to_respond": ("What there was to respond to: was → would be", "Нагрузка по ответам: было → было бы"),
    "in_a_day": ("in the busiest day", "в самый занятый день"),
    "in_an_hour": ("in the busiest hour", "в самый занятый час"),
    "one_by_one": ("Lead by lead", "По лидам"),
    "lead": ("lead", "лид"),
    "came": ("came", "поступил"),
    "source": ("source", "источник"),
    "in_region": ("region", "регион"),
    "was": ("was", "было"),
    "would": ("would be", "было бы"),
    "queue": ("queue {queue}", "очередь {queue}"),
    "nobody": ("nobody", "никто"),
    "all_written": ("All {count:,} differences are in {file}.", "Все отличия ({count:,}) — в файле {file}."),
    "more": (
        "… and {count:,} more; --csv FILE.csv writes all of them.",
        "… и ещё {count:,}; --csv FILE.csv запишет все.",
    ),
    "written": ("Written: {file}.", "Записано: {file}."),
}


def words_of(language: Language) -> Say:
    """`say("key", fact=…)` in one language."""

    def say(key: str, **facts: object) -> str:
        return _WORDS[key][language == "ru"].format_map(facts)

    return say


def pool_name(pool: str, say: Say) -> str:
    """A pool as people call it: `duty:msk` → "on duty, msk"; one of another kind is told by its id."""
    kind, _, office = pool.partition(":")
    return say(kind, office=office) if kind in ("home", "duty", "region") else pool


def span(seconds: float, say: Say) -> str:
    """Seconds as people say them: 0.4 s, 12 min, 3.5 h."""
    if seconds < 90:
        return say("seconds", count=seconds)
    return say("minutes", count=seconds / 60) if seconds < 5400 else say("hours", count=seconds / 3600)
