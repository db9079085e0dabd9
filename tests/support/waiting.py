"""Help tests to wait for what another thread or process does and reports through the database alone."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LIMIT_SECONDS = 120
PAUSE_SECONDS = 0.01


def wait_for(find: Callable[[], Found]) -> Found:
    """Return the first true answer of `find`.

    The limit only ends a test that would hang; the pause leaves the processor to what is waited for.
    """
    give_up_at = time.monotonic() + LIMIT_SECONDS
    while not (found := find()):
        assert time.monotonic() < give_up_at, f"nothing has come within {LIMIT_SECONDS} s"
        time.sleep(PAUSE_SECONDS)
    return found
