"""What only the owner of the schema may do, because it replaces tables or changes the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from domain.errors import SojournError


class OwnerRequired(SojournError):
    """Raised when the database user may not do what only the owner of the schema may; nothing has changed.

    Fix: let the owner of the schema do it, or a superuser.
    """

    def __init__(self, user: str, what: str, commands: str) -> None:
        self.user = user
        super().__init__(f"database user {user!r} may not {what}; let the owner of the schema run {commands}")


@contextmanager
def requiring_owner(connection: Connection[Any], refuse: Callable[[str], OwnerRequired]) -> Iterator[None]:
    """Turn a missing right within a block into the error that `refuse` returns for the database user."""
    try:
        yield
    except InsufficientPrivilege as error:
        raise refuse(connection.info.user) from error
