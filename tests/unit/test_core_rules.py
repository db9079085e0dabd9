"""What the rules of the shipped lifecycles make of a proposal for a task, and what the log keeps of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from freezegun import freeze_time

from domain.decisions.decision import Decision
from domain.entities.events import TaskRefused, TaskTransitioned
from domain.errors import RuleFailed
from domain.lifecycles import get_lifecycle, shipped
from domain.report_context import ReportContext
from domain.rule_names import INVALID, NOT_OWNER, STALE_REPORT, SUPERSEDED_REPORT
from domain.rule_outcome import Response
from domain.rules.core_rules import CORE_RULES
from domain.rules.engine import Rule, State, TransitionContext
from domain.rules.rulebook import rulebook_of
from domain.rules.slots import SlotsInMemory
from tests.support.scenario import INSTANCE_MACHINE, Scenario, given, in_words

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
EIGHT = NINE - timedelta(hours=1)
TEN = NINE + timedelta(hours=1)
AT_NINE = ReportContext(occurred_at=NINE)


def prefect(
    status: str | State = "SCHEDULED", *, attempts: int = 0, max_attempts: int = 1, **attributes: Any
) -> Scenario:
    """A run in that state after that number of attempts, registered with those attributes."""
    type_ = status if isinstance(status, str) else status.type
    scenario = given(type_, attempts=attempts, max_attempts=max_attempts, lifecycle="prefect", at=EIGHT)
    state = status.kept() if isinstance(status, State) else None
    scenario.task = scenario.task._replace(state=state, attributes=attributes)
    return scenario


def answer(decision: Decision) -> tuple[str, str | None, str]:
    """The response, the rule behind it, and the status in the end."""
    return decision.response, decision.rule, decision.task.status


class TestWithoutARule:
    def test_a_proposal_is_accepted(self) -> None:
        decision = prefect("PENDING").propose("RUNNING")

        assert answer(decision) == ("ACCEPT", None, "RUNNING")
        assert in_words(decision) == ["task PENDING -> RUNNING"]

    def test_two_who_would_run_it_are_one_run_and_one_refusal(self) -> None:
        scenario = prefect("PENDING")

        decisions = [scenario.propose("RUNNING") for _ in range(2)]

        assert [answer(decision) for decision in decisions] == [
            ("ACCEPT", None, "RUNNING"),
            ("ABORT", INVALID, "RUNNING"),
        ]

    def test_an_attempt_begins_with_each_run(self) -> None:
        scenario = prefect(max_attempts=9)

        for status in ("PENDING", "RUNNING", "FAILED", "RUNNING", "COMPLETED"):
            scenario.propose(status)

        assert scenario.task.num_attempts == 2

    @pytest.mark.parametrize("status", ["PAUSED", "CANCELLING"])
    def test_a_run_that_goes_on_begins_no_further_attempt(self, status: str) -> None:
        scenario = prefect()

        for step in ("RUNNING", status, "RUNNING"):
            scenario.propose(step)

        assert scenario.task.num_attempts == 1

    @pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED", "CRASHED"])
    @pytest.mark.parametrize(("to", "attempts"), [("SCHEDULED", 0), ("PENDING", 0), ("RUNNING", 1)])
    def test_a_run_that_begins_again_after_its_end_has_all_its_retries(self, end: str, to: str, attempts: int) -> None:
        scenario = prefect(end, attempts=3, max_attempts=3)

        assert answer(scenario.propose(to)) == ("ACCEPT", None, to)
        assert scenario.task.num_attempts == attempts

    @pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED", "CRASHED"])
    @pytest.mark.parametrize("late", ["CRASHED", "PAUSED", "CANCELLING"])
    def test_a_run_that_has_ended_is_not_taken_on_by_a_late_report(self, end: str, late: str) -> None:
        assert answer(prefect(end, attempts=1).propose(late)) == ("ABORT", INVALID, end)

    def test_a_state_by_another_name_keeps_it(self) -> None:
        scenario = prefect()

        scenario.propose(State(type="SCHEDULED", name="Late", scheduled_time=NINE))

        assert scenario.task.state == State(type="SCHEDULED", name="Late", scheduled_time=NINE)
        assert scenario.propose("RUNNING").task.state is None


class TestRetryFailed:
    def test_a_failure_awaits_its_retry_while_run_count_is_not_above_retries(self) -> None:
        decision = prefect("RUNNING", attempts=1, max_attempts=2).propose("FAILED", AT_NINE)

        (moved,) = decision.events
        assert isinstance(moved, TaskTransitioned)
        assert answer(decision) == ("REJECT", "retry-failed", "SCHEDULED")
        assert (moved.previous_status, moved.reported, moved.status) == ("RUNNING", "FAILED", "SCHEDULED")
        assert (moved.response, moved.rule_reason) == (Response.REJECT, "run 1 of 2 has failed")
        assert decision.task.state == State(type="SCHEDULED", name="AwaitingRetry", scheduled_time=NINE)

    def test_after_the_delay_that_the_task_has(self) -> None:
        decision = prefect("RUNNING", attempts=1, max_attempts=2, retry_delay_seconds=90).propose("FAILED", AT_NINE)

        assert decision.task.state
        assert decision.task.state.scheduled_time == NINE + timedelta(seconds=90)

    @freeze_time(NINE)
    def test_counted_from_now_where_nobody_says_when_it_failed(self) -> None:
        decision = prefect("RUNNING", attempts=1, max_attempts=2).propose("FAILED")

        assert decision.task.state
        assert decision.task.state.scheduled_time == NINE

    @pytest.mark.parametrize(("attempts", "retried"), [(1, True), (2, True), (3, False), (4, False)])
    def test_and_then_it_has_failed(self, attempts: int, retried: bool) -> None:
        decision = prefect("RUNNING", attempts=attempts, max_attempts=3).propose("FAILED")

        assert decision.task.status == ("SCHEDULED" if retried else "FAILED")

    def test_retries_may_be_told_apart_from_max_attempts(self) -> None:
        assert prefect("RUNNING", attempts=1, retries=1).propose("FAILED").task.status == "SCHEDULED"
        assert prefect("RUNNING", attempts=1, max_attempts=9, retries=0).propose("FAILED").task.status == "FAILED"

    @pytest.mark.parametrize("status", ["CRASHED", "CANCELLED", "COMPLETED"])
    def test_nothing_else_is_retried(self, status: str) -> None:
        assert answer(prefect("RUNNING", attempts=1, max_attempts=9).propose(status)) == ("ACCEPT", None, status)

    def test_what_did_not_run_is_not_retried(self) -> None:
        assert prefect("PENDING", max_attempts=9).propose("FAILED").task.status == "FAILED"


class TestScheduledTimes:
    def test_what_is_scheduled_keeps_its_time_as_it_is_pending(self) -> None:
        decision = prefect(State(type="SCHEDULED", scheduled_time=TEN)).propose("PENDING", AT_NINE)

        assert answer(decision) == ("ACCEPT", None, "PENDING")
        assert decision.task.state == State(type="PENDING", scheduled_time=TEN)

    def test_unless_it_is_given_another(self) -> None:
        decision = prefect(State(type="SCHEDULED", scheduled_time=TEN)).propose(
            State(type="PENDING", scheduled_time=NINE)
        )

        assert decision.task.state == State(type="PENDING", scheduled_time=NINE)

    @pytest.mark.parametrize("status", ["SCHEDULED", "PENDING"])
    def test_nothing_runs_before_its_time(self, status: str) -> None:
        scenario = prefect(State(type=status, scheduled_time=TEN))

        decision = scenario.propose("RUNNING", AT_NINE)

        (refused,) = decision.events
        assert isinstance(refused, TaskRefused)
        assert answer(decision) == ("WAIT", "wait-for-scheduled-time", status)
        assert (refused.response, refused.delay_seconds, refused.reported) == (Response.WAIT, 3600, "RUNNING")
        assert (decision.outcome.delay_seconds, decision.refused) == (3600, True)
        assert scenario.task.state == State(type=status, scheduled_time=TEN)

    @pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1)])
    def test_it_runs_when_it_is_due(self, late: timedelta) -> None:
        decision = prefect(State(type="PENDING", scheduled_time=TEN)).propose(
            "RUNNING", ReportContext(occurred_at=TEN + late)
        )

        assert answer(decision) == ("ACCEPT", None, "RUNNING")

    @freeze_time(NINE)
    def test_now_is_now_where_nobody_says_when(self) -> None:
        decision = prefect(State(type="PENDING", scheduled_time=TEN)).propose("RUNNING")

        assert decision.outcome.delay_seconds == 3600

    def test_a_retry_waits_for_its_delay_and_then_runs(self) -> None:
        scenario = prefect("RUNNING", attempts=1, max_attempts=2, retry_delay_seconds=60)
        scenario.propose("FAILED", AT_NINE)

        assert scenario.propose("RUNNING", AT_NINE).response == "WAIT"
        assert scenario.propose("RUNNING", ReportContext(occurred_at=NINE + timedelta(minutes=1))).response == "ACCEPT"
        assert scenario.task.num_attempts == 2


class TestPersistedResults:
    def test_what_completed_and_is_kept_stays_completed(self) -> None:
        done = State(type="COMPLETED", details={"result": "s3://bucket/7"})

        decision = prefect(done).propose("RUNNING")

        assert answer(decision) == ("REJECT", "keep-persisted-result", "COMPLETED")
        assert (decision.refused, decision.task.state) == (True, done)

    @pytest.mark.parametrize("details", [{}, {"result": None}])
    def test_what_is_not_kept_runs_again(self, details: dict[str, Any]) -> None:
        assert prefect(State(type="COMPLETED", details=details)).propose("RUNNING").response == "ACCEPT"

    def test_another_end_is_left_whatever_it_has_kept(self) -> None:
        assert prefect(State(type="FAILED", details={"result": 7})).propose("RUNNING").response == "ACCEPT"


class TestDuplicateTransitions:
    def test_a_transition_is_made_once(self) -> None:
        scenario = prefect("RUNNING")
        once = State(type="PAUSED", details={"transition_id": "x"})

        assert answer(scenario.propose(once)) == ("ACCEPT", None, "PAUSED")
        assert answer(scenario.propose(once)) == ("REJECT", "prevent-duplicate-transitions", "PAUSED")

    def test_another_one_is_another(self) -> None:
        scenario = prefect(State(type="PAUSED", details={"transition_id": "x"}))

        assert scenario.propose(State(type="PAUSED", details={"transition_id": "y"})).response == "ACCEPT"

    def test_so_are_two_without_an_id(self) -> None:
        scenario = prefect("PAUSED")

        assert [scenario.propose("PAUSED").response for _ in range(2)] == ["ACCEPT", "ACCEPT"]


class TestConcurrencySlots:
    def slots(self, *holders: str, limit: int = 1) -> SlotsInMemory:
        slots = SlotsInMemory({"gpu": limit, "net": 9})
        for holder in holders:
            assert slots.take(holder, ["gpu"]) is None
        return slots

    def test_a_run_takes_a_slot_of_each_of_its_tags_that_has_a_limit(self) -> None:
        slots = self.slots()

        decision = prefect("PENDING", tags=["gpu", "net", "free"]).propose("RUNNING", slots=slots)

        assert answer(decision) == ("ACCEPT", None, "RUNNING")
        assert slots.holders == {"gpu": {"t"}, "net": {"t"}}

    def test_or_of_none_and_waits(self) -> None:
        slots = self.slots("other")

        decision = prefect("PENDING", tags=["net", "gpu"]).propose("RUNNING", slots=slots)

        assert answer(decision) == ("WAIT", "concurrency-slots", "PENDING")
        assert (decision.outcome.delay_seconds, decision.outcome.reason) == (30, "tag 'gpu' has no slot left")
        assert {tag for tag, holders in slots.holders.items() if "t" in holders} == set()

    @pytest.mark.parametrize(
        "status", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED", "PAUSED", "SCHEDULED", "PENDING"]
    )
    def test_which_it_gives_back_as_it_no_longer_goes_on(self, status: str) -> None:
        slots = self.slots("t")

        prefect("RUNNING", attempts=1, tags=["gpu"]).propose(status, slots=slots)

        assert slots.holders["gpu"] == set()

    def test_also_where_a_rule_puts_another_end_in_its_place(self) -> None:
        slots = self.slots("t")

        decision = prefect("RUNNING", attempts=1, max_attempts=2, tags=["gpu"]).propose("FAILED", slots=slots)

        assert (decision.task.status, slots.holders["gpu"]) == ("SCHEDULED", set())

    def test_but_not_while_it_is_being_cancelled(self) -> None:
        slots = self.slots("t")
        scenario = prefect("RUNNING", attempts=1, tags=["gpu"])

        scenario.propose("CANCELLING", slots=slots)
        assert slots.holders["gpu"] == {"t"}
        scenario.propose("RUNNING", slots=slots)
        assert slots.holders["gpu"] == {"t"}
        scenario.propose("CANCELLED", slots=slots)
        assert slots.holders["gpu"] == set()

    def test_what_is_cancelled_without_a_slot_takes_one_to_run(self) -> None:
        slots = self.slots("other")
        scenario = prefect("PENDING", tags=["gpu"])

        scenario.propose("CANCELLING", slots=slots)

        assert answer(scenario.propose("RUNNING", slots=slots)) == ("WAIT", "concurrency-slots", "CANCELLING")
        assert slots.holders["gpu"] == {"other"}

    def test_a_refusal_of_the_gate_gives_none_back(self) -> None:
        slots = self.slots("t")

        prefect("RUNNING", tags=["gpu"]).propose("RUNNING", slots=slots)

        assert slots.holders["gpu"] == {"t"}

    @pytest.mark.parametrize(
        "then", [lambda rule: rule.delay(1, "later"), lambda rule: rule.abort("no"), lambda rule: 1 / 0]
    )
    def test_none_leaks_where_a_rule_further_in_withdraws_the_run(
        self, monkeypatch: pytest.MonkeyPatch, then: Any
    ) -> None:
        def before(rule: Rule, *_: object) -> None:
            then(rule)

        slots = self.slots()
        monkeypatch.setitem(CORE_RULES, "last", type("Last", (CORE_RULES["retry-failed"],), {
            "name": "last", "FROM_STATES": {"PENDING"}, "TO_STATES": {"RUNNING"}, "before_transition": before,
        }))  # fmt: skip
        lifecycle = get_lifecycle("prefect")
        longer = lifecycle.model_copy(update={"name": f"longer-{id(then)}", "rules": (*lifecycle.rules, "last")})
        scenario = given("PENDING", lifecycle=longer)
        scenario.task = scenario.task._replace(attributes={"tags": ["gpu"]})

        try:
            assert scenario.propose("RUNNING", slots=slots).refused
        except RuleFailed:
            assert scenario.task.status == "PENDING"

        assert not slots.holders["gpu"]
        assert slots.take("other", ["gpu"]) is None

    def test_nor_does_a_run_lose_one_that_it_had(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def withdraw(rule: Rule, *_: object) -> None:
            rule.abort("no")

        monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", withdraw)
        monkeypatch.setattr(CORE_RULES["retry-failed"], "FROM_STATES", {"CANCELLING"})
        monkeypatch.setattr(CORE_RULES["retry-failed"], "TO_STATES", {"RUNNING"})
        lifecycle = get_lifecycle("prefect").model_copy(update={"name": "withdrawn"})
        slots = self.slots("t")

        assert given("CANCELLING", lifecycle=lifecycle).propose("RUNNING", slots=slots).refused
        assert slots.holders["gpu"] == {"t"}

    def test_without_limits_nobody_waits(self) -> None:
        assert prefect("PENDING", tags=["gpu"]).propose("RUNNING").response == "ACCEPT"


class TestRequeueOrphaned:
    @pytest.mark.parametrize("status", ["running", "serving"])
    def test_a_task_whose_worker_is_gone_is_queued_again_and_the_history_says_so(self, status: str) -> None:
        scenario = given(status, lifecycle="fetch_ml", at=EIGHT)

        decision = scenario.propose("orphaned", ReportContext(reason="no heartbeat", occurred_at=NINE, command_id="c"))

        orphaned, queued = decision.events
        assert in_words(decision) == [f"task {status} -> orphaned", "task orphaned -> queued (requeue-orphaned)"]
        assert answer(decision) == ("ACCEPT", "requeue-orphaned", "queued")
        assert isinstance(queued, TaskTransitioned)
        assert (queued.cause, queued.reported) == (orphaned.reference, None)
        assert queued.reason is None
        assert queued.rule_reason == "its worker is gone: it waits for another one"
        assert (queued.occurred_at, queued.command_id) == (NINE, "c")
        assert (orphaned.reason, orphaned.rule) == ("no heartbeat", None)

    def test_the_gate_judges_what_follows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def propose_the_end(rule: Rule, *_: object) -> None:
            rule.propose_next(State(type="completed"), "it may as well be over")

        monkeypatch.setattr(CORE_RULES["requeue-orphaned"], "after_transition", propose_the_end)

        decision = given("running", lifecycle="fetch_ml").propose("orphaned")

        assert in_words(decision) == ["task running -> orphaned", f"task refuses completed ({INVALID})"]
        assert decision.events[1].cause == decision.events[0].reference
        assert (decision.task.status, decision.refused) == ("orphaned", False)

    def test_where_the_gate_refuses_nothing_follows(self) -> None:
        assert in_words(given("queued", lifecycle="fetch_ml").propose("orphaned")) == [
            f"task refuses orphaned ({INVALID})"
        ]

    def test_an_attempt_begins_as_it_is_prepared(self) -> None:
        scenario = given("running", attempts=1, lifecycle="fetch_ml")

        for status in ("orphaned", "preparing", "running"):
            scenario.propose(status)

        assert (scenario.task.status, scenario.task.num_attempts) == ("running", 2)


class TestOwners:
    def owned(self) -> Scenario:
        scenario = given(lifecycle="pynenc")
        scenario.propose("PENDING", runner_id="ann")
        return scenario

    def test_who_takes_a_task_owns_it_until_it_is_released(self) -> None:
        scenario = self.owned()
        assert scenario.task.owner == "ann"

        moved = scenario.propose("RUNNING", runner_id="ann").events[0]
        assert isinstance(moved, TaskTransitioned)
        assert (moved.owner, moved.runner_id, scenario.task.owner) == ("ann", "ann", "ann")

        ended = scenario.propose("SUCCESS", runner_id="ann").events[0]
        assert isinstance(ended, TaskTransitioned)
        assert (ended.owner, ended.runner_id) == (None, "ann")
        assert not scenario.task.owner

    @pytest.mark.parametrize("runner", ["bob", "", None])
    def test_nobody_else_moves_it_and_the_refusal_is_on_record(self, runner: str | None) -> None:
        scenario = self.owned()

        decision = scenario.propose("RUNNING", runner_id=runner)

        (refused,) = decision.events
        assert isinstance(refused, TaskRefused)
        assert answer(decision) == ("ABORT", NOT_OWNER, "PENDING")
        assert (refused.owner, refused.runner_id, scenario.task.owner) == ("ann", runner, "ann")
        assert refused.rule_reason
        assert "it belongs to 'ann'" in refused.rule_reason

    def test_a_task_needs_a_runner_to_be_taken(self) -> None:
        assert answer(given(lifecycle="pynenc").propose("PENDING")) == ("ABORT", NOT_OWNER, "REGISTERED")

    def test_the_machine_refuses_before_the_owner_is_asked(self) -> None:
        assert answer(self.owned().propose("SUCCESS", runner_id="bob")) == ("ABORT", INVALID, "PENDING")

    def test_recovery_overrides(self) -> None:
        assert answer(self.owned().propose("PENDING_RECOVERY")) == ("ACCEPT", None, "PENDING_RECOVERY")


class TestTheRulebook:
    @pytest.mark.parametrize("name", shipped())
    def test_every_rule_that_a_lifecycle_names_could_have_a_say(self, name: str) -> None:
        book = rulebook_of(get_lifecycle(name))
        governances = [*book.reports.values(), *book.effects.values(), *book.requests.values()]

        of_the_gate = {STALE_REPORT, SUPERSEDED_REPORT}
        named = set(get_lifecycle(name).rules) - of_the_gate
        assert {rule.name for governance in governances for rule in governance.rules} == named

    def test_nothing_governs_what_no_rule_is_about(self) -> None:
        book = rulebook_of(get_lifecycle("jobmon"))

        assert {target for _, target in book.reports} == INSTANCE_MACHINE.failures
        assert {target for _, target in book.effects} == {"REGISTERING", "ADJUSTING_RESOURCES", "ERROR_FATAL"}
        assert book.requests == {}

    def test_rules_stand_in_the_order_of_the_lifecycle(self) -> None:
        lifecycle = get_lifecycle("prefect")
        governance = rulebook_of(lifecycle).requests["PENDING", "RUNNING"]

        assert [rule.name for rule in governance.rules] == [
            "prevent-duplicate-transitions", "wait-for-scheduled-time", "concurrency-slots",
        ]  # fmt: skip

    def test_each_lifecycle_has_its_own_even_under_one_name(self) -> None:
        jobmon = get_lifecycle("jobmon")

        assert rulebook_of(jobmon.model_copy(update={"rules": ()})).reports == {}
        assert rulebook_of(jobmon).reports

    def test_a_rule_that_fails_is_raised(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(rule: Rule, *_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", fail)

        with pytest.raises(RuleFailed, match="ZeroDivisionError"):
            prefect("RUNNING").propose("FAILED")

    @pytest.mark.parametrize("starts_attempt", [False, True])
    def test_no_attempt_begins_where_a_rule_puts_another_status_in_place(
        self, monkeypatch: pytest.MonkeyPatch, starts_attempt: bool
    ) -> None:
        def send_back(rule: Rule, *_: object) -> None:
            rule.reject(State(type="PENDING"), "not yet")

        monkeypatch.setattr(CORE_RULES["wait-for-scheduled-time"], "before_transition", send_back)

        decision = prefect("PENDING").propose("RUNNING", starts_attempt=starts_attempt)

        assert (decision.task.status, decision.task.num_attempts) == ("PENDING", 0)

    def test_what_a_rule_says_is_kept_as_it_can_be_stored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def mumble(rule: Rule, *_: object) -> None:
            rule.abort("n\0o")

        monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", mumble)

        (refused,) = prefect("RUNNING").propose("FAILED").events

        assert isinstance(refused, TaskRefused)
        assert refused.rule_reason == "n\ufffdo"

    def test_a_rule_cannot_put_a_status_in_place_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def invent(rule: Rule, *_: object) -> None:
            rule.reject(State(type="BOGUS"), "why not")

        monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", invent)

        decision = prefect("RUNNING").propose("FAILED")

        assert answer(decision) == ("ABORT", None, "RUNNING")
        assert str(decision.outcome.reason).startswith("Error validating state: UnknownStatus('BOGUS')")


def test_a_rules_hook_is_told_what_the_task_was_registered_with(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters: list[dict[str, Any]] = []

    def look(rule: Rule, _: State | None, __: State | None, context: TransitionContext) -> None:
        parameters.append(context.parameters)

    monkeypatch.setattr(CORE_RULES["retry-failed"], "before_transition", look)

    prefect("RUNNING", attempts=2, max_attempts=4, tags=["gpu"], run_count=77).propose("FAILED")

    assert parameters == [{"task_id": "t", "run_count": 2, "retries": 3, "tags": ["gpu"], "slots": None}]
