"""Which web sites stand in a cell? The registrable domain, or the page on a platform (key 6, MATCHING §6)."""

from __future__ import annotations

import re

from services.intake.rules import data, domain
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.script import clean

_PLAIN = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,})/?", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:h+[htpтр]{1,5}s?|[htp]{3,5}s?)\s*(?:[:;]+[\s.,]*|[.,]*(?=[/\\]))[:;/\\]*\s*", re.IGNORECASE)
_JOINED_SCHEME = re.compile(r"(?<=[^\s=])(?=https?:?//)", re.IGNORECASE)
_LABELS = re.compile(r"^(?:сайт|web|site|url|веб-сайт|website|адрес)\s*[:=]\s*", re.IGNORECASE)
_LOOSE_DOT = re.compile(r"(?<=\w)(?:\s?\.\s+|\s+\.\s?)(?=(?:ru|com|net|org|su|by|kz|ua|рф)\b)", re.IGNORECASE)
_WWW = re.compile(r"^(?:w{2,4}\d?|ввв)[.,/]+(?=[^/]*[.,])", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s;|<>\"«»()\[\]]+|,(?!\w*$)|,(?=\s)|,(?=\w[\w-]*\.)")
_BARE_PATH_SITE = re.compile(
    r"^([\w.-]+\.\w{2,})/((?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:ru|com|by|kz|рф|su|ua|net|org|uz|md))/?$", re.IGNORECASE
)
_EDGES = ".,;:!?-–—_/\\'"
_MOBILE = re.compile(r"^(?:m|www|new|touch|mobile|web|[a-z]{2}|[a-z]{2}-[a-z]{2})\.")
_CONTAINERS = data.word_set("site_containers")
_PROFILE_ID = re.compile(r"[?&]id=(\d+)")


def normalise(raw: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sites in `raw`, each once: `frezer.ru`, `xn--….xn--p1ai`, `vk.com/frezer63`. Flags: not_a_site, shared_host."""
    if not raw:
        return (), ()
    whole = _PLAIN.fullmatch(raw)
    if whole and (key := _key(whole.group(1).lower(), "")) is not None:
        return ((key,), ()) if key else ((), ("shared_host",))
    if is_placeholder(raw):
        return (), ()
    flags: list[str] = []
    found: list[str] = []
    text = _LOOSE_DOT.sub(".", _LABELS.sub("", clean(raw).strip()))
    for piece in _pieces(text):
        if "@" in piece.partition("/")[0] or ("." not in piece and "," not in piece):
            continue
        key = _read(piece)
        if key:
            found.append(key)
        elif key == "":
            flags.append("shared_host")
    if not found and not flags:
        flags.append("not_a_site")
    return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(flags))


def _pieces(text: str) -> list[str]:
    text = _SCHEME.sub("", text)
    pieces: list[str] = []
    for piece in _SEPARATORS.split(_JOINED_SCHEME.sub(" ", text)):
        rest = _SCHEME.sub("", piece).strip(_EDGES)
        if not rest:
            continue
        two = _BARE_PATH_SITE.match(rest)
        pieces += two.groups() if two else [rest]
    return pieces


def _read(piece: str) -> str | None:
    """The key of one site; empty for a shared host without a page, None when it is no site."""
    written, slash, path = _WWW.sub("", piece.replace("\\", "/")).partition("/")
    host, question, query = written.partition("?")
    host = host.partition("#")[0].partition(":")[0]
    if "," in host and "." not in host:
        host = host.replace(",", ".")
    host = domain.host_of(_WWW.sub("", host.strip(_EDGES)))
    if not host:
        return None
    return _key(host, path if slash else f"?{query}" if question else "")


def _key(host: str, path: str) -> str | None:
    host = domain.host_of(host)
    if not host:
        return None
    if platform := domain.page_platform(host):
        return _page(platform, path, whole=False)
    if platform := domain.card_platform(host):
        return _page(platform, path, whole=True)
    if tenant := domain.tenant_platform(host):
        owner = domain.registrable(host)
        return owner if owner and not _MOBILE.match(owner) else _page(tenant, path, whole=True)
    owner = domain.registrable(host)
    if not owner or domain.is_portal(owner) or domain.is_free_mail(owner):
        return ""
    return owner


def _page(platform: str, path: str, *, whole: bool) -> str:
    """The firm's page on a platform, without what only leads to a part of it; empty when there is no page."""
    identity = _PROFILE_ID.search(path)
    platform = domain.main_name(platform)
    parts = [part.lower() for part in re.split(r"[?#]", path)[0].split("/") if part]
    if platform == "t.me" and len(parts) > 1 and parts[0] == "s":
        parts = parts[1:]
    if parts and parts[0].endswith(".php") and identity:
        return f"{platform}/{parts[0]}?id={identity.group(1)}"
    if not parts:
        return ""
    steps = len(parts) if whole else 2 if parts[0] in _CONTAINERS else 1
    return "/".join([platform, *parts[:steps]])
