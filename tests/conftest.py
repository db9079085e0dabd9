"""Fixtures for all tests: each test that asks for a database gets an empty one that nobody else uses meanwhile."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from application.transition_service import TransitionService
from tests.support import browsers, servers
from tests.support.databases import DatabasePool, Server, with_template

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
"""The name of this process among those that test in parallel; a chosen server has databases of each."""

ACCEPTANCE = Path(__file__).with_name("acceptance")

# A deadline and a health check for slowness would measure the machine. Fixtures live for all examples of a test, which
# empty what they share. A method runs once for each server, each time on another object of its class.
settings.register_profile(
    "long", max_examples=100, deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.differing_executors,
    ],
)  # fmt: skip
settings.register_profile("quick", settings.get_profile("long"), max_examples=25)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-servers", action="store_true", help="test on the system's PostgreSQL too, not on the embedded one alone"
    )


def pytest_report_header(config: pytest.Config) -> str:
    return f"servers: {', '.join(servers.kinds(every=config.getoption('--all-servers')))}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """State at the end, which -q shows too, that a server was asked for which this machine lacks."""
    if config.getoption("--all-servers") and servers.system_commands() is None:
        terminalreporter.write_line(
            "NO SYSTEM SERVER: every test ran on the embedded server alone, because initdb, pg_ctl and postgres are "
            "neither on the PATH nor in /usr/lib/postgresql/*/bin",
            yellow=True,
        )

    if browsers.find_chromium() is None:
        terminalreporter.write_line(browsers.ABSENT, yellow=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server_kind" in metafunc.fixturenames:
        kinds = servers.kinds(every=metafunc.config.getoption("--all-servers") and _concerns_server(metafunc))
        metafunc.parametrize("server_kind", kinds, scope="session")


def _concerns_server(metafunc: pytest.Metafunc) -> bool:
    """Return whether a test is about what a server does, and not about commands, pages, clients or files."""
    marker = metafunc.definition.get_closest_marker("one_server")
    return marker is None and not metafunc.definition.path.is_relative_to(ACCEPTANCE)


@pytest.fixture(scope="session")
def server(server_kind: str) -> Iterator[Server]:
    """Yield a running server of each kind, with the schema in a template database."""
    with servers.running(server_kind) as dsn, with_template(Server(dsn, f"sojourn_template_{WORKER}")) as started:
        yield started


@pytest.fixture(scope="session")
def databases(server: Server) -> Iterator[DatabasePool]:
    """Yield the databases of a server."""
    pool = DatabasePool(server, f"sojourn_test_{WORKER}")
    yield pool
    pool.close()


@pytest.fixture
def empty_dsn(databases: DatabasePool) -> Iterator[str]:
    """Yield the DSN of a database with nothing in it, not even the schema."""
    with databases.fresh("template0") as dsn:
        yield dsn


@pytest.fixture
def dsn(request: pytest.FixtureRequest, databases: DatabasePool) -> Iterator[str]:
    """Yield the DSN of a database with the schema and nothing in it: an own copy for tests that change the schema."""
    wants_copy = request.node.get_closest_marker("fresh_database")
    with databases.fresh() if wants_copy else databases.borrowed() as dsn:
        yield dsn


@pytest.fixture
def service(dsn: str) -> Iterator[TransitionService]:
    """Yield a service on a database of its own."""
    with TransitionService.connect(dsn) as connected:
        yield connected


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield a plain connection to the same database as `service`, in autocommit."""
    with psycopg.connect(dsn, autocommit=True) as connected:
        yield connected
