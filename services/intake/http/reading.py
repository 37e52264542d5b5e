"""From bytes to the cells of a lead: a body within its limits, as JSON, as a web form, or as a webhook's payload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl
from uuid import UUID

import pydantic_core
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, create_model
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from services.intake.http.problems import Problem, faults_in
from shared.commands import CallForm, LeadFields, Occasion, Referral, ScriptQuestion
from shared.events import Fault

SECONDS = 10.0
MOST_FIELDS = 100
LONGEST = 2000
FORM_KINDS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FILES = 10  # an empty file field of a page must not spoil the form; what is in it stays in the body as it came

# PostgreSQL keeps every character but zero.
_Cell = Annotated[str, Field(max_length=LONGEST, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
_StaffId = Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_cells: dict[str, Any] = dict.fromkeys(LeadFields.model_fields, (_Cell, ""))
Cells: type[BaseModel] = create_model(
    "Cells", __base__=_Strict, __doc__="What is known of the lead, every cell as raw text.", **_cells
)


class Call(_Strict):
    """What a call adds to the cells: further answers, what was refused, when it ended (R1-13 … R1-22)."""

    worked_with: _Cell = Field(default="", description="with whom of us he worked before: an id or a name (R1-16)")
    learned_from: _Cell = Field(default="", description="how he learned of us")
    meeting: Literal["ours", "theirs", "declined"] | None = Field(
        default=None, description="where the meeting is that was offered; an agent's contact without one is no lead yet"
    )
    meeting_at: AwareDatetime | None = Field(
        default=None,
        description="when the meeting begins: 2026-11-25T10:00:00+03:00; not over. It goes to a manager who is free then (R1-28)",
    )
    meeting_minutes: Annotated[int, Field(ge=5, le=720)] | None = Field(
        default=None, description="how long it takes; an hour, if it is not said"
    )
    refused: Annotated[list[ScriptQuestion], Field(max_length=10)] = Field(
        default=[], description="the questions he refused to answer"
    )
    ended_at: AwareDatetime | None = Field(
        default=None, description="when the call ended: not in the future, at most 30 days ago"
    )


class Recommendation(_Strict):
    """Who recommended us to the contact, and which of us obtained it (R0-09)."""

    client_id: UUID | None = Field(default=None, description="the client who recommended us")
    by: _Cell = Field(default="", description="who recommended us, in words, if he is no client")
    obtained_by: _StaffId


class NewLead(_Strict):
    """One lead, as another program brings it. At least one of company, contact, phone, e-mail, site must be filled in."""

    external_id: _Name | None = Field(
        default=None,
        description="the lead's name with you: brought again under it, it is the same lead; goes before Idempotency-Key",
    )
    campaign: _Name | None = Field(default=None, description="which exhibition, which form (R1-07)")
    submitter: _StaffId | None = Field(default=None, description="who of us obtained it")
    named_manager: _StaffId | None = Field(default=None, description="the manager whom the client asked for (R1-10)")
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="whose telephone numbers are written without a country code"
    )
    received_at: AwareDatetime | None = Field(
        default=None,
        description="when it came to you, if that was earlier: deadlines count from then. Not in the future, at most 30 days ago",
    )
    occasion: Occasion | None = Field(
        default=None, description="of a web site: a registration alone is no lead; it is kept until one comes (R1-31)"
    )
    call: Call | None = Field(default=None, description="of a call or an agent's contact: what was asked and answered")
    referral: Recommendation | None = Field(default=None, description="of a referral: both sides")
    fields: Cells

    def cells(self) -> LeadFields:
        """The cells in the language of the house."""
        return LeadFields.model_validate(self.fields.model_dump())

    def call_form(self) -> CallForm | None:
        """The call in the language of the house."""
        return CallForm.model_validate(self.call.model_dump()) if self.call else None

    def recommendation(self) -> Referral | None:
        """The referral in the language of the house."""
        return Referral.model_validate(self.referral.model_dump()) if self.referral else None


_PLACES = (
    *NewLead.model_fields,
    *(f"fields.{name}" for name in LeadFields.model_fields),
    *(f"call.{name}" for name in Call.model_fields),
    *(f"referral.{name}" for name in Recommendation.model_fields),
)
"""Every field that a lead may have, as a fault names it."""


async def body_of(request: Request, largest: int, kinds: tuple[str, ...]) -> bytes:
    """The whole body, if it is of one of `kinds`, no larger than `largest` bytes, and here in time. Raises `Problem`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Problem("wrong-kind", "the content type is another", headers={"Accept-Post": ", ".join(kinds)})
    too_large = Problem("too-large", f"at most {largest} bytes are taken from here", headers={"Connection": "close"})
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > largest:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > largest:
                    raise too_large
    except TimeoutError:
        detail = f"it was not here within {SECONDS:.0f} seconds"
        raise Problem("too-slow", detail, headers={"Connection": "close"}) from None
    return bytes(body)


def lead_in(body: bytes) -> NewLead:
    """The lead in a JSON body. Raises `Problem`."""
    try:
        return NewLead.model_validate_json(body)
    except ValidationError as error:
        if any(one["type"] == "json_invalid" for one in error.errors(include_input=False)):
            raise Problem("unreadable", f"it is no JSON ({error.errors(include_input=False)[0]['msg']})") from None
        faults = faults_in(error, _PLACES)
        raise Problem("unfit", "fields are wrong", faults=faults) from None


# ── web forms ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def form_in(request: Request, body: bytes) -> dict[str, str]:
    """The fields of a web form; of one that comes several times, all that is filled in. Raises `Problem`."""
    if request.headers["content-type"].lower().startswith(FORM_KINDS[1]):
        pairs = await _parts(request, body)
    else:
        pairs = _pairs(body)
    fields: dict[str, list[str]] = {}
    for name, text in pairs:
        if text.strip():
            fields.setdefault(name, []).append(text.replace("\x00", " "))
    return {name: "; ".join(texts) for name, texts in fields.items()}


def _pairs(body: bytes) -> list[tuple[str, str]]:
    # A page in an old encoding sends its own: among Russian pages that is windows-1251.
    for encoding, errors in (("utf-8", "strict"), ("cp1251", "replace")):
        try:
            text = body.decode(encoding, errors)
            return parse_qsl(text, keep_blank_values=True, encoding=encoding, errors=errors, max_num_fields=MOST_FIELDS)
        except UnicodeDecodeError:
            continue
        except ValueError:
            raise Problem("unreadable", f"a form has at most {MOST_FIELDS} fields") from None
    raise Problem("unreadable", "its letters are in no encoding that is known here")


async def _parts(request: Request, body: bytes) -> list[tuple[str, str]]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(
            request.headers, stream(), max_files=_FILES, max_fields=MOST_FIELDS, max_part_size=len(body) + 1
        )
        form = await parser.parse()
    except MultiPartException as fault:
        raise Problem("unreadable", f"the form cannot be taken apart ({fault.message})") from None
    except (ValueError, KeyError, UnicodeError, LookupError):
        raise Problem("unreadable", "the form cannot be taken apart") from None
    try:
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    finally:
        await form.close()


def cells_of_form(form: Mapping[str, str], names: Mapping[str, str]) -> LeadFields:
    """The cells of a lead among the fields of a form, each under its own name or the one in `names`. Raises `Problem`."""
    cells = {cell: form.get(names.get(cell, cell), "") for cell in LeadFields.model_fields}
    faults = [
        Fault(
            field=names.get(cell, cell),
            problem=f"it has {len(text)} characters",
            remedy=f"shorten it to {LONGEST} characters",
        )
        for cell, text in cells.items()
        if len(text) > LONGEST
    ]
    if faults:
        raise Problem("unfit", "fields are too long", faults=faults)
    return LeadFields.model_validate(cells)


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def payload_in(body: bytes) -> dict[str, Any]:
    """The JSON object of a webhook. Raises `Problem`."""
    try:
        payload = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem("unreadable", f"it is no JSON ({error})") from None
    if not isinstance(payload, dict):
        fault = Fault(field="(the whole body)", problem="it is no object", remedy='send {"type": …, "data": {…}}')
        raise Problem("unfit", "a webhook carries a JSON object", faults=[fault])
    return payload


def cells_of_payload(payload: Mapping[str, Any], paths: Mapping[str, str]) -> LeadFields:
    """The cells of a lead in a webhook's payload: each at its path in `paths`, else under its own name in `data`.

    What is too long is cut: who sends it is a machine that cannot be asked, and the body is kept as it came (R0-10).
    """
    cells = {}
    for cell in LeadFields.model_fields:
        path = paths.get(cell)
        value = _at(payload, path) if path else _at(payload, f"data.{cell}") or payload.get(cell)
        cells[cell] = _text(value)[:LONGEST].strip()
    return LeadFields.model_validate(cells)


def _at(payload: Any, path: str) -> Any:
    for step in path.split("."):
        payload = payload.get(step) if isinstance(payload, dict) else None
    return payload


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\x00", " ")
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return ""
    return str(value)
