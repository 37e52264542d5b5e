"""Who owns the relation with two clients who are one, and who gets his next lead? (R1-33, R1-34, MATCHING §12)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from services.routing.rules.case import Client

_FACTS = ("region", "curator", "stated_curator", "current")
Facts = Mapping[str, Any]
"""What a merge may change on a client, by name."""


def facts_of(client: Client) -> Facts:
    """What a merge may change on `client`, as it is kept to be given back."""
    return {name: getattr(client, name) for name in _FACTS}


def merged(survivor: Client, loser: Client) -> Client:
    """The survivor with what he lacked and the loser had: curator, region, that he has bought.

    Until process says which sale goes on, a lead goes to whoever works the one or the other (R1-33).
    """
    worked = survivor.open_with or survivor.given_to
    curated = survivor if survivor.curator or survivor.stated_curator else loser
    return replace(
        survivor,
        region=survivor.region if survivor.region not in ("", "unknown") else loser.region,
        curator=curated.curator,
        stated_curator=curated.stated_curator,
        current=survivor.current or loser.current,
        given_to=survivor.given_to if worked else (loser.open_with or loser.given_to),
    )


def parted(survivor: Client, before: Facts, after: Facts) -> Client:
    """The survivor without what the merge had given him; what has changed since stays as it is now."""
    back = {name: before[name] for name in _FACTS if getattr(survivor, name) == after[name]}
    return replace(survivor, **back)
