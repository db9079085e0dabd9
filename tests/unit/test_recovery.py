"""What a recovery proposes for an entity that was left behind."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.recovery_plan import RecoveryPlan, RecoveryStep, plan_recovery
from domain.entities.task import Task
from domain.lifecycles import get_lifecycle
from domain.lifecycles.machine import Machine
from domain.lifecycles.ownership import StatusRecord, status_record_transition
from domain.report_context import ReportContext
from tests.unit.test_machines import PYNENC

PYNENC_LIFECYCLE = get_lifecycle("pynenc")
MACHINE: Machine = PYNENC_LIFECYCLE.task
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
OWNED = ("PENDING", "RUNNING", "PAUSED")

# In a status for this long, with the last heartbeat so long ago (None: none ever) -> the steps, each in whose name.
PENDING_ = [("PENDING_RECOVERY", None), ("REROUTED", None)]
RUNNING_ = [("RUNNING_RECOVERY", None), ("REROUTED", None)]
KILLED_ = [("KILLED", "ann"), ("REROUTED", None)]
REROUTED_ = [("REROUTED", None)]


def steps(status: str, seconds: float, silence: float | None) -> list[tuple[str, str | None]]:
    record = StatusRecord(status, "ann" if status in OWNED else None, NINE - timedelta(seconds=seconds))
    heartbeat = None if silence is None else NINE - timedelta(seconds=silence)
    rescued = plan_recovery(PYNENC_LIFECYCLE, record, NINE, heartbeat)
    return [(step.status, step.runner_id) for step in rescued.steps] if rescued else []


@pytest.mark.parametrize(
    ("status", "seconds", "silence", "expected"),
    [
        ("PENDING", 5, 1, []),
        ("PENDING", 5.1, 1, PENDING_),
        ("PENDING", 5.1, 10_000, PENDING_),
        ("PENDING", 1, 10_000, []),
        ("RUNNING", 10_000, 600, []),
        ("RUNNING", 10_000, 600.1, RUNNING_),
        ("RUNNING", 1, 600.1, RUNNING_),
        ("RUNNING", 600, None, []),
        ("RUNNING", 600.1, None, RUNNING_),
        ("PAUSED", 10_000, 600, []),
        ("PAUSED", 10_000, 600.1, KILLED_),
        ("PENDING_RECOVERY", 0, None, REROUTED_),
        ("RUNNING_RECOVERY", 0, None, REROUTED_),
    ],
)
def test_what_is_proposed(
    status: str, seconds: float, silence: float | None, expected: list[tuple[str, str | None]]
) -> None:
    assert steps(status, seconds, silence) == expected


@pytest.mark.parametrize(("lease_ends_after", "expected"), [(-1, RUNNING_), (0, []), (2_400, [])])
def test_a_lease_holds_however_long_ago_the_heartbeat_was(
    lease_ends_after: int, expected: list[tuple[str, str | None]]
) -> None:
    record = StatusRecord("RUNNING", "ann", NINE - timedelta(hours=1))
    heartbeat, lease_ends_at = NINE - timedelta(minutes=20), NINE + timedelta(seconds=lease_ends_after)

    plan = plan_recovery(PYNENC_LIFECYCLE, record, NINE, heartbeat, lease_ends_at)

    assert [(step.status, step.runner_id) for step in (plan.steps if plan else ())] == expected


@pytest.mark.parametrize("status", sorted(PYNENC.keys() - {*OWNED, "PENDING_RECOVERY", "RUNNING_RECOVERY"}))
def test_nothing_for_what_belongs_to_nobody(status: str) -> None:
    assert steps(status, 1_000_000, 1_000_000) == []


@pytest.mark.parametrize("name", ["jobmon", "fetch_ml"])
def test_nothing_under_a_lifecycle_without_recovery(name: str) -> None:
    lifecycle = get_lifecycle(name)

    for status in lifecycle.task.statuses:
        assert plan_recovery(lifecycle, StatusRecord(status, "ann", NINE - timedelta(days=9)), NINE) is None


@pytest.mark.parametrize(
    ("status", "silence", "expected"),
    [
        ("RUNNING", 91, ["CRASHED"]),
        ("RUNNING", 89, []),
        ("RUNNING", None, []),  # a runner that never sent a heartbeat says nothing by its silence
        ("CANCELLING", 91, ["CRASHED"]),
        ("PAUSED", 91, []),
    ],
)
def test_a_run_whose_runner_died_has_crashed(status: str, silence: int | None, expected: list[str]) -> None:
    record = StatusRecord(status, "ann", NINE - timedelta(hours=1))
    heartbeat = None if silence is None else NINE - timedelta(seconds=silence)

    plan = plan_recovery(get_lifecycle("prefect"), record, NINE, heartbeat, heartbeat)

    assert [step.status for step in (plan.steps if plan else ())] == expected


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("PENDING", "it has been PENDING for more than 5 s"),
        ("RUNNING", "its runner 'ann' has been silent for more than 600 s"),
        ("RUNNING_RECOVERY", "it was left in RUNNING_RECOVERY"),
    ],
)
def test_why(status: str, reason: str) -> None:
    rescued = plan_recovery(PYNENC_LIFECYCLE, StatusRecord(status, "ann", NINE - timedelta(hours=1)), NINE)

    assert rescued
    assert rescued.reason == reason


@for_all(st.sampled_from([*PYNENC]), st.integers(0, 2_000), st.none() | st.integers(0, 2_000))
def test_every_step_is_legal_and_what_is_rescued_can_be_run_again(
    status: str, seconds: int, silence: int | None
) -> None:
    record = StatusRecord(status, "ann" if status in OWNED else None, NINE - timedelta(seconds=seconds))
    rescued = plan_recovery(
        PYNENC_LIFECYCLE, record, NINE, None if silence is None else NINE - timedelta(seconds=silence)
    )
    if rescued is None:
        return
    for step in rescued.steps:
        record = status_record_transition(record, step.status, step.runner_id, MACHINE)

    assert record.status in MACHINE.available_for_run
    assert record.runner_id is None
    assert plan_recovery(PYNENC_LIFECYCLE, record, NINE + timedelta(days=9)) is None


class TestTheStepsOfARescue:
    def owned(self, status: str) -> Task:
        return Task("t", "w", PYNENC_LIFECYCLE, 3, status=status, version=4, entered_at=NINE, owner="ann")

    def recovered(self, status: str) -> Decision:
        rescued = plan_recovery(PYNENC_LIFECYCLE, StatusRecord(status, "ann", NINE), NINE + timedelta(hours=1))
        assert rescued
        return decide(Family(None, self.owned(status)), rescued, ReportContext(occurred_at=NINE))

    @pytest.mark.parametrize("status", OWNED)
    def test_are_events_that_say_by_which_rule_and_why(self, status: str) -> None:
        decision = self.recovered(status)

        assert (decision.task.status, decision.task.owner, decision.refused) == ("REROUTED", None, False)
        assert [event.version for event in decision.events] == [5, 6]
        assert {event.rule for event in decision.events} == {"recovery"}
        assert all(event.reason for event in decision.events)

    def test_are_none_where_one_is_refused(self) -> None:
        astray = RecoveryPlan((RecoveryStep("RUNNING_RECOVERY", None), RecoveryStep("SUCCESS", None)), "it was tried")

        decision = decide(Family(None, self.owned("RUNNING")), astray)

        assert (decision.refused, decision.events, decision.rule) == (True, (), "invalid-transition")
        assert decision.task == self.owned("RUNNING")
