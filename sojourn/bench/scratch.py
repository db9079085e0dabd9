"""A database of the bench's own, dropped when it ends."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.transition_service import TransitionService
from application.write.registration import TaskSpec
from infrastructure.database.pool import Database
from infrastructure.sql import query

STEPS = ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE")
TASK_STATUS = {"INSTANTIATED": "INSTANTIATING", "LAUNCHED": "LAUNCHED", "RUNNING": "RUNNING", "DONE": "DONE"}
EVENTS_OF_A_TASK = 3 + 2 * len(STEPS)
"""Registered, gated, its instance created, and each step of the instance with the task's own."""


@dataclass
class Scratch:
    """The scratch database, and the tasks that cases work on."""

    dsn: str
    service: TransitionService
    _numbers: Iterator[int] = field(default_factory=count)

    def registered(self, number: int) -> list[str]:
        """So many new tasks."""
        names = [f"t{next(self._numbers):09}" for _ in range(number)]
        self.service.register_tasks("bench", [TaskSpec(name) for name in names])
        return names

    def queued(self, number: int) -> list[str]:
        """So many new instances, each the first of a new task, in QUEUED."""
        tasks = self.registered(number)
        self.service.gate_tasks_for_queueing(tasks)
        instances = {f"{task}/1": task for task in tasks}
        self.service.create_task_instances(instances)
        return list(instances)

    def grown_to(self, events: int) -> None:
        """Let whole lives of tasks bring the log to about that many events."""
        missing = max(0, events - self.events) // EVENTS_OF_A_TASK
        for start in range(0, missing, 5_000):
            instances = self.queued(min(5_000, missing - start))
            for status in STEPS:
                self.service.transition_task_instances(instances, status)
        self.execute("VACUUM (ANALYZE)")

    @property
    def events(self) -> int:
        """How many events the log has."""
        return self.service.store.recorder.max_notification_id() or 0

    def execute(self, statement: str) -> None:
        """Run one of the bench's own statements."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(SQL(statement))

    def with_floor(self) -> None:
        """Make the floor's tables and fill them as the log's are."""
        self.execute(query("sojourn.bench", "floor"))
        self.execute(query("sojourn.bench", "floor_fill"))


@contextmanager
def scratch_database(dsn: str | None) -> Iterator[Scratch]:
    """A new database on the server of that DSN (None: the embedded one); it needs the right to create databases.

    Raises DatabaseUnreachable or DatabaseTooOld.
    """
    server = Database.reach(dsn)
    name = f"sojourn_bench_{os.getpid()}_{secrets.token_hex(3)}"
    with server.dedicated() as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            own = make_conninfo(server.dsn, dbname=name)
            with TransitionService.connect(own) as service:
                yield Scratch(own, service)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
