"""Ids, templates and actors made of what a source calls things.

Of an id, nothing may be lost. Of the others, what cannot be stored becomes U+FFFD.
"""

import hashlib
from functools import lru_cache

from domain.actor import Actor
from domain.entity import MAX_ID_LENGTH, check_id
from domain.text import storable

DIGEST = 16
"""How many hexadecimal digits stand for the rest of what is too long for an id."""


def join_id(kind: str, *parts: str) -> str:
    """The id of a thing that is found by those parts, the end of a long one as a digest; raises InvalidId."""
    return check_id(kind, shorten_id("/".join(parts)))


def shorten_id(text: str) -> str:
    """`text`, the end of which is a digest where it is too long for an id."""
    if len(text) <= MAX_ID_LENGTH:
        return text
    return f"{text[: MAX_ID_LENGTH - DIGEST - 1]}~{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:DIGEST]}"


def placeholder_name(format_name: str, first: str) -> str:
    """What a run is called that its file does not name, by the first thing that no other run has told."""
    return f"{format_name}-{hashlib.sha256(first.encode(errors='replace')).hexdigest()[:12]}"


def template_name(called: str) -> str:
    """The template of tasks that a source calls so, cut where it is too long."""
    return storable(called)[:MAX_ID_LENGTH]


@lru_cache(maxsize=10_000)
def make_actor(component: str, host: str | None = None, user: str | None = None) -> Actor:
    """The component that a source names, on that host, as that user."""
    return Actor(
        component=storable(component),
        host=None if host is None else storable(host),
        user=None if user is None else storable(user),
    )
