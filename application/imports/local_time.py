"""Times in files: with a zone, or in the zone that --timezone names."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.errors import InvalidTime, SojournError, UnknownName
from domain.time import EPOCH, YEARS

CLOCK_AT_EPOCH = EPOCH.replace(tzinfo=None)


class UnknownTimeZone(UnknownName):
    """Raised when the IANA database has no such time zone.

    Fix: write it like Europe/Berlin or UTC.
    """

    kind = "time zone"

    def _choices(self) -> str:
        return "; write it like Europe/Berlin or UTC"


class TimeZoneNeeded(SojournError):
    """Raised when the times of a file have no zone and none is given.

    Fix: pass the zone that they are in.
    """

    def __init__(self, format_name: str) -> None:
        super().__init__(
            f"the times of this {format_name} file have no zone: say what they are in with --timezone, "
            "for example --timezone America/New_York"
        )


def find_time_zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; raises UnknownTimeZone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownTimeZone(name, sorted(available_timezones())) from error


def parse_instant(text: str, zone: ZoneInfo | None) -> datetime:
    """The instant, in UTC, that an ISO 8601 text names; raises InvalidTime.

    Of the two that it may be when clocks are set back, the first.
    """
    return possible_instants(text, zone)[0]


def possible_instants(text: str, zone: ZoneInfo | None, format_name: str | None = None) -> tuple[datetime, ...]:
    """The instants, in UTC, that an ISO 8601 text may mean: two when clocks are set back or ahead, else one.

    A time that the clocks leap over is read by the offset before the leap, and by the one after it. Where `zone` is
    missing, raises TimeZoneNeeded for the format of that name, or InvalidTime.
    """
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidTime(text, "cannot be read") from error
    if told.year not in YEARS:
        raise InvalidTime(text, "is out of range")
    if told.tzinfo is not None:
        return (told.astimezone(UTC),)
    if zone is None and format_name:
        raise TimeZoneNeeded(format_name)
    if zone is None:
        raise InvalidTime(text, "has no zone, and no --timezone says what it is in")
    offset = _offset(zone, told.toordinal(), told.hour)
    if offset is not None:
        return (EPOCH + (told - CLOCK_AT_EPOCH - offset),)
    first, second = (told.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first,) if first == second else (first, second)


@lru_cache(maxsize=10_000)
def _offset(zone: ZoneInfo, day: int, hour: int) -> timedelta | None:
    """The offset of a zone all through an hour by its clock, or None where it changes in it: files ask often."""
    ends = (datetime.combine(datetime.fromordinal(day), end) for end in (time(hour), time(hour, 59, 59, 999_999)))
    offsets = {zone.utcoffset(end.replace(fold=fold)) for end in ends for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None
