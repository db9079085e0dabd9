"""How many tasks or task instances were in a status at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, NotRequired, TypedDict, cast, get_args

from psycopg import Connection
from psycopg.errors import ProgramLimitExceeded

from application.analyse.analytics_session import analytics_session, stream_rows
from application.shared.store import Store
from domain.errors import SojournError, UnknownStatus, check_choice
from infrastructure.sql import query

By = Literal["workflow", "template"]

SHORTEST = timedelta(milliseconds=1)
"""The shortest bucket."""


class InvalidBucket(SojournError, ValueError):
    """Raised when a bucket of time is shorter than a millisecond.

    Fix: pass a longer one.
    """

    def __init__(self, bucket: timedelta) -> None:
        self.bucket = bucket
        super().__init__(f"a bucket of {bucket.total_seconds():g} s is too short; pass a millisecond or more")


class TooManyBuckets(SojournError, ValueError):
    """Raised when buckets are too short for the time that they cover.

    Fix: pass a longer bucket.
    """

    def __init__(self, bucket: timedelta, why: str) -> None:
        self.bucket = bucket
        super().__init__(
            f"a bucket of {bucket.total_seconds():g} s is too short for this time: {why}; pass a longer one"
        )


class Change(TypedDict):
    """From `at` on, and until the next change of the group, `n` are in the status; `group` comes with `by` alone."""

    group: NotRequired[str | None]
    at: datetime
    n: int


class Bucket(TypedDict):
    """How many were in the status during the bucket that begins at `at`: the mean weighted by time, and the most."""

    group: NotRequired[str | None]
    at: datetime
    mean: float
    max: int


@contextmanager
def count_concurrency(
    store: Store,
    kind: str,
    status: str,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
) -> Iterator[Iterator[Change]]:
    """Open every change of how many entities of a kind were in a status as of `at`, group by group.

    Ends and starts of one instant are one change; an interval of no length is none. Rows are read as they are asked
    for, within the block.

    Raises:
        UnknownStatus: no machine has the status.
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    wanted = {"kind": kind, "status": status, "by": by, "workflow_id": workflow_id}
    with analytics_session(store, at, workflow_id) as connection:
        _check_status(connection, kind, status)
        with stream_rows(connection, "analytics/concurrency", wanted) as found:
            yield cast("Iterator[Change]", found)


@contextmanager
def count_concurrency_by_bucket(
    store: Store,
    kind: str,
    status: str,
    bucket: timedelta,
    by: By | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
) -> Iterator[Iterator[Bucket]]:
    """Open the same in buckets of time, from the first change to the last, or to `at` while any are in the status.

    Buckets begin at multiples of their length from a Monday in UTC; the bucket of `at` counts up to `at`.

    Raises:
        InvalidBucket: the bucket is shorter than a millisecond.
        TooManyBuckets: the buckets are too short for the time that they cover.
        UnknownStatus: no machine has the status.
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    if bucket < SHORTEST:
        raise InvalidBucket(bucket)
    check_choice("by", by, get_args(By))
    wanted = {"kind": kind, "status": status, "bucket": bucket, "by": by, "workflow_id": workflow_id}
    with analytics_session(store, at, workflow_id) as connection:
        _check_status(connection, kind, status)
        with stream_rows(connection, "analytics/concurrency_by_bucket", wanted) as found:
            yield _counted(cast("Iterator[Bucket]", found), bucket)


def _counted(found: Iterator[Bucket], bucket: timedelta) -> Iterator[Bucket]:
    try:
        yield from found
    except ProgramLimitExceeded as error:
        raise TooManyBuckets(bucket, error.diag.message_primary or "") from error


def find_statuses(connection: Connection[Any], kind: str) -> list[str]:
    """Return the statuses that entities of a kind may have under the lifecycles that tasks are pinned to."""
    found = connection.execute(query("projections", "find/known_statuses"), {"kind": kind})
    return [row[0] for row in found]


def _check_status(connection: Connection[Any], kind: str, status: str) -> None:
    known = find_statuses(connection, kind)
    if known and status not in known:
        raise UnknownStatus(status, known)
