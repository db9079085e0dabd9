"""The marks on the report's axis of time: few, at round times, no finer than they need be."""

from datetime import UTC, datetime, timedelta

import pytest

from interfaces.report.axis import ticks

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).astimezone()


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (timedelta(seconds=1), ["%H:%M:%S.0", "%H:%M:%S.2"]),
        (timedelta(seconds=7), ["%H:%M:%S", "%H:%M:%S"]),
        (timedelta(minutes=3), ["%H:%M:%S", "%H:%M:%S"]),
        (timedelta(minutes=20), ["%H:%M", "%H:%M"]),
        (timedelta(hours=9), ["%m-%d %H:%M", "%m-%d %H:%M"]),
    ],
)
def test_marks_are_as_fine_as_their_steps(length: timedelta, told: list[str]) -> None:
    found = list(ticks(NOON, NOON + length))

    assert 3 <= len(found) <= 9
    assert len({tick.text for tick in found}) == len(found)
    assert [tick.text for tick in found[:2]] == [f"{tick.at:{form}}" for tick, form in zip(found, told, strict=False)]
