"""What comes of a wish has an id of its own, the same each time, that stands beside the wish's in every index."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.message import id_of


@given(st.uuids(), st.text(max_size=40))
def test_an_id_begins_as_its_origin_does_and_is_always_the_same(origin: UUID, name: str) -> None:
    made = id_of(origin, name)
    assert made == id_of(origin, name)
    assert made.bytes[:6] == origin.bytes[:6]
    assert (made.version, made.variant) == (8, RFC_4122)


def test_no_two_things_have_one_id_though_their_origins_begin_alike() -> None:
    origins = [UUID(int=(7 << 80) + n) for n in range(100)]
    assert len({id_of(origin, f"row/{n}") for origin in origins for n in range(100)}) == 10_000
