"""Text that a UTF-8 database can store."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates: programs write them, but no UTF-8 database accepts them."""


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
