"""Ids, template names and actors, made of the names that a source uses.

Ids are kept exactly. In other text, characters that cannot be stored become U+FFFD.
"""

import hashlib
from functools import lru_cache

from domain.actor import Actor
from domain.entity import MAX_ID_LENGTH, check_id
from domain.text import storable

DIGEST_DIGITS = 16
"""The number of hexadecimal digits in place of the end of an id that is too long."""


def join_id(kind: str, *parts: str) -> str:
    """Return the id that `parts` make up, with a digest for the end of a long one.

    Raises:
        InvalidId: the id is empty or cannot be stored.
    """
    return check_id(kind, shorten_id("/".join(parts)))


def shorten_id(text: str) -> str:
    """Return `text`, with a digest for its end if it is too long for an id."""
    if len(text) <= MAX_ID_LENGTH:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGEST_DIGITS]
    return f"{text[: MAX_ID_LENGTH - DIGEST_DIGITS - 1]}~{digest}"


def placeholder_name(format_name: str, unique: str) -> str:
    """Return a name for a run that its file does not name, made of a value that no other run has."""
    return f"{format_name}-{hashlib.sha256(unique.encode(errors='replace')).hexdigest()[:12]}"


def template_name(name: str) -> str:
    """Return the template for tasks that a source gives this name, cut if it is too long."""
    return storable(name)[:MAX_ID_LENGTH]


@lru_cache(maxsize=10_000)
def make_actor(component: str, host: str | None = None, user: str | None = None) -> Actor:
    """Return the actor that a source names."""
    return Actor(
        component=storable(component),
        host=None if host is None else storable(host),
        user=None if user is None else storable(user),
    )
