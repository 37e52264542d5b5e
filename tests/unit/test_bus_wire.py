"""What stands in for nats-py's own reading and writing gives what nats-py gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.protocol import command

from shared.letter import Letter
from shared.message import in_bulk
from shared.nats_client import SwiftClient, frame

_NAME = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789", min_size=1, max_size=20)
_VALUE = st.text(max_size=40).map(lambda text: " ".join(text.split())).filter(bool)


@pytest.mark.parametrize("hook", ["_parse_header_lines", "_send_command", "_flush_pending"])
def test_the_hooks_of_the_pinned_client_are_still_there(hook: str) -> None:
    assert callable(getattr(Client, hook))


@given(st.dictionaries(_NAME, _VALUE, max_size=12))
def test_headers_are_read_as_nats_py_reads_them(headers: dict[str, str]) -> None:
    raw = frame("evt.x.y.z", b"", headers, {}).partition(b"NATS/1.0\r\n")[2][:-2]
    assert SwiftClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


@given(st.binary(max_size=80))
def test_whatever_bytes_come_as_headers_nothing_breaks(raw: bytes) -> None:
    read = SwiftClient._parse_header_lines(raw)
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in read.items())


@pytest.mark.parametrize(
    "raw",
    [
        b"Nats-Last-Consumer: 1016\r\nNats-Last-Stream: 1024",
        b"Name:value\r\n\r\n",
        b"Name:\tvalue \r\n\r\n",
        "ce-subject: office/Москва\r\n\r\n".encode(),
        b"\r\n\r\n",
        b"",
    ],
)
def test_headers_that_rooms_do_not_write_are_left_to_nats_py(raw: bytes) -> None:
    assert SwiftClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


def test_a_frame_is_what_nats_py_would_send() -> None:
    head = b"NATS/1.0\r\nce-id: 1\r\nce-subject: office/\xd0\x9c\r\n\r\n"
    expected = command.hpub_cmd("evt.a.b.c", "", head, b'{"a": 1}')
    assert frame("evt.a.b.c", b'{"a": 1}', {"ce-id": "1"}, {"ce-subject": "office/М"}) == bytes(expected).replace(
        b"evt.a.b.c  ", b"evt.a.b.c "
    )


def test_a_value_with_line_breaks_cannot_smuggle_in_a_header() -> None:
    raw = frame("evt.a.b.c", b"", {"ce-subject": "office/x\r\nce-type: Forged.v1\n\x85y"}, {})
    lines = SwiftClient._parse_header_lines(raw.partition(b"NATS/1.0\r\n")[2][:-2])
    assert list(lines) == ["ce-subject"]


def test_what_comes_of_a_list_is_known_by_its_subject() -> None:
    single, listed = (
        Letter(subject, {}, b"") for subject in ("evt.intake.lead.accepted", "evt.bulk.intake.lead.accepted")
    )
    assert in_bulk(single.subject) == listed.subject
    assert (single.bulk, single.line, listed.bulk, listed.line) == (False, "relay", True, "relay/bulk")
