"""Times as numbers, for formats that count from 1970."""

from datetime import datetime, timedelta

from domain.time import EPOCH

MICROSECOND = timedelta(microseconds=1)


def microseconds_between(time: datetime, since: datetime = EPOCH) -> int:
    """Return the whole microseconds from `since` to `time`. The database's clock has no finer unit."""
    return (time - since) // MICROSECOND
