"""Keys by which others bring leads to the HTTP door: made here, kept by them, and entered in the sources file."""

from __future__ import annotations

import base64
import hashlib
import secrets

_BYTES = 32


def new_key() -> tuple[str, str]:
    """A new key of a source, and the hash that stands for it in the sources file.

    It is long and random, so that a plain hash of it tells nothing: it needs no salt and no slow hashing.
    """
    key = f"est_{secrets.token_urlsafe(_BYTES)}"
    return key, f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def new_webhook_key() -> str:
    """A new key to sign webhooks with, as the Standard Webhooks write it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def first_sources(key_hash: str) -> str:
    """The sources file of a new house: one source for this machine, and examples of everything else."""
    return f"""\
# Who may bring leads to the HTTP door, and how much. Read again when it changes; kept from others (0600).
# Make keys with `estafeta key` and `estafeta key --webhook`. Every entry is explained in docs/operations.md.

[sources.local]
kind = "other"
keys = ["{key_hash}"]  # the key itself lies beside this file, in local.key

# [sources.partner]
# kind = "referral"                     # inbound_call, agent, website, event, other, referral
# campaign = "Partners 2026"            # unless the lead names another
# keys = ["sha256:…", "sha256:…"]       # several while one is changed for another
# per_minute = 120                      # and `burst` at once; beyond that: 429
# burst = 30

# [sources.site]
# kind = "website"
# webhook_keys = ["whsec_…"]            # POST /v1/webhooks/site
# fields = {{ contact = "data.person.name", phone = "data.person.phones" }}

# [forms.spring-2026]                   # POST /v1/forms/spring-2026; the name is the campaign
# source = "site"
# origins = ["https://example.com"]     # pages that may send it
# honeypot = "homepage"                 # a field that no person sees
# fields = {{ company = "org" }}
"""
