"""Silence: the time for which somebody was not heard of who was to be."""

from datetime import datetime
from typing import NamedTuple


class Silence(NamedTuple):
    """Since when a holder of a lease was silent, and until when (None: it still is).

    `heard_at` is the last heartbeat before, where there was one.
    """

    since: datetime
    until: datetime | None = None
    heard_at: datetime | None = None
