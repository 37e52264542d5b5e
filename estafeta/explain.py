"""Why this card and why this manager, in plain words, from what the four rooms kept when they decided."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from estafeta.client import Bus
from estafeta.explain_words import Language, Words
from estafeta.lead import name_of, open_tasks, person
from estafeta.trouble import Trouble, choose
from estafeta.typed import zone_of
from shared.questions import ExplainRecognition, ExplainRouting, ListStaff, ShowDeadlines, ShowProcess, TellOwner

Answer = Mapping[str, Any]
_LANGUAGES: tuple[Language, ...] = ("en", "ru")


def language(asked: str | None) -> Words:
    """The words of the language asked for, else of the terminal's LANG, else English."""
    if asked:
        choose(asked, _LANGUAGES, "language (--lang)")
    terminal = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Words("ru" if (asked or terminal[:2]) == "ru" else "en")


async def explain_it(bus: Bus, what: str, id_: UUID, words: Words) -> list[str]:
    """The whole explanation of a lead or a client, line by line; an id that nobody knows is a `Trouble`."""
    known, routing, directory = await asyncio.gather(
        bus.ask(ExplainRecognition(id=id_)), bus.ask(ExplainRouting(id=id_)), bus.ask(ListStaff())
    )
    is_lead = bool(known.get("lead"))
    if not known.get("found") or is_lead != (what == "lead"):
        other = "client" if what == "lead" else "lead"
        hint = f"It is the id of a {other}: `estafeta explain {other} {id_}`." if known.get("found") else ""
        raise Trouble(
            f"No {what} has the id {id_}.",
            hint or "Ids are printed by `estafeta lead`; check that all of it was copied.",
        )
    client = known.get("client") or {}
    # the id of a client who was merged leads to the survivor
    sale = await bus.ask(ShowProcess(id=id_ if is_lead else UUID(str(client["id"]))))
    deadlines = await bus.ask(ShowDeadlines(id=UUID(str(client["id"])))) if client else {}
    story = Story(words, directory)
    lines = story.recognition(known)
    if is_lead and (known.get("decision") or {}).get("outcome") in ("rejected", "early"):
        return lines
    owned = await bus.ask(TellOwner(client_id=UUID(str(client["id"])))) if client else {}
    return [*lines, *story.routing(routing), *story.moves(owned), *story.sale(sale, deadlines)]


class Story:
    """Answers of the rooms told as lines of text, with the directory's names and clocks."""

    def __init__(self, words: Words, directory: Answer) -> None:
        self._words, self._directory = words, directory
        self._zone = zone_of({}, directory)

    def _at(self, moment: Any, zone: ZoneInfo | None = None) -> str:
        at = datetime.fromisoformat(str(moment)).astimezone(zone or self._zone)
        return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"

    def _who(self, staff_id: Any) -> str:
        return name_of(staff_id, self._directory)

    def _clock_of(self, staff_id: Any) -> ZoneInfo:
        return zone_of(person(staff_id, self._directory), self._directory)

    # ── why this card ───────────────────────────────────────────────────────────────────────────────────────────

    def recognition(self, known: Answer) -> list[str]:
        """Who came, and why he stands on this card: keys, weights, candidates, conflicts (R1-40, REGULATION §2)."""
        words, lead, client = self._words, known.get("lead"), known.get("client") or {}
        if lead is None:
            lines = [words("client", id=client.get("id"), who=client.get("name")), *self._card(client)]
            for one in known.get("leads") or []:
                lines += ["", *self._lead(one["lead"]), *self._decision(one["decision"], one["lead"], {})]
            return [*lines, *self._earlier(known.get("earlier") or [])]
        lines = [*self._lead(lead), "", words("why_card"), *self._decision(known["decision"], lead, client)]
        lines += self._audit(known.get("audit") or {})
        for one in known.get("clients") or []:
            key = "early_of" if one["outcome"] == "same" else "early_perhaps"
            lines.append("  " + words(key, name=one["name"], id=one["client_id"]))
        return [*lines, *self._earlier(known.get("earlier") or [])]

    def _audit(self, audit: Answer) -> list[str]:
        """What a person has said of the join, and what became of the lead (MATCHING §11)."""
        if not audit:
            return []
        key = "taken_off" if audit["again"] else "stays" if audit["kept_because"] else f"join_{audit['verdict']}"
        who = self._who(audit["by"])
        said = self._words(key, who=who, note=audit["note"], again=audit["again"], because=audit["kept_because"])
        return ["  " + said.rstrip()]

    def _earlier(self, contacts: Sequence[Answer]) -> list[str]:
        """When and where the client made himself known before there was a lead (R1-31, R1-26)."""
        words, lines = self._words, []
        for one in contacts:
            where = ", ".join(filter(None, (words(str(one["source"])), one["campaign"])))
            what = words(
                "registered" if one["kept_by"] == "R1-31" else "spoke", when=self._at(one["received_at"]), where=where
            )
            lines.append("  " + (what if one["outcome"] == "same" else words("perhaps", what=what)))
        return ["", words("before"), *lines] if lines else []

    def _lead(self, lead: Answer) -> list[str]:
        words, raw = self._words, lead.get("raw") or {}
        who = ", ".join(raw[name] for name in ("company", "contact", "phone", "email", "website") if raw.get(name))
        when, is_entry = self._at(lead["received_at"]), lead.get("purpose") == "clients"
        came = [words("entered", when=when) if is_entry else words("came", when=when, where=words(str(lead["source"])))]
        if lead.get("campaign"):
            came.append(words("campaign", campaign=lead["campaign"]))
        if lead.get("file_name"):
            place = "in_sheet" if lead.get("sheet") else "in_file"
            came.append(words(place, file=lead["file_name"], sheet=lead.get("sheet"), row=lead.get("row")))
        if lead.get("source_system") == "audit":
            came.append(words("taken_again", id=lead["external_id"]))
        if lead.get("submitter"):
            came.append(words("by", who=self._who(lead["submitter"])))
        return [words("entry" if is_entry else "lead", id=lead["id"], who=who), "  " + ", ".join(came)]

    def _card(self, client: Answer) -> list[str]:
        words = self._words
        if not client:
            return []
        lines = [words("card", name=client["name"], id=client["id"])]
        lines.append(words("region", region=client["region"], by=words(str(client["region_by"]))))
        if client.get("curator"):
            lines.append(words("curator", who=self._who(client["curator"])))
        return _indented(lines)

    def _decision(self, decision: Answer, lead: Answer, client: Answer) -> list[str]:
        words, rule = self._words, str(decision["rule"])
        because = words.because(rule, str(decision.get("because") or ""))
        lines = [words(str(decision["outcome"]), because=because, rule=rule)]
        lines += [
            f"  {fault['field']}: {fault['problem']} → {fault['remedy']}" for fault in decision.get("faults") or []
        ]
        lines += [line.strip() for line in self._card(client)]
        lines += [words("keys"), *_indented(self._keys(lead.get("keys") or {}))]
        if decision.get("evidence"):
            lines += [words("compared", score=float(decision["score"])), *self._evidence(decision["evidence"])]
        if candidates := decision.get("candidates"):
            lines += [words("also"), *(line for one in candidates for line in self._candidate(one))]
        elif decision["outcome"] == "new":
            lines.append(words("no_others"))
        if decision.get("flags"):
            lines.append(words("flags", flags=", ".join(str(flag).replace("_", " ") for flag in decision["flags"])))
        if decision.get("norm_is_current") is False:
            lines.append(words("old_norm"))
        return _indented(lines)

    def _keys(self, keys: Answer) -> list[str]:
        words = self._words
        values = {
            "name": [(keys.get("company") or {}).get("core", "")],
            "surname": [one.get("key", "") for one in keys.get("surnames", [])],
            "phone": [
                one["local"] + (f" ({one['e164']})" if one.get("e164") else "") for one in keys.get("phones", [])
            ],
            "email": [one.get("email", "") for one in keys.get("mailboxes", [])],
            "domain": [one["domain"] for one in keys.get("mailboxes", []) if one.get("domain")],
            "site": list(keys.get("sites", [])),
            "tax_id": [keys.get("tax_id", "")],
        }
        found = [f"{words(key)}: {', '.join(filter(None, held))}" for key, held in values.items() if any(held)]
        return found or [words("no_keys")]

    def _evidence(self, evidence: Sequence[Answer]) -> list[str]:
        words = self._words
        lines = []
        for one in sorted(evidence, key=lambda item: -float(item["weight"])):
            pair = str(one["lead"]) if one["lead"] == one["client"] else f"{one['lead']} ~ {one['client']}"
            holders = int(one.get("df") or 0)
            held = f"; {words('holders', df=holders) if holders > 1 else words('holder')}" if holders else ""
            key = "in_region" if one["key"] == "region" else str(one["key"])
            agreed = f"{words(key):<12}{float(one['weight']):+6.1f}  {pair}"
            lines.append(f"  {agreed} ({words(str(one['level']))}{held})")
        return lines

    def _candidate(self, one: Answer) -> list[str]:
        words, rule = self._words, str(one["rule"])
        verdict = words("for_review" if one.get("for_review") else "aside")
        lines = [f"  {one['name']} ({one['client_id']}): {float(one['score']):+.1f}, {rule}, {verdict}"]
        if one.get("conflicts"):
            lines.append("    " + words("conflicts", conflicts=", ".join(map(str, one["conflicts"]))))
        return lines + [f"  {line}" for line in self._evidence(one.get("evidence") or [])]

    # ── why this manager ────────────────────────────────────────────────────────────────────────────────────────

    def routing(self, answer: Answer) -> list[str]:
        """Who received it by which rule, among whom, who was not considered and why, and what the ledger says."""
        decisions = answer.get("decisions") or []
        lines = ["", self._words("why_manager")]
        if not decisions:
            return [*lines, *_indented([self._words("not_routed")])]
        for decision in decisions:
            lines += _indented(self._routed(decision))
        return lines

    def _said(self, record: Answer, name: str) -> str:
        """A text of a room in the language asked for, where the room has it in both."""
        return str((record.get(f"{name}_ru") if self._words.language == "ru" else None) or record.get(name) or "")

    def _routed(self, decision: Answer) -> list[str]:
        words, receiver = self._words, decision["receiver"]
        facts = {"who": self._who(receiver), "rule": decision["rule"], "queue": decision.get("queue")}
        lines = [words("queue" if decision.get("queue") else "manager", **facts)]
        lines += [text for name in ("reason", "notes") if (text := self._said(decision, name))]
        if decision.get("alarm"):
            lines.append(words("alarm", alarm=self._said(decision, "alarm")))
        if meeting := decision.get("meeting"):
            zone = self._clock_of(receiver)
            lines.append(words("meeting_agreed", since=self._at(meeting[0], zone), until=self._at(meeting[1], zone)))
        if decision.get("told"):
            lines.append(words("told", who=", ".join(self._who(one) for one in decision["told"])))
        if decision.get("on_duty") is not None:
            duty = ", ".join(self._who(one) for one in decision["on_duty"])
            lines.append(words("on_duty", who=duty) if duty else words("nobody_on_duty"))
        if decision.get("ledger"):
            lines.append(words("candidates"))
            among = decision.get("might_receive")
            lines += [self._share(one, receiver, among) for one in decision.get("candidates") or []]
        elif not decision.get("queue"):
            lines.append(words("not_shared"))
        if excluded := decision.get("excluded"):
            lines += [words("excluded"), *(f"  {self._who(one['id'])}: {self._passed(one)}" for one in excluded)]
        if answer := decision.get("answer"):
            lines.append(self._answer(decision, str(answer)))
        if decision.get("given_back_at"):
            lines.append(words("given_back", when=self._at(decision["given_back_at"])))
        return [*lines, *self._record(decision)]

    def _passed(self, one: Answer) -> str:
        """Why somebody was passed over; another meeting by his own clock."""
        if one.get("code") != "meeting":
            return self._said(one, "why")
        zone = self._clock_of(one["id"])
        return self._words("has_meeting", since=self._at(one["from"], zone), until=self._at(one["until"], zone))

    def _record(self, decision: Answer) -> list[str]:
        """When and by which rules it was decided, and whether its record makes the same decision again."""
        if not decision.get("at"):
            return []
        words, again = self._words, decision.get("again")
        made = words("older_rules") if again is None else words("not_again", names=", ".join(again)) if again else ""
        decided = words("decided", when=self._at(decision["at"]), version=decision.get("rules_version"))
        return [f"{decided}; {made or words('again')}"]

    def _answer(self, decision: Answer, answer: str) -> str:
        """Whether the receiver took it, and who was told when he did not (SLA)."""
        words = self._words
        at = decision.get("answered_at")
        text = words(
            f"answer_{answer}",
            who=self._who(decision.get("answered_by") or decision["receiver"]),
            when=self._at(at) if at else "",
        )
        if decision.get("answer_reason"):
            text += f": {decision['answer_reason']}"
        if told := decision.get("answer_told"):
            text += "; " + words("told", who=", ".join(self._who(one) for one in told))
        return text

    def _share(self, one: Answer, receiver: Any, among: Sequence[str] | None) -> str:
        words = self._words
        owed = {"before": float(one.get("owed_before") or 0), "after": float(one.get("owed_after") or 0)}
        mark = f" {words('receives')}" if one["id"] == receiver else ""
        if among is not None and one["id"] not in among:
            mark = f" ({words('not_this')})"
        return (
            f"  {self._who(one['id'])}: {words('weight', weight=float(one['weight']))}, {words('owed', **owed)}{mark}"
        )

    def moves(self, owned: Answer) -> list[str]:
        """How the client came to whom he is with by transfers, dismissals and hand-overs, the oldest first (R2-23)."""
        words, lines = self._words, []
        for move in reversed(owned.get("moves") or []):
            had = move["before"]["open_with"] or move["before"]["curator"]
            lines.append(
                words(
                    "was_moved",
                    when=self._at(move["at"]),
                    what=words(f"by_{move['kind']}"),
                    had=self._who(had) if had else "—",
                    to=self._who(move["receiver"]),
                    rule=words("by_name") if move["rule"] == "named" else move["rule"],
                    reason=move["reason"],
                )
            )
            if move["state"] in ("back", "left"):
                lines[-1] += "; " + words(f"move_{move['state']}", why=move.get("left_because") or "")
        return ["", words("moves"), *_indented(lines)] if lines else []

    # ── where the sale stands ───────────────────────────────────────────────────────────────────────────────────

    def sale(self, answer: Answer, deadlines: Answer) -> list[str]:
        """The stage, the next task with its deadline, the last touch, and what must be done to win it (R2-12)."""
        words, process = self._words, answer.get("process")
        lines = ["", words("the_sale")]
        if not process:
            return [*lines, *_indented([words("no_sale")])]
        manager = process.get("manager")
        found = [words("stage", stage=words(str(process["stage"])), who=self._who(manager), id=process["id"])]
        if process.get("closed_at"):
            found.append(words("ended", reason=process.get("reason") or words(str(process["stage"]))))
        dated = {str(one["task_id"]): one for one in deadlines.get("deadlines") or []}
        tasks = open_tasks(answer)
        for task in tasks:
            note = f" ({task['note']})" if task.get("note") else ""
            found.append(words("task", kind=words(str(task["kind"])), who=self._who(task.get("manager")), note=note))
            if deadline := dated.get(str(task["id"])):
                found += self._deadline(deadline)
        if not tasks and not process.get("closed_at"):
            found.append(words("no_task"))
        if touch := answer.get("last_touch"):
            kind, result = words(str(touch["kind"])), words(str(touch["result"]))
            when = self._at(touch["touched_at"])
            found.append(words("last_touch", when=when, kind=kind, result=result, comment=touch.get("comment") or ""))
        if way := answer.get("to_close"):
            found.append(words("to_close") + " " + " → ".join(words(str(step["to"])) for step in way))
        return [*lines, *_indented(found)]

    def _deadline(self, deadline: Answer) -> list[str]:
        words, zone = self._words, self._clock_of(deadline.get("manager"))
        due = self._at(deadline["due_at"], zone)
        state = words(str(deadline.get("state") or "open"))
        lines = [f"  {words('deadline', when=due, rule=deadline.get('by_rule') or '', state=state)}"]
        for step in deadline.get("steps") or []:
            name = words(str(step["step"]))
            if step.get("told_at"):
                told = {"who": self._who(step["tells"]), "when": self._at(step["told_at"], zone)}
                lines.append("    " + words("step_told", step=name, **told))
            elif step.get("at"):
                lines.append("    " + words("step_plan", step=name, when=self._at(step["at"], zone)))
        return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
