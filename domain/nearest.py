"""The known name that somebody probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 300
"""The length above which no name is meant. Comparing one of megabytes would take its memory many times over."""


def nearest_names(name: object, known: Iterable[str]) -> list[str]:
    """Return the known name that is most like `name`, or an empty list where none is."""
    text = str(name) if isinstance(name, str | int) else ""
    return get_close_matches(text, list(known), n=1) if 0 < len(text) <= LONGEST else []
