"""Compare two workflows, or one as of two times: what took longer, what decided, what failed first."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, cast

from psycopg import Connection

from application.analyse.analytics_session import read_rows, round_seconds
from application.analyse.critical_path import PathLink, path_links
from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.store import Store
from domain.entity import TASK
from domain.time import require_past
from infrastructure.sql import query


class ComparedStatus(TypedDict):
    """How long tasks (or instances) of one template stayed in one status, in seconds, in both workflows.

    `n` counts the intervals and `open` those that have not ended, which count up to the time of the answer. The
    quantiles are None where a workflow has no interval. `p_value` is the log-rank test's, for which an open interval
    has lasted at least that long: the probability of such a difference by chance. It is None where only one workflow
    has intervals, or too few have ended. `difference_seconds` is `total_b` less `total_a`, and `difference_share` its
    part of all differences, which is negative where B took less.
    """

    template: str | None
    status: str
    n_a: int
    n_b: int
    open_a: int
    open_b: int
    p50_a: float | None
    p50_b: float | None
    p90_a: float | None
    p90_b: float | None
    total_a: float
    total_b: float
    p_value: float | None
    difference_seconds: float
    difference_share: float | None


class ComparedLinks(TypedDict):
    """The links of one kind that tasks of one template have on the critical paths of both workflows.

    `difference_seconds` is `seconds_b` less `seconds_a`; those of all rows add up to the difference of the workflows.
    """

    template: str | None
    kind: str
    n_a: int
    n_b: int
    seconds_a: float
    seconds_b: float
    difference_seconds: float


class FirstFailure(TypedDict):
    """The first attempt of a workflow that entered a failure status, with the actor and reason of the report.

    An attempt is a task instance, or the task where its lifecycle has no instances.
    """

    entity: str
    template: str | None
    status: str
    at: datetime
    rule: str | None
    actor: str | None
    reason: str | None


class Comparison(TypedDict):
    """Two workflows, or one as of two times; what differs most comes first in lists.

    `seconds` is the time from the registration of the first task to the end of the last one, or to the time of the
    answer while one goes on; it is None before the workflow existed. `by_status` counts tasks by their status.
    `critical_path_by_template` sums up the links of `critical_path_a` and `critical_path_b`, the attempts and waits
    that decided when each ended. `only_a` and `only_b` are the ids of tasks that have no counterpart in the other
    workflow.
    """

    a: str
    b: str
    at_a: datetime | None
    at_b: datetime | None
    seconds_a: float | None
    seconds_b: float | None
    by_status_a: dict[str, int]
    by_status_b: dict[str, int]
    by_template: list[ComparedStatus]
    critical_path_by_template: list[ComparedLinks]
    critical_path_a: list[PathLink]
    critical_path_b: list[PathLink]
    only_a: list[str]
    only_b: list[str]
    first_failure_a: FirstFailure | None
    first_failure_b: FirstFailure | None


class Side(NamedTuple):
    """One of the two: a workflow as of a time."""

    workflow_id: str
    at: datetime | None


def compare_workflows(
    store: Store,
    a: str,
    b: str,
    at_a: datetime | None = None,
    at_b: datetime | None = None,
    kind: str = TASK,
) -> Comparison:
    """Return how workflow `b` as of `at_b` differs from workflow `a` as of `at_a` (None: now), by template and status.

    Raises:
        UnknownEntity: the log has no such workflow.
        FutureTime: `at_a` or `at_b` lies in the future.
    """
    with as_of(store, None) as connection:
        _require_past(store, connection, {"at_a": at_a, "at_b": at_b})
        for workflow_id in (a, b):
            require_workflow(connection, workflow_id)
        connection.execute(query("projections", "session/compare"))
        return _compare(connection, Side(a, at_a), Side(b, at_b), kind)


def _require_past(store: Store, connection: Connection[Any], times: Mapping[str, datetime | None]) -> None:
    row = connection.execute(query("projections", "session/clocks")).fetchone()
    assert row is not None
    for name, time in times.items():
        if time is not None:
            require_past(name, time, row[1], store.clock_tolerance)


def _compare(connection: Connection[Any], a: Side, b: Side, kind: str) -> Comparison:
    wanted = {"a": a.workflow_id, "b": b.workflow_id, "at_a": a.at, "at_b": b.at, "kind": kind}
    statuses = read_rows(connection, "compare/statuses", wanted)
    only = read_rows(connection, "compare/unmatched_tasks", wanted)
    path_a, path_b = _read_paths(connection, wanted)
    span_a, span_b = _read_span(connection, a), _read_span(connection, b)
    return {
        "a": a.workflow_id,
        "b": b.workflow_id,
        "at_a": a.at,
        "at_b": b.at,
        "seconds_a": _length(path_a, span_a),
        "seconds_b": _length(path_b, span_b),
        "by_status_a": span_a["by_status"],
        "by_status_b": span_b["by_status"],
        "by_template": [cast("ComparedStatus", _rounded(row)) for row in statuses],
        "critical_path_by_template": _compare_links(path_a, path_b),
        "critical_path_a": path_a,
        "critical_path_b": path_b,
        "only_a": [row["task_id"] for row in only if row["workflow"] == "a"],
        "only_b": [row["task_id"] for row in only if row["workflow"] == "b"],
        "first_failure_a": _find_first_failure(connection, a),
        "first_failure_b": _find_first_failure(connection, b),
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its seconds rounded, and its probability as it is: a small one has many digits."""
    return round_seconds(row) | {"p_value": row["p_value"]}


def _read_paths(connection: Connection[Any], wanted: dict[str, Any]) -> tuple[list[PathLink], list[PathLink]]:
    rows = read_rows(connection, "compare/critical_paths", wanted)
    a, b = (path_links([row for row in rows if row["workflow"] == side]) for side in "ab")
    return a, b


def _length(path: list[PathLink], span: dict[str, Any]) -> float | None:
    """Return the seconds that a workflow took: those of its path, because its end is now where it goes on."""
    return round(sum(link["seconds"] for link in path), 6) if path else span["seconds"]


def _compare_links(a: list[PathLink], b: list[PathLink]) -> list[ComparedLinks]:
    """Return the links of two paths by template and kind, those that differ most first."""
    seconds: dict[tuple[str | None, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for side, path in enumerate((a, b)):
        for link in path:
            seconds[link["template"], link["kind"]][side].append(link["seconds"])
    rows = [_sum_links(*key, *sides) for key, sides in seconds.items()]
    return sorted(rows, key=lambda row: (-abs(row["difference_seconds"]), row["template"] or "", row["kind"]))


def _sum_links(template: str | None, kind: str, a: list[float], b: list[float]) -> ComparedLinks:
    return {
        "template": template,
        "kind": kind,
        "n_a": len(a),
        "n_b": len(b),
        "seconds_a": round(sum(a), 6),
        "seconds_b": round(sum(b), 6),
        "difference_seconds": round(sum(b) - sum(a), 6),
    }


def _read_span(connection: Connection[Any], side: Side) -> dict[str, Any]:
    [row] = read_rows(connection, "compare/span", {"workflow_id": side.workflow_id, "at": side.at})
    return round_seconds(row)


def _find_first_failure(connection: Connection[Any], side: Side) -> FirstFailure | None:
    found = read_rows(connection, "compare/first_failure", {"workflow_id": side.workflow_id, "at": side.at})
    return cast("FirstFailure", found[0]) if found else None
