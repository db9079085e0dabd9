"""Time-outs of connections: what the network swallows, and what never answers, ends with an error."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from application.transition_service import TransitionService
from infrastructure.database.connect import connect
from infrastructure.log.commit_listener import connect_listener
from sojourn.errors import DatabaseUnreachable
from tests.support.attempts import attempt, register, status
from tests.support.tcp_proxy import TcpProxy

CUT_OFF = """
import json, subprocess, sys
from psycopg.conninfo import make_conninfo
from application.transition_service import TransitionService
from sojourn.errors import ConnectionLost
from tests.support.tcp_proxy import TcpProxy

def network(*arguments):
    subprocess.run(["tc", "qdisc", *arguments, "dev", "lo", "root", *(["blackhole"] if arguments == ("add",) else [])],
                   check=True)

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with TcpProxy.before_database(sys.argv[1]) as (_, dsn):
    with TransitionService.connect(make_conninfo(dsn, tcp_user_timeout=1500)) as service:
        answers = [service.transition_task_instance("t1/1", "TRIAGING")["error"]]
        network("add")
        try:
            service.transition_task_instance("t1/1", "RUNNING", command_id="c1")
        except ConnectionLost as error:
            answers.append(error.safe_to_retry)
        network("del")
        answers.append(service.transition_task_instance("t1/1", "RUNNING", command_id="c1")["error"])
        print(json.dumps(answers))
"""
"""A program in a network of its own, which swallows every packet for a while."""


@pytest.fixture
def proxy(dsn: str) -> Iterator[tuple[TcpProxy, str]]:
    """Yield a proxy before the database, and the DSN that goes through it by TCP."""
    with TcpProxy.before_database(dsn) as proxied:
        yield proxied


def option(connection: Connection[Any], level: int, name: str) -> int | None:
    """Return an option of a connection's socket, or None where this system has no such option."""
    number = getattr(socket, name, None)
    with socket.socket(fileno=os.dup(connection.fileno())) as copy:
        return None if number is None else copy.getsockopt(level, number)


def options(connection: Connection[Any]) -> dict[str, int | None]:
    """Return the options of a connection's socket that end it."""
    names = ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    found = {name: option(connection, socket.IPPROTO_TCP, name) for name in names}
    return {"SO_KEEPALIVE": option(connection, socket.SOL_SOCKET, "SO_KEEPALIVE"), **found}


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no TCP_USER_TIMEOUT")
def test_every_connection_has_them(proxy: tuple[TcpProxy, str]) -> None:
    expected = {
        "SO_KEEPALIVE": 1, "TCP_USER_TIMEOUT": 30_000, "TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3,
    }  # fmt: skip
    _, dsn = proxy
    with TransitionService.connect(dsn) as service:
        database = service.store.database
        with (
            database.connection() as pooled, database.dedicated() as dedicated, connect_listener(dsn) as listening,
            connect(make_conninfo(dsn, tcp_user_timeout=5000, keepalives_idle=7)) as named,
        ):  # fmt: skip
            assert options(pooled) == options(dedicated) == options(listening) == expected
            assert options(named) == expected | {"TCP_USER_TIMEOUT": 5000, "TCP_KEEPIDLE": 7}


def test_a_server_that_accepts_and_never_answers_is_unreachable(proxy: tuple[TcpProxy, str]) -> None:
    frozen, dsn = proxy
    frozen.freeze()
    with pytest.raises(DatabaseUnreachable, match="timeout expired"):
        TransitionService.connect(make_conninfo(dsn, connect_timeout=2))


def test_a_service_that_is_closed_does_not_wait_for_a_frozen_connection(proxy: tuple[TcpProxy, str]) -> None:
    """Given the notification of a commit, which never gets through: closing ends all the same."""
    frozen, dsn = proxy
    with TransitionService.connect(dsn) as service:
        register(service, "t1")
        attempt(service, "t1")
        frozen.freeze()
        service.store.commit_notifier.notify()


def test_a_network_that_swallows_every_packet_is_noticed(service: TransitionService) -> None:
    """Given tcp_user_timeout=1500: the call ends as a lost connection, and works again with the network."""
    register(service, "t1")
    attempt(service, "t1")
    if not all(map(shutil.which, ("unshare", "ip", "tc"))):
        pytest.skip("unshare, ip and tc are not installed")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not have a network of its own")
    command = ["unshare", "-n", sys.executable, "-c", CUT_OFF, service.dsn]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])

    assert (done.stdout, done.stderr) == ("[null, true, null]\n", "")
    assert status(service, "ti:t1/1", "task:t1") == ["RUNNING", "RUNNING"]
