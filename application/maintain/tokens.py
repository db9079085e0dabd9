"""Tokens give access over HTTP. A token is shown once, because the database stores only its hash."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.store import Store
from domain.entity import check_id
from domain.errors import SojournError, UnknownEntity
from domain.nearest import nearest_names
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.sql import query

BYTES = 32
PREFIX = "sojourn_"
"""The beginning of every token, so that people and scanners recognise a leaked one."""


class Scope(IntEnum):
    """The permission that a token gives; each scope includes the ones before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def of(cls, name: str) -> "Scope":
        """Return the scope of that name."""
        return cls[name.upper()]

    def __str__(self) -> str:
        return self.name.lower()


class Token(TypedDict):
    """A token in lists, without its secret."""

    name: str
    scope: str
    created_at: datetime
    revoked_at: datetime | None


class TokenHolder(NamedTuple):
    """The name and scope of a token, and its SHA-256, which is None where the token is revoked."""

    name: str
    scope: Scope
    sha256: bytes | None


class TokenExists(SojournError):
    """Raised when a token is created under a name that a token has or had.

    Fix: choose another name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"token {name!r} cannot be created: a token has or had that name; choose another name")


def create_token(store: Store, name: str, scope: Scope) -> str:
    """Create a token and return its secret, which cannot be read again.

    Raises:
        TokenExists: a token has or had that name.
        InvalidId: the name is not a text of up to 255 characters.
        LockTimeout: others are creating it, and do not end their transaction.
    """
    check_id("token", name)
    secret = PREFIX + secrets.token_urlsafe(BYTES)
    with _token_transaction(store, name) as connection:
        inserted = connection.execute(query("infrastructure", "tokens/insert"), [name, str(scope), hash_token(secret)])
        if not inserted.rowcount:
            raise TokenExists(name)
    return secret


def revoke_token(store: Store, name: str) -> Token:
    """Revoke a token, so that it is refused from now on, and return it.

    Raises:
        UnknownEntity: no token has that name.
        LockTimeout: others are changing it, and do not end their transaction.
    """
    with _token_transaction(store, name) as connection:
        found = _rows(connection, "tokens/revoke", [name])
    if not found:
        known = [token["name"] for token in list_tokens(store)]
        raise UnknownEntity("token", name, nearest_names(name, known))
    return found[0]


@contextmanager
def _token_transaction(store: Store, name: str) -> Iterator[Connection[Any]]:
    with (
        store.session() as session,
        naming_lock_holders(session, f"token {name!r}"),
        store.transaction(session) as connection,
    ):
        yield connection


def list_tokens(store: Store) -> list[Token]:
    """Return all tokens, revoked ones too, the oldest first."""
    with store.session() as connection:
        return _rows(connection, "tokens/list")


def list_token_holders(store: Store) -> list[TokenHolder]:
    """Return the holders of all tokens, revoked ones too."""
    with store.session() as connection:
        rows = connection.execute(query("infrastructure", "tokens/valid")).fetchall()
    return [TokenHolder(name, Scope.of(scope), hashed) for name, scope, hashed in rows]


def authenticate(secret: str, known: Sequence[TokenHolder]) -> TokenHolder | None:
    """Return the holder of a token, or None where it is unknown or revoked; the time taken does not reveal which."""
    hashed = hash_token(secret)
    found = None
    for holder in known:
        if holder.sha256 is not None and hmac.compare_digest(holder.sha256, hashed):
            found = holder
    return found


def hash_token(secret: str) -> bytes:
    """Return the hash that the database stores of a token."""
    return hashlib.sha256(secret.encode()).digest()


def _rows(connection: Connection[Any], name: str, parameters: Sequence[Any] = ()) -> list[Token]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cast("list[Token]", cursor.execute(query("infrastructure", name), parameters).fetchall())
