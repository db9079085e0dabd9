"""Help tests to every method that writes in a caller's transaction, each as a call that writes something."""

from collections.abc import Callable
from datetime import UTC, datetime

from application.transition_service import TaskSpec, TransitionService
from tests.support.attempts import attempt, register

Call = Callable[..., object]
"""Takes a service and keyword arguments of its methods: `connection`, `command_id`, `reason`."""

WEEKS_AGO = datetime(2026, 1, 31, 9, tzinfo=UTC)

CALLS: dict[str, Call] = {
    "register_tasks": lambda service, **more: service.register_tasks("w", [TaskSpec("t3")], **more),
    "add_upstream": lambda service, **more: service.add_upstream({"t2": ["t1"]}, **more),
    "create_task_instances": lambda service, **more: service.create_task_instances({"t2/1": "t2"}, **more),
    "gate_tasks_for_queueing": lambda service, **more: service.gate_tasks_for_queueing(["t2"], **more),
    "transition_tasks": lambda service, **more: service.transition_tasks(["t2"], "QUEUED", **more),
    "transition_task": lambda service, **more: service.transition_task("t2", "QUEUED", **more),
    "transition_task_instance": lambda service, **more: service.transition_task_instance("t1/1", "ERROR", **more),
    "transition_task_instances": lambda service, **more: service.transition_task_instances(["t1/1"], "DONE", **more),
    "reset_tasks": lambda service, **more: service.reset_tasks(["t1"], reset_if_running=True, **more),
    "reset_workflow": lambda service, **more: service.reset_workflow("w", ["RUNNING"], **more),
    "cancel_workflow": lambda service, **more: service.cancel_workflow("v", **more),
    "heartbeat": lambda service, **more: service.heartbeat("ann", 60, **more),
    "heartbeat_task_instances": lambda service, **more: service.heartbeat_task_instances(["t1/1"], **more),
    "bind": lambda service, **more: service.arrays.bind("w", "13", 7, **more),
    "queue_task_batch": lambda service, **more: service.arrays.queue_task_batch("1", ["t2"], **more),
    "transition_to_launched": lambda service, **more: service.arrays.transition_to_launched("1", 1, 60, **more),
    "transition_to_killed": lambda service, **more: service.arrays.transition_to_killed("1", 1, **more),
    "log_distributor_id": lambda service, **more: service.arrays.log_distributor_id("1", {"a1/1": "4711"}, **more),
}

OF_THEIR_OWN = frozenset({"recover", "limit_concurrency", "erase"})
"""The writing methods that are always transactions of their own: recovery has one for each task."""

READING = frozenset({"max_concurrently_running", "max_concurrently_running_of", "batch"})
"""The methods of ArrayService that only read."""


def begin(service: TransitionService) -> TransitionService:
    """Bring the service to where each call writes something.

    The task t1 and its instance t1/1 are RUNNING, t2 is new. The first batch of array 1 has an INSTANTIATED instance,
    and one that must end. The leases of the runner ann and of t1/1 have expired. A workflow `v` can be cancelled.
    """
    register(service, "t1", "t2")
    attempt(service, "t1")
    register(service, "a1", "a2")
    service.register_tasks("v", [TaskSpec("f1")], "fetch_ml")
    service.arrays.queue_task_batch(service.arrays.bind("w", "12", 7)["array_id"], ["a1", "a2"])
    service.transition_task_instances(["a1/1", "a2/1"], "INSTANTIATED")
    service.transition_task_instances(["a2/1"], "KILL_SELF")
    service.heartbeat("ann", 60, occurred_at=WEEKS_AGO)
    service.heartbeat_task_instances({"t1/1": WEEKS_AGO}, occurred_at=WEEKS_AGO)
    return service
