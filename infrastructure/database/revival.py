"""Start the embedded server again where it died under a process that is connected to it.

This holds for DSNs that came from the embedded server, and not for one that a user passed, because Sojourn does not
run that server.
"""

import select
from typing import Any, Self

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import SojournError
from infrastructure.database.embedded import EmbeddedServer
from infrastructure.loggers import get_logger

log = get_logger("connection")

_servers: dict[str, EmbeddedServer] = {}
"""The servers that this process has started or found, by the folders of their sockets."""


def start_embedded(server: EmbeddedServer) -> str:
    """Start the embedded server unless it runs, keep in mind to start it again, and return its DSN."""
    dsn = server.start()
    _servers[_socket_folder(dsn)] = server
    return dsn


def is_started_again(dsn: str) -> bool:
    """Return whether the server of a DSN is started again when it dies."""
    return _socket_folder(dsn) in _servers


def check_open(connection: Connection[Any]) -> None:
    """Close an idle connection that the server has closed, and raise; this takes no round trip.

    Raises:
        psycopg.OperationalError: there is something to read, which is the server's farewell or the end.
    """
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        connection.close()  # the pool would lend an open one again
        raise psycopg.OperationalError("the server has closed the connection")


class RevivingConnection(Connection[tuple[Any, ...]]):
    """A connection that starts an embedded server again where that does not answer."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Open a connection; where that fails, do so again after the server has started."""
        try:
            return super().connect(conninfo, **options)
        except psycopg.OperationalError:
            started = _start_again(conninfo)
            if started is None:
                raise
            return super().connect(started, **options)


def _start_again(conninfo: str) -> str | None:
    server = _servers.get(_socket_folder(conninfo))
    if server is None or server.status() == "absent":
        return None
    try:
        dsn = start_embedded(server)
    except SojournError as error:
        log.warning("the embedded server cannot be started again: %s", error)
        return None
    place = conninfo_to_dict(dsn)
    return make_conninfo(conninfo, host=place["host"], port=place["port"])


def _socket_folder(dsn: str) -> str:
    try:
        return str(conninfo_to_dict(dsn).get("host"))
    except psycopg.ProgrammingError:
        return ""
