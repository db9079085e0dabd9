"""Times as numbers, for formats that count from 1970."""

from datetime import datetime, timedelta

from domain.time import EPOCH

MICROSECOND = timedelta(microseconds=1)


def microseconds_between(time: datetime, since: datetime = EPOCH) -> int:
    """How many whole microseconds lie between two times: all that a database's clock has."""
    return (time - since) // MICROSECOND
