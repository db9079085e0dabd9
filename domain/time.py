"""Times as people and programs write them: ISO 8601 with a zone; and durations: `90s`, `1h 30m`."""

import re
from datetime import UTC, datetime, timedelta

from domain.errors import InvalidDuration, InvalidTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What programs count seconds from."""

YEARS = range(2, 9999)
"""The years whose times every zone can show."""

FURTHEST = timedelta(hours=16)
"""How far from UTC no zone is; the database takes none that is."""

UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
PART = re.compile(r"([0-9]*\.?[0-9]+)\s*([a-z]*)")
LONGEST_SECONDS = 100 * 365 * 86_400


def parse_time(text: str) -> datetime:
    """The time that an ISO 8601 text with a zone names; raises InvalidTime."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidTime(text, "cannot be read") from error
    return zoned(time)


def zoned(time: datetime) -> datetime:
    """`time` itself; raises InvalidTime where it has no zone, or lies where not every zone can show it."""
    if time.year not in YEARS:
        raise InvalidTime(time.isoformat(), "is out of range")
    offset = time.utcoffset()
    if offset is None:
        raise InvalidTime(time.isoformat(), "has no zone")
    if abs(offset) >= FURTHEST:
        raise InvalidTime(time.isoformat(), "is in a zone that no place has")
    return time


def parse_duration(text: str, *, or_zero: bool = False) -> float:
    """The seconds that `90`, `90s`, `1h 30m`, `1.5d` or `250ms` is (`or_zero`: or 0); raises InvalidDuration.

    Of several units, the larger ones come first, as durations are shown.
    """
    parts = PART.findall(text)
    sizes = [UNITS.get(unit, 0) for _, unit in parts]
    bare = len(parts) > 1 and any(unit == "" for _, unit in parts)
    if not parts or PART.sub("", text).strip() or 0 in sizes or bare or sizes != sorted(set(sizes), reverse=True):
        raise InvalidDuration(text)
    return check_seconds(sum(float(number) * UNITS[unit] for number, unit in parts), or_zero=or_zero)


def check_seconds(seconds: float, *, or_zero: bool = False) -> float:
    """`seconds` themselves; raises InvalidDuration where they are no time that anybody could wait."""
    if not 0 < seconds <= LONGEST_SECONDS and not (or_zero and seconds == 0):
        raise InvalidDuration(seconds)
    return float(seconds)


def entry_time(reported_at: datetime | None, previous_entry: datetime | None) -> datetime | None:
    """Return when a status was entered: the reported time, but not earlier than the previous entry."""
    if reported_at is None or previous_entry is None:
        return reported_at or previous_entry
    # Compare instants: where two times share a zone, Python compares wall clocks, which are set back once a year.
    return max(reported_at, previous_entry, key=datetime.timestamp)
