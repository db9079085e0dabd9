"""Orphans: by each rule, now and as of a time, as brute force finds them in the events."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.array_service import ArrayService
from application.read.history import read_history
from application.read.open_statuses import find_open_statuses
from application.read.orphans import find_orphans
from application.shared.orphan import Orphan
from application.transition_service import TaskSpec, TransitionService
from domain.entity import parse_entity
from domain.errors import InvalidThreshold, UnknownEntity, UnknownOrphanRule, UnknownStatus
from tests.support.agreement import moves, rows, streams_of
from tests.support.examples import examples
from tests.support.orphan_fold import Hit, orphans_of
from tests.support.scenario import INSTANCE_MACHINE, JOBMON, TASK_MACHINE

Connection = psycopg.Connection[Any]
LIMITED = """
name = "own"
version = 1
[task]
initial = "REGISTERED"
terminal = ["ENDED"]
stuck_after = { STARTED = "10m" }
[task.transitions]
REGISTERED = ["STARTED"]
STARTED = ["ENDED"]
ENDED = []
"""

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


def found(service: TransitionService, number: float, **wanted: Any) -> list[tuple[str, str, float]]:
    """(entity, rule, since in minutes) as of a minute."""
    return [
        (orphan["entity"], orphan["rule"], (orphan["since"] - EIGHT).total_seconds() / 60)
        for orphan in find_orphans(service.store, at=minute(number), **wanted)
    ]


def only(service: TransitionService, number: float, **wanted: Any) -> Orphan:
    found = find_orphans(service.store, at=minute(number), **wanted)
    assert len(found) == 1, found
    (orphan,) = found
    return orphan


def positions(service: TransitionService, *entered: tuple[str, str]) -> list[int]:
    """Return the position at which a stream's entity last entered a status."""
    return [
        [event["position"] for event in read_history(service.store, parse_entity(stream)) if event["status"] == status][
            -1
        ]
        for stream, status in entered
    ]


def report(service: TransitionService, instance: str, *steps: tuple[float, str], **more: Any) -> None:
    for number, status in steps:
        assert service.transition_task_instance(instance, status, occurred_at=minute(number), **more)["ti_updated"]


def end(service: TransitionService, task: str, number: float) -> None:
    """Let a task begin and fail permanently in one moment."""
    service.gate_tasks_for_queueing([task], occurred_at=minute(number))
    for status in ("INSTANTIATING", "LAUNCHED", "ERROR_FATAL"):
        assert service.transition_task(task, status, occurred_at=minute(number))["response"] == "ACCEPT"


@pytest.fixture
def running(service: TransitionService) -> TransitionService:
    """Task `t`, whose instance `t/1` runs since minute 5."""
    service.register_tasks("w", [TaskSpec("t")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["t"], occurred_at=minute(1))
    service.create_task_instances({"t/1": "t"}, occurred_at=minute(2))
    report(service, "t/1", (3, "INSTANTIATED"), (4, "LAUNCHED"), (5, "RUNNING"))
    return service


@pytest.fixture
def retried(running: TransitionService) -> TransitionService:
    """Its second instance `t/2` is created in minute 6 and runs from minute 7 on."""
    running.create_task_instances({"t/2": "t"}, occurred_at=minute(6))
    report(running, "t/2", (7, "INSTANTIATED"), (7, "LAUNCHED"), (7, "RUNNING"))
    return running


class TestSuperseded:
    def test_two_instances_are_active(self, retried: TransitionService) -> None:
        orphan = only(retried, 7)

        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("ti:t/1", "superseded", minute(6))
        assert orphan["evidence"] == positions(retried, ("ti:t/1", "QUEUED"), ("ti:t/2", "QUEUED"))
        assert orphan["explanation"] == (
            "ti:t/1 is RUNNING, although ti:t/2 is a newer attempt at task:t and active since 2026-01-31T08:06:00.000Z"
        )
        assert orphan["expected"] == "ti:t/1 in a terminal status, before ti:t/2 began"

    def test_it_is_seen_after_it_was_cleaned_up(self, retried: TransitionService) -> None:
        report(retried, "t/1", (9, "ERROR"))

        assert found(retried, 5) == []
        assert found(retried, 8) == [("ti:t/1", "superseded", 6)]
        assert found(retried, 9) == []


class TestTerminalParent:
    def test_the_task_has_ended(self, retried: TransitionService) -> None:
        report(retried, "t/2", (10, "DONE"))
        report(retried, "t/1", (12, "TRIAGING"))

        orphan = only(retried, 13)

        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("ti:t/1", "terminal-parent", minute(10))
        assert orphan["evidence"] == positions(retried, ("ti:t/1", "QUEUED"), ("task:t", "DONE"))
        assert orphan["explanation"] == (
            "ti:t/1 is TRIAGING, although task:t is DONE and has been over since 2026-01-31T08:10:00.000Z"
        )
        assert found(retried, 9) == [("ti:t/1", "superseded", 6)]


class TestLateReport:
    def test_the_orphan_rule_has_decided(self, retried: TransitionService) -> None:
        report(retried, "t/2", (10, "DONE"))
        report(retried, "t/1", (12, "ERROR"))

        assert found(retried, 13) == []
        orphan = only(retried, 13, decided=True)
        assert only(retried, 13, rule="late-report") == orphan
        assert (orphan["entity"], orphan["since"], orphan["decided"]) == ("ti:t/1", minute(12), True)
        assert orphan["evidence"] == positions(retried, ("task:t", "DONE"), ("ti:t/1", "ERROR_FATAL"))
        assert orphan["explanation"] == (
            "ti:t/1 reported ERROR at 2026-01-31T08:12:00.000Z; task:t was already DONE since "
            "2026-01-31T08:10:00.000Z by ti:t/2; rule orphaned-instance turned ERROR into ERROR_FATAL"
        )
        assert found(retried, 11.5, decided=True) == [("ti:t/1", "terminal-parent", 10)]


class TestMissedHeartbeat:
    def test_the_report_by_date_has_passed(self, running: TransitionService) -> None:
        report(running, "t/1", (6, "TRIAGING"))
        report(running, "t/1", (7, "RUNNING"), report_by_date=minute(9))

        assert found(running, 9) == []
        orphan = only(running, 9.5)
        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("ti:t/1", "missed-heartbeat", minute(9))
        assert orphan["evidence"] == positions(running, ("ti:t/1", "RUNNING"))
        assert "its report was due by 2026-01-31T08:09:00.000Z" in orphan["explanation"]
        report(running, "t/1", (11, "TRIAGING"))
        assert (found(running, 10), found(running, 11)) == ([("ti:t/1", "missed-heartbeat", 9)], [])

    def test_a_heartbeat_puts_it_off(self, running: TransitionService) -> None:
        running.heartbeat_task_instances(["t/1"], 180, occurred_at=minute(6))
        assert (found(running, 8.9), found(running, 9.1)) == ([], [("ti:t/1", "missed-heartbeat", 9)])

        running.heartbeat_task_instances(["t/1"], 180, occurred_at=minute(10))

        assert (found(running, 9.5), found(running, 12)) == ([("ti:t/1", "missed-heartbeat", 9)], [])


class TestNeverLaunched:
    def test_no_distributor_has_given_an_id(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t")], occurred_at=minute(0))
        service.create_task_instances({"t/1": "t"}, occurred_at=minute(2))
        report(service, "t/1", (10, "INSTANTIATED"))

        assert found(service, 62) == []
        orphan = only(service, 63)
        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("ti:t/1", "never-launched", minute(62))
        assert orphan["evidence"] == positions(service, ("ti:t/1", "QUEUED"))
        assert found(service, 33, thresholds={"never_launched_after": "30m"}) == [("ti:t/1", "never-launched", 32)]
        report(service, "t/1", (70, "LAUNCHED"))
        assert (found(service, 65), found(service, 70)) == ([("ti:t/1", "never-launched", 62)], [])

    def test_an_id_puts_an_end_to_it_and_the_past_had_none(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t")], occurred_at=minute(0))
        arrays = ArrayService(service.store)
        array = arrays.bind("w", "tv", 5, occurred_at=minute(0))["array_id"]
        arrays.queue_task_batch(array, ["t"], occurred_at=minute(1))
        ((instance,),) = rows_of(service, "SELECT task_instance_id FROM sojourn.task_instance")
        assert found(service, 70) == [(f"ti:{instance}", "never-launched", 61)]

        arrays.log_distributor_id(array, {instance: "slurm-17"}, occurred_at=minute(80))

        assert (found(service, 79), found(service, 81)) == ([(f"ti:{instance}", "never-launched", 61)], [])


class TestStalledTask:
    def test_a_task_that_was_gated_again_waits_for_no_instance_that_has_ended(self, running: TransitionService) -> None:
        report(running, "t/1", (6, "ERROR"))
        running.gate_tasks_for_queueing(["t"], occurred_at=minute(6))

        assert found(running, 7) == []

    def test_a_failure_that_no_longer_counts_leaves_it_waiting(self, running: TransitionService) -> None:
        running.create_task_instances({"t/2": "t"}, occurred_at=minute(6))
        report(running, "t/2", (7, "INSTANTIATED"), (7, "NO_DISTRIBUTOR_ID"))
        running.gate_tasks_for_queueing(["t"], occurred_at=minute(8))
        assert found(running, 8, rule="stalled-task") == []
        report(running, "t/1", (9, "ERROR"))

        orphan = only(running, 9, rule="stalled-task")

        assert (orphan["entity"], orphan["since"]) == ("task:t", minute(9))
        assert orphan["evidence"][1:] == positions(running, ("ti:t/1", "ERROR"))
        assert orphan["explanation"] == (
            "task:t is QUEUED since 2026-01-31T08:08:00.000Z and waits on ti:t/1, which ended as ERROR at "
            "2026-01-31T08:09:00.000Z"
        )


class TestEndedParent:
    @pytest.fixture
    def child(self, service: TransitionService) -> TransitionService:
        """Task `c` is a part of `run`, which was over in minute 7, and `d` a part of `c`."""
        service.register_tasks("w", [TaskSpec("run")], occurred_at=minute(0))
        service.register_tasks("w", [TaskSpec("c", parent="run"), TaskSpec("d", parent="c")], occurred_at=minute(2))
        end(service, "run", 7)
        return service

    def test_the_parent_has_ended_and_a_child_of_the_child_is_none(self, child: TransitionService) -> None:
        assert found(child, 6) == []
        orphan = only(child, 8)
        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("task:c", "ended-parent", minute(7))
        assert orphan["evidence"] == positions(child, ("task:c", "REGISTERING"), ("task:run", "ERROR_FATAL"))
        assert orphan["explanation"] == (
            "task:c is REGISTERING, although its parent task:run is ERROR_FATAL and has been over since "
            "2026-01-31T08:07:00.000Z"
        )
        assert orphan["expected"] == "task:c in a terminal status, when task:run entered one"

    def test_its_own_end_or_a_retry_of_the_parent_puts_an_end_to_it(self, child: TransitionService) -> None:
        child.reset_tasks(["run"], occurred_at=minute(9))
        end(child, "run", 10)
        end(child, "c", 12)

        assert found(child, 8) == [("task:c", "ended-parent", 7)]
        assert found(child, 9) == []
        assert found(child, 11) == [("task:c", "ended-parent", 10)]
        assert found(child, 12) == [("task:d", "ended-parent", 12)]

    def test_a_child_that_began_in_a_run_that_was_over(self, child: TransitionService) -> None:
        child.register_tasks("w", [TaskSpec("late", parent="run")], occurred_at=minute(8))

        (late,) = (orphan for orphan in find_orphans(child.store, at=minute(9)) if orphan["entity"] == "task:late")

        assert (late["since"], late["expected"]) == (
            minute(8), "task:run in a status that is not terminal, when task:late began",
        )  # fmt: skip
        assert child.why("task:late", at=minute(9))["verdict"].endswith(
            "Registering task:late only while its parent was active would have prevented it."
        )
        assert child.why("task:c", at=minute(9))["verdict"].endswith(
            "Ending task:c, or reporting its end, before its parent ended would have prevented it."
        )


class TestDeadRunner:
    def test_its_owner_is_silent(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t", max_attempts=1)], lifecycle="pynenc", occurred_at=minute(0))
        service.heartbeat("r", 300, occurred_at=minute(0))
        service.transition_task("t", "PENDING", runner_id="r", occurred_at=minute(1))
        service.transition_task("t", "RUNNING", runner_id="r", occurred_at=minute(1))

        assert found(service, 9) == []
        orphan = only(service, 12)
        assert (orphan["entity"], orphan["rule"], orphan["since"]) == ("task:t", "dead-runner", minute(10))
        assert orphan["evidence"] == positions(service, ("task:t", "RUNNING"))
        assert "belongs to runner:r, who has sent no heartbeat since 2026-01-31T08:00:00.000Z" in orphan["explanation"]
        service.heartbeat("r", 300, occurred_at=minute(20))
        assert (found(service, 9), found(service, 12)) == ([], [("task:t", "dead-runner", 10)])
        assert found(service, 21) == []

    def test_who_never_sent_a_heartbeat_is_silent_since_it_was_given_the_task(self, service: TransitionService) -> None:
        service.register_tasks("w", [TaskSpec("t")], lifecycle="pynenc", occurred_at=minute(0))
        service.transition_task("t", "PENDING", runner_id="r", occurred_at=minute(1))

        assert (found(service, 11), found(service, 12)) == ([], [("task:t", "dead-runner", 11)])
        assert found(service, 4, thresholds={"runner_dead_after": "2m"}) == [("task:t", "dead-runner", 3)]
        service.transition_task("t", "KILLED", runner_id="r", occurred_at=minute(30))
        assert found(service, 31) == []


class TestStuck:
    @pytest.fixture
    def usual(self, service: TransitionService) -> TransitionService:
        """Twenty tasks of template `align` that ran for 2 minutes each, and one that runs since minute 100."""
        names = [f"t{number}" for number in range(21)]
        service.register_tasks("w", [TaskSpec(name, template="align") for name in names], occurred_at=minute(0))
        service.gate_tasks_for_queueing(names, occurred_at=minute(0))
        service.create_task_instances({f"{name}/1": name for name in names}, occurred_at=minute(0))
        for name in names:
            began = 100 if name == "t20" else 10
            for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
                service.transition_task_instance(f"{name}/1", status, occurred_at=minute(began))
            if name != "t20":
                service.transition_task_instance(f"{name}/1", "DONE", occurred_at=minute(12))
        return service

    def test_it_has_lasted_several_times_as_long_as_is_usual(self, usual: TransitionService) -> None:
        assert found(usual, 106, rule="stuck") == []
        assert found(usual, 107, rule="stuck") == [("task:t20", "stuck", 106), ("ti:t20/1", "stuck", 106)]
        assert found(usual, 105, rule="stuck", thresholds={"stuck_factor": "2"})[0] == ("task:t20", "stuck", 104)
        assert found(usual, 200, rule="stuck", thresholds={"stuck_minimum": "21"}) == []
        assert found(usual, 101.5, rule="stuck", thresholds={"stuck_factor": "0"})[0] == ("task:t20", "stuck", 101)
        orphan = find_orphans(usual.store, rule="stuck", at=minute(107))[1]
        assert orphan["evidence"] == positions(usual, ("ti:t20/1", "RUNNING"))
        assert orphan["explanation"] == (
            "ti:t20/1 has been RUNNING since 2026-01-31T09:40:00.000Z; 99 of 100 intervals of template align lasted "
            "at most 00:02:00 (of 20); the limit is 3 times that, and at least 00:01:00"
        )

    @pytest.mark.parametrize("settings", [{}, {"factor": "0"}, {"factor": "0.25"}, {"minimum": "21"}, {"floor": "7m"}])
    def test_why_states_it_where_the_rule_does_to_the_microsecond(
        self, usual: TransitionService, settings: dict[str, str]
    ) -> None:
        """`why` asks for the rule only where the comparison with other intervals says that it may hold."""
        options = " ".join(f"-c sojourn.stuck_{name}={value}" for name, value in settings.items())
        with TransitionService.connect(psycopg.conninfo.make_conninfo(usual.dsn, options=options)) as service:
            for at in (100, 100.5, 101, 101.5, 102, 106, 107, 120):
                for moment in (minute(at), minute(at) + timedelta(microseconds=1)):
                    expected = find_orphans(service.store, rule="stuck", at=moment)
                    stated = [
                        one
                        for entity in ("task:t20", "ti:t20/1")
                        for one in service.why(entity, moment)["orphan"]
                        if one["rule"] == "stuck"
                    ]
                    assert stated == expected

    def test_names_that_are_all_different_are_compared_within_their_lifecycle(self, service: TransitionService) -> None:
        names = [f"t{number}" for number in range(21)]
        service.register_tasks("w", [TaskSpec(name, template=name) for name in names], occurred_at=minute(0))
        service.register_tasks("w", [TaskSpec("p", template="t0")], "prefect", occurred_at=minute(0))
        service.gate_tasks_for_queueing(names[:20], occurred_at=minute(2))

        assert found(service, 6, rule="stuck") == []
        assert found(service, 7, rule="stuck") == [("task:t20", "stuck", 6)]
        assert only(service, 7, rule="stuck")["explanation"] == (
            "task:t20 has been REGISTERING since 2026-01-31T08:00:00.000Z; 99 of 100 intervals of lifecycle jobmon in "
            "REGISTERING lasted at most 00:02:00 (of 20); the limit is 3 times that, and at least 00:01:00"
        )
        assert found(service, 7, rule="stuck", thresholds={"stuck_minimum": "21"}) == []
        assert found(service, 1, rule="stuck", thresholds={"stuck_factor": "0"}) == []

    def test_those_of_the_same_name_count_more_than_the_rest(self, usual: TransitionService) -> None:
        names = [f"u{number}" for number in range(100)]
        usual.register_tasks("w", [TaskSpec(name, template="sort") for name in names], occurred_at=minute(0))
        usual.gate_tasks_for_queueing(names, occurred_at=minute(0))
        usual.create_task_instances({f"{name}/1": name for name in names}, occurred_at=minute(0))
        for status, at in (("INSTANTIATED", 10), ("LAUNCHED", 10), ("RUNNING", 10), ("DONE", 100)):
            usual.transition_task_instances([f"{name}/1" for name in names], status, occurred_at=minute(at))

        assert found(usual, 107, rule="stuck") == [("task:t20", "stuck", 106), ("ti:t20/1", "stuck", 106)]

    def test_what_waits_for_a_task_counts_from_when_that_one_ended(self, usual: TransitionService) -> None:
        usual.register_tasks("w", [TaskSpec("u", upstream=["t0"])], occurred_at=minute(0))
        usual.register_tasks("w", [TaskSpec("v", upstream=["t0", "t20"])], occurred_at=minute(0))

        assert found(usual, 13, rule="stuck", workflow_id="w") == []
        assert found(usual, 13.5, rule="stuck") == [("task:u", "stuck", 13)]
        assert {name for name, *_ in found(usual, 200, rule="stuck")} == {"task:u", "task:t20", "ti:t20/1"}
        assert find_orphans(usual.store, rule="stuck", at=minute(14))[0]["explanation"].startswith(
            "task:u has been REGISTERING since 2026-01-31T08:00:00.000Z, and the last task that it waits for ended at "
            "2026-01-31T08:12:00.000Z; 99 of 100 intervals of lifecycle jobmon in REGISTERING lasted at most"
        )
        limited = found(usual, 13, rule="stuck", thresholds={"stuck_after": '{"REGISTERING": "5m"}'})
        assert limited == [("task:u", "stuck", 5), ("task:v", "stuck", 5)]

    def test_what_waits_for_others_is_not_among_what_could_not_be_judged(self, service: TransitionService) -> None:
        specs = [TaskSpec("a"), TaskSpec("b", upstream=["a"]), TaskSpec("c", upstream=["b"]), TaskSpec("d")]
        service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
        service.transition_task("a", "preparing", occurred_at=minute(1))

        of_tasks = {row.status: row.not_judged for row in find_open_statuses(service.store, at=minute(5))}

        assert of_tasks == {"queued": 1, "preparing": 1}

    def test_a_limit_of_the_lifecycle_holds_unless_a_setting_has_one(
        self, service: TransitionService, tmp_path: Path
    ) -> None:
        (tmp_path / "own.toml").write_text(LIMITED)
        service.register_tasks("w", [TaskSpec("t")], tmp_path / "own.toml", occurred_at=minute(0))
        service.transition_task("t", "STARTED", occurred_at=minute(1))

        assert (found(service, 11), found(service, 12)) == ([], [("task:t", "stuck", 11)])
        assert only(service, 12)["explanation"] == (
            "task:t has been STARTED since 2026-01-31T08:01:00.000Z; allowed by lifecycle own: 00:10:00"
        )
        assert found(service, 12, thresholds={"stuck_after": '{"STARTED": "2m"}'}) == [("task:t", "stuck", 3)]
        assert find_open_statuses(service.store, at=minute(12))[0].not_judged == 0

    def test_what_is_given_counts_more(self, usual: TransitionService) -> None:
        def stuck(after: str) -> list[tuple[str, str, float]]:
            return found(usual, 131, rule="stuck", thresholds={"stuck_after": after})

        assert stuck('{"RUNNING": "1h"}') == []
        assert stuck('{"RUNNING": "1h", "align/RUNNING": "30m"}')[0] == ("task:t20", "stuck", 130)


class TestAskingForThem:
    def test_an_unknown_rule_is_an_error_that_names_the_nearest(self, service: TransitionService) -> None:
        with pytest.raises(UnknownOrphanRule, match="no orphan rule 'stuk'; did you mean 'stuck'"):
            find_orphans(service.store, "stuk")

    def test_a_threshold_that_cannot_be_read(self, retried: TransitionService) -> None:
        with pytest.raises(UnknownStatus, match="no status 'RUNNIN'; did you mean 'RUNNING'"):
            find_orphans(retried.store, thresholds={"stuck_after": '{"align/RUNNIN": "5m"}'})
        with pytest.raises(InvalidThreshold, match="stuck_factor = 'many'"):
            find_orphans(retried.store, thresholds={"stuck_factor": "many"})

    def test_those_of_a_workflow(self, retried: TransitionService) -> None:
        retried.register_tasks("other", [TaskSpec("u")], occurred_at=minute(0))

        assert found(retried, 7, workflow_id="other") == []
        assert len(found(retried, 7, workflow_id="w")) == 1
        with pytest.raises(UnknownEntity, match="no workflow 'ww'; did you mean 'w'"):
            found(retried, 7, workflow_id="ww")

    def test_a_setting_of_the_database_is_a_threshold(self, retried: TransitionService, connection: Connection) -> None:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE {name} SET sojourn.stuck_after = \'{{"RUNNING": "1m"}}\''.encode())
        with TransitionService.connect(retried.dsn) as asked:
            assert ("ti:t/2", "stuck", 8.0) in found(asked, 9)

    def test_a_reader_reads_the_view(self, retried: TransitionService, connection: Connection) -> None:
        connection.execute("SET ROLE sojourn_reader")
        connection.execute("SET sojourn.as_of = '2026-01-31T08:08:00Z'")

        assert rows(connection, "SELECT entity, rule, cardinality(evidence) AS n FROM sojourn.orphan") == [
            {"entity": "ti:t/1", "rule": "superseded", "n": 2}
        ]


Step = Callable[[TransitionService, str, datetime], object]
TASKS = ("1", "2", "3")
"""The second one is a part of the first one, and the third one waits for both."""
INSTANCES = tuple(f"{task}/{ordinal}" for task in TASKS for ordinal in (1, 2, 3))


def creating(instance: str) -> Step:
    return lambda service, w, at: service.create_task_instances({w + instance: w + instance[0]}, occurred_at=at)


def reporting(instance: str, status: str, within: int | None) -> Step:
    return lambda service, w, at: service.transition_task_instance(
        w + instance,
        status,
        occurred_at=at,
        report_by_date=at + timedelta(minutes=within) if within is not None else None,
    )


def advancing(instance: str, within: int | None) -> Step:
    def step(service: TransitionService, w: str, at: datetime) -> None:
        for status in ("DONE", "RUNNING", "LAUNCHED", "INSTANTIATED"):
            reporting(instance, status, within)(service, w, at)

    return step


def proposing(task: str, status: str) -> Step:
    return lambda service, w, at: service.transition_task(w + task, status, occurred_at=at)


def gating(service: TransitionService, w: str, at: datetime) -> None:
    service.gate_tasks_for_queueing([w + task for task in TASKS], occurred_at=at)


def resetting(service: TransitionService, w: str, at: datetime) -> None:
    service.reset_tasks([w + task for task in TASKS], reset_if_running=True, occurred_at=at)


withins = st.none() | st.integers(-5, 60)
steps = st.one_of(
    st.builds(creating, st.sampled_from(INSTANCES)),
    st.builds(advancing, st.sampled_from(INSTANCES), withins),
    st.builds(reporting, st.sampled_from(INSTANCES), st.sampled_from(INSTANCE_MACHINE.statuses), withins),
    st.builds(proposing, st.sampled_from(TASKS), st.sampled_from(TASK_MACHINE.statuses)),
    st.just(gating),
    st.just(resetting),
)
numbers = count()


@examples(quick=6, long=25)
@for_all(st.lists(st.tuples(steps, st.integers(0, 40)), min_size=10, max_size=40))
def test_orphans_as_of_any_time_are_those_that_the_events_tell(
    service: TransitionService, connection: Connection, sequence: list[tuple[Step, int]]
) -> None:
    workflow, at = f"w{next(numbers)}-", EIGHT
    parents, upstream = {"2": workflow + "1"}, {"3": [workflow + "1", workflow + "2"]}
    specs = [
        TaskSpec(
            workflow + task, 2, template=workflow + task, parent=parents.get(task), upstream=upstream.get(task, ())
        )
        for task in TASKS
    ]
    service.register_tasks(workflow, specs, occurred_at=at)
    for step, later in sequence:
        at += timedelta(minutes=later)
        step(service, workflow, at)

    streams = streams_of(connection)
    own = [event for stream, events in streams.items() if workflow in stream for event in events]
    moments = sorted({event["entered_at"] for event in own})
    for moment in (*moments[:: max(1, len(moments) // 4)], at, at + timedelta(hours=2)):
        orphans = find_orphans(
            service.store, decided=True, at=moment, workflow_id=workflow, thresholds={"stuck_minimum": "3"}
        )
        expected = orphans_of(streams, JOBMON, moment, stuck_minimum=3)
        hits = {hit_of(orphan) for orphan in orphans if orphan["rule"] != "blocked-upstream"}
        assert hits == {rounded(hit) for hit in expected if workflow in hit.entity}


RUNNERS = ("a", "b")
WAY = ("PENDING", "RUNNING", "PAUSED", "RETRY", "KILLED", "REROUTED", "SUCCESS")

runners_steps = st.one_of(
    st.tuples(st.sampled_from(RUNNERS), st.none()),
    st.tuples(st.sampled_from(RUNNERS), st.sampled_from(WAY)),
)


@examples(quick=3, long=15)
@for_all(st.lists(st.tuples(runners_steps, st.integers(0, 15)), min_size=5, max_size=25))
def test_dead_runners_as_of_any_time_are_those_that_heartbeats_and_events_tell(
    service: TransitionService, connection: Connection, sequence: list[tuple[tuple[str, str | None], int]]
) -> None:
    task, at = f"t{next(numbers)}", EIGHT
    beats: dict[str, list[datetime]] = {runner: [] for runner in RUNNERS}
    service.register_tasks("w", [TaskSpec(task)], lifecycle="pynenc", occurred_at=at)
    for (runner, status), later in sequence:
        at += timedelta(minutes=later)
        if status is None:
            beats[runner].append(at)
            service.heartbeat(f"{task}-{runner}", 600, occurred_at=at)
        else:
            service.transition_task(task, status, runner_id=f"{task}-{runner}", occurred_at=at)

    entered = moves(streams_of(connection)[f"task:{task}"])
    for moment in (EIGHT + timedelta(minutes=number) for number in range(0, int((at - EIGHT).seconds / 60) + 20, 7)):
        found = {
            (orphan["since"], tuple(orphan["evidence"]))
            for orphan in find_orphans(service.store, "dead-runner", at=moment)
            if orphan["entity"] == f"task:{task}"
        }
        last = [event for event in entered if event["entered_at"] <= moment][-1]
        assert found == set(dead_runner(last, beats, moment))


def dead_runner(
    last: dict[str, Any], beats: dict[str, list[datetime]], moment: datetime
) -> Iterator[tuple[datetime, tuple[int, ...]]]:
    """By the last transition of a task and the heartbeats that there were by then."""
    if owner := last.get("owner"):
        heard_at = max((beat for beat in beats[owner.rpartition("-")[2]] if beat <= moment), default=last["entered_at"])
        since = heard_at + timedelta(seconds=600)
        if since < moment:
            yield since, (last["position"],)


def hit_of(orphan: Orphan) -> Hit:
    return rounded(Hit(orphan["entity"], orphan["rule"], orphan["since"], tuple(orphan["evidence"])))


def rounded(hit: Hit) -> Hit:
    """To the millisecond: a multiple of a percentile has more digits than the clock."""
    return hit._replace(since=(hit.since + timedelta(microseconds=500)).replace(microsecond=0))


def rows_of(service: TransitionService, statement: str) -> list[tuple[Any, ...]]:
    with service.store.session() as used:
        return used.execute(statement.encode()).fetchall()
