"""Tokens: who may read and write over HTTP. A token is shown once; the database keeps its hash."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import IntEnum
from typing import Any, NamedTuple, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.store import Store
from domain.entity import check_id
from domain.errors import SojournError, UnknownEntity
from infrastructure.sql import query

BYTES = 32
PREFIX = "sojourn_"
"""What every token begins with, so that people and scanners know one that has leaked."""


class Scope(IntEnum):
    """What a token lets its holder do; each includes the ones before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def of(cls, name: str) -> "Scope":
        """The scope of that name."""
        return cls[name.upper()]

    def __str__(self) -> str:
        return self.name.lower()


class Token(TypedDict):
    """A token as it is listed, without itself."""

    name: str
    scope: str
    created_at: datetime
    revoked_at: datetime | None


class Holder(NamedTuple):
    """Whose token it is, what it lets them do, and its SHA-256; None where it is revoked."""

    name: str
    scope: Scope
    sha256: bytes | None


class TokenExists(SojournError):
    """Raised when a token is created under a name that is or was taken.

    Fix: choose another name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is a token {name!r} already, or was: a token's name is not used again")


def create_token(store: Store, name: str, scope: Scope) -> str:
    """A new token of that name, which cannot be read again; raises TokenExists."""
    check_id("token", name)
    secret = PREFIX + secrets.token_urlsafe(BYTES)
    with store.transaction() as connection:
        made = connection.execute(query("infrastructure", "tokens/insert"), [name, str(scope), sha256(secret)])
        if not made.rowcount:
            raise TokenExists(name)
    return secret


def revoke_token(store: Store, name: str) -> Token:
    """Let the token of that name be refused from now on; raises UnknownEntity."""
    with store.transaction() as connection:
        found = _rows(connection, "tokens/revoke", [name])
    if not found:
        known = [token["name"] for token in tokens(store)]
        raise UnknownEntity("token", name, get_close_matches(name, known, n=1))
    return found[0]


def tokens(store: Store) -> list[Token]:
    """Every token that was ever made, the oldest first."""
    with store.session() as connection:
        return _rows(connection, "tokens/list")


def holders(store: Store) -> list[Holder]:
    """Whose tokens there are, revoked ones included."""
    with store.session() as connection:
        rows = connection.execute(query("infrastructure", "tokens/valid")).fetchall()
    return [Holder(name, Scope.of(scope), hashed) for name, scope, hashed in rows]


def holder_of(secret: str, known: Sequence[Holder]) -> Holder | None:
    """Whose token it is, or None where it is nobody's any more; takes as long whichever it is."""
    hashed = sha256(secret)
    found = None
    for holder in known:
        if holder.sha256 is not None and hmac.compare_digest(holder.sha256, hashed):
            found = holder
    return found


def sha256(secret: str) -> bytes:
    """The hash under which a token is kept."""
    return hashlib.sha256(secret.encode()).digest()


def _rows(connection: Connection[Any], name: str, parameters: Sequence[Any] = ()) -> list[Token]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cast("list[Token]", cursor.execute(query("infrastructure", name), parameters).fetchall())
