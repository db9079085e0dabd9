"""Read times (ISO 8601 with a zone) and durations (`90s`, `1h 30m`), and write durations."""

import re
from datetime import UTC, datetime, timedelta

from domain.errors import FutureTime, InvalidDuration, InvalidTime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time from which programs count seconds."""

YEARS = range(2, 9999)
"""The years that every time zone can show."""

MAX_UTC_OFFSET = timedelta(hours=16)
"""The offset from UTC that PostgreSQL no longer accepts; no real zone reaches it."""

UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
PART = re.compile(r"([0-9]*\.?[0-9]+)\s*([a-z]*)")
MAX_SECONDS = 100 * 365 * 86_400


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time with a zone.

    Raises:
        InvalidTime: the text is not such a time.
    """
    try:
        time = read_iso(text)
    except ValueError as error:
        raise InvalidTime(text, "cannot be read") from error
    return zoned(time)


def read_iso(text: str) -> datetime:
    """Read an ISO 8601 time, with a zone or without one; UTC may be a lower-case `z`.

    Raises:
        ValueError: the text is not such a time.
    """
    return datetime.fromisoformat(f"{text[:-1]}Z" if text.endswith("z") else text)


def zoned(time: datetime) -> datetime:
    """Return `time` if it has a zone and every zone can show it.

    Raises:
        InvalidTime: it is no datetime, has no zone, or is out of range.
    """
    if not isinstance(time, datetime):
        raise InvalidTime(time, "is not a datetime")
    offset = require_in_range(time).utcoffset()
    if offset is None:
        raise InvalidTime(time.isoformat(), "has no zone")
    if abs(offset) >= MAX_UTC_OFFSET:
        raise InvalidTime(time.isoformat(), "is in a zone that no place has")
    return time


def require_in_range(time: datetime) -> datetime:
    """Return `time` if every zone can show it.

    Raises:
        InvalidTime: it is out of range.
    """
    if time.year not in YEARS:
        raise InvalidTime(time.isoformat(), "is out of range")
    return time


def require_past(what: str, time: datetime | None, now: datetime, tolerance: timedelta) -> None:
    """Check that `time`, if there is one, is not ahead of `now` by more than `tolerance`; `what` names it in the error.

    Raises:
        FutureTime: it is.
    """
    if time is not None and is_future(time, now, tolerance):
        raise FutureTime(what, time, now, tolerance)


def is_future(time: datetime, now: datetime, tolerance: timedelta) -> bool:
    """Return whether `time` is ahead of `now` by more than `tolerance`."""
    # Compare instants: where two times share a zone, Python subtracts wall clocks, which are set back once a year.
    return time.timestamp() - now.timestamp() > tolerance.total_seconds()


def parse_duration(text: str, *, or_zero: bool = False) -> float:
    """Return the seconds of a duration like `90`, `90s`, `1h 30m`, `1.5d` or `250ms`; `or_zero` allows 0.

    Larger units come before smaller ones, as in the durations that Sojourn prints.

    Raises:
        InvalidDuration: the text is not such a duration.
    """
    parts = PART.findall(text)
    sizes = [UNITS.get(unit, 0) for _, unit in parts]
    bare = len(parts) > 1 and any(unit == "" for _, unit in parts)
    if not parts or PART.sub("", text).strip() or 0 in sizes or bare or sizes != sorted(set(sizes), reverse=True):
        raise InvalidDuration(text)
    try:
        return check_seconds(sum(float(number) * UNITS[unit] for number, unit in parts), or_zero=or_zero)
    except InvalidDuration as error:
        raise InvalidDuration(text) from error


def check_seconds(seconds: float, *, or_zero: bool = False) -> float:
    """Return `seconds` if they are above 0 (`or_zero`: or 0) and not more than a century.

    Raises:
        InvalidDuration: they are not.
    """
    if not 0 < seconds <= MAX_SECONDS and not (or_zero and seconds == 0):
        raise InvalidDuration(seconds)
    return float(seconds)


def entry_time(reported_at: datetime | None, previous_entry: datetime | None) -> datetime | None:
    """Return when a status was entered: the reported time, but not earlier than the previous entry."""
    if reported_at is None or previous_entry is None:
        return reported_at or previous_entry
    # Compare instants: where two times share a zone, Python compares wall clocks, which are set back once a year.
    return max(reported_at, previous_entry, key=datetime.timestamp)


def format_duration(duration: timedelta | float | None) -> str:
    """Return a duration as people read it: `3m 12s`, `2d 4h`, `0.25s`, `12ms`; empty for None."""
    if duration is None:
        return ""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 0.1:
        return _milliseconds(seconds * 1000)
    if seconds < 10:
        return f"{seconds:.2f}s".replace(".00s", "s")
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    parts: list[str] = []
    left = round(seconds)
    for name, size in units:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0"))


def _milliseconds(milliseconds: float) -> str:
    if milliseconds == 0:
        return "0s"
    return "<1ms" if milliseconds < 1 else f"{milliseconds:.0f}ms"
