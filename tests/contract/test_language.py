"""The language: stored examples of every message ever spoken are still understood, and names follow the house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.events import EVENTS, listeners_of, sources_of
from shared.message import EACH, ROOMS, Command, Event, Message
from tests.examples import example, messages

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(messages())


@pytest.mark.parametrize("name", NAMES)
def test_every_message_has_a_stored_example_that_is_still_understood(name: str) -> None:
    kind = messages()[name]
    stored = GOLDEN / f"{name}.v{kind.version}.json"
    assert stored.exists(), f"run python -m tests.contract.golden_update to store an example of {name}"
    spoken = json.loads(stored.read_text(encoding="utf-8"))
    understood = kind.model_validate_json(json.dumps(spoken))
    again = json.loads(understood.model_dump_json())
    lost = [key for key in spoken if spoken[key] != again.get(key)]
    assert not lost, f"{name} no longer understands {lost}: that needs a new version, not a changed one"


@pytest.mark.parametrize("stored", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_no_message_that_was_ever_spoken_has_vanished(stored: Path) -> None:
    name, _, version = stored.stem.partition(".v")
    assert name in messages()
    assert int(version) <= messages()[name].version


@pytest.mark.parametrize("name", NAMES)
def test_subjects_are_unique_and_follow_the_owner(name: str) -> None:
    kind = messages()[name]
    same = [other for other in messages().values() if other.subject == kind.subject]
    assert same == [kind]
    owner = "{room}" if kind.owner == EACH else kind.owner
    expected = {"Event": f"evt.{owner}.", "Question": f"ask.{owner}."}
    if issubclass(kind, Command):
        prefix = f"cmd.bulk.{owner}." if kind.bulk else f"cmd.{owner}."
    else:
        prefix = expected["Event" if issubclass(kind, Event) else "Question"]
    assert kind.subject.startswith(prefix)
    assert kind.__doc__


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_an_event_can_name_its_aggregate_from_its_own_fields(event: type[Event]) -> None:
    one = example(event)
    assert isinstance(one, Event)
    kind, _, name = one.aggregate().partition("/")
    assert kind
    assert name
    assert "{" not in name


def test_who_listens_to_whom_goes_round_without_anybody_left_out() -> None:
    assert sources_of("routing") == ("intake", "process", "reminders")
    assert {room for kinds in map(listeners_of, ROOMS) for rooms in kinds.values() for room in rooms} >= {
        "routing",
        "process",
        "reminders",
    }


def test_an_unknown_optional_field_is_ignored() -> None:
    kind: type[Message] = messages()["StageMoved"]
    spoken = json.loads(example(kind).model_dump_json()) | {"a_field_of_tomorrow": 1}
    assert kind.model_validate(spoken) == example(kind)
