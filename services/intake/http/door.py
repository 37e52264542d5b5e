"""What is understood at the door: three ways to bring a lead, and a look at what became of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.intake import store
from services.intake.http import document, reading
from services.intake.http.problems import Problem
from services.intake.http.signature import Unsigned, verify
from services.intake.http.sources import FormEntry, SourceEntry, SourcesFile
from services.intake.rules.agreed_meeting import faults_of_meeting
from services.intake.rules.moments import faults_of_moments
from shared.bus import NoAnswer
from shared.clock import database_now, host_now
from shared.commands import CallForm, LeadFields, Occasion, Referral, SubmitLead
from shared.events import Fault
from shared.message import Question
from shared.questions import ShowDeadlines, ShowProcess
from shared.service import Ask
from shared.web.frame import Frame
from shared.web.pace import Pace, neighbourhood

JSON = ("application/json",)
_STORING = 10.0
_SAME_FORM = 600  # seconds: what is sent unchanged within them under no name is one lead, sent twice
_RECEIPTS = UUID("0d9f7d0e-7f0b-5b6c-9c6e-3a3f0b7a5f21")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Brought:
    """One lead as it was brought: by which way, by which source, under which name (empty: none was given)."""

    way: str
    by: str
    source: SourceEntry
    name: str
    cells: LeadFields
    body: bytes
    campaign: str | None = None
    submitter: str | None = None
    named_manager: str | None = None
    country: str | None = None
    received_at: datetime | None = None
    occasion: Occasion | None = None
    call: CallForm | None = None
    referral: Referral | None = None
    is_set_aside: bool = False

    def command(self, now: datetime) -> SubmitLead:
        """The wish it is: the same as another system would have sent on the bus."""
        command = SubmitLead(
            source_system=self.by,
            external_id=self.name or "unnamed",
            source=self.source.kind,
            campaign=self.campaign or self.source.campaign,
            submitter=self.submitter or self.source.submitter,
            named_manager=self.named_manager,
            received_at=self.received_at or now,
            default_country=self.country or self.source.country,
            fields=self.cells,
            call=self.call,
            referral=self.referral,
            occasion=self.occasion,
        )
        if self.name:
            return command
        window = int(now.timestamp()) // _SAME_FORM
        return command.model_copy(update={"external_id": f"{digest_of(command)[:40]}-{window}"})

    def faults(self, now: datetime) -> list[Fault]:
        """What cannot be of a lead that says more than its cells."""
        found = faults_of_moments(
            {"received_at": self.received_at, "call.ended_at": self.call.ended_at if self.call else None}, now
        )
        if self.referral and not self.referral.client_id and not self.referral.by.strip():
            problem, remedy = "it does not say who recommended us", "give client_id, or in words by"
            found.append(Fault(field="referral", problem=problem, remedy=remedy))
        return found


def digest_of(command: SubmitLead) -> str:
    """What tells two leads under one name apart: everything but the name and the moment."""
    # What is not said is left out, so that a lead which was brought before the field was there is still known again.
    unsaid: dict[str, Any] = {"occasion": True} if command.occasion is None else {}
    if command.call is not None:
        unsaid["call"] = {name for name in ("meeting_at", "meeting_minutes") if getattr(command.call, name) is None}
    return sha256(
        command.model_dump_json(exclude={"external_id": True, "received_at": True, **unsaid}).encode()
    ).hexdigest()


def receipt_of(command: SubmitLead) -> UUID:
    """The receipt of a lead: the same however often it is brought, and the id of the wish as a message."""
    return uuid5(_RECEIPTS, f"{command.source_system}\n{command.external_id}")


class Door(Frame):
    """Answers at the door. `ask` reaches the other rooms, when they are there; storing needs only `engine`."""

    room, refusal, refused = "intake", Problem, "intake.lead_refused"

    def __init__(
        self,
        engine: AsyncEngine,
        sources: SourcesFile,
        ask: Ask,
        *,
        now: Callable[[], datetime] = host_now,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(pace)
        self.engine, self.sources, self.ask, self._now = engine, sources, ask, now

    def app(self) -> Starlette:
        """The application for a server."""
        return self.served(
            [
                ("/v1/leads", self.take_lead, ["POST"]),
                ("/v1/leads/{receipt}", self.show_receipt, ["GET"]),
                ("/v1/forms/{campaign}", self.take_form, ["POST", "OPTIONS"]),
                ("/v1/webhooks/{source}", self.take_webhook, ["POST"]),
                ("/openapi.json", self.show_document, ["GET"]),
                ("/docs", self.show_page, ["GET"]),
            ]
        )

    # ── ways to bring a lead ────────────────────────────────────────────────────────────────────────────────────

    async def take_lead(self, request: Request) -> Response:
        """`POST /v1/leads`: a program brings one lead as JSON, with its source's key."""
        by, source = self._holder(request)
        self._slow_down(("lead", by), source.per_minute, source.burst)
        body = await reading.body_of(request, source.largest_body, JSON)
        lead = reading.lead_in(body)
        return await self._keep(
            Brought(
                way="lead",
                by=by,
                source=source,
                name=(lead.external_id or "").strip() or _idempotency_key(request),
                cells=lead.cells(),
                body=body,
                campaign=lead.campaign,
                submitter=lead.submitter,
                named_manager=lead.named_manager,
                country=lead.country,
                received_at=lead.received_at,
                occasion=lead.occasion,
                call=lead.call_form(),
                referral=lead.recommendation(),
            )
        )

    async def take_webhook(self, request: Request) -> Response:
        """`POST /v1/webhooks/{source}`: a service tells of a lead, signed by the Standard Webhooks."""
        by = request.path_params["source"]
        source = self.sources.read().sources.get(by)
        if source is None or not source.webhook_keys:
            raise Problem("unknown-key", "no source of this name has keys for webhooks")
        body = await reading.body_of(request, source.largest_body, JSON)
        try:
            name = verify(source.signing_keys(), request.headers, body, self._now())
        except Unsigned as fault:
            raise Problem("unknown-key", str(fault)) from None
        self._slow_down(
            ("webhook", by), source.per_minute, source.burst
        )  # a stranger must not empty the source's bucket
        payload = reading.payload_in(body)
        cells = reading.cells_of_payload(payload, source.fields)
        occasion = source.occasions.get(str(payload.get("type")))
        return await self._keep(
            Brought("webhook", by, source, _name("webhook-id", name), cells, body, occasion=occasion)
        )

    async def take_form(self, request: Request) -> Response:
        """`POST /v1/forms/{campaign}`: a page brings what a visitor filled in; `OPTIONS` is the browser's question before."""
        campaign = request.path_params["campaign"]
        sources = self.sources.read()
        form = sources.forms.get(campaign)
        if form is None:
            raise Problem("not-here", "there is no form of this name")
        origin = request.headers.get("origin", "")
        if origin not in form.origins:
            raise Problem(
                "wrong-origin", "the header Origin names none of the form's origins", headers={"Vary": "Origin"}
            )
        if request.method == "OPTIONS":
            answer = Response(status_code=204, headers=_PREFLIGHT)
        else:
            answer = await self._safely(self._take_form(request, campaign, form, sources.sources[form.source]))
        # A page may read why it was refused as well.
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Expose-Headers"] = "Location, Retry-After"
        answer.headers["Vary"] = "Origin"
        return answer

    async def _take_form(self, request: Request, campaign: str, form: FormEntry, source: SourceEntry) -> Response:
        visitor = neighbourhood(request.client.host if request.client else "")
        self._slow_down(("visitor", campaign, visitor), form.per_address, form.per_address)
        self._slow_down(("form", campaign), form.per_minute, form.burst)
        body = await reading.body_of(request, form.largest_body, reading.FORM_KINDS)
        filled = await reading.form_in(request, body)
        return await self._keep(
            Brought(
                way="form",
                by=form.source,
                source=source,
                name=_idempotency_key(request),
                cells=reading.cells_of_form(filled, form.fields),
                body=body,
                campaign=campaign,
                occasion=form.occasion,
                # Filled in by a machine, or by a browser that means well: it is kept and not worked (R0-10).
                is_set_aside=form.honeypot in filled,
            )
        )

    async def _keep(self, brought: Brought) -> Response:
        """Store it, and only then say that it is accepted. Neither the bus nor another room is needed for that."""
        async with asyncio.timeout(_STORING), self.engine.begin() as db:
            now = await database_now(db)
            if faults := brought.faults(now):
                raise Problem("unfit", "fields are wrong", faults=faults)
            command = brought.command(now)
            receipt = receipt_of(command)
            row = {
                "id": receipt,
                "source_system": command.source_system,
                "external_id": command.external_id,
                "way": brought.way,
                "state": "set_aside" if brought.is_set_aside else "waiting",
                "digest": digest_of(command),
                "command": command.model_dump_json(),
                "body": brought.body,
                "received_at": now,
                "next_at": now,
            }
            kept = await store.keep_receipt(db, row)
            # a lead that is brought again is the same lead, even if its meeting is over by now
            if kept["is_new"] and (faults := faults_of_meeting(brought.call, now)):
                raise Problem("unfit", "fields are wrong", faults=faults)
        if kept["digest"] != row["digest"]:
            raise Problem("name-taken", "it says something else than the lead of this name", receipt=str(receipt))
        log.info("intake.receipt_kept", receipt_id=str(receipt), type=brought.way)
        where = f"/v1/leads/{receipt}"
        answer = {"receipt": str(receipt), "repeated": not kept["is_new"], "look": where}
        return JSONResponse(answer, 202, {"Location": where})

    # ── what became of it ───────────────────────────────────────────────────────────────────────────────────────

    async def show_receipt(self, request: Request) -> Response:
        """`GET /v1/leads/{receipt}`: what became of a lead, as far as intake knows and the others tell."""
        by, source = self._holder(request)
        self._slow_down(("look", by), source.per_minute, source.burst)
        nothing = Problem("not-here", "your source has no such receipt")
        try:
            receipt = UUID(request.path_params["receipt"])
        except ValueError:
            raise nothing from None
        async with asyncio.timeout(_STORING), self.engine.connect() as db:
            kept = await store.receipt(db, receipt, by)
        if kept is None:
            raise nothing
        told: dict[str, Any] = {
            "receipt": str(receipt),
            "state": _state(kept),
            "received_at": kept["received_at"].isoformat(),
            "lead": kept["lead_id"] and str(kept["lead_id"]),
            "recognised": None if kept["client_id"] is None else kept["outcome"],
            "client": kept["client_id"] and str(kept["client_id"]),
            "manager": None,
            "stage": None,
            "deadline": None,
            "faults": json.loads(kept["faults_text"] or "[]"),
            "unanswered": [],
        }
        if told["client"]:
            await self._add_what_others_know(told)
        return JSONResponse(told)

    async def _add_what_others_know(self, told: dict[str, Any]) -> None:
        async def heard(kind: type[Question], id_: str) -> Any:
            try:
                return await self.ask(kind, {"id": id_})
            except NoAnswer:
                told["unanswered"].append(kind.owner)
                return {}

        sale, timers = await asyncio.gather(heard(ShowProcess, told["lead"]), heard(ShowDeadlines, told["client"]))
        process = sale.get("process") or {}
        told["manager"], told["stage"] = process.get("manager"), process.get("stage")
        due = [one["due_at"] for one in timers.get("deadlines", ()) if not one.get("closed_at")]
        told["deadline"] = min(due, default=None)

    # ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def show_document(self, _: Request) -> Response:
        """`GET /openapi.json`."""
        return JSONResponse(document.openapi())

    async def show_page(self, _: Request) -> Response:
        """`GET /docs`: the same for people, without a script and without anything from elsewhere."""
        return HTMLResponse(
            document.page(), headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        )

    def _holder(self, request: Request) -> tuple[str, SourceEntry]:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        holder = self.sources.read().holder_of(key.strip()) if scheme.lower() == "bearer" else None
        if holder is None:
            ask = {"WWW-Authenticate": 'Bearer realm="leads"'}
            raise Problem("unknown-key", "Authorization must be `Bearer` and the key of a source", headers=ask)
        return holder


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "600",
}


_STATES = {"rejected": "rejected", "early": "kept"}


def _state(kept: RowMapping) -> str:
    if kept["outcome"] is not None:
        return _STATES.get(kept["outcome"], "accepted")
    if kept["state"] == "set_aside":
        return "set_aside"
    return "stuck" if kept["is_dead"] else "waiting"


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    key = key.strip()
    is_quoted = len(key) > len('""') and key[0] == key[-1] == '"'
    return _name("Idempotency-Key", key[1:-1] if is_quoted else key)


def _name(header: str, text: str) -> str:
    if not 0 < len(text) <= 200 or not text.isascii() or not text.isprintable():
        fault = Fault(
            field=header,
            problem="it is empty, too long, or not printable",
            remedy="give it 1 to 200 printable ASCII characters",
        )
        raise Problem("unfit", "a header is wrong", faults=[fault])
    return text
