"""How two workflows differ: worked examples, a textbook's figures, and any two against a few lines of Python."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from math import erfc, sqrt
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownEntity
from tests.support.agreement import Row, streams_of
from tests.support.examples import examples
from tests.support.simple_lifecycle import simple_lifecycle
from tests.support.stays import Stay, percentile, stays_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEXT = {"WAITING": ["RUNNING", "FAILED"], "RUNNING": ["DONE", "FAILED", "AGAIN"], "AGAIN": ["RUNNING"], "DONE": [],
        "FAILED": []}  # fmt: skip
SIMPLE = simple_lifecycle(NEXT, failures=["FAILED", "AGAIN"])
numbers = count()


def live(service: TransitionService, task: str, *way: tuple[str, float], template: str | None = None) -> None:
    """Bring a task of the workflow before its slash through statuses, each at a number of seconds after noon."""
    workflow = task.partition("/")[0]
    (_, begin), *following = way
    service.register_tasks(workflow, [TaskSpec(task, 9, template)], SIMPLE, occurred_at=NOON + begin * SECOND)
    for status, seconds in following:
        assert service.transition_task(task, status, occurred_at=NOON + seconds * SECOND)["error"] is None


def test_two_runs_of_one_pipeline(service: TransitionService) -> None:
    live(service, "mon/align", ("WAITING", 0), ("RUNNING", 10), ("DONE", 40), template="align")
    live(service, "mon/merge", ("WAITING", 0), ("RUNNING", 40), ("DONE", 50), template="merge")
    live(service, "tue/align", ("WAITING", 5), ("RUNNING", 15), ("FAILED", 105), template="align")
    live(service, "tue/report", ("WAITING", 5), template="report")

    found = service.compare("mon", "tue", at_b=NOON + 125 * SECOND)

    assert (found["seconds_a"], found["seconds_b"]) == (50.0, 120.0)
    assert (found["by_status_a"], found["by_status_b"]) == ({"DONE": 2}, {"FAILED": 1, "WAITING": 1})
    assert (found["only_a"], found["only_b"]) == (["mon/merge"], ["tue/report"])
    assert found["first_failure_a"] is None
    failure = found["first_failure_b"]
    assert failure is not None
    assert (failure["entity"], failure["status"], failure["at"]) == ("task:tue/align", "FAILED", NOON + 105 * SECOND)
    most, *_ = found["by_template"]
    assert (most["template"], most["status"], most["difference_seconds"]) == ("report", "WAITING", 120.0)
    assert most["difference_share"] == pytest.approx(120 / (120 + 60 + 40 + 10), abs=1e-6)
    assert {(row["template"], row["status"]): (row["total_a"], row["total_b"]) for row in found["by_template"]} == {
        ("report", "WAITING"): (0.0, 120.0),
        ("align", "RUNNING"): (30.0, 90.0),
        ("merge", "WAITING"): (40.0, 0.0),
        ("merge", "RUNNING"): (10.0, 0.0),
        ("align", "WAITING"): (10.0, 10.0),
    }


def test_the_critical_paths_side_by_side(service: TransitionService) -> None:
    live(service, "mon/align", ("WAITING", 0), ("RUNNING", 10), ("DONE", 40), template="align")
    live(service, "tue/align", ("WAITING", 5), ("RUNNING", 25), ("AGAIN", 40), ("RUNNING", 50), ("DONE", 90))
    live(service, "tue/short", ("WAITING", 5), ("RUNNING", 15), ("DONE", 20), template="align")

    found = service.compare("mon", "tue")

    a, b = (
        [(link["entity"], link["kind"], link["seconds"]) for link in found[side]]
        for side in ("critical_path_a", "critical_path_b")
    )
    assert a == [("task:mon/align", "waiting", 10.0), ("task:mon/align", "running", 30.0)]
    assert b == [
        ("task:tue/align", "waiting", 20.0),
        ("task:tue/align", "failed-attempt", 15.0),
        ("task:tue/align", "waiting-retry", 10.0),
        ("task:tue/align", "running", 40.0),
    ]
    assert [tuple(row.values()) for row in found["critical_path_by_template"]] == [
        (None, "running", 0, 1, 0.0, 40.0, 40.0),
        ("align", "running", 1, 0, 30.0, 0.0, -30.0),
        (None, "waiting", 0, 1, 0.0, 20.0, 20.0),
        (None, "failed-attempt", 0, 1, 0.0, 15.0, 15.0),
        (None, "waiting-retry", 0, 1, 0.0, 10.0, 10.0),
        ("align", "waiting", 1, 0, 10.0, 0.0, -10.0),
    ]


def test_one_workflow_as_of_two_times(service: TransitionService) -> None:
    live(service, "w/1", ("WAITING", 0), ("RUNNING", 10))
    live(service, "w/2", ("WAITING", 20))

    found = service.compare("w", "w", at_a=NOON + 5 * SECOND, at_b=NOON + 30 * SECOND)
    before = service.compare("w", "w", at_a=NOON - SECOND, at_b=NOON + 5 * SECOND)

    assert (found["seconds_a"], found["seconds_b"]) == (5.0, 30.0)
    assert (found["only_a"], found["only_b"]) == ([], ["w/2"])
    waiting = next(row for row in found["by_template"] if row["status"] == "WAITING")
    assert (waiting["n_a"], waiting["open_a"], waiting["n_b"], waiting["open_b"]) == (1, 1, 2, 1)
    assert (before["seconds_a"], before["by_status_a"], before["only_b"]) == (None, {}, ["w/1"])


def test_instances_of_two_workflows(service: TransitionService) -> None:
    for workflow, ran, end in (("a", 10, "DONE"), ("b", 30, "ERROR")):
        task = f"{workflow}/t"
        service.register_tasks(workflow, [TaskSpec(task, template="align")], occurred_at=NOON)
        service.gate_tasks_for_queueing([task], occurred_at=NOON)
        service.create_task_instances({f"{task}/1": task}, occurred_at=NOON)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
            service.transition_task_instance(f"{task}/1", status, occurred_at=NOON)
        service.transition_task_instance(f"{task}/1", end, occurred_at=NOON + ran * SECOND, reason="exit 1")

    found = service.compare("a", "b", entity="ti")

    most = found["by_template"][0]
    assert (most["status"], most["total_a"], most["total_b"], most["difference_share"]) == ("RUNNING", 10.0, 30.0, 1.0)
    failure = found["first_failure_b"]
    assert failure is not None
    assert (failure["entity"], failure["status"], failure["reason"]) == ("ti:b/t/1", "ERROR", "exit 1")


def test_an_unknown_workflow_is_an_error_that_names_the_nearest(service: TransitionService) -> None:
    service.register_tasks("night-1", [TaskSpec("t")])

    with pytest.raises(UnknownEntity, match="no workflow 'night-2'; did you mean 'night-1'"):
        service.compare("night-1", "night-2")


class TestTasksMatch:
    def only(self, service: TransitionService, a: Sequence[tuple[str, str]], b: Sequence[tuple[str, str]]) -> Any:
        for workflow, tasks in (("a", a), ("b", b)):
            for task, template in tasks:
                service.register_tasks(workflow, [TaskSpec(task, template=template or None)])
        found = service.compare("a", "b")
        return found["only_a"], found["only_b"]

    def test_by_name_without_the_id_of_the_workflow(self, service: TransitionService) -> None:
        a, b = [("a/x", ""), ("a-y", ""), ("a/z", "")], [("b/x", ""), ("b:y", ""), ("bz", "")]

        assert self.only(service, a, b) == (["a/z"], ["bz"])

    def test_by_name_whatever_the_template_is_called(self, service: TransitionService) -> None:
        assert self.only(service, [("a/1", "align"), ("a/2", "align")], [("b/1", "align-2"), ("b/3", "align-2")]) == (
            ["a/2"],
            ["b/3"],
        )

    def test_in_their_order_where_names_tell_nothing(self, service: TransitionService) -> None:
        a = [("7f3", "align"), ("1c9", "align"), ("0aa", "align"), ("e55", "merge")]
        b = [("b21", "align"), ("9d0", "align"), ("4c4", "report")]

        assert self.only(service, a, b) == (["0aa", "e55"], ["4c4"])

    def test_in_no_order_without_a_template(self, service: TransitionService) -> None:
        assert self.only(service, [("7f3", "")], [("b21", "")]) == (["7f3"], ["b21"])


# The weeks that 42 patients stayed in remission, by Freireich and others (1963): the example of most textbooks. R's
# survival::survdiff finds a chi-squared value of 16.793 and p = 4.17e-05 for it. A negative number is censored.
TREATED = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
UNTREATED = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_log_rank_test_finds_what_a_textbook_does(service: TransitionService) -> None:
    for workflow, weeks in (("a", TREATED), ("b", UNTREATED)):
        for number in weeks:
            task = f"{workflow}/{next(numbers)}"
            # Those that are censored are in the status for so long at noon.
            begin, ways = (number, ()) if number < 0 else (-1000, [("RUNNING", -1000 + number)])
            live(service, task, ("WAITING", begin), *ways)

    found = service.compare("a", "b", NOON, NOON)

    waiting = next(row for row in found["by_template"] if row["status"] == "WAITING")
    assert (waiting["n_a"], waiting["open_a"], waiting["n_b"], waiting["open_b"]) == (21, 12, 21, 0)
    assert waiting["p_value"] == pytest.approx(erfc(sqrt(16.7929 / 2)), rel=1e-4)
    assert waiting["p_value"] == pytest.approx(4.17e-5, rel=1e-3)


def test_a_p_value_has_every_digit(connection: psycopg.Connection[Any]) -> None:
    values = [0.0, 1e-12, 0.3, 1.0, 3.841458820694124, 16.7929, 71.9, 72.1, 200.0, 1300.0, 1e6]
    found = connection.execute(
        "SELECT sojourn.chi_squared_p_value(u.x) FROM unnest(%s::float8[]) WITH ORDINALITY AS u (x, n) ORDER BY u.n",
        [values],
    ).fetchall()

    for value, (probability,) in zip(values, found, strict=True):
        assert probability == pytest.approx(erfc(sqrt(value / 2)), rel=1e-13, abs=1e-300)


# Any two workflows, against a few lines over the raw events.

steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=4)
tasks = st.lists(st.tuples(st.sampled_from([None, "x", "y"]), st.integers(0, 4), steps), min_size=1, max_size=5)


@examples(quick=8, long=40)
@for_all(lives=st.tuples(tasks, tasks), at=st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_any_two_workflows(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    lives: tuple[Any, Any],
    at: tuple[int, int],
) -> None:
    workflows = [f"w{next(numbers)}" for _ in lives]
    for workflow, drawn in zip(workflows, lives, strict=True):
        for place, (template, begin, moves) in enumerate(drawn):
            live_any(service, f"{workflow}/{place}", template, begin, moves)
    time_a, time_b = times = [NOON + seconds * SECOND for seconds in at]
    streams = streams_of(connection)
    a, b = (stays_in(streams, workflow, time) for workflow, time in zip(workflows, times, strict=True))

    found = service.compare(workflows[0], workflows[1], time_a, time_b)

    templates = {name: events[0].get("template") for name, events in streams.items()}
    assert {(row.pop("template"), row.pop("status")): row for row in found["by_template"]} == expected(a, b, templates)  # type: ignore[misc]
    assert (found["seconds_a"], found["seconds_b"]) == (lasted(a, time_a), lasted(b, time_b))
    assert (found["by_status_a"], found["by_status_b"]) == (last_statuses(a), last_statuses(b))
    paths = found["critical_path_a"], found["critical_path_b"]
    # Another test finds the path of each workflow by brute force.
    for path, workflow, time, side in zip(paths, workflows, times, (a, b), strict=True):
        assert path == (service.critical_path(workflow, time)["links"] if side else [])
    changes = sum(row["difference_seconds"] for row in found["critical_path_by_template"])
    assert changes == (found["seconds_b"] or 0) - (found["seconds_a"] or 0)
    failed = [sorted(s for stays in side.values() for s in stays if s.status in ("FAILED", "AGAIN")) for side in (a, b)]
    assert [f and f["at"] for f in (found["first_failure_a"], found["first_failure_b"])] == [
        min((stay.entered_at for stay in stays), default=None) for stays in failed
    ]
    names = [{entity.partition("/")[2] for entity in side} for side in (a, b)]
    if not any(template for template in templates.values()):  # with templates, those left over match in their order
        assert found["only_a"] == [f"{workflows[0]}/{name}" for name in sorted(names[0] - names[1])]
        assert found["only_b"] == [f"{workflows[1]}/{name}" for name in sorted(names[1] - names[0])]


def live_any(
    service: TransitionService, task: str, template: str | None, begin: int, moves: list[tuple[int, int]]
) -> None:
    status, at = "WAITING", begin
    way: list[tuple[str, float]] = [(status, at)]
    for choice, seconds in moves:
        if not NEXT[status]:
            break
        status, at = NEXT[status][choice % len(NEXT[status])], at + seconds
        way.append((status, at))
    live(service, task, *way, template=template)


def stays_in(streams: dict[str, list[Row]], workflow: str, at: datetime) -> dict[str, list[Stay]]:
    """The stays of each task of a workflow that existed by then."""
    found = {name: stays_of(events, at) for name, events in streams.items() if name.startswith(f"task:{workflow}/")}
    return {name: stays for name, stays in found.items() if stays}


def lasted(side: dict[str, list[Stay]], at: datetime) -> float | None:
    if not side:
        return None
    begin = min(stays[0].entered_at for stays in side.values())
    lasts = [stays[-1] for stays in side.values()]
    ended = all(stay.status in ("DONE", "FAILED") for stay in lasts)
    return ((max(stay.entered_at for stay in lasts) if ended else at) - begin).total_seconds()


def last_statuses(side: dict[str, list[Stay]]) -> dict[str, int]:
    return dict(Counter(stays[-1].status for stays in side.values()))


def expected(
    a: dict[str, list[Stay]], b: dict[str, list[Stay]], templates: dict[str, str | None]
) -> dict[tuple[str | None, str], Any]:
    grouped: dict[tuple[str | None, str], tuple[list[Stay], list[Stay]]] = defaultdict(lambda: ([], []))
    for number, side in enumerate((a, b)):
        for entity, stays in side.items():
            for stay in stays:
                if stay.status not in ("DONE", "FAILED"):
                    grouped[templates[entity], stay.status][number].append(stay)
    whole = sum(abs(total(in_b) - total(in_a)) for in_a, in_b in grouped.values())
    return {key: row(in_a, in_b, whole) for key, (in_a, in_b) in grouped.items()}


def row(in_a: list[Stay], in_b: list[Stay], whole: float) -> dict[str, Any]:
    difference = total(in_b) - total(in_a)
    figures: dict[str, Any] = {}
    for name, stays in (("a", in_a), ("b", in_b)):
        seconds = [stay.seconds for stay in stays]
        figures |= {
            f"n_{name}": len(stays),
            f"open_{name}": sum(stay.exited_at is None for stay in stays),
            f"p50_{name}": pytest.approx(percentile(seconds, 0.5)) if stays else None,
            f"p90_{name}": pytest.approx(percentile(seconds, 0.9)) if stays else None,
            f"total_{name}": total(stays),
        }
    return figures | {
        "p_value": log_rank(in_a, in_b),
        "difference_seconds": difference,
        "difference_share": pytest.approx(difference / whole, abs=1e-6) if whole else None,
    }


def total(stays: list[Stay]) -> float:
    return sum(stay.seconds for stay in stays)


def log_rank(in_a: list[Stay], in_b: list[Stay]) -> Any:
    """The probability by the definition of the test: at each end, all that lasted as long are drawn from."""
    if not in_a or not in_b:
        return None
    surplus = variance = Fraction(0)
    for time in {stay.seconds for stay in in_a + in_b if stay.exited_at}:
        left_a, left_b = (sum(stay.seconds >= time for stay in stays) for stays in (in_a, in_b))
        ends_a, ends_b = (
            sum(stay.seconds == time and stay.exited_at is not None for stay in stays) for stays in (in_a, in_b)
        )
        left, ends = left_a + left_b, ends_a + ends_b
        surplus += ends_a - Fraction(ends * left_a, left)
        if left > 1:
            variance += Fraction(ends * left_a * left_b * (left - ends), left * left * (left - 1))
    return pytest.approx(erfc(sqrt(surplus * surplus / variance / 2))) if variance else None
