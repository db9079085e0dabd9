"""How long entities stay in each status: worked examples, and any sequence against a few lines of Python."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from math import inf
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.time_in_status import TimeInStatus, measure_histogram, measure_time_in_status
from application.analyse.variants import count_successions
from application.read.audit import read_audit
from application.read.status import read_status
from application.transition_service import TaskSpec, TransitionService
from domain.entity import TASK, TASK_INSTANCE, parse_entity
from domain.errors import UnknownEntity
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.agreement import Row, moves, streams_of
from tests.support.examples import examples
from tests.support.scenario import INSTANCE_MACHINE, TASK_MACHINE
from tests.support.stays import Stay, stays_of, summary

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOUNDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18000,
    43200, 86400, 172800, 432000, 864000, 2592000, 8640000, 31536000,
)  # fmt: skip
NUMBERS = ("total", "mean", "p50", "p90", "p99", "km_p50", "km_p90")


def ended(service: TransitionService, seconds: Sequence[float], *, before: datetime = NOON) -> None:
    """Tasks that have left REGISTERING after the given seconds, well before noon."""
    for number in seconds:
        task_id = f"ended-{next(names)}"
        begun = before - timedelta(days=1)
        service.register_tasks("w", [TaskSpec(task_id)], occurred_at=begun)
        service.transition_tasks([task_id], "QUEUED", occurred_at=begun + timedelta(seconds=number))


def still_open(service: TransitionService, seconds: Sequence[float]) -> None:
    """Tasks that have been in REGISTERING for the given seconds at noon."""
    for number in seconds:
        begun = NOON - timedelta(seconds=number)
        service.register_tasks("w", [TaskSpec(f"open-{next(names)}")], occurred_at=begun)


def in_registering(service: TransitionService) -> dict[str, float | None]:
    (found,) = [row for row in measure_time_in_status(service.store, at=NOON) if row["status"] == "REGISTERING"]
    return {name: found[f"{name}_seconds"] for name in NUMBERS} | {"n": found["n"], "open": found["open"]}  # type: ignore[literal-required]


names = count()


def test_an_open_stay_counts_up_to_then_and_is_censored_for_kaplan_meier(service: TransitionService) -> None:
    ended(service, [10, 20, 30])
    still_open(service, [25])

    assert in_registering(service) == {
        "n": 4,
        "open": 1,
        "total": 85.0,
        "mean": 21.25,
        "p50": 22.5,
        "p90": pytest.approx(28.5),
        "p99": pytest.approx(29.85),
        "km_p50": 20.0,  # 3/4 are left after 10, 2/4 after 20
        "km_p90": 30.0,  # the one that is left has ended
    }


@pytest.mark.parametrize(
    ("ends", "opens", "km_p50", "km_p90"),
    [
        ([], [5, 50], None, None),
        ([10], [20, 30], None, None),
        ([10, 10], [20], 10.0, None),
        ([10, 20], [20], 20.0, None),  # at 20 the open one is still at risk: 2/3, then 1/3
        ([10, 20, 30], [5], 20.0, 30.0),  # the open one is gone before any ends
        ([10], [5, 5, 5], 10.0, 10.0),  # only one is at risk when it ends
        ([0, 0, 0], [], 0.0, 0.0),
        (range(1, 11), [], 5.5, 9.1),  # nothing is censored: the plain percentiles
        (range(1, 11), [9.5], 6.0, 10.0),
        (range(1, 11), [0.5], 5.0, 9.0),  # the open one is gone before any ends: as if it were not there
        (range(1, 21), [0.1, 0.2, 0.3, 0.4, 0.5], 10.0, 18.0),  # as floats multiply, a little more than 1/10 is left
    ],
)
def test_kaplan_meier_quantiles(
    service: TransitionService, ends: Sequence[float], opens: Sequence[float], km_p50: float, km_p90: float
) -> None:
    ended(service, ends)
    still_open(service, opens)

    found = in_registering(service)

    assert (found["km_p50"], found["km_p90"]) == (km_p50, km_p90)
    assert opens or (found["km_p50"], found["km_p90"]) == (found["p50"], found["p90"])


def test_a_transient_status_is_a_stay_of_no_length(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], occurred_at=NOON)
    service.gate_tasks_for_queueing(["t"], occurred_at=NOON)
    service.create_task_instances({"t/1": "t"}, occurred_at=NOON)
    service.transition_task_instance("t/1", "INSTANTIATED", occurred_at=NOON)
    service.transition_task_instance("t/1", "NO_DISTRIBUTOR_ID", occurred_at=NOON)

    found = {row["status"]: row for row in measure_time_in_status(service.store, at=NOON)}

    transient = found["ERROR_RECOVERABLE"]
    assert (transient["n"], transient["open"], transient["total_seconds"]) == (1, 0, 0.0)
    assert transient["km_p90_seconds"] == 0.0
    assert found["REGISTERING"]["open"] == 1


def test_an_empty_log_and_a_time_before_it(service: TransitionService) -> None:
    assert measure_time_in_status(service.store) == []
    ended(service, [10])

    assert measure_time_in_status(service.store, at=NOON - timedelta(days=2)) == []
    assert measure_time_in_status(service.store, TASK_INSTANCE) == []


def test_an_unknown_workflow_is_an_error_that_names_the_nearest(service: TransitionService) -> None:
    service.register_tasks("workflow-1", [TaskSpec("t")])

    with pytest.raises(UnknownEntity, match="no workflow 'workflow-2'; did you mean 'workflow-1'"):
        measure_time_in_status(service.store, workflow_id="workflow-2")


def test_terminal_is_what_each_tasks_own_lifecycle_says(service: TransitionService) -> None:
    """QUEUED ends a task of one lifecycle and not of the other."""
    jobmon = get_lifecycle("jobmon").model_dump(by_alias=True)
    ends_queued = {
        "name": "ends-queued",
        "version": 1,
        "task": {
            "initial": "REGISTERING",
            "terminal": ["QUEUED"],
            "transitions": {"REGISTERING": ["QUEUED"], "QUEUED": []},
        },
    }
    for definition, task_id in ((jobmon, "goes-on"), (ends_queued, "ends")):
        lifecycle = Lifecycle.model_validate(definition)
        service.register_tasks("w", [TaskSpec(task_id)], lifecycle, occurred_at=NOON)
        service.transition_tasks([task_id], "QUEUED", occurred_at=NOON)

    without = {row["status"]: row["n"] for row in measure_time_in_status(service.store)}
    whole = {row["status"]: row["n"] for row in measure_time_in_status(service.store, terminal=True)}

    assert without == {"REGISTERING": 2, "QUEUED": 1}
    assert whole == {"REGISTERING": 2, "QUEUED": 2}


def test_up_to_now_an_open_stay_goes_on(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    still_open(service, [0])
    before = now(connection)
    (found,) = measure_time_in_status(service.store)
    after = now(connection)

    assert found["open"] == 1
    assert (before - NOON).total_seconds() <= found["total_seconds"] <= (after - NOON).total_seconds()


def test_a_terminal_status_lasts_for_no_time_that_grows_with_now(service: TransitionService) -> None:
    for task_id, minutes in (("t", 1), ("u", 2)):
        service.register_tasks("w", [TaskSpec(task_id)], "nextflow", occurred_at=NOON)
        service.transition_tasks([task_id], "ABORTED", occurred_at=NOON + minutes * timedelta(minutes=1))
    service.create_task_instances({"u/1": "u"}, occurred_at=NOON + timedelta(minutes=6))

    def aborted(rows: Any) -> list[Any]:
        return [row for row in rows if "ABORTED" in (row.get("status"), row.get("new_status"), row.get("source"))]

    (found,) = aborted(measure_time_in_status(service.store, terminal=True))
    (then,) = aborted(measure_time_in_status(service.store, terminal=True, at=NOON + timedelta(minutes=7)))
    (bin_,) = aborted(measure_histogram(service.store, terminal=True))
    steps = {row["target"]: row["median_seconds"] for row in aborted(count_successions(service.store))}
    with read_audit(service.store, task_id="t") as rows:
        (row,) = aborted(rows)

    # One has left it after 4 minutes; the other is there, as of a time for 6 minutes.
    assert (found["n"], found["open"], found["total_seconds"], found["p90_seconds"]) == (2, 1, 240.0, 240.0)
    assert (then["n"], then["open"], then["total_seconds"]) == (2, 1, 600.0)
    assert (bin_["n"], bin_["open"]) == (1, 0)
    assert steps == {"SUBMITTED": 240.0, None: None}
    assert row["duration_seconds"] is None


def test_where_all_are_in_a_terminal_status_there_is_no_figure(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t")], "nextflow", occurred_at=NOON)
    service.transition_tasks(["t"], "ABORTED", occurred_at=NOON)

    (found,) = [row for row in measure_time_in_status(service.store, terminal=True) if row["status"] == "ABORTED"]

    assert (found["n"], found["open"], found["total_seconds"]) == (1, 1, 0.0)
    assert [found[f"{name}_seconds"] for name in NUMBERS[1:]] == [None] * 6  # type: ignore[literal-required]


def test_a_histogram_has_the_empty_bins_between(service: TransitionService) -> None:
    ended(service, [3, 40, 40])
    still_open(service, [45])

    found = [row for row in measure_histogram(service.store, at=NOON) if row["status"] == "REGISTERING"]

    assert [(row["from_seconds"], row["to_seconds"], row["n"], row["open"]) for row in found] == [
        (2, 5, 1, 0),
        (5, 10, 0, 0),
        (10, 30, 0, 0),
        (30, 60, 3, 1),
    ]


# Any sequence of reports, against a few lines of Python over the raw events.

Step = tuple[int, int, int]
"""Which entity, which of the statuses that it may go to (or one that it may not), and how many seconds later."""

steps = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 30), st.sampled_from([0, 0, 1, 7, 60, 40_000])), max_size=20
)
workflows = count()


def carry_out(service: TransitionService, workflow: str, sequence: list[Step]) -> list[datetime]:
    """Tasks 1 and 2 of two templates, with an instance each, and a task 3 without one; the times of the steps."""
    tasks = [f"{workflow}/{number}" for number in (1, 2, 3)]
    templates = ("align", "sort", None)
    specs = [TaskSpec(name, 2, template) for name, template in zip(tasks, templates, strict=True)]
    service.register_tasks(workflow, specs, occurred_at=NOON, actor="client")
    service.gate_tasks_for_queueing(tasks[:2], occurred_at=NOON, actor="client")
    instances = {f"{name}/1": name for name in tasks[:2]}
    service.create_task_instances(instances, occurred_at=NOON)
    times = [NOON]
    for which, choice, seconds in sequence:
        times.append(times[-1] + timedelta(seconds=seconds))
        report(service, [*instances, *tasks][which], choice, times[-1], "worker" if choice % 2 else "distributor")
    return times


def report(service: TransitionService, name: str, choice: int, at: datetime, actor: str) -> None:
    is_instance = name.count("/") == 2
    machine = INSTANCE_MACHINE if is_instance else TASK_MACHINE
    current = read_status(service.store, parse_entity(f"{'ti' if is_instance else 'task'}:{name}"))["status"]
    assert current is not None
    options = [*sorted(machine.transitions[current]), machine.initial]
    transition = service.transition_task_instance if is_instance else service.transition_task
    transition(name, options[choice % len(options)], occurred_at=at, actor=actor)


@examples(quick=7, long=30)
@for_all(
    sequence=steps,
    moment=st.integers(0, 20),
    terminal=st.booleans(),
    by=st.sampled_from([None, *("workflow", "template", "actor", "hour", "day", "week")]),
)
def test_any_sequence(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    sequence: list[Step],
    moment: int,
    terminal: bool,
    by: Any,
) -> None:
    workflow = f"w{next(workflows)}"
    times = carry_out(service, workflow, sequence)
    at = times[moment % len(times)] + timedelta(seconds=moment % 3)
    streams = {name: events for name, events in streams_of(connection).items() if f":{workflow}/" in name}

    assert_status_is_a_fold(service, streams, at)
    assert_audit_is_a_fold(service, workflow, streams, at)
    for kind in (TASK, TASK_INSTANCE):
        found = measure_time_in_status(service.store, kind, by, workflow, at, terminal=terminal)
        assert {(row["status"], row["group"]): numbers(row) for row in found} == expected(
            kind, streams, at, by, workflow, terminal=terminal
        )
        bins = measure_histogram(service.store, kind, by, workflow, at, terminal=terminal)
        stays = grouped_stays(kind, streams, at, by, workflow, terminal=terminal)
        assert {key: list(rows) for key, rows in groupby(bins, lambda row: (row["status"], row["group"]))} == {
            key: histogram(*key, found) for key, found in stays.items()
        }


def histogram(status: str, group: str | None, stays: list[Stay]) -> list[dict[str, Any]]:
    """Every bin from that of the shortest stay to that of the longest, counted stay by stay."""
    bins = [
        {"status": status, "group": group, "from_seconds": begins, "to_seconds": ends, "n": len(found), "open": still}
        for begins, ends in zip((0, *BOUNDS), (*BOUNDS, None), strict=True)
        for found in [[stay for stay in stays if begins <= stay.seconds < (ends or inf)]]
        for still in [sum(stay.exited_at is None for stay in found)]
    ]
    filled = [place for place, row in enumerate(bins) if row["n"]]
    return bins[filled[0] : filled[-1] + 1]


def expected(
    kind: str, streams: dict[str, list[Row]], at: datetime, by: str | None, workflow: str, *, terminal: bool
) -> dict[tuple[str, str | None], Any]:
    stays = grouped_stays(kind, streams, at, by, workflow, terminal=terminal)
    return {key: pytest.approx(summary(found), abs=2e-6) for key, found in stays.items()}


def grouped_stays(
    kind: str, streams: dict[str, list[Row]], at: datetime, by: str | None, workflow: str, *, terminal: bool
) -> dict[tuple[str, str | None], list[Stay]]:
    machine = TASK_MACHINE if kind == TASK else INSTANCE_MACHINE
    group: dict[str | None, Callable[[Stay], str | None]] = {
        None: lambda stay: None,
        "workflow": lambda stay: workflow,
        "template": lambda stay: {"1": "align", "2": "sort", "3": None}[stay.entity.split("/")[1]],
        "actor": lambda stay: stay.actor,
        "hour": lambda stay: stay.entered_at.astimezone(UTC).strftime("%Y-%m-%dT%H:00:00Z"),
        "day": lambda stay: str(stay.entered_at.astimezone(UTC).date()),
        "week": lambda stay: str((stay.entered_at.astimezone(UTC) - timedelta(days=stay.entered_at.weekday())).date()),
    }
    grouped: dict[tuple[str, str | None], list[Stay]] = defaultdict(list)
    for name, events in streams.items():
        for stay in stays_of(events, at) if name.startswith(f"{kind}:") else ():
            if terminal or not machine.is_terminal(stay.status):
                grouped[stay.status, group[by](stay)].append(stay)
    return grouped


def numbers(row: TimeInStatus) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("status", "group")}


def assert_status_is_a_fold(service: TransitionService, streams: dict[str, list[Row]], at: datetime) -> None:
    for stream, events in streams.items():
        entered = stays_of(events, at)
        known = [e for e in events if e["version"] == 1 or max(e["occurred_at"], e["entered_at"]) <= at]
        last = moves(events)[len(entered) - 1]
        found = read_status(service.store, parse_entity(stream), at)
        assert (found["status"], found["since"]) == (entered[-1].status, entered[-1].entered_at)
        assert found["attempts"] == last.get("num_attempts", 1)
        assert found["version"] == known[-1]["version"]


def assert_audit_is_a_fold(
    service: TransitionService, workflow: str, streams: dict[str, list[Row]], at: datetime
) -> None:
    stays = [stay for name in streams if name.startswith("task:") for stay in stays_of(streams[name], at)]
    with read_audit(service.store, workflow_id=workflow, at=at) as found:
        rows = list(found)
    assert [row["entered_at"] for row in rows] == sorted(stay.entered_at for stay in stays)
    assert Counter(
        (f"task:{row['task_id']}", row["new_status"], row["entered_at"], row["exited_at"], row["duration_seconds"])
        for row in rows
    ) == Counter((stay.entity, stay.status, stay.entered_at, stay.exited_at, stay.seconds) for stay in stays)


def now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment
