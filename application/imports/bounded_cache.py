"""A cache of bounded size: it forgets entries that are old and were not put again."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """Holds at least the last `window` entries, and at most twice that number.

    Two generations are enough for that: a full one becomes the old one, and the old one is dropped.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._recent: dict[Key, Value] = {}
        self._older: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        """Return the value of `key`, or None if it was never put or is forgotten."""
        value = self._recent.get(key)
        return self._older.get(key) if value is None else value

    def put(self, key: Key, value: Value) -> None:
        """Store `value` as the newest entry."""
        if len(self._recent) >= self._window and key not in self._recent:
            self._older, self._recent = self._recent, {}
        self._recent[key] = value
