"""Who may bring leads to the door and how much: the sources file, read again when it changes."""

from __future__ import annotations

import hmac
import tomllib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from services.intake.http.problems import Problem
from services.intake.http.signature import key_bytes
from shared.clock import ticks
from shared.commands import LeadFields, Name, Occasion, StaffId
from shared.faults import describe
from shared.words import Source

_LOOK_EVERY = 1.0
_KEY_HASH = r"^sha256:[0-9a-f]{64}$"

log = structlog.get_logger()


def _is_a_cell(name: str) -> str:
    if name not in LeadFields.model_fields:
        raise ValueError(f"is no field of a lead; they are {', '.join(LeadFields.model_fields)}")
    return name


def _is_an_origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != text or text != text.lower():
        raise ValueError("is no origin: write scheme, host and port as browsers do, https://example.com")
    return text


Fields = dict[Annotated[str, AfterValidator(_is_a_cell)], Annotated[str, Field(min_length=1, max_length=200)]]
PerMinute = Annotated[int, Field(ge=1, le=60_000)]
Burst = Annotated[int, Field(ge=1, le=10_000)]
Bytes = Annotated[int, Field(ge=1024, le=1024 * 1024)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SourceEntry(_Entry):
    """Another system that brings leads: its kind (R1-07), its keys, its limits.

    `keys` are hashes, because they open the door as they are; `webhook_keys` stand in clear, because signatures are
    computed with them. Of both there may be several, so that one can be changed for another without a gap.
    `fields` says under which name (for webhooks: dotted path) a cell of the lead comes, where it is not its own.
    `occasions` says which `type` of its webhooks is a request, a download or only a registration (R1-31).
    """

    kind: Source
    campaign: Name | None = None
    submitter: StaffId | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    keys: list[Annotated[str, Field(pattern=_KEY_HASH)]] = []
    webhook_keys: list[SecretStr] = []
    fields: Fields = {}
    occasions: dict[Annotated[str, Field(min_length=1, max_length=200)], Occasion] = {}
    per_minute: PerMinute = 120
    burst: Burst = 30
    largest_body: Bytes = 64 * 1024

    @field_validator("webhook_keys")
    @classmethod
    def _are_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        for key in keys:
            key_bytes(key.get_secret_value())
        return keys

    def signing_keys(self) -> list[bytes]:
        """What its webhooks may be signed with."""
        return [key_bytes(key.get_secret_value()) for key in self.webhook_keys]


class FormEntry(_Entry):
    """A form on web pages of certain origins; its submissions come from `source`, whose key shows their receipts.

    `honeypot` is a field that no person sees. `per_address` bounds one visitor, `per_minute` and `burst` all of them.
    `occasion` says what a visitor does with it: asks for information, takes materials away, or only registers (R1-31).
    """

    source: Name
    origins: Annotated[list[Annotated[str, AfterValidator(_is_an_origin)]], Field(min_length=1)]
    honeypot: Annotated[str, Field(min_length=1, max_length=100)] = "homepage"
    fields: Fields = {}
    occasion: Occasion | None = None
    per_minute: PerMinute = 120
    burst: Burst = 60
    per_address: PerMinute = 10
    largest_body: Bytes = 64 * 1024

    @model_validator(mode="after")
    def _honeypot_is_no_cell(self) -> FormEntry:
        if self.honeypot in {*LeadFields.model_fields, *self.fields.values()}:
            raise ValueError("honeypot is the name of a field that people fill in: choose another")
        return self


class Sources(_Entry):
    """The whole file: sources by the name they have in the base, forms by their campaign."""

    sources: dict[Name, SourceEntry] = {}
    forms: dict[Name, FormEntry] = {}

    @model_validator(mode="after")
    def _forms_have_sources(self) -> Sources:
        for campaign, form in self.forms.items():
            if form.source not in self.sources:
                raise ValueError(f"form {campaign!r} names the source {form.source!r}, which is not in the file")
        return self

    def holder_of(self, key: str) -> tuple[str, SourceEntry] | None:
        """The source that has this key. It takes equally long whoever it is, and if it is nobody."""
        hashed, found = f"sha256:{sha256(key.encode()).hexdigest()}", None
        for name, source in self.sources.items():
            for one in source.keys:
                if hmac.compare_digest(one, hashed):
                    found = name, source
        return found


class SourcesFile:
    """The sources as the file says them now. A file that becomes faulty changes nothing: the last good one holds."""

    def __init__(self, file: Path | None, now: Callable[[], float] = ticks) -> None:
        self.file, self._now = file, now
        self._sources: Sources | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._look_at = float("-inf")

    def read(self) -> Sources:
        """Raises `Problem` when there is no file that can be read."""
        if self.file is not None and self._now() >= self._look_at:
            self._look_at = self._now() + _LOOK_EVERY
            self._look(self.file)
        if self._sources is None:
            raise Problem("not-now", "the door has no readable sources file yet", headers={"Retry-After": "60"})
        return self._sources

    def _look(self, file: Path) -> None:
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._sources = Sources.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
            log.info("intake.sources_read", count=len(self._sources.sources))
        except ValidationError as fault:
            log.error("intake.sources_unreadable", reason=describe(fault))
        except (OSError, ValueError) as fault:
            # the words of a TOML error name a line, never what stands there
            log.error("intake.sources_unreadable", reason=f"{type(fault).__name__}: {fault}")
