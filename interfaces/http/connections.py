"""The open connections of a server: their number is bounded, and a silent one makes room for a new one."""

from typing import Protocol


class Closable(Protocol):
    """What the table needs of a connection."""

    def abort(self) -> None:
        """Close the connection at once."""


class Connections:
    """Knows which connections wait for a request, the longest first, and which of them never had an allowed one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._busy: set[Closable] = set()
        self._strangers: dict[Closable, None] = {}
        self._known: dict[Closable, None] = {}

    def __len__(self) -> int:
        return len(self._busy) + len(self._strangers) + len(self._known)

    def admit(self, connection: Closable) -> bool:
        """Take in a new connection, in place of a silent one if there are too many; return False if all are busy."""
        if len(self) >= self._most and not self._close_a_silent_one():
            return False
        self._strangers[connection] = None
        return True

    def begin(self, connection: Closable) -> None:
        """Mark that a connection has a request that is handled."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)
        self._busy.add(connection)

    def wait(self, connection: Closable, *, known: bool) -> None:
        """Mark that a connection waits for its next request; it is `known` after one that was allowed."""
        if connection in self._busy:
            self._busy.discard(connection)
            (self._known if known else self._strangers)[connection] = None

    def remove(self, connection: Closable) -> None:
        """Forget a connection that is closed."""
        self._busy.discard(connection)
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def _close_a_silent_one(self) -> bool:
        silent = next(iter(self._strangers or self._known), None)
        if silent is None:
            return False
        self.remove(silent)
        silent.abort()
        return True
