"""What a service answers to a mistake in its arguments, and once it is closed."""

import inspect
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from application.array_service import ArrayService
from application.reading import Reading
from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidTime, UnknownStatus
from infrastructure.errors import ServiceClosed
from tests.support.writing_calls import CALLS, OF_THEIR_OWN, READING, Call

pytestmark = pytest.mark.one_server

MISTAKES: dict[str, tuple[Callable[[Any], object], str]] = {
    "gate": (lambda s: s.gate_tasks_for_queueing("t1"), r"'t1' is not a sequence of task ids; pass \['t1'\]"),
    "transition": (lambda s: s.transition_tasks("t1", "QUEUED"), "'t1' is not a sequence of task ids"),
    "instances": (
        lambda s: s.transition_task_instances("t1/1", "DONE"),
        r"'t1/1' is not a sequence of task instance ids; pass \['t1/1'\]",
    ),
    "reset": (lambda s: s.reset_tasks("t1"), "'t1' is not a sequence of task ids"),
    "heartbeats": (lambda s: s.heartbeat_task_instances("t1/1"), "'t1/1' is not a sequence of task instance ids"),
    "batch": (lambda s: s.arrays.queue_task_batch("1", "t1"), "'t1' is not a sequence of task ids"),
    "bytes": (lambda s: s.reset_tasks(b"t1"), "b't1' is not a sequence of task ids"),
    "number": (lambda s: s.reset_tasks(7), "7 is not a sequence of task ids"),
    "text for a spec": (lambda s: s.register_tasks("w", ["t1"]), r"'t1' is not a TaskSpec; pass TaskSpec\('t1'\)"),
    "text for specs": (
        lambda s: s.register_tasks("w", "t1"),
        r"'t1' is not a sequence of TaskSpec; pass \[TaskSpec\(task_id\), \.\.\.\]",
    ),
    "one spec": (lambda s: s.register_tasks("w", TaskSpec("t1")), "is not a sequence of TaskSpec; pass \\[TaskSpec"),
    "list for a mapping": (
        lambda s: s.create_task_instances(["t1/1"]),
        r"\['t1/1'\] is not a mapping; pass \{task instance id: task id\}",
    ),
    "ids for a mapping": (
        lambda s: s.arrays.log_distributor_id("1", "a1/1"),
        r"'a1/1' is not a mapping; pass \{task instance id: distributor id\}",
    ),
    "number for a reason": (lambda s: s.transition_task("t1", "QUEUED", reason=5), "reason 5 is not text"),
}

OF_ANOTHER_TYPE: dict[str, tuple[Callable[[Any], object], type[Exception], str]] = {
    "number for a time": (
        lambda s: s.transition_task("t1", "QUEUED", occurred_at=5), InvalidTime, "time 5 is not a datetime"
    ),
    "text for a time": (
        lambda s: s.transition_task("t1", "QUEUED", occurred_at="2026-01-01"), InvalidTime, "is not a datetime"
    ),
    "no status": (lambda s: s.transition_task("t1", None), UnknownStatus, "no status None; there are REGISTERING"),
    "no statuses": (lambda s: s.transition_tasks(["t1"], None), UnknownStatus, "no status None"),
    "number for a status": (lambda s: s.transition_task("t1", 5), UnknownStatus, "no status 5"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "sentence"), OF_ANOTHER_TYPE.values(), ids=OF_ANOTHER_TYPE)
def test_a_value_of_another_type_is_named(
    service: TransitionService, call: Callable[[Any], object], error: type[Exception], sentence: str
) -> None:
    service.register_tasks("w", [TaskSpec("t1")])

    with pytest.raises(error, match=sentence):
        call(service)

    assert [event["name"] for event in service.history("task:t1")] == ["task.registered.v1"]


@pytest.mark.parametrize(("call", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_what_to_pass(
    service: TransitionService, connection: psycopg.Connection[Any], call: Callable[[Any], object], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        call(service)

    assert connection.execute("SELECT count(*) FROM sojourn.event").fetchone() == (0,)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (TransitionService, r"TransitionService takes a Store, not a str; use TransitionService\.connect\(dsn\)"),
        (ArrayService, r"ArrayService takes a Store, not a str; use TransitionService\.arrays"),
    ],
)
def test_a_dsn_is_not_a_store(build: Callable[[Any], object], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence) as raised:
        build("postgresql://ann:secret@localhost/db")

    assert "secret" not in str(raised.value)


OTHERS: dict[str, Callable[[Any], object]] = {
    "recover": lambda s: s.recover(),
    "limit_concurrency": lambda s: s.limit_concurrency("tag", 1),
    "erase": lambda s: s.erase("ann", because="request 1"),
    "max_concurrently_running": lambda s: s.arrays.max_concurrently_running("1"),
    "max_concurrently_running_of": lambda s: s.arrays.max_concurrently_running_of("w", "12"),
    "batch": lambda s: s.arrays.batch("1", 1),
    "status": lambda s: s.status("task:t1"),
    "history": lambda s: s.history("task:t1"),
    "why": lambda s: s.why("task:t1"),
    "orphans": lambda s: s.orphans(),
    "audit": lambda s: s.audit(),
    "time_in_status": lambda s: s.time_in_status(),
    "variants": lambda s: s.variants(),
}


class TestAClosedService:
    def test_covers_every_writing_method(self) -> None:
        assert OTHERS.keys() >= OF_THEIR_OWN | READING
        assert {name for name in OTHERS if hasattr(Reading, name)} <= {
            name for name, _ in inspect.getmembers(Reading, inspect.isfunction)
        }

    @pytest.mark.parametrize("call", [*CALLS.values(), *OTHERS.values()], ids=[*CALLS, *OTHERS])
    def test_says_so(self, dsn: str, call: Call) -> None:
        with TransitionService.connect(dsn) as service:
            pass

        with pytest.raises(ServiceClosed, match=r"the service is closed; call TransitionService\.connect"):
            call(service)

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_says_so_in_a_callers_transaction_too(
        self, dsn: str, connection: psycopg.Connection[Any], call: Call
    ) -> None:
        with TransitionService.connect(dsn) as service:
            pass

        with pytest.raises(ServiceClosed):
            call(service, connection=connection)
