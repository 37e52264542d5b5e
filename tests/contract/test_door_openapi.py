"""The door does what its OpenAPI document says: schemathesis sends what is allowed and what is not, at the running door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from sqlalchemy.engine import URL

from estafeta.house.children import free_port
from services.intake.http.document import openapi
from services.intake.http.server import entrance
from services.intake.http.signature import key_bytes, signature
from shared.bus import NoAnswer
from shared.clock import host_now
from shared.message import ROOMS, Question
from shared.provision import role_of
from shared.settings import Settings
from tests.conftest import _TEMPLATE, run_as_admin, url_of

HOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAGE = "https://frezer.ru"
SOURCES = f"""
[sources.site]
kind = "website"
keys = ["sha256:{sha256(b"site").hexdigest()}"]
webhook_keys = ["{HOOK}"]
per_minute = 60000
burst = 10000

[forms.spring]
source = "site"
origins = ["{PAGE}"]
per_minute = 60000
burst = 10000
per_address = 60000
"""


def described(modes: list[GenerationMode], examples: int) -> Any:
    config = SchemathesisConfig.from_dict({})
    config.projects.default.generation.modes = modes
    config.projects.default.generation.max_examples = examples
    config.projects.default.generation.deterministic = True
    return schemathesis.openapi.from_dict(openapi(), config=config)


async def nobody(kind: type[Question], _: Mapping[str, Any]) -> Any:
    raise NoAnswer(kind.subject)


@pytest.fixture(scope="module")
def door(postgres: URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running door on a loop and a database of its own; its address."""
    name = f"door_{uuid4().hex[:8]}"
    asyncio.run(run_as_admin(postgres, f"create database {name} template {_TEMPLATE} strategy file_copy"))
    asyncio.run(run_as_admin(postgres, f"grant connect on database {name} to {', '.join(map(role_of, ROOMS))}"))
    file = tmp_path_factory.mktemp("door") / "sources.toml"
    file.write_text(SOURCES, encoding="utf-8")
    port, url = free_port(), url_of(postgres.set(database=name), "intake").set(drivername="postgresql")
    settings = Settings(
        database_url=url.render_as_string(hide_password=False), http_door=f"127.0.0.1:{port}", http_sources=file
    )
    loop = asyncio.new_event_loop()
    task = loop.create_task(entrance(settings, nobody))

    def live() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=live)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as http:
        assert http.get(f"{address}/openapi.json").json() == openapi()
    yield address
    loop.call_soon_threadsafe(task.cancel)
    thread.join(15)
    asyncio.run(run_as_admin(postgres, f"drop database {name} with (force)"))


allowed = described([GenerationMode.POSITIVE], 30)
anything = described(list(GenerationMode), 30)


def _say_what_a_schema_cannot(lead: dict[str, Any]) -> None:
    """Moments are bounded by the present one, and somebody must have recommended us: the document says so in words."""
    for holder, moment in ((lead, "received_at"), (lead.get("call"), "ended_at")):
        if isinstance(holder, dict) and _is_a_moment(holder.get(moment)):
            holder[moment] = host_now().isoformat()
    call = lead.get("call")
    if isinstance(call, dict):  # a meeting is to come, it has a moment if it has a length, and is not declined
        has_length = isinstance(call.get("meeting_minutes"), int | float)  # in JSON 60.0 is an integer
        if has_length or _is_a_moment(call.get("meeting_at")):
            call["meeting_at"] = (host_now() + timedelta(days=1)).isoformat()
        if call.get("meeting_at") and call.get("meeting") == "declined":
            call["meeting"] = "theirs"
    referral = lead.get("referral")
    if isinstance(referral, dict) and not str(referral.get("by") or "").strip():
        referral["by"] = "a client"


def _is_a_moment(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@allowed.parametrize()  # type: ignore[untyped-decorator,unused-ignore]  # made by schemathesis
def test_what_the_document_allows_is_accepted(case: Any, door: str) -> None:
    if isinstance(case.body, dict) and case.operation.label == "POST /v1/leads":
        _say_what_a_schema_cannot(case.body)
    if "campaign" in case.path_parameters:
        case.path_parameters["campaign"] = "spring"
        case.headers["Origin"] = PAGE
    headers = {"Authorization": "Bearer site"}
    if "source" in case.path_parameters:
        case.path_parameters["source"] = "site"
        wire = case.as_transport_kwargs(base_url=door)
        sent = requests.Request("POST", door, json=wire.get("json"), data=wire.get("data")).prepare().body
        body = sent if isinstance(sent, bytes) else str(sent or "").encode()
        stamp = str(int(host_now().timestamp()))
        signed = signature(key_bytes(HOOK), case.headers["webhook-id"], stamp, body)
        case.headers.update({"webhook-timestamp": stamp, "webhook-signature": signed})
    answer = case.call_and_validate(base_url=door, headers=headers)
    if case.operation.label != "GET /v1/leads/{receipt}":
        assert answer.status_code in {202, 204, 409}, answer.text


@anything.parametrize()  # type: ignore[untyped-decorator,unused-ignore]  # made by schemathesis
def test_whatever_is_sent_the_answer_is_one_the_document_names(case: Any, door: str) -> None:
    if isinstance(case.body, dict) and case.operation.label == "POST /v1/leads":
        _say_what_a_schema_cannot(case.body)
    case.call_and_validate(base_url=door, headers={"Authorization": "Bearer site"})
