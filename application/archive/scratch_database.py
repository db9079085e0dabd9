"""A database for one archived workflow, which is dropped at its end.

Where its process was killed, the next one drops it: its comment states what it is, and nobody is connected to it.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege, InvalidCatalogName, ObjectInUse
from psycopg.sql import SQL, Identifier, Literal

from infrastructure.database.connect import connect
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.database.pool import Database
from infrastructure.database.revival import start_embedded
from infrastructure.database.settings import Settings
from infrastructure.sql import query

COMMENT = "An archived workflow that Sojourn has opened to read it."


@contextmanager
def scratch_database(own: Database, settings: dict[str, str]) -> Iterator[str]:
    """Yield the DSN of an empty database with those settings, next to the log or else on the embedded server.

    Raises:
        MissingExtra: the user may not create a database, and the embedded server is not installed.
    """
    name = f"archived_{secrets.token_hex(8)}"
    server = own
    try:
        _create(server, name)
    except InsufficientPrivilege:
        server = Database.reach(start_embedded(EmbeddedServer(Settings().home)))
        _create(server, name)
    dsn = make_conninfo(server.dsn, dbname=name)
    try:
        with connect(dsn) as in_use:
            _configure(in_use, name, settings)
            yield dsn
    finally:
        with server.dedicated() as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        if server is not own:
            server.close()


def _create(server: Database, name: str) -> None:
    with server.dedicated() as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(Identifier(name)))
        _drop_abandoned(connection)


def _drop_abandoned(connection: Connection[Any]) -> None:
    abandoned = connection.execute(query("infrastructure", "archive/abandoned_databases"), {"comment": COMMENT})
    for (name,) in abandoned.fetchall():
        with suppress(InsufficientPrivilege, ObjectInUse, InvalidCatalogName):  # of others, or gone meanwhile
            connection.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


def _configure(connection: Connection[Any], name: str, settings: dict[str, str]) -> None:
    """State what the database is, now that it is in use, and give its sessions the thresholds of the log."""
    connection.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), Literal(COMMENT)))
    with suppress(InsufficientPrivilege):
        for setting, value in settings.items():
            parts = SQL(".").join(map(Identifier, setting.split(".")))
            connection.execute(SQL("ALTER DATABASE {} SET {} = {}").format(Identifier(name), parts, Literal(value)))
