"""Times as numbers, for formats that count from 1970."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime, since: datetime = EPOCH) -> int:
    """How many whole microseconds lie between two times: all that a database's clock has."""
    return (time - since) // MICROSECOND
