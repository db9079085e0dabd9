"""What a batch of an import reads of the log: what it is about, whatever the statistics say."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from application.transition_service import TransitionService
from domain.clock import IMPORT_PREFIX
from infrastructure.sql import query
from tests.support.importing import imported

JOBS = 3_000
SMALL = 1_000
"""An import of this many jobs leaves statistics to the server."""

SOME = [f"c/{number}" for number in range(JOBS // 3)]
HEADER = "JobID|Cluster|Submit|Start|End|State|NodeList\n"
TIMES = "2026-01-31T08:00:00|2026-01-31T08:01:00|2026-01-31T08:02:00"
OF_ONE = {"entity_id", "stream"}
"""The columns by which one entity's rows are found."""


@pytest.fixture(params=["without statistics", "with statistics"])
def log(service: TransitionService, connection: psycopg.Connection[Any], request: pytest.FixtureRequest) -> None:
    """A log of some thousand jobs, which the planner knows or does not."""
    for first in range(0, JOBS, SMALL):
        imported(service, "sacct", jobs(first, SMALL), zone="UTC")
    if request.param == "with statistics":
        connection.execute("ANALYZE")


def jobs(first: int, count: int) -> str:
    return HEADER + "".join(f"{number}|c|{TIMES}|COMPLETED|n1\n" for number in range(first, first + count))


def known_to_the_planner(connection: psycopg.Connection[Any]) -> set[str]:
    found = connection.execute("SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = 'sojourn'")
    return {name for (name,) in found}


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("imports/attempts_of_tasks", [SOME]),
        ("imports/caused_statuses", [SOME]),
        ("imports/parts_of_arrays", [SOME]),
        (
            "imports/proposals_of_streams",
            {"streams": [f"task:{name}" for name in SOME], "imports": IMPORT_PREFIX, "decided_again": ["ownership"]},
        ),
    ],
)
def test_a_batch_looks_up_what_it_is_about(connection: psycopg.Connection[Any], name: str, asked: Any) -> None:
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {query('projections', name)}", asked).fetchone()

    assert row is not None
    scans = [node for node in _nodes(row[0][0]["Plan"]) if node.get("Relation Name") in {"stored_event_1"}]
    assert scans
    for scan in scans:
        condition = scan.get("Index Cond") or scan.get("Recheck Cond", "")
        assert any(column in condition for column in OF_ONE), scan


def test_the_planner_knows_what_a_large_import_has_added(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    imported(service, "sacct", jobs(0, 2 * SMALL), zone="UTC")

    assert known_to_the_planner(connection) >= {"stored_event", "task", "task_instance"}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)
