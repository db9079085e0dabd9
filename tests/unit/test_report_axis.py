"""The marks on the report's time axis: few, at round times, and no finer than needed."""

from datetime import UTC, datetime, timedelta

import pytest

from interfaces.report.axis import make_ticks

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).astimezone()


@pytest.mark.parametrize(
    ("length", "forms"),
    [
        (timedelta(seconds=1), ["%H:%M:%S.0", "%H:%M:%S.2"]),
        (timedelta(seconds=7), ["%H:%M:%S", "%H:%M:%S"]),
        (timedelta(minutes=3), ["%H:%M:%S", "%H:%M:%S"]),
        (timedelta(minutes=20), ["%H:%M", "%H:%M"]),
        (timedelta(hours=9), ["%m-%d %H:%M", "%m-%d %H:%M"]),
    ],
)
def test_marks_are_as_fine_as_their_steps(length: timedelta, forms: list[str]) -> None:
    found = list(make_ticks(NOON, NOON + length))

    assert 3 <= len(found) <= 9
    assert len({tick.text for tick in found}) == len(found)
    assert [tick.text for tick in found[:2]] == [f"{tick.at:{form}}" for tick, form in zip(found, forms, strict=False)]
