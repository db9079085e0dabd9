"""For every entity and every time, the status as of then is what a replay of its events until then comes to."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, pairwise
from typing import Any, NamedTuple

import psycopg
from hypothesis import HealthCheck, Phase
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.read.status import read_status
from application.replay.replay import find_pinned_lifecycles, read_logged_events
from application.transition_service import TaskSpec, TransitionService
from domain.auditing.replay import Replay
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK, TASK_INSTANCE, Entity
from infrastructure.log.logged_event import LoggedEvent
from tests.integration.test_any_sequence import Step, assert_nothing_diverges, instances_of, occurred, tasks_of
from tests.integration.test_any_sequence import steps as steps_of_jobmon
from tests.support.agreement import rows
from tests.support.examples import examples

OWN = ("pynenc", "fetch_ml", "prefect")
"""Lifecycles whose tasks report for themselves; each workflow has a task of each."""

workflows = count()


class Found(NamedTuple):
    """Where an entity is, and since when."""

    status: str
    since: datetime | None
    attempts: int | None = None


def proposing(which: int, edge: int, occurred_at: datetime | None) -> Step:
    """A task goes on by one of its edges, in the name of its owner."""

    def step(service: TransitionService, workflow: str) -> None:
        name = f"{workflow}/{OWN[which]}"
        with service.store.session() as connection:
            task = service.store.status.task(connection, name)
        assert task is not None
        edges = sorted(task.lifecycle.task.transitions[task.status]) or [task.status]
        service.transition_task(name, edges[edge % len(edges)], task.owner or "ann", occurred_at=occurred_at)

    return step


steps = st.one_of(steps_of_jobmon, st.builds(proposing, st.integers(0, 2), st.integers(0, 9), occurred))


# Not made smaller where it fails: that would take a quarter of an hour.
@examples(quick=1, long=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@for_all(st.lists(steps, min_size=100, max_size=200))
def test_the_status_as_of_any_time(
    service: TransitionService, connection: psycopg.Connection[Any], sequence: list[Step]
) -> None:
    workflow = f"w{next(workflows)}"
    service.register_tasks(workflow, [TaskSpec(name, max_attempts=2) for name in tasks_of(workflow)])
    service.create_task_instances(dict(zip(instances_of(workflow), tasks_of(workflow), strict=False)))
    for name in OWN:
        service.register_tasks(workflow, [TaskSpec(f"{workflow}/{name}")], lifecycle=name)
    for step in sequence:
        step(service, workflow)

    assert_nothing_diverges(service, workflow)
    with service.store.database.snapshot() as snapshot:
        events = [logged for logged in read_logged_events(snapshot) if logged.workflow_id == workflow]
        lifecycle_of = find_pinned_lifecycles(snapshot)
    for number, time in enumerate(times_of(events)):
        replay = Replay(lifecycle_of)
        for logged in events:
            if logged.entered_at <= time:
                replay.apply(logged.to_event())
        expected = {
            stream: found(entity)
            for stream, entity in replay.entities.items()
            if isinstance(entity, Task | TaskInstance)
        }
        assert dict(in_the_views(connection, workflow, time)) == expected
        assert dict(open_in_the_audits(connection, workflow, time)) == {
            stream: (at.status, at.since) for stream, at in expected.items()
        }
        stream, at = list(expected.items())[number % len(expected)] if expected else (f"task:{workflow}/1", None)
        answer = read_status(service.store, Entity(*stream.split(":", 1)), time)
        assert (answer["status"], answer["since"]) == ((at.status, at.since) if at else (None, None))


def times_of(events: list[LoggedEvent]) -> Iterator[datetime]:
    """Every instant at which something was entered, the middle between any two, before them all and after."""
    entered = sorted({logged.entered_at for logged in events})
    yield entered[0] - timedelta(days=1)
    for before, after in pairwise(entered):
        yield before
        yield before + (after - before) / 2
    yield entered[-1]
    yield entered[-1] + timedelta(seconds=30)  # a little ahead of the clock is no error


def found(entity: Task | TaskInstance) -> Found:
    return Found(entity.status, entity.entered_at, entity.num_attempts if isinstance(entity, Task) else None)


def in_the_views(connection: psycopg.Connection[Any], workflow: str, time: datetime) -> Iterator[tuple[str, Found]]:
    for kind in (TASK, TASK_INSTANCE):
        for row in as_of(connection, f"current_{kind}", workflow, time):
            yield f"{kind}:{row[f'{kind}_id']}", Found(row["status"], row["entered_at"], row.get("num_attempts"))


def open_in_the_audits(
    connection: psycopg.Connection[Any], workflow: str, time: datetime
) -> Iterator[tuple[str, tuple[str, datetime]]]:
    for kind in (TASK, TASK_INSTANCE):
        for row in as_of(connection, f"{kind}_status_audit", workflow, time):
            if row["exited_at"] is None:
                yield f"{kind}:{row[f'{kind}_id']}", (row["new_status"], row["entered_at"])


def as_of(connection: psycopg.Connection[Any], view: str, workflow: str, time: datetime) -> list[dict[str, Any]]:
    with connection.transaction():
        connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [time.isoformat()])
        return rows(connection, f"SELECT * FROM sojourn.{view} WHERE workflow_id = %s", workflow)
