"""Changes to dictionaries that can be taken back."""

from collections.abc import MutableMapping
from typing import Any


class UndoLog:
    """Remembers what dictionaries held before they were changed. No value is None, so None stands for no entry."""

    def __init__(self) -> None:
        self._before: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def set(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set an entry of `mapping`, remembering the one before."""
        self._before.append((mapping, key, mapping.get(key)))
        mapping[key] = value

    def roll_back(self) -> None:
        """Restore every entry that was set since the log was cleared."""
        for mapping, key, value in reversed(self._before):
            if value is None:
                del mapping[key]
            else:
                mapping[key] = value
        self.clear()

    def clear(self) -> None:
        """Forget what could be restored."""
        self._before.clear()
