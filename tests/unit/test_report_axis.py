"""The marks on the report's time axis: few, at round times, and no finer than needed."""

import time
from collections.abc import Iterator
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


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Show times as in Berlin, where clocks are set back at 3:00 on 25 October 2026."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("begin", "end", "texts"),
    [
        ("2026-10-24T22:00:00Z", "2026-10-25T12:00:00Z", ["10-25 00:00", "10-25 02:00", "10-25 04:00", "10-25 06:00"]),
        ("2026-10-24T12:00:00Z", "2026-10-27T12:00:00Z", ["10-25 00:00", "10-25 12:00", "10-26 00:00", "10-26 12:00"]),
        ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z", ["03-28 18:00", "03-29 00:00", "03-29 06:00", "03-29 12:00"]),
    ],
    ids=["set back", "the days after", "set forward"],
)
def test_marks_are_at_round_times_on_both_sides_of_a_change_of_clocks(begin: str, end: str, texts: list[str]) -> None:
    found = list(make_ticks(datetime.fromisoformat(begin), datetime.fromisoformat(end)))

    assert [tick.text for tick in found][: len(texts)] == texts
    assert all(tick.at.astimezone().minute == 0 for tick in found)


def test_marks_end_with_the_last_time_that_there_is() -> None:
    found = list(make_ticks(datetime(2026, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)))

    assert 3 <= len(found) <= 9
