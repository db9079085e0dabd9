"""An event in words."""

from datetime import UTC, datetime

import pytest

from application.wording.event_in_words import DescribedEvent, describe_event
from domain.errors import MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("max_attempts", "allowed"),
    [
        (1, "1 attempt"),
        (3, "3 attempts"),
        (MAX_ATTEMPTS - 1, "2147483646 attempts"),
        (MAX_ATTEMPTS, "any number of attempts"),
    ],
)
def test_how_many_attempts_a_registration_allows(max_attempts: int, allowed: str) -> None:
    data = {"status": "REGISTERING", "lifecycle": "jobmon", "lifecycle_version": 2, "max_attempts": max_attempts}
    now = datetime.now(UTC)

    sentence = describe_event(DescribedEvent(1, "task:t1", 1, "task.registered.v1", data, now, is_transition=True))

    assert f"{allowed} allowed" in sentence
