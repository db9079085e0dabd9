"""Maintenance: what follows from the log and is kept up behind it, by one process at a time."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypedDict

import psycopg
from psycopg.errors import InsufficientPrivilege

from application.maintain.jobs import JOBS, JOBS_AT_ONCE, Job, OnStep
from application.shared.store import Store
from domain.errors import SojournError
from infrastructure.errors import DatabaseUnreachable
from infrastructure.lock_holders import LockHolder, name_holders
from infrastructure.lock_timeout import list_lock_holders
from infrastructure.loggers import get_logger

log = get_logger("maintenance")

LOCK = 7205759403792798
"""The advisory lock that lets one process at a time maintain a database."""

PAUSE_SECONDS = 10.0
"""How long the jobs rest between two rounds. Answers read exactly what came since the last one."""


WORK = {
    "partitions": "keeping the log's partitions",
    "sketched_to": "keeping sketches",
    "summed_to": "keeping sums",
    "sealed_to": "sealing the log",
}
"""What each job does, for people."""

STOP_SECONDS = 0.5
"""How long a process that ends waits for the present step."""


class MaintenanceRunning(SojournError):
    """Raised when another process maintains the database.

    Fix: nothing, because it does the same work; `holders` has its session.
    """

    def __init__(self, holders: Sequence[LockHolder] = ()) -> None:
        self.holders = tuple(holders)
        super().__init__(f"this database is already maintained, by {name_holders(holders)}; it does the same work")


class MaintenanceFailed(SojournError):
    """Raised when some jobs of maintenance have failed; the others have done what was due.

    Fix: what `failures` states for each job; `reached` has how far the others have come.
    """

    def __init__(self, failures: Mapping[str, Exception], reached: "Maintained") -> None:
        self.failures = dict(failures)
        self.reached = reached
        sentences = (f"{WORK[name]} failed: {_explain(error)}" for name, error in failures.items())
        super().__init__("; ".join(sentences))


class Maintained(TypedDict):
    """How far each job has come; None where a job has failed.

    The log has `partitions`. The sketches count up to the position `sketched_to`, and the sums up to `summed_to`. The
    log is sealed up to `sealed_to`.
    """

    partitions: int | None
    sketched_to: int | None
    summed_to: int | None
    sealed_to: int | None


def maintain_once(store: Store, on_step: OnStep) -> Maintained:
    """Run every job once, and return how far each has come.

    Raises:
        MaintenanceFailed: a job has failed; the others have run.
        MaintenanceRunning: another process maintains the database.
    """
    with _alone(store) as is_alone:
        if not is_alone:
            raise MaintenanceRunning(_list_others(store))
        reached, failures = _run_jobs(store, on_step, JOBS_AT_ONCE)
    if failures:
        raise MaintenanceFailed(failures, reached)
    return reached


@contextmanager
def maintained(store: Store) -> Iterator[None]:
    """Maintain the database in a thread during the block, unless another process does."""
    stopped = threading.Event()
    thread = threading.Thread(target=maintain, args=(store, stopped, lambda _: None), name="maintenance", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(STOP_SECONDS)  # what it does not finish by then is rolled back as its connection ends


def maintain(store: Store, stopped: threading.Event, on_step: OnStep, pause_seconds: float = PAUSE_SECONDS) -> None:
    """Run the jobs round after round until stopped, whenever no other process does.

    What keeps a job from its work is logged once, the other jobs go on, and it is tried again; a database user without
    the rights never is.
    """

    def step(text: str) -> None:
        if stopped.is_set():
            raise _Stopped
        on_step(text)

    reports = _Reports()
    while not stopped.is_set():
        try:
            _run_rounds(store, stopped, step, pause_seconds, reports)
        except (_Stopped, _Forbidden):
            return
        except (SojournError, psycopg.Error) as error:
            if not stopped.is_set():
                reports.add("maintenance", "maintenance waits", error)
        stopped.wait(pause_seconds)


def _run_rounds(
    store: Store, stopped: threading.Event, on_step: OnStep, pause_seconds: float, reports: "_Reports"
) -> None:
    """Run the jobs round after round until stopped, or not at all where another process does."""
    with _alone(store) as is_alone:
        while is_alone and not stopped.is_set():
            _, failures = _run_jobs(store, on_step, JOBS)
            for name, error in failures.items():
                if isinstance(error, InsufficientPrivilege):
                    # Another process, whose user has the rights, gets the lock.
                    log.warning("this database is not maintained, because its user has no right to: %s", error)
                    raise _Forbidden
                reports.add(name, f"{WORK[name]} waits", error)
            stopped.wait(pause_seconds)


class _Stopped(Exception):
    """Raised in a job once maintenance is stopped."""


class _Forbidden(Exception):
    """Raised once the user may not run a job."""


class _Reports:
    """What has been logged last about each job, so that the same is logged once."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def add(self, name: str, what: str, error: Exception) -> None:
        """Log an error, unless it is what was logged last."""
        if self._last.get(name) != str(error):
            self._last[name] = str(error)
            log.warning("%s: %s", what, _explain(error))


def _run_jobs(store: Store, on_step: OnStep, jobs: Mapping[str, Job]) -> tuple[Maintained, dict[str, Exception]]:
    """Run every job, and return how far each has come and what those that failed have raised."""
    reached: Maintained = {"partitions": None, "sketched_to": None, "summed_to": None, "sealed_to": None}
    failures: dict[str, Exception] = {}
    for name, job in jobs.items():
        try:
            reached[name] = job(store, on_step)  # type: ignore[literal-required]
        except (_Stopped, DatabaseUnreachable):
            raise
        except Exception as error:  # the other jobs go on
            failures[name] = error
    return reached, failures


def _explain(error: Exception) -> str:
    """Return the text of an error in one line, with its kind where it is none of Sojourn's own."""
    text = " ".join(str(error).split())
    return text if isinstance(error, SojournError) else f"{type(error).__name__}: {text}"


@contextmanager
def _alone(store: Store) -> Iterator[bool]:
    """Hold the lock of maintenance during the block, and yield whether it was free."""
    with store.database.dedicated() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        is_alone = row is not None and bool(row[0])
        try:
            yield is_alone
        finally:
            # The end of the session would release it too, but a moment after this process has gone on.
            if is_alone and not connection.broken:
                connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _list_others(store: Store) -> list[LockHolder]:
    with store.session() as connection:
        return list_lock_holders(connection, 0, key=LOCK)
