"""Arrays: bound once, their batches queued, launched and killed as one, also while others do the same."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.array_service import ArrayService
from application.read.history import read_history
from application.read.status import read_status as status_of
from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.shared.retry import between_attempts
from application.transition_service import TaskSpec, TransitionService
from domain.auditing.what_if import Divergence
from domain.entity import Entity
from domain.errors import (
    CommandConflict,
    InvalidDuration,
    InvalidId,
    NotOfArray,
    UnknownBatch,
    UnknownEntity,
    WrongLifecycle,
)
from domain.time import zoned
from infrastructure.errors import RetriesExhausted
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import ids, log, register, status
from tests.support.concurrently import at_once

Connection = psycopg.Connection[Any]

NO_INSTANCES = """
name = "plain"
version = 1
[task]
initial = "new"
terminal = ["gone"]
[task.transitions]
new = ["gone"]
gone = []
"""


@pytest.fixture
def arrays(service: TransitionService) -> ArrayService:
    return ArrayService(service.store)


@pytest.fixture
def array_id(arrays: ArrayService) -> str:
    """An array of workflow w, for template version 12."""
    return arrays.bind("w", "12", 50, "align")["array_id"]


def places(connection: Connection) -> list[tuple[str, int, int]]:
    """Every instance of an array, with its batch and its step."""
    found = connection.execute(
        "SELECT task_instance_id, batch_number, step FROM sojourn.task_instance WHERE array_id IS NOT NULL "
        "ORDER BY batch_number, step"
    )
    return list(found)


def events(connection: Connection) -> int:
    return int(rows(connection, "SELECT count(*) AS n FROM sojourn.event")[0]["n"])


class TestBind:
    def test_a_workflow_has_one_array_for_each_template_version(self, arrays: ArrayService) -> None:
        assert arrays.bind("w", "12", 50, "align") == {"array_id": "1"}
        assert arrays.bind("w", "13", 7) == {"array_id": "2"}
        assert arrays.bind("v", "12", 8) == {"array_id": "3"}
        assert arrays.max_concurrently_running("2") == {"max_concurrently_running": 7}
        assert arrays.max_concurrently_running_of("v", "12") == {"max_concurrently_running": 8}

    def test_bound_again_it_is_the_same_with_another_concurrency(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        assert arrays.bind("w", "12", 60, "other")["array_id"] == array_id
        assert arrays.bind("w", "12", 60)["array_id"] == array_id

        assert arrays.max_concurrently_running(array_id) == {"max_concurrently_running": 60}
        assert log(service, f"array:{array_id}") == ["array.bound BOUND", "array.concurrency_changed BOUND"]
        assert rows(connection, "SELECT name FROM sojourn.array") == [{"name": "align"}]
        assert_agreement(connection)

    def test_bound_by_many_at_once_it_is_one(self, arrays: ArrayService, connection: Connection) -> None:
        calls = [partial(arrays.bind, "w", "12", 10 + number, max_retries=20) for number in range(8)]

        found = {answer["array_id"] for answer in at_once(calls)}

        assert [row["array_id"] for row in rows(connection, "SELECT array_id FROM sojourn.array")] == list(found)
        assert_agreement(connection)

    def test_a_command_is_carried_out_once(self, arrays: ArrayService) -> None:
        first = arrays.bind("w", "12", 50, command_id="c1")
        arrays.bind("w", "12", 60)

        assert arrays.bind("w", "12", 50, command_id="c1") == first
        assert arrays.max_concurrently_running("1") == {"max_concurrently_running": 60}
        with pytest.raises(CommandConflict):
            arrays.bind("w", "12", 51, command_id="c1")


class TestQueueTaskBatch:
    def test_an_instance_each_with_a_number_and_steps(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        service.register_tasks("w", [TaskSpec("c"), TaskSpec("a", array_id=array_id), TaskSpec("b")])

        answer = arrays.queue_task_batch(array_id, ["c", "a", "c"], "r1", "run 1")

        assert answer == {"tasks_by_status": {"QUEUED": ["c", "a"]}, "batch_number": 1}
        assert arrays.queue_task_batch(array_id, ["b"])["batch_number"] == 2
        assert places(connection) == [("c/1", 1, 0), ("a/1", 1, 1), ("b/1", 2, 0)]
        assert arrays.batch(array_id, 1) == [
            {"task_instance_id": "c/1", "task_id": "c", "step": 0, "status": "QUEUED"},
            {"task_instance_id": "a/1", "task_id": "a", "step": 1, "status": "QUEUED"},
        ]
        assert arrays.batch(array_id, 1, after=0, limit=5) == arrays.batch(array_id, 1)[1:]
        assert arrays.batch(array_id, 1, limit=1) == arrays.batch(array_id, 1)[:1]
        assert log(service, "task:a") == ["task.registered REGISTERING", "task.transitioned QUEUED"]
        assert rows(connection, "SELECT num_attempts FROM sojourn.task WHERE task_id = 'a'") == [{"num_attempts": 1}]
        (queued,) = (event for event in read_history(service.store, Entity("array", array_id)) if event["version"] == 2)
        assert queued["details"] == {
            "batch_number": 1, "size": 2, "max_concurrently_running": 50, "task_resources_id": "r1",
            "workflow_run_id": "run 1",
        }  # fmt: skip
        assert_agreement(connection)
        assert verify_log(service.store)["mismatches"] == []

    def test_every_task_is_answered_with_the_status_that_it_has(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        register(service, "t1", "t2", "t3", "t4")
        arrays.queue_task_batch(array_id, ["t1", "t2"])
        for to in ("INSTANTIATED", "LAUNCHED", "RUNNING", "RESOURCE_ERROR"):
            service.transition_task_instance("t1/1", to)
        assert status(service, "task:t1") == ["ADJUSTING_RESOURCES"]
        service.transition_task_instance("t2/1", "INSTANTIATED")

        answer = arrays.queue_task_batch(array_id, ["t2", "t1", "t4"])

        assert answer["tasks_by_status"] == {"INSTANTIATING": ["t2"], "QUEUED": ["t1", "t4"]}
        assert places(connection)[2:] == [("t1/2", 2, 0), ("t4/1", 2, 1)]
        assert log(service, "task:t2")[-1] == "task.refused INSTANTIATING"
        assert_agreement(connection)

    def test_where_nothing_passes_no_number_is_used(
        self, service: TransitionService, arrays: ArrayService, array_id: str
    ) -> None:
        register(service, "t1", "t2")
        arrays.queue_task_batch(array_id, ["t1"])

        assert arrays.queue_task_batch(array_id, ["t1"]) == {
            "tasks_by_status": {"QUEUED": ["t1"]},
            "batch_number": None,
        }
        assert arrays.queue_task_batch(array_id, []) == {"tasks_by_status": {}, "batch_number": None}
        assert arrays.queue_task_batch(array_id, ["t2"])["batch_number"] == 2
        with pytest.raises(UnknownBatch, match=f"array '{array_id}' has no batch 3: its batches are 1 to 2"):
            arrays.batch(array_id, 3)

    def test_sent_twice_it_is_done_once(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        register(service, "t1", "t2")
        calls = [partial(arrays.queue_task_batch, array_id, ["t1", "t2"], command_id="c1", max_retries=20)] * 4

        answers = at_once(calls)

        assert answers == [{"tasks_by_status": {"QUEUED": ["t1", "t2"]}, "batch_number": 1}] * 4
        assert len(places(connection)) == 2
        with pytest.raises(CommandConflict):
            arrays.queue_task_batch(array_id, ["t1"], command_id="c1")
        assert_agreement(connection)

    def test_a_name_that_is_taken_is_left_to_who_has_it(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        register(service, "t1", "t2", "other")
        service.create_task_instances({"t1/1": "other", "t1/1-2": "other"})

        arrays.queue_task_batch(array_id, ["t1", "t2"])

        assert places(connection) == [("t1/1-3", 1, 0), ("t2/1", 1, 1)]
        assert_agreement(connection)

    def test_what_others_hold_stays_as_it_is(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection, dsn: str
    ) -> None:
        register(service, "t1", "t2", "t3")
        with psycopg.connect(dsn) as holder:
            holder.execute("SELECT FROM sojourn.task WHERE task_id = 't2' FOR NO KEY UPDATE")
            answer = arrays.queue_task_batch(array_id, ["t1", "t2", "t3"])

        assert answer["tasks_by_status"] == {"QUEUED": ["t1", "t3"], "REGISTERING": ["t2"]}
        assert arrays.queue_task_batch(array_id, ["t2"])["batch_number"] == 2
        assert_agreement(connection)

    def test_what_others_let_go_in_time_is_queued_too(
        self,
        service: TransitionService,
        arrays: ArrayService,
        array_id: str,
        connection: Connection,
        dsn: str,
    ) -> None:
        register(service, "t1", "t2", "t3")
        with psycopg.connect(dsn) as holder:
            holder.execute("SELECT FROM sojourn.task WHERE task_id = 't1' FOR NO KEY UPDATE")
            with between_attempts(lambda _: holder.commit()):
                answer = arrays.queue_task_batch(array_id, ["t1", "t2", "t3"], max_retries=1)

        assert answer == {"tasks_by_status": {"QUEUED": ["t1", "t2", "t3"]}, "batch_number": 1}
        assert places(connection) == [("t1/1", 1, 0), ("t2/1", 1, 1), ("t3/1", 1, 2)]
        assert_agreement(connection)

    def test_tasks_that_cannot_be_in_it_are_all_named_and_nothing_is_queued(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection, tmp_path: Path
    ) -> None:
        register(service, "task-1")
        register(service, "v1", workflow_id="v")
        service.register_tasks("w", [TaskSpec("t2", array_id="99")])
        before = events(connection)

        with pytest.raises(
            UnknownEntity, match=r"no task 'task-2' \(nor 'x', 'y'\); did you mean 'task-1'\?"
        ) as unknown:
            arrays.queue_task_batch(array_id, ["task-1", "task-2", "x", "y"])
        with pytest.raises(NotOfArray, match="task 'v1' is of workflow 'v', task 't2' is of array '99'") as elsewhere:
            arrays.queue_task_batch(array_id, ["task-1", "v1", "t2"])
        with pytest.raises(UnknownEntity, match="no array '2'"):
            arrays.queue_task_batch("2", ["task-1"])
        with pytest.raises(InvalidId):
            arrays.queue_task_batch(array_id, [17])  # type: ignore[list-item]

        assert unknown.value.names == ("task-2", "x", "y")
        assert list(elsewhere.value.tasks) == ["v1", "t2"]
        assert events(connection) == before
        own = tmp_path / "plain.toml"
        own.write_text(NO_INSTANCES)
        service.register_tasks("w", [TaskSpec("p")], lifecycle=own)
        with pytest.raises(WrongLifecycle, match="'plain' has no task instances"):
            arrays.queue_task_batch(array_id, ["task-1", "p"])
        assert status(service, "task:task-1") == ["REGISTERING"]

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    def test_a_failure_in_the_middle_repeats_all_of_it(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection, sqlstate: str
    ) -> None:
        register(service, "t1", "t2")
        fails_first(connection, "array.batch_queued.v1", sqlstate)

        answer = arrays.queue_task_batch(array_id, ["t1", "t2"])

        assert answer == {"tasks_by_status": {"QUEUED": ["t1", "t2"]}, "batch_number": 1}
        assert rows(connection, "SELECT last_value AS n FROM public.tried") == [{"n": 2}]
        assert places(connection) == [("t1/1", 1, 0), ("t2/1", 1, 1)]
        assert rows(connection, "SELECT DISTINCT num_attempts FROM sojourn.task") == [{"num_attempts": 1}]
        assert_agreement(connection)

    def test_several_chunks_are_one_batch(
        self,
        service: TransitionService,
        arrays: ArrayService,
        array_id: str,
        connection: Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("application.shared.store.CHUNK", 3)
        names = ids(10)
        register(service, *names)

        arrays.queue_task_batch(array_id, names)

        assert places(connection) == [(f"{name}/1", 1, step) for step, name in enumerate(names)]
        assert_agreement(connection)


def test_batches_that_many_processes_queue_at_once_never_share_a_number(
    service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection, dsn: str
) -> None:
    names = ids(120)
    register(service, *names)
    # Each task is in three of the batches: in one of them it is queued.
    batches = [names[start : start + 30] for _ in range(3) for start in range(0, 120, 30)]

    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as processes:
        numbers = list(processes.map(partial(queue, dsn, array_id), batches))

    used = [number for number in numbers if number is not None]
    assert sorted(used) == list(range(1, len(used) + 1))
    assert sorted(name for name, _, _ in places(connection)) == [f"{name}/1" for name in names]
    assert rows(connection, "SELECT DISTINCT num_attempts, status FROM sojourn.task") == [
        {"num_attempts": 1, "status": "QUEUED"}
    ]
    assert_agreement(connection)
    assert verify_log(service.store)["mismatches"] == []


def queue(dsn: str, array_id: str, names: list[str]) -> int | None:
    with TransitionService.connect(dsn) as service:
        return ArrayService(service.store).queue_task_batch(array_id, names, max_retries=20)["batch_number"]


class TestTransitionToLaunched:
    def test_a_batch_is_launched_and_its_tasks_with_it(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        queue_and_instantiate(service, arrays, array_id, "t1", "t2")
        queue_and_instantiate(service, arrays, array_id, "t3")

        assert arrays.transition_to_launched(array_id, 1, 90) == {}

        assert status(service, "ti:t1/1", "task:t1", "ti:t2/1", "task:t2") == ["LAUNCHED"] * 4
        assert status(service, "ti:t3/1", "task:t3") == ["INSTANTIATED", "INSTANTIATING"]
        (row,) = rows(
            connection,
            "SELECT DISTINCT report_by_date - entered_at AS by FROM sojourn.task_instance WHERE batch_number = 1",
        )
        assert row["by"] == timedelta(seconds=90)
        before = events(connection)
        arrays.transition_to_launched(array_id, 1, 90)
        assert events(connection) == before
        assert_agreement(connection)

    def test_what_a_worker_has_begun_is_left_alone(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        queue_and_instantiate(service, arrays, array_id, "t1", "t2")
        service.transition_task_instance("t1/1", "RUNNING")

        arrays.transition_to_launched(array_id, 1, 90)

        assert status(service, "ti:t1/1", "task:t1", "ti:t2/1") == ["RUNNING", "RUNNING", "LAUNCHED"]
        last = read_history(service.store, Entity("task_instance", "t1/1"))[-1]
        assert (last["reported"], last["rule"]) == ("LAUNCHED", "untimely-transition")
        assert_agreement(connection)

    def test_the_race_with_a_worker(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection, dsn: str
    ) -> None:
        queue_and_instantiate(service, arrays, array_id, *ids(40))
        worked = [f"{name}/1" for name in ids(40)[::2]]

        def work() -> None:
            for name in worked:
                assert service.transition_task_instance(name, "RUNNING", max_retries=20)["ti_updated"]

        with psycopg.connect(dsn) as slow, ThreadPoolExecutor(1) as thread:
            service.transition_task_instance(f"{ids(40)[1]}/1", "RUNNING", connection=slow)
            launching = thread.submit(arrays.transition_to_launched, array_id, 1, 90, max_retries=20)
            work()
            slow.commit()
            launching.result(timeout=60)

        found = rows(connection, "SELECT task_instance_id AS id, status FROM sojourn.task_instance ORDER BY 1")
        running = {*worked, f"{ids(40)[1]}/1"}
        assert {row["id"] for row in found if row["status"] == "RUNNING"} == running
        assert {row["status"] for row in found if row["id"] not in running} == {"LAUNCHED"}
        refused = rows(connection, "SELECT stream FROM sojourn.event WHERE data ->> 'rule' = 'untimely-transition'")
        assert f"task_instance:{ids(40)[1]}/1" in {row["stream"] for row in refused}
        assert_agreement(connection)

    def test_where_one_stays_locked_nothing_is_done(
        self, service: TransitionService, arrays: ArrayService, array_id: str, dsn: str
    ) -> None:
        queue_and_instantiate(service, arrays, array_id, "t1", "t2")

        with psycopg.connect(dsn) as holder:
            holder.execute("SELECT FROM sojourn.task_instance WHERE task_instance_id = 't2/1' FOR NO KEY UPDATE")
            with pytest.raises(RetriesExhausted, match=f"array '{array_id}', batch 1 is locked"):
                arrays.transition_to_launched(array_id, 1, 90, max_retries=1)

        assert status(service, "ti:t1/1", "ti:t2/1") == ["INSTANTIATED", "INSTANTIATED"]

    def test_what_is_not_there(self, arrays: ArrayService, array_id: str) -> None:
        with pytest.raises(UnknownBatch, match="nothing was queued in it yet"):
            arrays.transition_to_launched(array_id, 1, 90)
        with pytest.raises(UnknownEntity, match="no array '9'"):
            arrays.transition_to_launched("9", 1, 90)
        with pytest.raises(InvalidDuration):
            arrays.transition_to_launched(array_id, 1, 0)


class TestTransitionToKilled:
    def test_every_one_that_was_told_to_ends(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        names = ("queued", "instantiating", "launched", "running", "reset", "done", "goes on")
        queue_and_instantiate(service, arrays, array_id, *names[1:])
        arrays.transition_to_launched(array_id, 1, 90)
        service.transition_task_instances([f"{name}/1" for name in names[3:]], "RUNNING")
        service.transition_tasks(["done"], "DONE")
        register(service, "queued", "late")
        arrays.queue_task_batch(array_id, ["queued", "late"])
        service.transition_task_instances(["late/1"], "INSTANTIATED")
        service.reset_tasks(["reset"], reset_if_running=True)
        to_kill = [f"{name}/1" for name in ("queued", "late", "launched", "running", "done")]
        assert service.transition_task_instances(to_kill, "KILL_SELF")["transitioned"] == to_kill
        assert status(service, "ti:reset/1") == ["KILL_SELF"]

        for batch in (1, 2):
            assert arrays.transition_to_killed(array_id, batch) == {}

        ended = {f"ti:{name}/1" for name in ("queued", "late", "launched", "running", "done", "reset")}
        assert set(status(service, *ended)) == {"ERROR_FATAL"}
        assert status(service, "ti:goes on/1", "ti:instantiating/1") == ["RUNNING", "LAUNCHED"]
        assert status(service, "task:late", "task:launched", "task:running") == ["ERROR_FATAL"] * 3
        assert status(service, "task:queued", "task:reset", "task:done") == ["QUEUED", "REGISTERING", "DONE"]
        assert log(service, "task:late")[-2:] == [
            "task.transitioned ERROR_RECOVERABLE",
            "task.transitioned ERROR_FATAL",
        ]
        assert log(service, "task:queued")[-1] == "task.refused QUEUED"
        assert_agreement(connection)
        before = events(connection)
        arrays.transition_to_killed(array_id, 1)
        assert events(connection) == before


class TestLogDistributorId:
    def test_ids_and_paths_are_kept_and_strangers_are_named(
        self, service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
    ) -> None:
        queue_and_instantiate(service, arrays, array_id, "t1", "t2")
        other = arrays.bind("w", "13", 5)["array_id"]
        queue_and_instantiate(service, arrays, other, "o")
        distributor_ids: dict[str, str | dict[str, str | None]] = {
            "t1/1": "4711_0",
            "o/1": "4711_1",
            "nobody": "4711_2",
            "t2/1": {"distributor_id": "4711_3", "stdout": "/out", "stderr": None},
        }

        answer = arrays.log_distributor_id(array_id, distributor_ids)

        assert answer == {"success": True, "unknown": ["nobody"], "of_other_arrays": ["o/1"]}
        assert arrays.log_distributor_id(array_id, {"t1/1": "4711_0"}) == {"success": True}
        found = rows(connection, "SELECT task_instance_id, distributor_id FROM sojourn.task_instance ORDER BY 1")
        assert [tuple(row.values()) for row in found] == [("o/1", None), ("t1/1", "4711_0"), ("t2/1", "4711_3")]
        assert log(service, "task_instance:t1/1")[-1] == "task_instance.submitted INSTANTIATED"
        assert len(log(service, "task_instance:t1/1")) == 3
        last = read_history(service.store, Entity("task_instance", "t2/1"))[-1]
        assert last["details"] == {"task_id": "t2", "distributor_id": "4711_3", "stdout": "/out"}
        service.transition_task_instance("t2/1", "RUNNING")
        assert_agreement(connection)
        assert verify_log(service.store)["mismatches"] == []


def test_the_life_of_an_array_of_200(
    service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
) -> None:
    names = ids(200)
    service.register_tasks("w", [TaskSpec(name, array_id=array_id) for name in names])
    assert len(arrays.queue_task_batch(array_id, names, command_id="c1")["tasks_by_status"]["QUEUED"]) == 200
    members = [member["task_instance_id"] for member in arrays.batch(array_id, 1)]
    service.transition_task_instances(members, "INSTANTIATED")
    arrays.log_distributor_id(array_id, {name: f"4711_{step}" for step, name in enumerate(members)})
    service.transition_task_instances(members[:20], "RUNNING")
    arrays.transition_to_launched(array_id, 1, 120)
    service.transition_task_instances(members[20:], "RUNNING")
    service.transition_task_instances(members[:10], "ERROR")
    assert arrays.queue_task_batch(array_id, names)["tasks_by_status"] == {"QUEUED": names[:10], "RUNNING": names[10:]}
    again = [member["task_instance_id"] for member in arrays.batch(array_id, 2)]
    for to in ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"):
        service.transition_task_instances(again, to)
    service.transition_task_instances(members[10:15], "KILL_SELF")
    arrays.transition_to_killed(array_id, 1)
    service.transition_task_instances(members[15:], "DONE")

    ended = rows(connection, "SELECT status, count(*) AS n FROM sojourn.task GROUP BY status ORDER BY status")
    assert ended == [{"status": "DONE", "n": 195}, {"status": "ERROR_FATAL", "n": 5}]
    (bound, *_) = read_history(service.store, Entity("array", array_id))
    found = status_of(service.store, Entity("array", array_id))
    assert (found["status"], found["since"], found["attempts"], found["version"]) == (
        "BOUND", bound["recorded_at"], 2, 3,
    )  # fmt: skip
    early = zoned(bound["recorded_at"] - timedelta(seconds=1))
    assert status_of(service.store, Entity("array", array_id), early)["status"] is None
    assert_agreement(connection)
    assert verify_log(service.store)["mismatches"] == []
    diverged: list[Divergence] = []
    for part in (Entity("array", array_id), Entity("task_instance", members[0]), "w", None):
        try_history(service.store, part, diverged=diverged.append)
    assert diverged == []


def test_tasks_with_ids_of_every_length_are_queued(
    service: TransitionService, arrays: ArrayService, array_id: str, connection: Connection
) -> None:
    names = [letter * length for length in (253, 254, 255) for letter in "ab"] + ["a" * 254 + "b"]
    register(service, *names)

    for _ in range(2):
        arrays.queue_task_batch(array_id, names)
        service.reset_tasks(names)

    found = rows(connection, "SELECT task_id, task_instance_id FROM sojourn.task_instance ORDER BY ordinal, 1")
    assert len({row["task_instance_id"] for row in found}) == len(found) == 2 * len(names)
    assert all(len(row["task_instance_id"]) <= 255 for row in found)
    assert all(row["task_instance_id"][-2:] in ("/1", "/2") for row in found)
    assert all(row["task_instance_id"][:230] == row["task_id"][:230] for row in found)
    assert_agreement(connection)


def queue_and_instantiate(service: TransitionService, arrays: ArrayService, array_id: str, *names: str) -> None:
    """Register tasks, queue them as a batch, and let a distributor take it."""
    register(service, *names)
    arrays.queue_task_batch(array_id, names)
    service.transition_task_instances([f"{name}/1" for name in names], "INSTANTIATED")


def fails_first(connection: Connection, name: str, sqlstate: str) -> None:
    """The first event of that name cannot be written: a sequence remembers that beyond the rollback."""
    kind, _, event_type = name.partition(".")
    connection.execute("CREATE SEQUENCE public.tried")
    connection.execute(
        f"""
        CREATE FUNCTION public.fail_first() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('public.tried') = 1 THEN
                RAISE EXCEPTION 'not now' USING ERRCODE = '{sqlstate}';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fail_first BEFORE INSERT ON sojourn.stored_event
        FOR EACH ROW WHEN (NEW.entity_kind = '{kind}' AND NEW.event_type = '{event_type}')
        EXECUTE FUNCTION public.fail_first();
        """.encode()
    )
