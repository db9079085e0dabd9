"""Times as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from domain.errors import InvalidTime
from domain.time import parse_time, zoned

EIGHT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T08:30:00Z", EIGHT),
        ("2026-01-31 08:30Z", EIGHT),
        ("2026-01-31t08:30:00z", EIGHT),
        ("20260131T083000Z", EIGHT),
        ("2026-01-31T09:30:00+01:00", EIGHT),
        ("2026-01-31T03:00:00.250000-05:30", EIGHT + timedelta(microseconds=250_000)),
    ],
)
def test_a_time_with_a_zone_is_read(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-01-31T08:30:00", "has no zone"),
        ("2026-01-31", "has no zone"),
        ("2026-01-31T08:30:00+20:28", "is in a zone that no place has"),
        ("2026-02-30T00:00:00Z", "cannot be read"),
        ("yesterday", "cannot be read"),
        ("", "cannot be read"),
        ("0001-01-01T00:00:00+14:00", "is out of range"),
        ("9999-12-31T23:59:59-14:00", "is out of range"),
    ],
)
def test_any_other_text_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidTime, match=why) as refused:
        parse_time(text)
    assert "write it like" in str(refused.value)


def test_a_datetime_without_a_zone_is_refused() -> None:
    assert zoned(EIGHT) is EIGHT
    assert zoned(EIGHT.astimezone(timezone(timedelta(hours=1)))) == EIGHT
    with pytest.raises(InvalidTime, match="has no zone"):
        zoned(EIGHT.replace(tzinfo=None))
