"""Wait until the log up to a position is settled: no event can be added below it any more."""

import time
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from infrastructure.errors import LockTimeout
from infrastructure.lock_holders import name_holders
from infrastructure.lock_timeout import list_lock_holders
from infrastructure.log.tail import is_settled, take_xid
from infrastructure.sql import query

WAIT_SECONDS = 60.0
"""How long to wait for the transactions that write when the wait begins."""

NAMED_AFTER_SECONDS = 2.0
"""How long to wait before naming who is waited for."""

OnWait = Callable[[str], None]


def settle_log(connection: Connection[Any], on_wait: OnWait, wait_seconds: float = WAIT_SECONDS) -> int:
    """Wait for the transactions that write now, and return the position up to which no event can be added any more.

    Who is waited for is passed to `on_wait`.

    Raises:
        LockTimeout: one of them has not ended for `wait_seconds`.
    """
    last, horizon = last_drawn_position(connection), take_xid(connection)
    began, pause, named = time.monotonic(), 0.001, False
    while not is_settled(connection, horizon):
        waited = time.monotonic() - began
        if waited >= wait_seconds:
            raise LockTimeout("the log", waited, list_lock_holders(connection, waited))
        if waited >= NAMED_AFTER_SECONDS and not named:
            named = True
            on_wait(f"waiting for {name_holders(list_lock_holders(connection, waited))} to end")
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
    return last


def last_drawn_position(connection: Connection[Any]) -> int:
    """Return the last position that was drawn, whether or not its event is committed."""
    row = connection.execute(query("infrastructure", "log/last_drawn_position")).fetchone()
    assert row is not None
    return int(row[0])
