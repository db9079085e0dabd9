"""Text that a UTF-8 database can store, and how long a reason may be."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: programs write them, but no UTF-8 database accepts them."""

MAX_REASON_BYTES = 64 * 1024
"""How long a reason may be, in bytes of UTF-8. Every reader of a history gets it: a sentence, not a log file."""

MAX_BYTES_OF_CHARACTER = 4


def storable(text: str) -> str:
    """Replace characters that cannot be stored by U+FFFD."""
    return UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Return whether `text` can be stored as it is."""
    return UNSTORABLE.search(text) is None


def storable_json(value: Any) -> Any:
    """Make every text in a JSON value storable, in its lists and objects too."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable_json(key): storable_json(part) for key, part in value.items()}
    return [storable_json(part) for part in value] if isinstance(value, list | tuple) else value


def reason_size(text: str) -> int:
    """Return the number of bytes of a reason as the log keeps it, or what it has at most where that is short enough."""
    most = len(text) * MAX_BYTES_OF_CHARACTER
    return most if most <= MAX_REASON_BYTES else len(storable(text).encode())


def cut_reason(text: str) -> str:
    """Return a reason as the log keeps it: storable, and cut with a mark where it is too long."""
    size = reason_size(text)
    if size <= MAX_REASON_BYTES:
        return storable(text)
    mark = f" [cut: the reason has {size} bytes]"
    return storable(text).encode()[: MAX_REASON_BYTES - len(mark)].decode(errors="ignore") + mark
