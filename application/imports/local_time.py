"""Reads the times in files: with a zone, or in the zone that --timezone names."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.errors import InvalidTime, SojournError, UnknownName
from domain.time import EPOCH, YEARS, read_iso

CLOCK_AT_EPOCH = EPOCH.replace(tzinfo=None)


class UnknownTimeZone(UnknownName):
    """Raised when the IANA database has no such time zone.

    Fix: write it like Europe/Berlin or UTC.
    """

    kind = "time zone"

    def __init__(self, name: str, known: Iterable[str], given_in: str | None = None) -> None:
        super().__init__(name, known)
        self.given_in = given_in

    def __str__(self) -> str:
        return f"{self.given_in}: {super().__str__()}" if self.given_in else super().__str__()

    def _choices(self) -> str:
        return "; write it like Europe/Berlin or UTC"


class TimeZoneNeeded(SojournError):
    """Raised when the times of a file have no zone and none is given.

    Fix: pass the zone that they are in.
    """

    def __init__(self, format_name: str) -> None:
        super().__init__(
            f"the times of this {format_name} file have no zone; name it with --timezone, "
            "for example --timezone America/New_York"
        )


def find_time_zone(name: str, given_in: str | None = None) -> ZoneInfo:
    """Return the IANA time zone of that name; `given_in` names the setting that has it, for the error.

    Raises:
        UnknownTimeZone: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZone(name, sorted(available_timezones()), given_in) from error


def parse_instant(text: str, zone: ZoneInfo | None) -> datetime:
    """Return the instant, in UTC, that an ISO 8601 text means; the first of two when clocks are set back.

    Raises:
        InvalidTime: the text is not a time, or has no zone.
    """
    return possible_instants(text, zone)[0]


def epoch_instant(count: str | float, unit: timedelta) -> datetime:
    """Return the instant that a number of units after 1970 means.

    Raises:
        InvalidTime: no calendar has it.
    """
    try:
        instant = EPOCH + int(count) * unit
    except (OverflowError, ValueError) as error:  # ValueError: thousands of digits, or not a number
        raise InvalidTime(count, "is out of range") from error
    return _in_range(count, instant)


def shift_instant(instant: datetime, by: timedelta) -> datetime:
    """Return an instant that is later by a duration that a file reports, or earlier by a negative one.

    Raises:
        InvalidTime: no calendar has it.
    """
    try:
        return _in_range(instant.isoformat(), instant + by)
    except OverflowError as error:
        raise InvalidTime(instant.isoformat(), f"shifted by {by.days} days is out of range") from error


def _in_range(given: str | float, instant: datetime) -> datetime:
    if instant.year not in YEARS:
        raise InvalidTime(given, "is out of range")
    return instant


def possible_instants(text: str, zone: ZoneInfo | None, format_name: str | None = None) -> tuple[datetime, ...]:
    """Return the instants, in UTC, that an ISO 8601 text can mean: two when clocks are set back or ahead, else one.

    A time that the clocks skip is read with the offset before the change and with the one after it.

    Raises:
        InvalidTime: the text is not a time, or has no zone and no `format_name` is given.
        TimeZoneNeeded: the text has no zone, and `zone` is None.
    """
    try:
        local = read_iso(text)
    except ValueError as error:
        raise InvalidTime(text, "cannot be read") from error
    _in_range(text, local)
    if local.tzinfo is not None:
        return (_in_range(text, local.astimezone(UTC)),)
    if zone is None and format_name:
        raise TimeZoneNeeded(format_name)
    if zone is None:
        raise InvalidTime(text, "has no zone, and --timezone does not name one")
    offset = _offset(zone, local.toordinal(), local.hour)
    if offset is not None:
        return (EPOCH + (local - CLOCK_AT_EPOCH - offset),)
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first,) if first == second else (first, second)


@lru_cache(maxsize=10_000)
def _offset(zone: ZoneInfo, day: int, hour: int) -> timedelta | None:
    """Return a zone's offset during an hour by its clock, or None if it changes in that hour."""
    ends = (datetime.combine(datetime.fromordinal(day), end) for end in (time(hour), time(hour, 59, 59, 999_999)))
    offsets = {zone.utcoffset(end.replace(fold=fold)) for end in ends for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None
