"""Databases for tests: each test that asks for one gets an empty one of its own, on every kind of server."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.shared.store import schema
from application.transition_service import TransitionService
from infrastructure.database.migration import migrate
from tests.support import servers

_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A running server, and a database in it that others are copied from."""

    dsn: str
    template: str = "sojourn_template"

    def execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))

    def database(self, name: str) -> str:
        return make_conninfo(self.dsn, dbname=name)


@pytest.fixture(scope="session", params=servers.kinds())
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server of each kind, with the schema in a template database."""
    with servers.running(request.param) as dsn:
        started = Server(dsn)
        started.execute("DROP DATABASE IF EXISTS {}", started.template)
        started.execute("CREATE DATABASE {}", started.template)
        with psycopg.connect(started.database(started.template), autocommit=True) as connection:
            migrate(connection, schema())
        yield started
        started.execute("DROP DATABASE {} WITH (FORCE)", started.template)


@pytest.fixture
def empty_dsn(server: Server) -> Iterator[str]:
    """The DSN of a database with nothing in it, not even the schema."""
    yield from _database(server, "template0")


@pytest.fixture
def dsn(server: Server) -> Iterator[str]:
    """The DSN of a database with the schema and nothing in it."""
    yield from _database(server, server.template)


@pytest.fixture
def service(dsn: str) -> Iterator[TransitionService]:
    """A service on a database of its own."""
    with TransitionService.connect(dsn) as connected:
        yield connected


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    """A plain connection to the same database as `service`, in autocommit."""
    with psycopg.connect(dsn, autocommit=True) as connected:
        yield connected


def _database(server: Server, template: str) -> Iterator[str]:
    name = f"sojourn_test_{next(_numbers)}"
    server.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    server.execute("CREATE DATABASE {} TEMPLATE {}", name, template)
    yield server.database(name)
    server.execute("DROP DATABASE {} WITH (FORCE)", name)
