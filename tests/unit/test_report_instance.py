"""What comes of a report of a task instance: for it, and for its task."""

from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time

from domain.actor import Actor
from domain.entities.events import TaskInstanceRefused, TaskInstanceTransitioned, TaskTransitioned
from domain.errors import WrongLifecycle
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.rule_names import INVALID, ORPHANED_INSTANCE, RETRY, SUPERSEDED_INSTANCE, UNTIMELY
from tests.support.scenario import INSTANCE_MACHINE, JOBMON, given, in_words

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)

# Every failure, with a status from which an instance may report it.
FAILURES = [
    ("INSTANTIATED", "NO_DISTRIBUTOR_ID"),
    ("RUNNING", "ERROR"),
    ("NO_HEARTBEAT", "ERROR"),
    ("RUNNING", "UNKNOWN_ERROR"),
    ("TRIAGING", "UNKNOWN_ERROR"),
    ("LAUNCHED", "RESOURCE_ERROR"),
    ("TRIAGING", "RESOURCE_ERROR"),
    ("LAUNCHED", "NO_HEARTBEAT"),
    ("LAUNCHED", "ERROR_FATAL"),
    ("TRIAGING", "ERROR_FATAL"),
    ("KILL_SELF", "ERROR_FATAL"),
]


def test_every_failure_is_among_the_examples() -> None:
    assert {to for _, to in FAILURES} == INSTANCE_MACHINE.failures


class TestWhereTheInstanceIs:
    def test_an_edge_of_the_machine_is_taken(self) -> None:
        decision = given("LAUNCHED", "LAUNCHED", attempts=1).report("RUNNING")

        assert in_words(decision) == ["ti/1 LAUNCHED -> RUNNING", "task LAUNCHED -> RUNNING"]
        assert (decision.refused, decision.rule, decision.task_moved) == (False, None, True)

    def test_no_edge_is_refused_and_kept_and_nothing_else_changes(self) -> None:
        scenario = given("QUEUED", "QUEUED", attempts=1)
        before = scenario.task, scenario.instances[1].status

        decision = scenario.report("DONE")

        assert in_words(decision) == [f"ti/1 refuses DONE ({INVALID})"]
        assert (decision.refused, decision.rule, decision.task_moved) == (True, INVALID, False)
        assert (scenario.task, scenario.instances[1].status) == before

    def test_a_lost_race_is_refused_as_untimely(self) -> None:
        decision = given("RUNNING", "RUNNING", attempts=1).report("LAUNCHED")

        assert in_words(decision) == [f"ti/1 refuses LAUNCHED ({UNTIMELY})"]

    @pytest.mark.parametrize("unknown", ["BOGUS", "running", "", "REGISTERING"])
    def test_a_status_that_the_machine_does_not_have_is_refused_like_any_other(self, unknown: str) -> None:
        decision = given("RUNNING", "RUNNING", attempts=1).report(unknown)

        assert in_words(decision) == [f"ti/1 refuses {unknown} ({INVALID})"]

    def test_the_same_status_again_is_refused(self) -> None:
        assert in_words(given("RUNNING", "RUNNING", attempts=1).report("RUNNING")) == [
            f"ti/1 refuses RUNNING ({INVALID})"
        ]

    @pytest.mark.parametrize(("source", "target"), sorted(INSTANCE_MACHINE.untimely))
    def test_each_untimely_pair_leaves_the_entities_as_they_are(self, source: str, target: str) -> None:
        scenario = given("RUNNING", source, attempts=1)

        decision = scenario.report(target)

        assert (decision.refused, decision.rule) == (True, UNTIMELY)
        assert (scenario.task.status, scenario.instances[1].status) == ("RUNNING", source)

    @pytest.mark.parametrize("source", INSTANCE_MACHINE.statuses)
    @pytest.mark.parametrize("target", INSTANCE_MACHINE.statuses)
    def test_every_pair_of_statuses_is_an_edge_or_is_refused(self, source: str, target: str) -> None:
        decision = given("RUNNING", source, attempts=1).report(target)

        assert decision.refused == ((source, target) not in INSTANCE_MACHINE.edges)
        assert decision.events[0].status == (source if decision.refused else target)

    def test_a_lifecycle_without_instances_has_no_answer(self) -> None:
        alone = Lifecycle.model_validate(
            {"name": "alone", "version": 1, "task": {"initial": "NEW", "transitions": {"NEW": []}, "terminal": []}}
        )
        with pytest.raises(WrongLifecycle, match="alone"):
            given("NEW", lifecycle=alone).create()


class TestTheClaim:
    def test_the_log_decides_over_a_claim_that_would_be_legal(self) -> None:
        decision = given("QUEUED", "QUEUED", attempts=1).report("DONE", expected_status="RUNNING")

        (refused,) = decision.events
        assert isinstance(refused, TaskInstanceRefused)
        assert (refused.status, refused.reported, refused.claimed) == ("QUEUED", "DONE", "RUNNING")

    def test_the_log_decides_over_a_claim_that_would_be_illegal(self) -> None:
        decision = given("RUNNING", "RUNNING", attempts=1).report("DONE", expected_status="QUEUED")

        moved = decision.events[0]
        assert isinstance(moved, TaskInstanceTransitioned)
        assert (moved.previous_status, moved.status, moved.claimed) == ("RUNNING", "DONE", "QUEUED")

    def test_a_claim_that_is_right_is_not_kept(self) -> None:
        moved = given("RUNNING", "RUNNING", attempts=1).report("DONE", expected_status="RUNNING").events[0]

        assert isinstance(moved, TaskInstanceTransitioned)
        assert moved.claimed is None


class TestTheOrphanRule:
    @pytest.mark.parametrize("task", ["DONE", "ERROR_FATAL"])
    @pytest.mark.parametrize(("status", "failure"), FAILURES)
    def test_a_failure_of_an_instance_whose_task_has_ended_ends_the_instance_alone(
        self, task: str, status: str, failure: str
    ) -> None:
        scenario = given(task, status, attempts=1)
        before = scenario.task

        decision = scenario.report(failure)

        (moved,) = decision.events
        assert isinstance(moved, TaskInstanceTransitioned)
        assert (moved.previous_status, moved.status, moved.reported) == (status, "ERROR_FATAL", failure)
        assert (moved.rule, decision.rule, decision.refused) == (ORPHANED_INSTANCE, ORPHANED_INSTANCE, False)
        assert (scenario.task, decision.task_moved) == (before, False)

    def test_it_goes_before_the_rule_of_superseded_instances(self) -> None:
        decision = given("DONE", "TRIAGING", "DONE", attempts=2).report("UNKNOWN_ERROR", instance=1)

        assert in_words(decision) == [f"ti/1 TRIAGING -> ERROR_FATAL ({ORPHANED_INSTANCE})"]

    @pytest.mark.parametrize("task", ["DONE", "ERROR_FATAL"])
    def test_a_success_is_no_orphan(self, task: str) -> None:
        scenario = given(task, "RUNNING", attempts=1)

        decision = scenario.report("DONE")

        assert scenario.instances[1].status == "DONE"
        assert (decision.rule, decision.refused, scenario.task.status) == (None, False, task)

    def test_a_success_where_the_task_has_failed_leaves_a_refusal_on_record(self) -> None:
        decision = given("ERROR_FATAL", "RUNNING", attempts=1).report("DONE")

        assert in_words(decision) == ["ti/1 RUNNING -> DONE", f"task refuses DONE ({INVALID})"]

    @pytest.mark.parametrize("harmless", ["TRIAGING", "KILL_SELF"])
    def test_a_status_that_is_no_failure_is_no_orphan(self, harmless: str) -> None:
        decision = given("DONE", "RUNNING", attempts=1).report(harmless)

        assert in_words(decision) == [f"ti/1 RUNNING -> {harmless}"]

    def test_the_machine_refuses_before_the_rule_is_asked(self) -> None:
        decision = given("DONE", "QUEUED", attempts=1).report("ERROR")

        assert in_words(decision) == [f"ti/1 refuses ERROR ({INVALID})"]

    def test_a_lifecycle_that_does_not_name_it_does_without(self) -> None:
        lenient = JOBMON.model_copy(update={"rules": (), "name": "lenient"})

        decision = given("DONE", "RUNNING", attempts=1, lifecycle=lenient).report("ERROR")

        assert in_words(decision) == ["ti/1 RUNNING -> ERROR", f"task refuses REGISTERING ({INVALID})"]


class TestTheRetry:
    @pytest.mark.parametrize(
        ("failure", "again"),
        [("ERROR", "REGISTERING"), ("UNKNOWN_ERROR", "REGISTERING"), ("RESOURCE_ERROR", "ADJUSTING_RESOURCES")],
    )
    def test_a_failure_with_attempts_left_passes_the_transient_status(self, failure: str, again: str) -> None:
        decision = given("RUNNING", "RUNNING", attempts=1).report(failure)

        assert in_words(decision) == [
            f"ti/1 RUNNING -> {failure}",
            f"task RUNNING -> ERROR_RECOVERABLE ({RETRY})",
            f"task ERROR_RECOVERABLE -> {again} ({RETRY})",
        ]
        assert decision.task_moved

    def test_the_history_says_why(self) -> None:
        _, *events = given("RUNNING", "RUNNING", attempts=1).report("ERROR").events

        for event in events:
            assert isinstance(event, TaskTransitioned)
            assert (event.rule, event.rule_reason) == (RETRY, "attempt 1 of 3 has failed")
            assert (event.response, event.reported) == (None, None)  # nobody proposed it

    def test_a_lifecycle_that_does_not_name_the_rule_tries_again_without_a_word(self) -> None:
        quiet = JOBMON.model_copy(update={"rules": (), "name": "quiet"})

        assert in_words(given("RUNNING", "RUNNING", attempts=1, lifecycle=quiet).report("ERROR")) == [
            "ti/1 RUNNING -> ERROR",
            "task RUNNING -> ERROR_RECOVERABLE",
            "task ERROR_RECOVERABLE -> REGISTERING",
        ]

    @freeze_time(NINE, auto_tick_seconds=0)
    def test_the_transient_status_is_entered_and_left_at_the_same_instant(self) -> None:
        scenario = given("RUNNING", "RUNNING", attempts=1)

        scenario.report("ERROR", ReportContext(occurred_at=NINE + timedelta(minutes=5)))

        passed, entered = scenario.log[-2:]
        assert (passed.status, entered.status) == ("ERROR_RECOVERABLE", "REGISTERING")
        assert passed.effective_at == entered.effective_at == scenario.task.entered_at == NINE + timedelta(minutes=5)

    @pytest.mark.parametrize("failure", ["ERROR", "UNKNOWN_ERROR", "RESOURCE_ERROR"])
    def test_without_attempts_left_the_task_fails_for_good(self, failure: str) -> None:
        decision = given("RUNNING", "RUNNING", attempts=3, max_attempts=3).report(failure)

        assert in_words(decision) == [f"ti/1 RUNNING -> {failure}", "task RUNNING -> ERROR_FATAL"]

    def test_attempts_beyond_the_last_are_none_left_either(self) -> None:
        scenario = given("RUNNING", "RUNNING", attempts=4, max_attempts=3)

        scenario.report("ERROR")

        assert scenario.task.status == "ERROR_FATAL"

    def test_an_instance_that_ends_for_good_ends_its_task(self) -> None:
        decision = given("RUNNING", "KILL_SELF", attempts=1).report("ERROR_FATAL")

        assert in_words(decision) == ["ti/1 KILL_SELF -> ERROR_FATAL", "task RUNNING -> ERROR_FATAL"]


class TestTheRoundAboutWays:
    """Where Jobmon blocks, and the task hangs for ever."""

    def test_a_launched_task_whose_instance_fails_is_tried_again(self) -> None:
        decision = given("LAUNCHED", "LAUNCHED", attempts=1).report("UNKNOWN_ERROR")

        assert in_words(decision) == [
            "ti/1 LAUNCHED -> UNKNOWN_ERROR",
            f"task LAUNCHED -> ERROR_RECOVERABLE ({RETRY})",
            f"task ERROR_RECOVERABLE -> REGISTERING ({RETRY})",
        ]

    def test_an_instance_without_an_id_of_the_cluster(self) -> None:
        decision = given("INSTANTIATING", "INSTANTIATED", attempts=1).report("NO_DISTRIBUTOR_ID")

        assert in_words(decision) == [
            "ti/1 INSTANTIATED -> NO_DISTRIBUTOR_ID",
            f"task INSTANTIATING -> ERROR_RECOVERABLE ({RETRY})",
            f"task ERROR_RECOVERABLE -> REGISTERING ({RETRY})",
        ]

    def test_a_launched_instance_that_exceeds_its_resources(self) -> None:
        decision = given("LAUNCHED", "LAUNCHED", attempts=1).report("RESOURCE_ERROR")

        assert in_words(decision) == [
            "ti/1 LAUNCHED -> RESOURCE_ERROR",
            f"task LAUNCHED -> ERROR_RECOVERABLE ({RETRY})",
            f"task ERROR_RECOVERABLE -> ADJUSTING_RESOURCES ({RETRY})",
        ]

    def test_an_instance_that_is_given_up_after_its_silence(self) -> None:
        scenario = given("LAUNCHED", "LAUNCHED", attempts=1)

        assert in_words(scenario.report("NO_HEARTBEAT")) == ["ti/1 LAUNCHED -> NO_HEARTBEAT"]
        assert in_words(scenario.report("ERROR")) == [
            "ti/1 NO_HEARTBEAT -> ERROR",
            f"task LAUNCHED -> ERROR_RECOVERABLE ({RETRY})",
            f"task ERROR_RECOVERABLE -> REGISTERING ({RETRY})",
        ]

    def test_an_instantiating_task_whose_last_attempt_fails(self) -> None:
        decision = given("INSTANTIATING", "INSTANTIATED", attempts=3, max_attempts=3).report("NO_DISTRIBUTOR_ID")

        assert in_words(decision) == [
            "ti/1 INSTANTIATED -> NO_DISTRIBUTOR_ID",
            "task INSTANTIATING -> ERROR_RECOVERABLE",
            "task ERROR_RECOVERABLE -> ERROR_FATAL",
        ]

    def test_an_instantiating_task_whose_instance_ends_for_good(self) -> None:
        decision = given("INSTANTIATING", "LAUNCHED", attempts=1).report("ERROR_FATAL")

        assert in_words(decision) == [
            "ti/1 LAUNCHED -> ERROR_FATAL",
            "task INSTANTIATING -> ERROR_RECOVERABLE",
            "task ERROR_RECOVERABLE -> ERROR_FATAL",
        ]

    def test_the_end_is_reached_straight_where_an_edge_leads_to_it(self) -> None:
        decision = given("LAUNCHED", "LAUNCHED", attempts=3, max_attempts=3).report("RESOURCE_ERROR")

        assert in_words(decision) == ["ti/1 LAUNCHED -> RESOURCE_ERROR", "task LAUNCHED -> ERROR_FATAL"]

    def test_a_worker_that_reports_before_its_launch_is_recorded(self) -> None:
        decision = given("INSTANTIATING", "INSTANTIATED", attempts=1).report("RUNNING")

        assert in_words(decision) == ["ti/1 INSTANTIATED -> RUNNING", "task INSTANTIATING -> RUNNING"]


class TestTheTasksGate:
    def test_where_it_refuses_the_instance_moves_and_the_refusal_is_on_record(self) -> None:
        scenario = given("REGISTERING", "RUNNING", attempts=1)

        decision = scenario.report("DONE")

        assert in_words(decision) == ["ti/1 RUNNING -> DONE", f"task refuses DONE ({INVALID})"]
        assert (scenario.instances[1].status, scenario.task.status) == ("DONE", "REGISTERING")
        assert (decision.refused, decision.rule, decision.task_moved) == (False, None, False)

    @pytest.mark.parametrize(
        ("task", "instance", "report"),
        [
            ("INSTANTIATING", "QUEUED", "INSTANTIATED"),
            ("LAUNCHED", "INSTANTIATED", "LAUNCHED"),
            ("RUNNING", "LAUNCHED", "RUNNING"),
            ("RUNNING", "TRIAGING", "RUNNING"),
            ("DONE", "RUNNING", "DONE"),
        ],
    )
    def test_an_implied_status_that_the_task_has_is_nothing(self, task: str, instance: str, report: str) -> None:
        decision = given(task, instance, attempts=1).report(report)

        assert in_words(decision) == [f"ti/1 {instance} -> {report}"]
        assert not decision.task_moved

    @pytest.mark.parametrize("silent", ["TRIAGING", "KILL_SELF"])
    def test_statuses_that_imply_nothing_say_nothing_of_the_task(self, silent: str) -> None:
        assert in_words(given("RUNNING", "RUNNING", attempts=1).report(silent)) == [f"ti/1 RUNNING -> {silent}"]


class TestSupersededInstances:
    @pytest.mark.parametrize("task", ["QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING"])
    @pytest.mark.parametrize(("status", "failure"), FAILURES)
    def test_the_failure_of_an_older_one_never_moves_the_task(self, task: str, status: str, failure: str) -> None:
        scenario = given(task, status, "QUEUED", attempts=2)

        decision = scenario.report(failure, instance=1)

        assert scenario.instances[1].status == failure
        assert (scenario.task.status, scenario.task.num_attempts, decision.task_moved) == (task, 2, False)

    def test_that_it_was_kept_from_moving_it_is_on_record(self) -> None:
        decision = given("RUNNING", "TRIAGING", "RUNNING", attempts=2).report("UNKNOWN_ERROR", instance=1)

        assert in_words(decision) == [
            "ti/1 TRIAGING -> UNKNOWN_ERROR",
            f"task refuses REGISTERING ({SUPERSEDED_INSTANCE})",
        ]

    def test_the_success_of_an_older_one_does(self) -> None:
        scenario = given("RUNNING", "TRIAGING", "RUNNING", attempts=2)
        scenario.report("RUNNING", instance=1)

        assert in_words(scenario.report("DONE", instance=1)) == ["ti/1 RUNNING -> DONE", "task RUNNING -> DONE"]

    @pytest.mark.parametrize("status", ["INSTANTIATED", "LAUNCHED", "RUNNING"])
    def test_a_step_of_the_older_one_leaves_the_task_as_the_newer_one_has_it(self, status: str) -> None:
        before = {"INSTANTIATED": "QUEUED", "LAUNCHED": "INSTANTIATED", "RUNNING": "TRIAGING"}[status]
        scenario = given("REGISTERING", before, "QUEUED", attempts=2)
        scenario.report("INSTANTIATED", instance=2) if status != "INSTANTIATED" else None

        decision = scenario.report(status, instance=1)

        assert in_words(decision) == [f"ti/1 {before} -> {status}"]
        assert not decision.task_moved

    def test_in_version_1_only_a_failure_is_superseded(self) -> None:
        lifecycle = get_lifecycle("jobmon", 1)
        implies = lifecycle.implies | {"TRIAGING": lifecycle.implies["ERROR"]}
        hasty = lifecycle.model_copy(update={"implies": implies, "name": "hasty"})
        scenario = given("RUNNING", "RUNNING", "RUNNING", attempts=2, lifecycle=hasty)

        scenario.report("TRIAGING", instance=1)

        assert scenario.task.status == "REGISTERING"

    def test_the_newest_one_is_not_superseded(self) -> None:
        scenario = given("RUNNING", "TRIAGING", "RUNNING", attempts=2)

        scenario.report("ERROR", instance=2)

        assert scenario.task.status == "REGISTERING"

    def test_a_lifecycle_that_does_not_name_it_lets_the_older_one_move_the_task(self) -> None:
        lenient = JOBMON.model_copy(update={"rules": (ORPHANED_INSTANCE,), "name": "lenient"})
        scenario = given("RUNNING", "TRIAGING", "RUNNING", attempts=2, lifecycle=lenient)

        scenario.report("UNKNOWN_ERROR", instance=1)

        assert scenario.task.status == "REGISTERING"


class TestWhatEventsCarry:
    WORKER = Actor(component="worker", host="node7", pid=12, user="ann")

    def test_everything_that_was_told_and_what_caused_what(self) -> None:
        told_so = ReportContext(self.WORKER, "exit status 3", NINE, "c1")

        instance, passed, again = given("RUNNING", "RUNNING", attempts=1).report("ERROR", told_so).events

        assert (instance.actor, instance.reason, instance.occurred_at) == (self.WORKER, "exit status 3", NINE)
        assert {event.command_id for event in (instance, passed, again)} == {"c1"}
        assert {event.occurred_at for event in (instance, passed, again)} == {NINE}
        assert (instance.cause, passed.cause, again.cause) == (None, instance.reference, instance.reference)

    def test_a_proposal_says_what_was_reported_and_a_consequence_does_not(self) -> None:
        scenario = given("RUNNING", "RUNNING", attempts=1)

        instance, task = scenario.report("DONE").events

        assert isinstance(instance, TaskInstanceTransitioned)
        assert isinstance(task, TaskTransitioned)
        assert (instance.reported, task.reported) == ("DONE", None)

    def test_the_date_to_report_by_is_kept_until_another_is_told(self) -> None:
        scenario = given("LAUNCHED", "LAUNCHED", attempts=1)

        scenario.report("RUNNING", report_by_date=NINE)
        scenario.report("LAUNCHED", report_by_date=NINE + timedelta(hours=1))
        assert scenario.instances[1].report_by_date == NINE

        scenario.report("TRIAGING")
        assert scenario.instances[1].report_by_date == NINE

        scenario.report("RUNNING", report_by_date=NINE + timedelta(hours=2))
        assert scenario.instances[1].report_by_date == NINE + timedelta(hours=2)


class TestSinceWhen:
    def test_a_status_is_entered_when_it_was_recorded(self) -> None:
        with freeze_time(NINE) as clock:
            scenario = given("LAUNCHED", "LAUNCHED", attempts=1)
            clock.tick(timedelta(minutes=3))
            scenario.report("RUNNING")

        assert scenario.task.entered_at == scenario.instances[1].entered_at == NINE + timedelta(minutes=3)

    def test_or_when_its_source_says_that_it_happened(self) -> None:
        with freeze_time(NINE) as clock:
            scenario = given("LAUNCHED", "LAUNCHED", attempts=1)
            clock.tick(timedelta(minutes=3))
            scenario.report("RUNNING", ReportContext(occurred_at=NINE + timedelta(minutes=1)))

        assert scenario.task.entered_at == NINE + timedelta(minutes=1)

    def test_but_never_before_the_status_before_it(self) -> None:
        with freeze_time(NINE):
            scenario = given("LAUNCHED", "LAUNCHED", attempts=1)
            scenario.report("RUNNING", ReportContext(occurred_at=NINE - timedelta(days=1)))

        assert scenario.task.entered_at == scenario.instances[1].entered_at == NINE

    def test_a_refusal_does_not_change_it(self) -> None:
        with freeze_time(NINE) as clock:
            scenario = given("RUNNING", "RUNNING", attempts=1)
            clock.tick(timedelta(minutes=3))
            scenario.report("LAUNCHED")

        assert scenario.instances[1].entered_at == NINE
        assert scenario.instances[1].version == 2
