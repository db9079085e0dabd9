"""Bound the waits for locks: each connection has a lock_timeout, and the error at its end names the holders."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import LockNotAvailable
from psycopg.pq import TransactionStatus

from domain.errors import SojournError
from infrastructure.errors import LockTimeout
from infrastructure.lock_holders import LockHolder, find_lock_holders
from infrastructure.sql import query


@contextmanager
def naming_lock_holders(connection: Connection[Any], what: str, *, readers: bool = False) -> Iterator[None]:
    """Raise LockTimeout, with the sessions that hold locks, where a statement of the block waits for one in vain.

    `what` is what the block needs. With `readers`, sessions that only read may hold it up. The block must end its
    transaction, because the holders are looked for on the same connection.
    """
    began = time.monotonic()
    try:
        yield
    except LockNotAvailable as error:
        seconds = time.monotonic() - began
        raise LockTimeout(what, seconds, list_lock_holders(connection, seconds, readers=readers)) from error


@contextmanager
def lock_timeout(connection: Connection[Any], seconds: float) -> Iterator[None]:
    """Let the statements of the block wait for a lock for that long; then as long as before again."""
    before = connection.execute(query("infrastructure", "locks/timeout")).fetchone()
    connection.execute(query("infrastructure", "locks/set_timeout"), [f"{round(seconds * 1000)}ms"])
    try:
        yield
    finally:
        # A transaction that has failed takes no more statements, and its rollback takes the setting back.
        if connection.info.transaction_status != TransactionStatus.INERROR:
            connection.execute(query("infrastructure", "locks/set_timeout"), before)


def list_lock_holders(
    connection: Connection[Any], seconds: float, *, readers: bool = False, key: int | None = None
) -> list[LockHolder]:
    """Return what `find_lock_holders` does, or nothing where it fails: that others hold a lock is known already."""
    try:
        return find_lock_holders(connection, seconds, readers=readers, key=key)
    except (psycopg.Error, SojournError):
        return []
