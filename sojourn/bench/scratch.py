"""The bench's own database, which is dropped at its end."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.transition_service import TransitionService
from application.write.registration import TaskSpec
from infrastructure.database.connect import connect
from infrastructure.database.pool import Database
from infrastructure.sql import query

STEPS = ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE")
TASK_STATUS = {"INSTANTIATED": "INSTANTIATING", "LAUNCHED": "LAUNCHED", "RUNNING": "RUNNING", "DONE": "DONE"}
EVENTS_OF_A_TASK = 3 + 2 * len(STEPS)
"""Its registration and gating, the creation of its instance, and each step of the instance and the task."""


@dataclass
class Scratch:
    """The scratch database with the tasks of the cases."""

    dsn: str = field(repr=False)
    service: TransitionService
    _numbers: Iterator[int] = field(default_factory=count)

    def register_tasks(self, number: int) -> list[str]:
        """Register a number of new tasks and return their ids."""
        names = [f"t{next(self._numbers):09}" for _ in range(number)]
        self.service.register_tasks("bench", [TaskSpec(name) for name in names])
        return names

    def queue_instances(self, number: int) -> list[str]:
        """Create a number of new tasks, each with an instance in QUEUED, and return the ids of the instances."""
        tasks = self.register_tasks(number)
        self.service.gate_tasks_for_queueing(tasks)
        instances = {f"{task}/1": task for task in tasks}
        self.service.create_task_instances(instances)
        return list(instances)

    def grow_log(self, events: int) -> None:
        """Run whole tasks until the log has about `events` events."""
        missing = max(0, events - self.events) // EVENTS_OF_A_TASK
        for start in range(0, missing, 5_000):
            instances = self.queue_instances(min(5_000, missing - start))
            for status in STEPS:
                self.service.transition_task_instances(instances, status)
        self.execute("VACUUM (ANALYZE)")

    @property
    def events(self) -> int:
        """Return the number of events in the log."""
        return self.service.store.recorder.max_notification_id() or 0

    def execute(self, statement: str) -> None:
        """Run one of the bench's own statements."""
        with connect(self.dsn) as connection:
            connection.execute(SQL(statement))

    def fill_floor(self) -> None:
        """Create the floor's tables and fill them with the rows of the log's."""
        self.execute(query("sojourn.bench", "floor"))
        self.execute(query("sojourn.bench", "floor_fill"))


@contextmanager
def scratch_database(dsn: str | None) -> Iterator[Scratch]:
    """Create a database on the server of a DSN (None: the embedded one), and drop it after the block.

    Raises:
        DatabaseUnreachable: no server answers.
        DatabaseTooOld: the server's version is not supported.
        psycopg.Error: for example, the user may not create databases.
    """
    server = Database.reach(dsn)
    name = f"sojourn_bench_{os.getpid()}_{secrets.token_hex(3)}"
    with server.dedicated() as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            own_dsn = make_conninfo(server.dsn, dbname=name)
            with TransitionService.connect(own_dsn) as service:
                yield Scratch(own_dsn, service)
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
