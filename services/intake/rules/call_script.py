"""How was each question of the call script answered? A value, `refused` or `not_asked` (R1-13 … R1-21)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from services.intake.rules.agreed_meeting import meeting_of
from shared.commands import CallForm, LeadFields, ScriptQuestion

ENTERED_WITHIN = timedelta(minutes=5)
"""The SLA of R1-22, «during the call or right after it»: what the setting begins with (table `entry_policies`)."""

QUESTIONS: tuple[str, ...] = get_args(ScriptQuestion)


def answers(fields: LeadFields, call: CallForm) -> list[Mapping[str, str]]:
    """Each question in the order of the script: `{question, state: given | refused | not_asked, answer}`.

    What was answered after all is an answer, even if it was refused at first.
    """
    told = {name: str(getattr(fields, name, "") or getattr(call, name, None) or "") for name in QUESTIONS}
    return [
        {"question": name, "state": _state(told[name], refused=name in call.refused), "answer": told[name]}
        for name in QUESTIONS
    ]


def _state(answer: str, *, refused: bool) -> str:
    return "given" if answer else "refused" if refused else "not_asked"


def entry_lag(ended_at: datetime, stored_at: datetime) -> timedelta:
    """How long after its end a call was entered (R1-22); one that is entered while it goes on has none."""
    return max(stored_at - ended_at, timedelta(0))


def as_kept(fields: LeadFields, call: CallForm | None, stored_at: datetime) -> dict[str, Any] | None:
    """What is stored of a call beside its cells; None for what is no call."""
    if call is None:
        return None
    return {
        "answers": answers(fields, call),
        "ended_at": call.ended_at,
        **({"meeting": meeting.model_dump(mode="json")} if (meeting := meeting_of(call)) else {}),
        "entry_lag_s": round(entry_lag(call.ended_at, stored_at).total_seconds(), 1) if call.ended_at else None,
    }


def form_of(kept: Mapping[str, Any] | None) -> CallForm | None:
    """What `as_kept` stored of a call, as it was handed in but for the moment when the call ended."""
    if kept is None:
        return None
    told = {one["question"]: one for one in kept["answers"]}
    own = {name: told[name]["answer"] for name in ("worked_with", "learned_from", "meeting") if name in told}
    refused = [name for name, one in told.items() if one["state"] == "refused"]
    return CallForm.model_validate({**own, "meeting": own.get("meeting") or None, "refused": refused})
