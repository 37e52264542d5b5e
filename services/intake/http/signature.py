"""Signed messages by the Standard Webhooks: who has the key, and when it was signed (standardwebhooks.com, version v1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"
_SHORTEST = 24


class Unsigned(Exception):
    """The message is not signed with a key of ours, or not now; its text says which, and never holds a key."""


def key_bytes(secret: str) -> bytes:
    """The key in `whsec_<base64>`. Raises ValueError when it is no such thing, or shorter than the standard allows."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook key is whsec_ and base64: make one with `estafeta key --webhook`") from None
    if len(key) < _SHORTEST:
        raise ValueError(f"a webhook key has at least {_SHORTEST} bytes: make one with `estafeta key --webhook`")
    return key


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()


def verify(keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The message's id, if one of its signatures was made with one of `keys` within five minutes of `now`.

    While keys change there are several, and the sender may sign with several as well. Raises `Unsigned`.
    """
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    missing = [name for name in names if not headers.get(name)]
    if missing:
        raise Unsigned(f"{', '.join(missing)} is missing")
    message_id, timestamp, given = (headers[name] for name in names)
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise Unsigned("webhook-timestamp is no number of seconds since 1970")
    age = now - datetime.fromtimestamp(int(timestamp), UTC)
    if abs(age) > TOLERANCE:
        raise Unsigned(f"webhook-timestamp is {abs(age)} {'behind' if age > timedelta(0) else 'ahead of'} our clock")
    theirs = [one.encode() for one in given.split(" ") if one.startswith("v1,")]
    found = False
    for key in keys:
        ours = signature(key, message_id, timestamp, body).encode()
        for one in theirs:
            found |= hmac.compare_digest(ours, one)  # all are compared, whichever it is
    if not found:
        raise Unsigned("no v1 signature in webhook-signature is by a key of ours")
    return message_id
