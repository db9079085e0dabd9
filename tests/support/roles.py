"""Help tests to login roles: members of Sojourn's roles that exist for the length of a block."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from tests.support.databases import Server

_numbers = count(1)


@contextmanager
def login_role(dsn: str, *groups: str, options: str = "") -> Iterator[str]:
    """Yield the DSN of a database for a new login role that is a member of the groups, and drop the role afterwards."""
    name = f"sojourn_test_login_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN {}").format(Identifier(name), SQL(options)))
        for group in groups:
            connection.execute(SQL("GRANT {} TO {}").format(Identifier(group), Identifier(name)))
    try:
        yield make_conninfo(dsn, user=name)
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = %s", [name]
            )
            connection.execute(SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(Identifier(name)))
            connection.execute(SQL("DROP OWNED BY {}").format(Identifier(name)))
            connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))


@contextmanager
def without_role(server: Server, role: str) -> Iterator[None]:
    """Let the server have no such role for the length of a block: other databases keep what they granted to it."""
    server.execute("ALTER ROLE {} RENAME TO {}", role, f"{role}_aside")
    try:
        yield
    finally:
        for name in _databases_with_grants(server, role):
            with psycopg.connect(make_conninfo(server.dsn, dbname=name), autocommit=True) as connection:
                connection.execute(SQL("DROP OWNED BY {}").format(Identifier(role)))
        server.execute("DROP ROLE IF EXISTS {}", role)
        server.execute("ALTER ROLE {} RENAME TO {}", f"{role}_aside", role)


def _databases_with_grants(server: Server, role: str) -> list[str]:
    with psycopg.connect(server.dsn) as connection:
        found = connection.execute(
            "SELECT DISTINCT d.datname FROM pg_shdepend AS s JOIN pg_database AS d ON d.oid = s.dbid "
            "WHERE s.refobjid = to_regrole(%s)",
            [role],
        )
        return [row[0] for row in found]
