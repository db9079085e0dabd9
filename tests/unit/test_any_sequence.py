"""Whatever is reported, by whomever and in any order: what holds of the log all the same."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.actor import Actor
from domain.entities.events import Event, TaskEvent, TaskInstanceCreated, TaskReset, TaskTransitioned
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.report_context import ReportContext
from domain.rule_names import ORPHANED_INSTANCE, RESET, RETRY
from tests.support.examples import examples
from tests.support.scenario import INSTANCE_MACHINE, JOBMON, TASK_MACHINE, Scenario, folded, given

NO_INSTANCES: dict[int, TaskInstance] = {}
EPOCH = datetime(2026, 1, 31, tzinfo=UTC)

Step = Callable[[Scenario], object]

instance_statuses = st.sampled_from([*INSTANCE_MACHINE.statuses, "BOGUS"])
task_statuses = st.sampled_from([*TASK_MACHINE.statuses, "BOGUS"])
times = st.none() | st.integers(-10_000, 10_000).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
hosts = st.builds(Actor, component=st.just("worker"), host=st.none() | st.sampled_from(["n1", "n2"]))
reports = st.builds(
    ReportContext,
    actor=st.none() | hosts,
    occurred_at=times,
    command_id=st.none() | st.just("import:1"),
    clock_tolerance=st.sampled_from([0.0, 60.0, 1e9]),
)


def reporting(status: str, report: ReportContext, which: int, claimed: str | None) -> Step:
    def step(scenario: Scenario) -> None:
        if scenario.instances:
            scenario.report(status, report, instance=which % len(scenario.instances) + 1, expected_status=claimed)

    return step


def following(edge: int, report: ReportContext, which: int) -> Step:
    """A report that the instance's machine lets pass: without these, sequences seldom get far."""

    def step(scenario: Scenario) -> None:
        if not scenario.instances:
            return
        ordinal = which % len(scenario.instances) + 1
        edges = list(INSTANCE_MACHINE.transitions[scenario.instances[ordinal].status])
        if edges:
            scenario.report(edges[edge % len(edges)], report, instance=ordinal)

    return step


def gating(report: ReportContext) -> Step:
    return lambda scenario: scenario.propose("QUEUED", report, starts_attempt=True)


def creating(report: ReportContext) -> Step:
    return lambda scenario: scenario.create(report)


def proposing(status: str, report: ReportContext) -> Step:
    return lambda scenario: scenario.propose(status, report)


def resetting(report: ReportContext, reset_if_running: bool) -> Step:
    return lambda scenario: scenario.reset(report, reset_if_running=reset_if_running)


numbers = st.integers(0, 7)
steps = st.one_of(
    st.builds(following, numbers, reports, numbers),
    st.builds(following, numbers, reports, numbers),
    st.builds(gating, reports),
    st.builds(creating, reports),
    st.builds(reporting, instance_statuses, reports, numbers, st.none() | instance_statuses),
    st.builds(proposing, task_statuses, reports),
    st.builds(resetting, reports, st.booleans()),
)


beginnings = st.builds(
    lambda task, instances, attempts, of: given(task, *instances, attempts=attempts, max_attempts=of),
    st.sampled_from(TASK_MACHINE.statuses),
    st.lists(st.sampled_from(INSTANCE_MACHINE.statuses), max_size=3),
    st.integers(0, 3),
    st.integers(1, 4),
)


@examples(quick=75, long=300)
@for_all(beginnings, st.lists(steps, max_size=30))
def test_whatever_happens(scenario: Scenario, sequence: list[Step]) -> None:
    begun = len(scenario.log)
    for step in sequence:
        step(scenario)

    for stream in {event.stream for event in scenario.log}:
        events = [event for event in scenario.log if event.stream == stream]
        versions_have_no_gaps(events)
        each_event_leaves_where_the_one_before_arrived(events)
    only_edges_are_taken(scenario.log[begun:])
    superseded_instances_that_fail_move_nothing(scenario.log)
    intervals_tile(scenario.log)
    the_log_gives_what_the_decisions_gave(scenario)
    assert [instance.ordinal for instance in scenario.instances.values()] == [*range(1, scenario.task.instances + 1)]


def versions_have_no_gaps(events: list[Event]) -> None:
    assert [event.version for event in events] == list(range(1, len(events) + 1))


def each_event_leaves_where_the_one_before_arrived(events: list[Event]) -> None:
    for before, event in pairwise(events):
        assert getattr(event, "previous_status", event.status) == before.status


def only_edges_are_taken(events: list[Event]) -> None:
    again = {event.cause for event in events if event.status in ("REGISTERING", "ADJUSTING_RESOURCES")} - {None}
    for event in events:
        machine = TASK_MACHINE if isinstance(event, TaskEvent) else INSTANCE_MACHINE
        previous = getattr(event, "previous_status", None)
        if previous is None or isinstance(event, TaskReset):
            continue
        if event.rule == ORPHANED_INSTANCE:
            assert machine.can_transition(previous, getattr(event, "reported", ""))
            assert event.status == machine.orphaned
        elif event.rule == RESET:
            assert (previous, event.status) in {("QUEUED", "ERROR_FATAL"), ("INSTANTIATED", "ERROR_FATAL")}
        else:
            assert machine.can_transition(previous, event.status)
            assert event.rule == (RETRY if event.cause in again else None)


def superseded_instances_that_fail_move_nothing(log: list[Event]) -> None:
    causes = {event.reference: event for event in log}
    ordinals: dict[str, int] = {}
    for event in log:
        if isinstance(event, TaskInstanceCreated):
            ordinals[event.stream] = event.ordinal
        cause = causes.get(event.cause or "")
        if isinstance(event, TaskTransitioned) and cause and cause.status in INSTANCE_MACHINE.failures:
            assert ordinals[cause.stream] == len(ordinals)


def intervals_tile(log: list[Event]) -> None:
    task, instances = new_task(), NO_INSTANCES
    for event in log:
        before = entered_at(event.stream, task, instances)
        task, instances = folded(task, instances, event)
        after = entered_at(event.stream, task, instances)
        assert event.effective_at is not None
        if event.version == 1:
            assert after == event.effective_at
        elif hasattr(event, "previous_status"):
            assert before is not None
            assert after == max(before, event.effective_at)
        else:
            assert after == before


def entered_at(stream: str, task: Task, instances: dict[int, TaskInstance]) -> datetime | None:
    since = {task.stream: task.entered_at} | {known.stream: known.entered_at for known in instances.values()}
    return since.get(stream)


def the_log_gives_what_the_decisions_gave(scenario: Scenario) -> None:
    task, instances = new_task(), NO_INSTANCES
    for event in scenario.log:
        task, instances = folded(task, instances, event)
    assert task == scenario.task
    assert instances == scenario.instances


def new_task() -> Task:
    return Task("t", "w", JOBMON, 3)
