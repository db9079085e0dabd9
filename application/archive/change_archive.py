"""Change the log and its archive while nothing else moves, erases or rebuilds what they have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from application.archive.errors import ArchivingForbidden
from application.maintain.rebuild import keep_alone
from application.shared.owner import requiring_owner
from application.shared.store import Store
from infrastructure.sql import query


@contextmanager
def change_archive(store: Store) -> Iterator[Connection[Any]]:
    """Yield a connection for changing the log and its archive, while nothing else does so or rebuilds the projections.

    Raises:
        ArchivingForbidden: the database user may not change events.
        RebuildRunning: the projections are rebuilt, or another process changes the archive.
    """
    with (
        store.database.dedicated() as connection,
        keep_alone(connection),
        requiring_owner(connection, ArchivingForbidden),
    ):
        connection.execute(query("infrastructure", "archive/begin_changing"))
        yield connection
