"""A standby that answers questions: how far it is behind its primary."""

import threading
import time
from collections.abc import Callable

from application.shared.store import Store
from infrastructure.sql import query


def read_behind_seconds(store: Store) -> float | None:
    """Return for how many seconds a standby lacks what its primary has at most, or None where it is a primary."""
    with store.session() as connection:
        row = connection.execute(query("infrastructure", "standby/behind")).fetchone()
    return row[0] if row else None


class BehindSeconds:
    """How far a standby is behind, read again once it is a second old."""

    def __init__(self, store: Store, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._known: float | None = None
        self._read_at = float("-inf")
        self._busy = threading.Lock()

    def read(self) -> float | None:
        """Return what `read_behind_seconds` does, a second old at most."""
        with self._busy:
            if self._now() - self._read_at >= 1:
                self._known, self._read_at = read_behind_seconds(self._store), self._now()
            return self._known
