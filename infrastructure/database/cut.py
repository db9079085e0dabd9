"""Cut connections whose threads wait for an answer that may never come."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock
from typing import Any

import psycopg
from psycopg import Connection


class Cutter:
    """Cuts the connections of one piece of work, which runs in another thread.

    While it is the `current` one of a context, the connections that are lent in that context belong to it.
    """

    def __init__(self) -> None:
        self._lent: list[Connection[Any]] = []
        self._lock = Lock()
        self.has_cut = False
        """Whether it was used: connections that are lent later are cut at once."""

    @contextmanager
    def hold(self, connection: Connection[Any]) -> Iterator[None]:
        """Be able to cut a connection during a block."""
        with self._lock:
            self._lent.append(connection)
            if self.has_cut:
                cut(connection)
        try:
            yield
        finally:
            with self._lock:
                self._lent.remove(connection)

    def cut(self) -> None:
        """Cut the connections that the work uses now, and those that it will use."""
        with self._lock:
            self.has_cut = True
            for connection in self._lent:
                cut(connection)


current: ContextVar[Cutter | None] = ContextVar("cutter", default=None)
"""The cutter of the work that runs in this context."""


@contextmanager
def cuttable(connection: Connection[Any]) -> Iterator[None]:
    """Let the current cutter, if there is one, cut a connection during a block."""
    cutter = current.get()
    if cutter is None:
        yield
        return
    with cutter.hold(connection):
        yield


def cut(connection: Connection[Any]) -> None:
    """Shut the socket of a connection down, so that the thread which waits for its answer gets an error.

    Safe from any thread, at any time. Closing the connection would not wake the thread, and cancelling the statement
    needs the server's help.
    """
    # A copy of the socket, because the thread that uses the connection may close its own.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)
