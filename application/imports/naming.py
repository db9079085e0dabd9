"""Ids made of what a source calls things."""

import hashlib

from domain.entity import LONGEST_ID, check_id

DIGEST = 16
"""How many hexadecimal digits stand for the rest of what is too long for an id."""


def composed(kind: str, *parts: str) -> str:
    """The id of a thing that is found by those parts, the end of a long one as a digest; raises InvalidId."""
    return check_id(kind, fitted("/".join(parts)))


def fitted(text: str) -> str:
    """`text`, the end of which is a digest where it is too long for an id."""
    if len(text) <= LONGEST_ID:
        return text
    return f"{text[: LONGEST_ID - DIGEST - 1]}~{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:DIGEST]}"
