"""Silence: a period in which an expected heartbeat did not arrive."""

from datetime import datetime
from typing import NamedTuple


class Silence(NamedTuple):
    """A silence of a lease's holder, from `since` until `until` (None: it goes on).

    `heard_at` is the time of the last heartbeat before it, if there was one.
    """

    since: datetime
    until: datetime | None = None
    heard_at: datetime | None = None
