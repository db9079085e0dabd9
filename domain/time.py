"""Times as people and programs write them: ISO 8601 with a zone."""

from datetime import datetime

from domain.errors import InvalidTime

YEARS = range(2, 9999)
"""The years whose times every zone can show."""


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
    if time.tzinfo is None:
        raise InvalidTime(time.isoformat(), "has no zone")
    return time
