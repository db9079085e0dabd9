"""Recovery: an abandoned task goes on, once, whatever happens meanwhile; the log has who recovered it, and why."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import psycopg
import pytest

from application.maintain import recover as module
from application.maintain.recover import RecoverAnswer, find_recoverable_tasks, recover_tasks
from application.read.history import read_history
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.entity import parse_entity
from domain.report_context import NO_CONTEXT
from tests.support.agreement import rows
from tests.support.attempts import attempt, ids, register, status
from tests.support.concurrently import at_once
from tests.support.waiting import wait_for

Connection = psycopg.Connection[Any]
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)

TAKE = {
    "PENDING": ["PENDING"],
    "RUNNING": ["PENDING", "RUNNING"],
    "PAUSED": ["PENDING", "RUNNING", "PAUSED"],
    "PENDING_RECOVERY": ["PENDING", "PENDING_RECOVERY"],
    "RUNNING_RECOVERY": ["PENDING", "RUNNING", "RUNNING_RECOVERY"],
}
"""How ann brings a task to each status."""

WORKER = """
import sys
from application.transition_service import TransitionService
with TransitionService.connect(sys.argv[1]) as service:
    service.heartbeat("ann", seconds=0.5)
    for status in ("PENDING", "RUNNING"):
        service.transition_task("t", status, runner_id="ann")
    print("running", flush=True)
    while True:
        service.heartbeat("ann", seconds=0.5)
"""


def take(service: TransitionService, *task_ids: str, until: str = "RUNNING", at: datetime | None = LONG_AGO) -> None:
    """Register tasks, which ann takes and brings to a status."""
    service.register_tasks("w", [TaskSpec(task_id) for task_id in task_ids], lifecycle="pynenc", occurred_at=at)
    for task_id, to in ((task_id, to) for task_id in task_ids for to in TAKE[until]):
        assert service.transition_task(task_id, to, runner_id="ann", occurred_at=at)["response"] == "ACCEPT"


def recovered(answer: RecoverAnswer) -> list[tuple[Any, ...]]:
    return [(task["entity"], task["from"], *task["way"], task["owner"]) for task in answer["recovered"]]


def entities(found: Any) -> list[str]:
    return [one["entity"] for one in found]


def assert_clean(service: TransitionService) -> None:
    assert verify_log(service.store)["mismatches"] == []


class TestAPass:
    @pytest.mark.parametrize(
        ("until", "way", "owner"),
        [
            ("PENDING", ["PENDING_RECOVERY", "REROUTED"], "ann"),
            ("RUNNING", ["RUNNING_RECOVERY", "REROUTED"], "ann"),
            ("PAUSED", ["KILLED", "REROUTED"], "ann"),
            ("PENDING_RECOVERY", ["REROUTED"], None),
            ("RUNNING_RECOVERY", ["REROUTED"], None),
        ],
    )
    def test_brings_what_was_left_behind_to_where_it_can_be_run_again(
        self, service: TransitionService, until: str, way: list[str], owner: str | None
    ) -> None:
        take(service, "t", until=until)

        would, done, again = service.recover(dry_run=True), service.recover(), service.recover()

        assert recovered(done) == [("task:t", until, *way, owner)]
        assert would == done
        assert again == {"recovered": [], "skipped": [], "lapsed": []}
        events = read_history(service.store, parse_entity("task:t"))[-len(way) :]
        assert [event["status"] for event in events] == way
        assert {(event["rule"], event["actor"], event["reason"]) for event in events} == {
            ("recovery", "recovery", done["recovered"][0]["reason"])
        }
        assert service.transition_task("t", "PENDING", runner_id="bob")["owner"] == "bob"
        assert_clean(service)

    def test_a_dry_run_writes_nothing(self, service: TransitionService, connection: Connection) -> None:
        take(service, "t")
        service.heartbeat("ann", 1, occurred_at=LONG_AGO)
        before = rows(connection, "SELECT * FROM sojourn.event"), rows(connection, "SELECT * FROM sojourn.lease")

        answer = service.recover(dry_run=True)

        assert (entities(answer["recovered"]), entities(answer["lapsed"])) == (["task:t"], ["runner:ann"])
        after = rows(connection, "SELECT * FROM sojourn.event"), rows(connection, "SELECT * FROM sojourn.lease")
        assert after == before

    def test_leaves_alone_what_a_runner_still_cares_for(self, service: TransitionService) -> None:
        take(service, "t")
        service.heartbeat("ann")

        assert recovered(service.recover()) == []
        assert status(service, "task:t") == ["RUNNING"]

    def test_waits_for_as_long_as_it_is_told(self, service: TransitionService) -> None:
        take(service, "p", until="PENDING")
        take(service, "r")

        assert recovered(service.recover(max_pending_seconds=7_200, runner_dead_after=7_200)) == []
        assert entities(service.recover(runner_dead_after=7_200)["recovered"]) == ["task:p"]
        assert entities(service.recover(runner_dead_after=60)["recovered"]) == ["task:r"]
        take(service, "now", until="PENDING", at=None)
        assert entities(service.recover(max_pending_seconds=0)["recovered"]) == ["task:now"]

    def test_leaves_lifecycles_alone_that_know_of_none(self, service: TransitionService) -> None:
        register(service, "t")
        attempt(service, "t")

        assert service.recover(max_pending_seconds=0.001, runner_dead_after=0.001)["recovered"] == []

    def test_sees_to_every_page(self, service: TransitionService, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PAGE", 2)
        take(service, *ids(5))

        assert entities(service.recover()["recovered"]) == [f"task:{name}" for name in ids(5)]


class TestARunOfPrefect:
    def run(self, service: TransitionService, *task_ids: str, runner_id: str | None) -> None:
        specs = [TaskSpec(name, attributes={"tags": ["gpu"]}) for name in task_ids]
        service.register_tasks("w", specs, lifecycle="prefect", occurred_at=LONG_AGO)
        for name in task_ids:
            service.transition_task(name, "RUNNING", runner_id=runner_id, occurred_at=LONG_AGO)

    def test_whose_runner_died_has_crashed_and_gives_its_slot_back(self, service: TransitionService) -> None:
        service.limit_concurrency("gpu", 1)
        service.heartbeat("ann", seconds=60, occurred_at=LONG_AGO)
        self.run(service, "t", runner_id="ann")

        (found,) = service.recover()["recovered"]

        assert (found["entity"], found["from"], found["to"], found["owner"]) == ("task:t", "RUNNING", "CRASHED", "ann")
        self.run(service, "next", runner_id="bob")
        assert service.status("task:next")["status"] == "RUNNING"
        assert_clean(service)

    @pytest.mark.parametrize("runner_id", [None, "bob"])
    def test_is_left_alone_where_its_runner_never_sent_a_heartbeat(
        self, service: TransitionService, runner_id: str | None
    ) -> None:
        self.run(service, "t", runner_id=runner_id)

        assert service.recover()["recovered"] == []

    def test_may_be_ended_by_anybody(self, service: TransitionService) -> None:
        self.run(service, "t", runner_id="ann")

        assert service.transition_task("t", "COMPLETED")["response"] == "ACCEPT"
        assert service.status("task:t")["status"] == "COMPLETED"


class TestWhileOthersWork:
    def test_a_worker_that_is_killed_loses_its_task(self, service: TransitionService, dsn: str) -> None:
        service.register_tasks("w", [TaskSpec("t")], lifecycle="pynenc")
        worker = subprocess.Popen([sys.executable, "-c", WORKER, dsn], stdout=subprocess.PIPE, text=True)
        assert worker.stdout
        assert worker.stdout.readline() == "running\n"
        alive = service.recover(runner_dead_after=60)
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate(timeout=30)

        (silent,) = wait_for(lambda: service.recover(runner_dead_after=0.5)["recovered"])

        assert recovered(alive) == []
        assert (silent["entity"], silent["from"], silent["to"], silent["owner"]) == (
            "task:t", "RUNNING", "REROUTED", "ann",
        )  # fmt: skip
        late = service.transition_task("t", "SUCCESS", runner_id="ann")
        assert (late["status"], late["error"] or late["rule"]) == ("REROUTED", "invalid-transition")
        assert_clean(service)

    def test_two_passes_at_once_recover_each_task_once(self, service: TransitionService) -> None:
        names = [f"task:{name}" for name in ids(20)]
        take(service, *ids(20))

        answers = at_once([service.recover] * 3)

        assert sorted(chain.from_iterable(entities(answer["recovered"]) for answer in answers)) == names
        assert not any(skipped["failed"] for answer in answers for skipped in answer["skipped"])
        assert_clean(service)

    def test_owners_that_speak_up_meanwhile_win_or_lose_but_never_both(self, service: TransitionService) -> None:
        take(service, *ids(20))

        def finish() -> list[str]:
            answers = {name: service.transition_task(name, "SUCCESS", runner_id="ann") for name in reversed(ids(20))}
            return [f"task:{name}" for name, answer in answers.items() if answer["response"] == "ACCEPT"]

        with ThreadPoolExecutor(1) as thread:
            finishing = thread.submit(finish)
            answer = service.recover()
            done = finishing.result(timeout=60)

        assert not any(skipped["failed"] for skipped in answer["skipped"])
        moved = [*done, *entities(answer["recovered"])]
        assert len(moved) == len(set(moved))
        assert_clean(service)

    def test_one_that_changes_before_its_turn_is_reported_as_skipped(self, service: TransitionService) -> None:
        take(service, "a", "b", "c")

        def finish_b_before_its_turn() -> Iterator[str]:
            for task_id in find_recoverable_tasks(service.store):
                if task_id == "b":
                    service.transition_task("b", "SUCCESS", runner_id="ann")
                yield task_id

        answer = recover_tasks(service.store, NO_CONTEXT, task_ids=finish_b_before_its_turn())

        assert entities(answer["recovered"]) == ["task:a", "task:c"]
        assert answer["skipped"] == [{"entity": "task:b", "why": "its status has changed since", "failed": False}]
        assert status(service, "task:b") == ["SUCCESS"]

    def test_one_that_others_hold_is_left_to_the_next_pass(
        self, service: TransitionService, connection: Connection
    ) -> None:
        take(service, "a", "b")
        with connection.transaction():
            connection.execute("SELECT FROM sojourn.task WHERE task_id = 'a' FOR NO KEY UPDATE")
            answer = service.recover()

        assert entities(answer["recovered"]) == ["task:b"]
        assert answer["skipped"] == [{"entity": "task:a", "why": "others hold it", "failed": False}]
        assert entities(service.recover()["recovered"]) == ["task:a"]

    def test_one_that_cannot_be_decided_on_stops_nobody(
        self, service: TransitionService, connection: Connection
    ) -> None:
        take(service, "a", "b")
        connection.execute("""UPDATE sojourn.task SET state = '{"broken": 1}' WHERE task_id = 'a'""")

        answer = service.recover()

        assert entities(answer["recovered"]) == ["task:b"]
        ((entity, failed),) = [(skipped["entity"], skipped["failed"]) for skipped in answer["skipped"]]
        assert (entity, failed) == ("task:a", True)


class TestLapses:
    def test_are_recorded_once_and_end_with_the_next_heartbeat(self, service: TransitionService) -> None:
        service.heartbeat("ann", 60, occurred_at=LONG_AGO)

        first, second = service.recover(), service.recover()
        back = service.heartbeat("ann", 60)

        since = LONG_AGO + timedelta(seconds=60)
        assert first["lapsed"] == [{"entity": "runner:ann", "since": since}]
        assert second["lapsed"] == []
        assert back["silent_since"] == since
        assert names(service, "runner:ann") == ["runner.lapsed.v1", "runner.returned.v1"]
        assert_clean(service)

    def test_of_task_instances_leave_their_status(self, service: TransitionService) -> None:
        register(service, "t", "u")
        attempt(service, "t", "u")
        since = {"t/1": LONG_AGO, "u/1": datetime.now(UTC) + timedelta(hours=1)}
        for name, report_by in since.items():
            service.transition_task_instance(name, "TRIAGING", report_by_date=report_by)

        answer = service.recover()

        assert entities(answer["lapsed"]) == ["ti:t/1"]
        assert service.recover()["lapsed"] == []
        assert names(service, "task_instance:t/1")[-1] == "task_instance.lapsed.v1"
        assert service.transition_task_instance("t/1", "RUNNING")["ti_updated"]
        assert_clean(service)

    def test_of_those_that_others_hold_are_left_to_the_next_pass(
        self, service: TransitionService, connection: Connection
    ) -> None:
        register(service, "t")
        attempt(service, "t")
        service.transition_task_instance("t/1", "TRIAGING", report_by_date=LONG_AGO)
        service.heartbeat("ann", 60, occurred_at=LONG_AGO)
        service.heartbeat("bob", 60, occurred_at=LONG_AGO)
        with connection.transaction():
            connection.execute("SELECT FROM sojourn.task_instance FOR NO KEY UPDATE")
            connection.execute("SELECT FROM sojourn.lease WHERE holder = 'runner:ann' FOR NO KEY UPDATE")
            answer = service.recover()

        assert entities(answer["lapsed"]) == ["runner:bob"]
        assert [(skipped["entity"], skipped["failed"]) for skipped in answer["skipped"]] == [
            ("runner:ann", False),
            ("ti:t/1", False),
        ]
        assert entities(service.recover()["lapsed"]) == ["runner:ann", "ti:t/1"]

    def test_of_an_instance_that_has_ended_are_none(self, service: TransitionService) -> None:
        register(service, "t")
        attempt(service, "t")
        service.transition_task_instance("t/1", "DONE", report_by_date=LONG_AGO)

        assert service.recover()["lapsed"] == []

    def test_passes_at_once_record_each_once(self, service: TransitionService) -> None:
        for name in ids(20, "r"):
            service.heartbeat(name, 60, occurred_at=LONG_AGO)

        beats: list[Callable[[], Any]] = [partial(service.heartbeat, name) for name in ids(5, "r")]
        at_once([service.recover, *beats, service.recover])

        assert all(names(service, f"runner:{name}")[0] == "runner.lapsed.v1" for name in ids(20, "r"))
        assert_clean(service)

    def test_each_is_in_the_answer_of_the_pass_that_recorded_it(self, service: TransitionService) -> None:
        for name in ids(20, "r"):
            service.heartbeat(name, 60, occurred_at=LONG_AGO)

        answers = at_once([service.recover] * 6)

        lapsed = [entity for answer in answers for entity in entities(answer["lapsed"])]
        assert sorted(lapsed) == sorted(f"runner:{name}" for name in ids(20, "r"))
        assert [skipped for answer in answers for skipped in answer["skipped"] if skipped["failed"]] == []


def names(service: TransitionService, stream: str) -> list[str]:
    return [recorded.topic for recorded in service.store.recorder.select_events(stream)]
