"""Events as the log gives them back."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.entities.events import EVENTS, TaskTransitioned, read_event
from domain.entity import KINDS, LOG
from domain.errors import UnknownEvent

ENVELOPE = {"stream": "task:t1", "version": 2, "workflow_id": "w"}
MOVED = {"status": "QUEUED", "num_attempts": 1, "previous_status": "REGISTERING"}


def test_a_name_stands_for_a_class() -> None:
    event = read_event("task.transitioned.v1", ENVELOPE | MOVED)

    assert event == TaskTransitioned(**ENVELOPE, **MOVED)


def test_every_name_says_its_kind_and_its_version() -> None:
    for name in EVENTS:
        kind, _, version = name.split(".")
        assert kind in (*KINDS, LOG)
        assert version == "v1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_attempts": "many"},
        {"previous_status": None},
        {"surprise": 1},
        {"occurred_at": "2026-01-31T09:00:00"},
    ],
)
def test_data_that_does_not_fit_its_name_is_not_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        read_event("task.transitioned.v1", ENVELOPE | MOVED | wrong)


def test_a_name_that_is_not_known() -> None:
    with pytest.raises(UnknownEvent, match=r"event task:t1@2 is a 'task.moved.v9'.*update Sojourn"):
        read_event("task.moved.v9", ENVELOPE | MOVED)


def test_an_event_does_not_change() -> None:
    event = read_event("task.transitioned.v1", ENVELOPE | MOVED)

    with pytest.raises(ValidationError, match="frozen"):
        event.status = "DONE"  # type: ignore[misc]
