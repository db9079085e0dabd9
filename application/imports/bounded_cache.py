"""What was met lately: a table that forgets what it has not been asked about for long, so that memory stays bounded."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """At least the last `window` entries that were kept, and at most twice as many."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._recent: dict[Key, Value] = {}
        self._older: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """What was kept under that key, or None where nothing was, or it is forgotten."""
        value = self._recent.get(key)
        return self._older.get(key) if value is None else value

    def keep(self, key: Key, value: Value) -> None:
        """Keep `value`, as the newest entry."""
        if len(self._recent) >= self._window and key not in self._recent:
            self._older, self._recent = self._recent, {}
        self._recent[key] = value
