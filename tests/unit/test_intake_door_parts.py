"""The parts of the HTTP door without a server: signatures, pace, the sources file, bodies of every kind."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from services.intake.http import reading
from services.intake.http.problems import Problem
from services.intake.http.signature import Unsigned, key_bytes, signature, verify
from services.intake.http.sources import Sources, SourcesFile
from shared.commands import LeadFields
from shared.web.pace import Pace, neighbourhood

# The example of the Standard Webhooks specification and of its reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
SIGNED_AT = "1614265330"
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
THEN = datetime.fromtimestamp(int(SIGNED_AT), UTC)
HEADERS = {"webhook-id": MESSAGE, "webhook-timestamp": SIGNED_AT, "webhook-signature": SIGNATURE}
OTHER = "whsec_" + base64.b64encode(b"another key of 24 bytes!").decode()


# ── signatures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_standards_own_example_is_signed_as_the_standard_says() -> None:
    assert signature(key_bytes(SECRET), MESSAGE, SIGNED_AT, BODY) == SIGNATURE
    assert verify([key_bytes(SECRET)], HEADERS, BODY, THEN) == MESSAGE


def test_while_keys_change_either_key_and_either_signature_will_do() -> None:
    keys = [key_bytes(OTHER), key_bytes(SECRET)]
    both = f"v1a,notours {signature(key_bytes(OTHER), MESSAGE, SIGNED_AT, BODY)} {SIGNATURE}"
    assert verify(keys, HEADERS, BODY, THEN) == MESSAGE
    assert verify([key_bytes(SECRET)], HEADERS | {"webhook-signature": both}, BODY, THEN) == MESSAGE


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, b'{"test": 2432232315}'),
        ({"webhook-id": "msg_another"}, BODY),
        ({"webhook-timestamp": "1614265331"}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1,", "v2,")}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1,g", "v1,h")}, BODY),
        ({"webhook-signature": "v1,\u00e9"}, BODY),
    ],
)
def test_whatever_is_changed_the_signature_holds_no_more(changed: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unsigned, match="signature"):
        verify([key_bytes(SECRET)], HEADERS | changed, body, THEN)


def test_nothing_is_signed_with_no_key() -> None:
    with pytest.raises(Unsigned):
        verify([], HEADERS, BODY, THEN)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_is_too_old_or_too_new_beyond_five_minutes(seconds: int) -> None:
    with pytest.raises(Unsigned, match="our clock"):
        verify([key_bytes(SECRET)], HEADERS, BODY, THEN + timedelta(seconds=seconds))
    assert verify([key_bytes(SECRET)], HEADERS, BODY, THEN + timedelta(seconds=seconds - seconds // 301)) == MESSAGE


@pytest.mark.parametrize("missing", list(HEADERS))
def test_a_header_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(Unsigned, match=missing):
        verify([key_bytes(SECRET)], {k: v for k, v in HEADERS.items() if k != missing}, BODY, THEN)


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "1614265330.5", "9" * 30, "١٦١٤٢٦٥٣٣٠"])
def test_a_moment_that_is_no_number_is_refused_in_words(stamp: str) -> None:
    with pytest.raises(Unsigned, match="webhook-timestamp"):
        verify([key_bytes(SECRET)], HEADERS | {"webhook-timestamp": stamp}, BODY, THEN)


@pytest.mark.parametrize("text", ["whsec_***", "whsec_c2hvcnQ=", ""])
def test_a_key_that_is_none_or_too_short_is_refused_before_it_is_used(text: str) -> None:
    with pytest.raises(ValueError, match="webhook key"):
        key_bytes(text)


# ── pace ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bucket_gives_its_burst_at_once_and_then_fills_steadily() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert [pace.wait(("a",), 60, 3) for _ in range(3)] == [0, 0, 0]
    assert pace.wait(("a",), 60, 3) == pytest.approx(1.0)
    now = 0.5
    assert pace.wait(("a",), 60, 3) == pytest.approx(0.5), "asking in vain costs nothing"
    now = 1.0
    assert pace.wait(("a",), 60, 3) == 0
    now = 1000.0
    assert [pace.wait(("a",), 60, 3) > 0 for _ in range(4)] == [False, False, False, True]
    assert pace.wait(("b",), 60, 3) == 0, "others have buckets of their own"


def test_however_many_come_the_buckets_stay_few() -> None:
    pace = Pace(lambda: 0.0)
    for number in range(12_000):
        pace.wait(("visitor", str(number)), 10, 10)
    assert len(pace._buckets) == 10_000


def test_one_visitor_is_an_address_or_a_network_of_ipv6() -> None:
    assert neighbourhood("203.0.113.7") == "203.0.113.7"
    assert neighbourhood("2001:db8:1:2:3:4:5:6") == neighbourhood("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert neighbourhood("not an address") == "not an address"


# ── the sources file ────────────────────────────────────────────────────────────────────────────────────────────────


GOOD = f"""
[sources.crm]
kind = "other"
keys = ["sha256:{sha256(b"old").hexdigest()}", "sha256:{sha256(b"new").hexdigest()}"]

[sources.site]
kind = "website"
webhook_keys = ["{SECRET}"]

[forms.spring]
source = "site"
origins = ["https://frezer.ru"]
"""


def sources_in(text: str) -> Sources:
    import tomllib

    return Sources.model_validate(tomllib.loads(text))


def test_a_source_is_found_by_each_of_its_keys_and_by_nothing_else() -> None:
    sources = sources_in(GOOD)
    for key in ("old", "new"):
        holder = sources.holder_of(key)
        assert holder is not None
        assert holder[0] == "crm"
    for key in ("", "older", f"sha256:{sha256(b'old').hexdigest()}", SECRET):
        assert sources.holder_of(key) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace('"other"', '"hearsay"'), "sources.crm.kind"),
        (GOOD.replace("sha256:", "md5:", 1), "sources.crm.keys.0"),
        (GOOD.replace(SECRET, "whsec_c2hvcnQ="), "webhook key"),
        (GOOD.replace("https://frezer.ru", "https://frezer.ru/"), "is no origin"),
        (GOOD.replace("https://frezer.ru", "*"), "is no origin"),
        (GOOD.replace('source = "site"', 'source = "sight"'), "sight"),
        (GOOD + 'honeypot = "phone"', "honeypot"),
        (GOOD + 'fields = {telephone = "tel"}', "is no field of a lead"),
        (GOOD + "speed = 1", "forms.spring.speed"),
    ],
)
def test_a_faulty_sources_file_is_told_where_it_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"error") as told:
        sources_in(text)
    assert says in str(told.value)


def test_a_changed_file_is_read_again_and_a_faulty_one_changes_nothing(tmp_path: Path) -> None:
    now, file = 0.0, tmp_path / "sources.toml"
    sources = SourcesFile(file, lambda: now)
    with pytest.raises(Problem, match="no readable sources file"):
        sources.read()
    file.write_text(GOOD)
    now = 2.0
    assert set(sources.read().sources) == {"crm", "site"}
    for text in (GOOD + "[sources", GOOD + "speed = 1"):
        file.write_text(text)
        now += 2
        assert set(sources.read().sources) == {"crm", "site"}
    file.write_text('[sources.erp]\nkind = "other"')
    now += 0.5
    assert set(sources.read().sources) == {"crm", "site"}, "it is looked at once a second"
    now += 1
    assert set(sources.read().sources) == {"erp"}
    file.unlink()
    now += 2
    assert set(sources.read().sources) == {"erp"}


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def request(kind: str, body: bytes = b"", **headers: str) -> Request:
    named = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    parts = [body[:5], body[5:]]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    scope = {"type": "http", "method": "POST", "headers": [(k.encode(), v.encode()) for k, v in named.items()]}
    return Request(scope, receive)


FORM, PARTS = reading.FORM_KINDS


async def form(kind: str, body: bytes) -> dict[str, str]:
    return await reading.form_in(request(kind), body)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_too_large_is_refused_by_what_it_says_and_by_what_comes(declared: bool) -> None:
    headers = {"content_length": "1001"} if declared else {}
    with pytest.raises(Problem) as refused:
        await reading.body_of(request("application/json", b"x" * 1001, **headers), 1000, ("application/json",))
    assert refused.value.kind == "too-large"
    assert await reading.body_of(request("application/json", b"x" * 1000), 1000, ("application/json",)) == b"x" * 1000


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(reading, "SECONDS", 0.01)
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(Problem) as refused:
        await reading.body_of(Request(scope, receive), 1000, ("application/json",))
    assert refused.value.kind == "too-slow"


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b"", "unreadable", ""),
        (b"{", "unreadable", ""),
        (b"[" * 100_000, "unreadable", ""),
        (b'{"fields": {"company": "\xff"}}', "unreadable", ""),
        (b"[]", "unfit", "(the whole body)"),
        (b"{}", "unfit", "fields"),
        (b'{"fields": {"e-mail": "a@b.ru"}}', "unfit", "fields.e-mail"),
        (b'{"fields": {"phone": 123}}', "unfit", "fields.phone"),
        (b'{"fields": {"phone": "1\\u00002"}}', "unfit", "fields.phone"),
        (b'{"fields": {}, "external_id": "  "}', "unfit", "external_id"),
        (b'{"fields": {}, "country": "ru"}', "unfit", "country"),
    ],
)
def test_a_json_body_that_is_wrong_is_told_where_and_how_to_mend_it(body: bytes, kind: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        reading.lead_in(body)
    assert refused.value.kind == kind
    assert [fault.field for fault in refused.value.faults] == ([field] if field else [])
    assert all(fault.problem and fault.remedy for fault in refused.value.faults)


def test_what_is_wrong_is_told_without_repeating_what_was_sent() -> None:
    with pytest.raises(Problem) as refused:
        reading.lead_in(b'{"fields": {"phone": ["+7 846 201-30-40"]}, "secret": "Tikhomirova"}')
    told = refused.value.response().body
    assert b"201-30-40" not in told
    assert b"Tikhomirova" not in told


async def test_a_form_is_read_in_both_of_its_kinds_and_in_an_old_encoding() -> None:
    wanted = {"company": "ООО «Фрезер»", "phone": "1; 2"}
    urlencoded = "company=%D0%9E%D0%9E%D0%9E+%C2%AB%D0%A4%D1%80%D0%B5%D0%B7%D0%B5%D1%80%C2%BB&phone=1&phone=2&email="
    assert await form(FORM, urlencoded.encode()) == wanted
    old = "company=%CE%CE%CE+%AB%D4%F0%E5%E7%E5%F0%BB&phone=1&phone=2"
    assert await form(FORM, old.encode()) == wanted
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in (("company", "ООО «Фрезер»"), ("phone", "1"), ("phone", "2"), ("email", " "))
    )
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b--\r\n'
    assert await form(f"{PARTS}; boundary=b", (parts + file).encode()) == wanted


MANY = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n1\r\n' for n in range(101)) + "--b--"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, "&".join(f"f{n}=1" for n in range(101))),
        (PARTS, "no boundary"),
        (f"{PARTS}; boundary=b", "--b\r\nno part"),
        (f"{PARTS}; boundary=b", MANY),
    ],
)
async def test_a_form_that_cannot_be_taken_apart_or_has_too_many_fields_is_refused(kind: str, body: str) -> None:
    with pytest.raises(Problem) as refused:
        await form(kind, body.encode())
    assert refused.value.kind == "unreadable"


@given(st.binary(max_size=300), st.sampled_from([FORM, PARTS, f"{PARTS}; boundary=b", f"{PARTS}; boundary"]))
async def test_no_bytes_break_the_reading_of_forms(body: bytes, kind: str) -> None:
    try:
        reading.cells_of_form(await form(kind, body), {})
    except Problem as refused:
        assert refused.kind in {"unreadable", "unfit"}


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_json(body: bytes) -> None:
    for read in (reading.lead_in, reading.payload_in):
        try:
            read(body)
        except Problem as refused:
            assert refused.kind in {"unreadable", "unfit"}


def test_a_form_may_call_its_fields_as_it_likes() -> None:
    cells = reading.cells_of_form({"org": "Фрезер", "company": "not asked", "phone": "1"}, {"company": "org"})
    assert cells == LeadFields(company="Фрезер", phone="1")


@pytest.mark.rule("R0-10")
def test_a_webhook_may_put_its_cells_where_it_likes_and_what_is_too_long_is_cut() -> None:
    payload = {
        "type": "lead.created",
        "data": {
            "company": "Фрезер",
            "person": {"name": "Тихомирова", "phones": ["1", 2, None]},
            "comment": "x" * 3000,
        },
    }
    cells = reading.cells_of_payload(payload, {"contact": "data.person.name", "phone": "data.person.phones"})
    assert (cells.company, cells.contact, cells.phone) == ("Фрезер", "Тихомирова", "1; 2")
    assert cells.comment == "x" * 2000
    assert reading.cells_of_payload({"company": "Фрезер"}, {}) == LeadFields(company="Фрезер")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_payload_breaks_the_reading_of_webhooks(data: Any) -> None:
    reading.cells_of_payload({"data": data}, {"company": "data.a.b", "phone": "data"})
