"""A report of the past that arrives after its entity has moved on: when it is stale, and what the log keeps of it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.actor import Actor
from domain.entities.events import TaskInstanceRefused, TaskRefused
from domain.lifecycles import get_lifecycle, shipped
from domain.report_context import ReportContext
from domain.rule_names import INVALID, STALE_REPORT, UNTIMELY
from tests.support.scenario import Scenario, given, in_words

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def stated(seconds: float, host: str | None = None, tolerance: float = 60, *, imported: bool = False) -> ReportContext:
    """A report of that time after nine, by the clock of a host or of an imported file."""
    command_id = f"import:{seconds}" if imported else None
    return ReportContext(Actor(component="worker", host=host), None, after(seconds), command_id, tolerance)


def run(*steps: tuple[str, ReportContext], lifecycle: str = "prefect") -> Scenario:
    scenario = given(lifecycle=lifecycle, at=NINE)
    for status, report in steps:
        assert not scenario.propose(status, report).refused
    return scenario


def triaging(report: ReportContext) -> Scenario:
    """An instance that went from RUNNING to TRIAGING by that report."""
    scenario = given("RUNNING", "RUNNING", attempts=1, at=NINE)
    assert not scenario.report("TRIAGING", report).refused
    return scenario


class TestATask:
    def test_an_older_step_that_arrives_later_moves_nothing_and_is_kept(self) -> None:
        scenario = run(("PENDING", stated(1, imported=True)), ("COMPLETED", stated(9, imported=True)))

        decision = scenario.propose("RUNNING", stated(2, imported=True))

        (refused,) = decision.events
        assert isinstance(refused, TaskRefused)
        assert (decision.response, decision.rule, scenario.task.status) == ("ABORT", STALE_REPORT, "COMPLETED")
        assert (refused.reported, refused.occurred_at, refused.clock_tolerance) == ("RUNNING", after(2), None)
        assert refused.rule_reason == (
            "it happened at 2026-01-31T09:00:02+00:00, before COMPLETED was entered at 2026-01-31T09:00:09+00:00"
        )

    def test_a_report_that_states_no_time_is_taken(self) -> None:
        scenario = run(("PENDING", stated(1)), ("COMPLETED", stated(9)))

        assert not scenario.propose("RUNNING").refused

    def test_the_same_instant_is_not_before_it(self) -> None:
        scenario = run(("PENDING", stated(9, "n1")))

        assert not scenario.propose("RUNNING", stated(9, "n1")).refused

    def test_the_machine_speaks_first(self) -> None:
        scenario = run(("PENDING", stated(1, "n1")), ("RUNNING", stated(9, "n1")))

        assert scenario.propose("RUNNING", stated(2, "n1")).rule == INVALID

    def test_an_attempt_begins_at_the_gate_whenever_it_is_said_to_have_happened(self) -> None:
        scenario = given("ERROR_RECOVERABLE", attempts=1, at=NINE)

        assert not scenario.propose("QUEUED", stated(-3600), starts_attempt=True).refused


class TestAnInstance:
    def test_a_step_back_by_the_same_clock_is_stale_by_a_second(self) -> None:
        scenario = triaging(stated(9, "n1"))

        decision = scenario.report("RUNNING", stated(8, "n1"))

        (refused,) = decision.events
        assert isinstance(refused, TaskInstanceRefused)
        assert in_words(decision) == ["ti/1 refuses RUNNING (stale-report)"]
        assert refused.clock_tolerance is None

    @pytest.mark.parametrize(
        ("entered", "reported"),
        [
            (stated(9, "n1"), stated(-51, "n2")),
            (stated(9, "n1"), stated(-51)),
            (stated(9), stated(-51)),
            (stated(9, imported=True), stated(-51, "n1")),
        ],
        ids=["two hosts", "a host that nobody named", "two of them", "an import and a worker"],
    )
    def test_other_clocks_may_be_a_minute_slow(self, entered: ReportContext, reported: ReportContext) -> None:
        scenario = triaging(entered)

        decision = scenario.report("RUNNING", reported)

        assert in_words(decision) == ["ti/1 TRIAGING -> RUNNING"]
        assert vars(decision.events[0])["clock_tolerance"] == 60
        assert scenario.instances[1].entered_at == after(9)

    def test_and_not_more(self) -> None:
        scenario = triaging(stated(9, "n1"))

        decision = scenario.report("RUNNING", stated(-51.001, "n2"))

        assert decision.rule == STALE_REPORT
        assert vars(decision.events[0])["clock_tolerance"] == 60

    def test_the_tolerance_is_a_setting(self) -> None:
        assert triaging(stated(9, "n1")).report("RUNNING", stated(8, "n2", tolerance=0.5)).rule == STALE_REPORT
        assert not triaging(stated(900, "n1")).report("RUNNING", stated(8, "n2", tolerance=900)).refused

    def test_a_step_forward_is_taken_whatever_the_clocks_say(self) -> None:
        scenario = given("LAUNCHED", "LAUNCHED", attempts=1, at=NINE)

        decision = scenario.report("RUNNING", stated(-86_400, "n1"))

        assert in_words(decision) == ["ti/1 LAUNCHED -> RUNNING", "task LAUNCHED -> RUNNING"]
        assert scenario.instances[1].entered_at == scenario.task.entered_at == NINE

    def test_a_time_that_was_passed_over_leaves_the_clock_of_the_one_that_counts(self) -> None:
        scenario = given("LAUNCHED", "LAUNCHED", attempts=1, at=NINE)
        scenario.report("RUNNING", stated(-30, "n1"))

        assert scenario.instances[1].entered_clock == "database"

    def test_what_was_untimely_stays_untimely(self) -> None:
        scenario = given("RUNNING", "RUNNING", attempts=1, at=NINE)

        assert scenario.report("LAUNCHED", stated(-600, "n1")).rule == UNTIMELY

    def test_its_task_follows_with_its_time(self) -> None:
        scenario = given("RUNNING", "RUNNING", attempts=3, at=NINE)
        scenario.task = scenario.task._replace(entered_at=after(600))

        assert in_words(scenario.report("DONE", stated(60, "n1"))) == ["ti/1 RUNNING -> DONE", "task RUNNING -> DONE"]


def test_every_shipped_lifecycle_refuses_them_and_its_first_version_did_not() -> None:
    assert all(STALE_REPORT in get_lifecycle(name).rules for name in shipped())
    assert not any(STALE_REPORT in get_lifecycle(name, 1).rules for name in shipped())


def test_under_an_earlier_version_an_older_report_is_the_newest() -> None:
    scenario = Scenario(given(lifecycle=get_lifecycle("prefect", 1), at=NINE).task)
    scenario.propose("COMPLETED", stated(9, "n1"))

    assert not scenario.propose("RUNNING", stated(2, "n1")).refused
