"""Text as a log can keep it."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and halves of characters: a program may well write them, and no UTF-8 database takes them."""


def storable(text: str) -> str:
    """`text` with U+FFFD in place of what cannot be stored."""
    return UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Whether `text` can be stored as it is."""
    return UNSTORABLE.search(text) is None
