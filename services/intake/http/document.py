"""What the door understands, as OpenAPI 3.1 for programs and as one page for people; both say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field
from pydantic.json_schema import models_json_schema

from services.intake.http.problems import KINDS
from services.intake.http.reading import FORM_KINDS, LONGEST, NewLead
from shared.commands import LeadFields
from shared.events import Fault
from shared.web.problems import ProblemDetails
from shared.words import Outcome

_REF = "#/components/schemas/{model}"
_ABOUT = (
    "Brings leads to Estafeta. An answer 202 means: it is stored, whatever else is down, and it will be worked. "
    "Bring it again under the same name (external_id, Idempotency-Key, webhook-id) as often as you like: it is one lead. "
    "Under no name, what is brought unchanged again within ten minutes is one lead."
)


class Kept(BaseModel):
    """The lead is stored; the receipt tells later what became of it."""

    receipt: UUID
    repeated: bool = Field(description="whether it had been brought before")
    look: str = Field(description="where to look what became of it")


class Told(BaseModel):
    """What became of a lead. Personal data of the client is not among it."""

    receipt: UUID
    state: Literal["waiting", "accepted", "kept", "rejected", "set_aside", "stuck"] = Field(
        description="waiting: stored, not looked at yet; accepted: it is a lead of a client; rejected: see faults;"
        " kept: no lead yet, a registration or a contact without a meeting, and joined to the lead when one comes;"
        " set_aside: a field was filled in that only machines see; stuck: it could not be taken in, an operator sees to it"
    )
    received_at: AwareDatetime
    lead: UUID | None
    recognised: Outcome | None = Field(description="whether the client was known (R1-40)")
    client: UUID | None
    manager: str | None = Field(description="who works it")
    stage: str | None = Field(description="how far the sale is")
    deadline: AwareDatetime | None = Field(description="when the next thing is due")
    faults: list[Fault] = Field(description="why it could not become a lead, and how to mend it")
    unanswered: list[str] = Field(description="the rooms that did not answer now: what they know is missing above")


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    models = [
        (NewLead, "validation"),
        (Kept, "serialization"),
        (Told, "serialization"),
        (ProblemDetails, "serialization"),
    ]
    _, schemas = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]  # the modes are literals
    key: list[Mapping[str, list[str]]] = [{"key": []}]
    take = ("unreadable", "name-taken", "too-slow", "too-large", "wrong-kind", "unfit", "too-many")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Estafeta: the HTTP door", "version": "1", "description": _ABOUT},
        "paths": {
            "/v1/leads": {
                "post": {
                    "operationId": "takeLead",
                    "summary": "Bring one lead as JSON",
                    "security": key,
                    "parameters": [_IDEMPOTENCY],
                    "requestBody": _body({"application/json": _ref("NewLead")}),
                    "responses": _answers(202, "Kept", "unknown-key", *take, link=True),
                }
            },
            "/v1/leads/{receipt}": {
                "get": {
                    "operationId": "showReceipt",
                    "summary": "See what became of a lead you brought",
                    "security": key,
                    "parameters": [_path("receipt", {"type": "string", "format": "uuid"}, "from the answer 202")],
                    "responses": _answers(200, "Told", "unknown-key", "not-here", "too-many"),
                }
            },
            "/v1/forms/{campaign}": {
                "post": {
                    "operationId": "takeForm",
                    "summary": "Bring a web form, from a page of one of its origins",
                    "description": "Fields have the names of a lead's cells unless the form was entered with others. "
                    "Fields nobody knows are kept with the rest and not read. Leave the hidden field (homepage) empty.",
                    "security": [],
                    "parameters": [
                        _path("campaign", {"type": "string", "minLength": 1, "maxLength": 200}, "the form's name"),
                        _header("Origin", {"type": "string"}, "the page's origin, as browsers send it"),
                        _IDEMPOTENCY,
                    ],
                    "requestBody": _body({kind: _form() for kind in FORM_KINDS}),
                    "responses": _answers(202, "Kept", "wrong-origin", "not-here", *take, link=True),
                },
                "options": {
                    "operationId": "askForForm",
                    "summary": "May a page of this origin send the form? Browsers ask this by themselves",
                    "security": [],
                    "parameters": [
                        _path("campaign", {"type": "string", "minLength": 1, "maxLength": 200}, "the form's name"),
                        _header("Origin", {"type": "string"}, "the page's origin, as browsers send it"),
                    ],
                    "responses": {"204": {"description": "it may"}, **_answers(None, "", "wrong-origin", "not-here")},
                },
            },
            "/v1/webhooks/{source}": {
                "post": {
                    "operationId": "takeWebhook",
                    "summary": "Tell of a lead, signed by the Standard Webhooks (v1, five minutes)",
                    "description": "Cells are looked for in `data` by their own names, unless the source was entered with paths.",
                    "security": [],
                    "parameters": [
                        _path("source", {"type": "string", "minLength": 1, "maxLength": 200}, "your source's name"),
                        _header("webhook-id", _PRINTABLE, "the message's name, the same when it is sent again"),
                        _header(
                            "webhook-timestamp", {"type": "string", "pattern": "^[0-9]{1,11}$"}, "seconds since 1970"
                        ),
                        _header("webhook-signature", {"type": "string"}, "v1,base64 – several are parted by spaces"),
                    ],
                    "requestBody": _body(
                        {"application/json": {"type": "object", "description": "type, timestamp, data"}}
                    ),
                    "responses": _answers(202, "Kept", "unknown-key", *take, link=True),
                }
            },
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "your source's key"}},
        },
    }


_PRINTABLE = {"type": "string", "pattern": "^[!-~]{1,200}$"}


def _ref(model: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model)}


def _form() -> dict[str, Any]:
    cells = {name: {"type": "string", "maxLength": LONGEST} for name in LeadFields.model_fields}
    return {"type": "object", "properties": cells, "additionalProperties": {"type": "string"}, "maxProperties": 90}


def _body(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds.items()}}


def _path(name: str, schema: Mapping[str, Any], meaning: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": meaning, "schema": schema}


def _header(name: str, schema: Mapping[str, Any], meaning: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": meaning, "schema": schema}


_IDEMPOTENCY = _header("Idempotency-Key", _PRINTABLE, "the lead's name, if it has no external_id", required=False)


def _answers(well: int | None, model: str, *kinds: str, link: bool = False) -> dict[str, Any]:
    """What an operation answers: `model` when all is well, else a problem of one of `kinds`."""
    answers: dict[str, Any] = {}
    if well is not None:
        answers[str(well)] = {"description": "it is stored" if link else "here it is", "content": _json(model)}
    if link:
        links = {"look": {"operationId": "showReceipt", "parameters": {"receipt": "$response.body#/receipt"}}}
        headers = {"Location": {"description": "where to look", "schema": {"type": "string"}}}
        answers[str(well)] |= {"headers": headers, "links": links}
    for kind in (*kinds, "own-fault", "not-now"):
        about = KINDS[kind]
        answers[str(about.status)] = {
            "description": f"{about.title}: {about.remedy}",
            "content": _json("ProblemDetails", "application/problem+json"),
        }
        if about.status in (429, 503):
            after = {"description": "seconds", "schema": {"type": "string"}}
            answers[str(about.status)]["headers"] = {"Retry-After": after}
    return dict(sorted(answers.items()))


def _json(model: str, kind: str = "application/json") -> dict[str, Any]:
    return {kind: {"schema": _ref(model)}}


# ── the page ────────────────────────────────────────────────────────────────────────────────────────────────────────

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "code,pre{background:#f3f3f3;border-radius:4px;padding:.1em .3em}pre{padding:.8em;overflow:auto}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid #ddd;padding:.3em .8em .3em 0;text-align:left;"
    "vertical-align:top}h2{margin-top:2.5rem}"
)
_EXAMPLE = """curl -X POST https://…/v1/leads -H 'Authorization: Bearer YOUR KEY' -H 'Content-Type: application/json' \\
  -d '{"external_id": "4711", "fields": {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}}'"""


@cache
def page() -> str:
    """The page for people."""
    whole = openapi()
    parts = [f"<p>{escape(_ABOUT)}</p>", f"<pre>{escape(_EXAMPLE)}</pre>"]
    for path, methods in whole["paths"].items():
        for method, one in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(one['summary'])}.</p>")
            if "description" in one:
                parts.append(f"<p>{escape(one['description'])}</p>")
            if "requestBody" in one:
                parts.append(f"<p>Body: {', '.join(map(escape, one['requestBody']['content']))}.</p>")
            rows = [(f"{p['name']} ({p['in']})", p["description"]) for p in one.get("parameters", ())]
            rows += [(status, answer["description"]) for status, answer in one["responses"].items()]
            parts.append(_table(rows))
    for model in ("NewLead", "Call", "Recommendation", "Told"):
        fields = whole["components"]["schemas"][model]["properties"]
        parts.append(f"<h2>{model}</h2>" + _table([(name, one.get("description", "")) for name, one in fields.items()]))
    parts.append("<h2>Cells of a lead</h2><p>" + ", ".join(f"<code>{name}</code>" for name in LeadFields.model_fields))
    parts.append(
        f"; each a text of at most {LONGEST} characters. At least one of company, contact, phone, fax, email, website.</p>"
    )
    parts.append("<h2>Problems</h2>")
    parts += [
        f"<h3 id='{name}'>{kind.status} {escape(name)}</h3><p>{escape(kind.title)}: {escape(kind.remedy)}.</p>"
        for name, kind in KINDS.items()
    ]
    parts.append("<p><a href='/openapi.json'>The same for programs (OpenAPI 3.1)</a></p>")
    title = escape(whole["info"]["title"])
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>"
    return f"{head}<h1>{title}</h1>{''.join(parts)}</html>"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><code>{escape(a)}</code></td><td>{escape(b)}</td></tr>" for a, b in rows)
    return f"<table>{cells}</table>" if rows else ""
