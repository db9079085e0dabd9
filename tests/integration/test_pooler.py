"""PgBouncer in front of the database: session pooling works, any other kind is refused before anything is written."""

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from application.transition_service import TransitionService
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.subscription import Subscription
from sojourn.errors import TransactionPooling
from tests.support import servers
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, ids, register, status
from tests.support.command_line import SOJOURN
from tests.support.concurrently import at_once
from tests.support.pgbouncer import pooled
from tests.support.waiting import wait_for

STATE = "SELECT current_setting('search_path') AS path, current_setting('TimeZone') AS zone"


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """Yield the DSN of a server of its own, with the schema: a pooler may be let in without a password."""
    if servers.system_commands() is None:
        pytest.skip("the system has no PostgreSQL")
    with servers.running("system") as dsn, TransitionService.connect(dsn) as service:
        yield service.dsn


class TestSharedSessions:
    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    def test_are_refused_with_what_to_set(self, direct: str, mode: str) -> None:
        with pooled(direct, mode) as dsn:
            with pytest.raises(TransactionPooling, match=r"pool_mode = session .* or name the server itself"):
                TransitionService.connect(dsn)
            done = subprocess.run(
                [SOJOURN, "status", "task:t", "--dsn", dsn], capture_output=True, text=True, check=False
            )

        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("sojourn: the pooler in front of the database does not keep a session")

    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    def test_are_left_as_they_were(self, direct: str, mode: str) -> None:
        with (
            pooled(direct, mode, "default_pool_size = 1") as dsn,
            psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other,
        ):
            before = rows(other, STATE)
            with pytest.raises(TransactionPooling):
                TransitionService.connect(dsn)
            assert rows(other, STATE) == before

    def test_are_found_out_among_busy_clients_too(self, direct: str) -> None:
        """Given clients that take turns with a few servers, a connection meets now this server, now that one."""
        with pooled(direct, "transaction", "default_pool_size = 3") as dsn, ThreadPoolExecutor(6) as threads:
            stop = Event()
            busy = [threads.submit(_query_until, dsn, stop) for _ in range(6)]
            try:
                with pytest.raises(TransactionPooling):
                    TransitionService.connect(dsn)
            finally:
                stop.set()
            assert all(client.result() for client in busy)


class TestOwnSessions:
    def test_work(self, direct: str) -> None:
        with pooled(direct, "session") as dsn, TransitionService.connect(dsn) as service:
            tasks = ids(8, "session-")
            register(service, *tasks)
            instances = attempt(service, *tasks)
            at_once([partial(service.transition_task_instance, name, "DONE") for name in instances])

            assert status(service, *(f"task:{name}" for name in tasks)) == ["DONE"] * 8
        with psycopg.connect(direct) as connection:
            assert_agreement(connection)

    def test_followers_are_notified(self, direct: str) -> None:
        """Given a poll that comes in an hour: the events arrive all the same."""
        arrived: list[str] = []
        with pooled(direct, "session") as dsn, TransitionService.connect(dsn) as service:

            def consume(_: psycopg.Connection[Any], events: Sequence[LoggedEvent]) -> None:
                arrived.extend(str(event.entity) for event in events)

            follower = Subscription(dsn, "follower", consume, poll_seconds=3600)
            with ThreadPoolExecutor(1) as thread:
                running = thread.submit(follower.run)
                try:
                    register(service, "followed")
                    wait_for(lambda: "task:followed" in arrived)
                finally:
                    follower.stop()
                running.result()

    def test_have_nothing_left_from_an_earlier_client(self, direct: str) -> None:
        """Given a pooler that resets nothing, and a client that left settings and named statements behind."""
        with pooled(direct, "session", "server_reset_query =", "default_pool_size = 5") as dsn:
            with ExitStack() as all_servers:
                for _ in range(5):
                    earlier = psycopg.connect(dsn, autocommit=True, prepare_threshold=0)
                    all_servers.enter_context(earlier)
                    earlier.execute("SET DateStyle = 'SQL, DMY'")
                    earlier.execute("SELECT set_config('sojourn.as_of', %s, false)", ["2000-01-01"])
            with TransitionService.connect(dsn, max_size=1) as service:
                register(service, "after")
                assert attempt(service, "after", until="RUNNING")
                assert status(service, "task:after") == ["RUNNING"]


class TestTheCallersConnection:
    """A service on a direct DSN, whose caller passes a connection that goes through a pooler of shared sessions."""

    @pytest.mark.parametrize("autocommit", [False, True])
    def test_has_no_named_statements_and_leaves_no_settings(self, direct: str, autocommit: bool) -> None:
        with (
            pooled(direct, "transaction", "default_pool_size = 1") as dsn,
            TransitionService.connect(direct) as service,
            psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other,
        ):
            before, prefix = rows(other, STATE), f"caller-{autocommit}-"
            register(service, *ids(12, prefix))
            instances = attempt(service, *ids(12, prefix))
            for name in instances:
                with psycopg.connect(dsn, autocommit=autocommit) as caller:
                    answer = service.transition_task_instance(name, "DONE", connection=caller)
                    assert answer["ti_updated"]
            assert rows(other, STATE) == before
            assert rows(other, "SELECT name FROM pg_prepared_statements") == []
            assert status(service, *(f"task:{name}" for name in ids(12, prefix))) == ["DONE"] * 12


def _query_until(dsn: str, stop: Event) -> bool:
    with psycopg.connect(make_conninfo(dsn), autocommit=True, prepare_threshold=None) as connection:
        while not stop.is_set():
            connection.execute("SELECT pg_sleep(0.001)")
    return True
