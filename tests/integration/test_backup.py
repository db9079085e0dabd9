"""A dump of a live database under writes is whole: it is restored on another server, verified and appended to."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import psycopg

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register, status
from tests.support.command_line import run_on
from tests.support.own_server import OwnServer, own_server

WRITERS = 3


def test_a_dump_of_a_database_under_writes_is_restored_verified_and_appended_to() -> None:
    """The restoring server has none of the roles, so that setup creates them and their grants again."""
    with own_server() as source, own_server() as target:
        with TransitionService.connect(source.dsn) as service:
            register(service, "before")
            with writing(service):
                dump_and_restore(source, target)
        assert 1 <= positions(target.dsn) < positions(source.dsn)

        done = run_on(target.dsn, "setup")

        assert done.stdout.startswith("Created sojourn_reader and sojourn_writer, with the rights ")
        assert run_on(target.dsn, "setup").stdout == "The schema is up to date.\n"
        with TransitionService.connect(target.dsn) as restored:
            assert verify_log(restored.store)["mismatches"] == []
            register(restored, "after")
            attempt(restored, "after")
            assert status(restored, "task:before", "task:after") == ["REGISTERING", "RUNNING"]
            assert verify_log(restored.store)["mismatches"] == []
        with psycopg.connect(target.dsn) as connection:
            assert_agreement(connection)


def dump_and_restore(source: OwnServer, target: OwnServer) -> None:
    """Dump a database and restore it as docs/operations.md does."""
    file = str(target.folder / "jobs.dump")
    source.run("pg_dump", "--format", "custom", "--file", file, source.dsn)
    target.run("pg_restore", "--no-owner", "--no-acl", "--exit-on-error", "--dbname", target.dsn, file)


@contextmanager
def writing(service: TransitionService) -> Iterator[None]:
    """Let several threads register and run tasks during a block; each has committed before it begins, and after."""
    stopped, numbers = threading.Event(), count()
    committed = [threading.Semaphore(0) for _ in range(WRITERS)]

    def write(mine: threading.Semaphore) -> None:
        while not stopped.is_set():
            name = f"w{next(numbers)}"
            register(service, name)
            attempt(service, name)
            mine.release()

    with ThreadPoolExecutor(WRITERS) as executor:
        writers = [executor.submit(write, mine) for mine in committed]
        try:
            wait_for_all(committed)
            yield
            wait_for_all(committed)
        finally:
            stopped.set()
        for writer in writers:
            writer.result()


def wait_for_all(committed: list[threading.Semaphore]) -> None:
    """Wait until every writer has committed once more."""
    for mine in committed:
        while mine.acquire(blocking=False):
            pass
    for mine in committed:
        assert mine.acquire(timeout=60)


def positions(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])
