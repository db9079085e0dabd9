"""How far the standby is behind that answers the running command."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_BEHIND: ContextVar[float | None] = ContextVar("behind_seconds", default=None)


@contextmanager
def not_behind() -> Iterator[None]:
    """Begin a command of which nothing is known yet."""
    token = _BEHIND.set(None)
    try:
        yield
    finally:
        _BEHIND.reset(token)


def keep_behind(seconds: float) -> None:
    """Keep how far the standby is behind, for the answer."""
    _BEHIND.set(seconds)


def with_behind(document: Any) -> Any:
    """Return a JSON object with `behind_seconds` where a standby answers; any other document as it is."""
    behind = _BEHIND.get()
    return document if behind is None or not isinstance(document, dict) else {**document, "behind_seconds": behind}
