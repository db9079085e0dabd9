"""Text as a log can keep it."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and halves of characters: a program may well write them, and no UTF-8 database takes them."""


def storable(text: str) -> str:
    """`text` with U+FFFD in place of what cannot be stored."""
    return UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether `text` can be stored as it is."""
    return UNSTORABLE.search(text) is None


def storable_json(value: Any) -> Any:
    """`value` with every text in its lists and objects made storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable_json(key): storable_json(part) for key, part in value.items()}
    return [storable_json(part) for part in value] if isinstance(value, list | tuple) else value
