"""Help tests to tasks and instances that have come as far as a test needs."""

from collections.abc import Iterator
from typing import cast

from application.transition_service import TaskSpec, TransitionService
from domain.entities.events import Event

WAY = ("QUEUED", "INSTANTIATED", "LAUNCHED", "RUNNING")


def register(service: TransitionService, *task_ids: str, workflow_id: str = "w", max_attempts: int = 3) -> None:
    """Register tasks."""
    service.register_tasks(workflow_id, [TaskSpec(task_id, max_attempts) for task_id in task_ids])


def attempt(service: TransitionService, *task_ids: str, until: str = "RUNNING") -> list[str]:
    """Gate registered tasks, create an instance `TASK/N` of each, and bring it as far as `until`."""
    assert service.gate_tasks_for_queueing(task_ids)["gated"] == list(task_ids)
    instances = {f"{task_id}/{_next(service, task_id)}": task_id for task_id in task_ids}
    service.create_task_instances(instances)
    for status in WAY[1 : WAY.index(until) + 1]:
        assert service.transition_task_instances(list(instances), status)["transitioned"] == list(instances)
    return list(instances)


def status(service: TransitionService, *entities: str) -> list[str | None]:
    """The status of each entity (`task:ID`, `ti:ID`)."""
    return [_status(service, entity) for entity in entities]


def log(service: TransitionService, stream: str) -> list[str]:
    """The names of a stream's events with their statuses, in short: `task.transitioned RUNNING`."""
    return [
        f"{event.name.removesuffix('.v1')} {event.status}"
        for event in cast("Iterator[Event]", service.store.recorder.event_store.get(stream))
    ]


def _status(service: TransitionService, entity: str) -> str | None:
    kind, _, name = entity.partition(":")
    with service.store.session() as connection:
        if kind == "task":
            task = service.store.status.task(connection, name)
            return task.status if task else None
        family = service.store.status.family(connection, name)
        return family[0].status if family else None


def _next(service: TransitionService, task_id: str) -> int:
    with service.store.session() as connection:
        task = service.store.status.task(connection, task_id)
    assert task is not None
    return task.instances + 1


def ids(count: int, prefix: str = "t") -> list[str]:
    """Return this number of ids, in the order in which the database sorts them."""
    return [f"{prefix}{number:06}" for number in range(count)]
