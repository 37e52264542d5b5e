"""Which e-mail addresses stand in a cell? As written, as searched, and whose domain it is (keys 4 and 5, MATCHING §§5, 6)."""

from __future__ import annotations

import html
import re

from services.intake.rules import data, domain
from services.intake.rules.keys import Mailbox
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.script import clean, in_latin_look_alikes

_PLAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*(?:[.+][a-zA-Z0-9_-]+)*@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}")
_AT = re.compile(
    r"\s*(?:[\[({<]\s*(?:at|собака|собачка|эт|@)\s*[\])}>]|(?<=\w)\s+(?:at|собака|собачка)\s+(?=\w))\s*", re.IGNORECASE
)
_DOT = re.compile(
    r"\s*[\[({<]\s*(?:dot|точка|\.)\s*[\])}>]\s*|(?<=\w)\s+(?:dot|точка)\s+(?=(?:ru|com|net|org|by|kz|ua|рф)\b)",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s{2,}")
_LINK = re.compile(r"@(?:https?:/*)?(?:www\.)?", re.IGNORECASE)
_LOOSE_AT = re.compile(r"\s*@[\s@]*")
_COMMA = re.compile(
    r"(@[\w-]+)[,;]\s?(ru|com|net|org|su|by|kz|ua|info|biz|рф|ру|md|uz|de|eu|pro|online)(?![\w.@-])", re.IGNORECASE
)
_LOOSE_DOT = re.compile(r"(@[\w-]+)(?:\s?\.\s?|\s+)(ru|com|net|org|su|by|kz|ua|рф)(?![\w@.-])", re.IGNORECASE)
_ADDRESS = re.compile(r"[\w.+&'*=~!#$%?^{}/-]+@[\w.-]+")
_LOCAL = re.compile(r"[a-z0-9_+&'*=~!#$%?^{}/-]+(?:\.[a-z0-9_+&'*=~!#$%?^{}/-]+)*")
_DOTS = re.compile(r"\.{2,}")
_EDGES = ".'*!#?/=&~$%^{}"
_ROLES = frozenset(data.words("roles.txt"))
_ROLE_PARTS = re.compile(r"[\W\d_]+")
_PLACES = data.word_set("mail_places")
_YANDEX = data.word_set("yandex_zones")
_GMAIL = frozenset(("gmail.com", "googlemail.com"))
LONGEST = 254
"""No address is longer (RFC 5321)."""


def normalise(raw: str) -> tuple[tuple[Mailbox, ...], tuple[str, ...]]:
    """The addresses in `raw`, each once. Flags: repaired, typo_tld (no such zone), not_an_email (an @ without an address)."""
    if not raw:
        return (), ()
    quick = _read_plain(raw)
    if quick is not None:
        return quick, ()
    if is_placeholder(raw):
        return (), ()
    flags: list[str] = []
    text = _BLANKS.sub(" ", clean(html.unescape(raw) if "&" in raw and ";" in raw else raw))
    plain = _LINK.sub("@", _LOOSE_AT.sub("@", _AT.sub("@", _DOT.sub(".", text))))
    plain = _LOOSE_DOT.sub(r"\1.\2", _COMMA.sub(r"\1.\2", plain))
    if plain != text:
        flags.append("repaired")
    found: dict[str, Mailbox] = {}
    for match in _ADDRESS.finditer(plain):
        local, _, host = match.group().lower().partition("@")
        if local.startswith("mailto"):
            local = local[6:].lstrip(":")
        box = _mailbox(local, host)
        if box is None:
            zone = host.rstrip(".-_").rpartition(".")
            flags.append("typo_tld" if zone[0] and _LOCAL.fullmatch(local.strip(_EDGES)) else "not_an_email")
            continue
        if not local.isascii():
            flags.append("repaired")
        found.setdefault(box.email, box)
    if not found and not flags and "@" in plain:
        flags.append("not_an_email")
    return tuple(found.values()), tuple(dict.fromkeys(flags))


def _read_plain(raw: str) -> tuple[Mailbox, ...] | None:
    """The usual cell, addresses parted by `;` or `,` and nothing to mend, read without the search; None when it is not so."""
    boxes: dict[str, Mailbox] = {}
    for piece in raw.replace(",", ";").split(";"):
        written = piece.strip()
        if not _PLAIN.fullmatch(written):
            return None
        local, _, host = written.lower().partition("@")
        box = _mailbox(local, host)
        if box is None:
            return None
        boxes.setdefault(box.email, box)
    return tuple(boxes.values())


def _mailbox(local: str, written_host: str) -> Mailbox | None:
    local = (local if local.isascii() else in_latin_look_alikes(local)).removeprefix("www.")
    if not local.isalnum():
        local = _DOTS.sub(".", local).strip(_EDGES)
    host = domain.host_of(written_host).removeprefix("www.")
    if not host or len(local) > 64 or not _LOCAL.fullmatch(local) or len(local) + len(host) >= LONGEST:
        return None
    return Mailbox(f"{local}@{host}", _searched(local, host), domain.corporate(host), is_role(local))


def _searched(local: str, host: str) -> str:
    """The mailbox that really receives: without a +tag, and with what Google and Yandex take for the same."""
    base = local.partition("+")[0].strip(_EDGES) or local
    if host in _GMAIL:
        return f"{base.replace('.', '')}@gmail.com"
    if host in _YANDEX:
        return f"{base.replace('.', '-')}@yandex.ru"
    return f"{base}@{host}"


def is_role(local: str) -> bool:
    """Whether the local part names a function (info, sales, zakaz2, info-msk) and not a person."""
    if local.isalpha():
        return local in _ROLES
    parts = [part for part in _ROLE_PARTS.split(local.partition("+")[0]) if part]
    return (
        bool(parts)
        and any(part in _ROLES for part in parts)
        and all(part in _ROLES or part in _PLACES for part in parts)
    )
