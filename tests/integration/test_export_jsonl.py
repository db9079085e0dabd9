"""jsonl out and in again: another database comes to the same audit, whatever was reported."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.exports.exporter import export_log
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.lifecycles import get_lifecycle
from tests.support.agreement import Row
from tests.support.databases import DatabasePool
from tests.support.examples import examples
from tests.support.importing import ADDED_NOTHING, audit, imported

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TASKS = ("t1", "t2")
STATUSES = sorted(get_lifecycle("jobmon").task.statuses)
INSTANCE_STATUSES = ("INSTANTIATED", "LAUNCHED", "RUNNING", "TRIAGING", "DONE", "ERROR", "KILL_SELF", "ERROR_FATAL")

OWN = """
name = "own"
version = {version}
[task]
initial = "NEW"
terminal = ["DONE", "OLD"]
[task.transitions]
NEW = ["{follows}"]
DONE = []
OLD = []
"""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("gate"), st.sampled_from(TASKS)),
        st.tuples(st.just("task"), st.sampled_from(TASKS), st.sampled_from(STATUSES), st.booleans()),
        st.tuples(st.just("instance"), st.sampled_from(TASKS)),
        st.tuples(st.just("report"), st.integers(0, 3), st.sampled_from(INSTANCE_STATUSES)),
        st.tuples(st.just("report"), st.integers(0, 3), st.sampled_from(INSTANCE_STATUSES[:5])),
        st.tuples(st.just("reset"), st.sampled_from(TASKS), st.booleans()),
    ),
    max_size=40,
)


@pytest.fixture
def other(databases: DatabasePool) -> Iterator[TransitionService]:
    """Yield a service on another empty database, which takes what is exported."""
    with databases.borrowed() as dsn, TransitionService.connect(dsn) as connected:
        yield connected


@examples(quick=3, long=8)
@given(steps)
def test_an_export_that_is_imported_gives_an_identical_audit(
    databases: DatabasePool, tmp_path: Path, drawn: list[tuple[Any, ...]]
) -> None:
    with (
        databases.borrowed() as dsn, TransitionService.connect(dsn) as service,
        databases.borrowed() as other_dsn, TransitionService.connect(other_dsn) as other,
    ):  # fmt: skip
        service.register_tasks("w", [TaskSpec(name, 2, "align") for name in TASKS], occurred_at=NOON)
        for second, step in enumerate(drawn, 1):
            take(service, step, NOON + timedelta(seconds=second))

        assert_same_audit(service, other, tmp_path)


def test_it_is_so_without_a_word_of_when_it_occurred(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    service.register_tasks("w", [TaskSpec("t1", 2)])
    service.gate_tasks_for_queueing(["t1"])
    service.create_task_instances({"t1/1": "t1"})
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR", "RUNNING"):
        service.transition_task_instance("t1/1", status, actor="node7", reason="because")
    service.transition_tasks(["t1"], "QUEUED")

    assert_same_audit(service, other, tmp_path)


def test_every_task_keeps_its_lifecycle_its_owner_and_its_attributes(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    service.register_tasks("w", [TaskSpec("f")], "fetch_ml")
    service.transition_task("f", "preparing")
    service.transition_task("f", "running")
    service.transition_task("f", "orphaned")
    service.register_tasks("w", [TaskSpec("p")], "pynenc")
    for status, runner in (("PENDING", "r1"), ("RUNNING", "r2"), ("RUNNING", "r1"), ("RETRY", "r1"), ("PENDING", "r2")):
        service.transition_task("p", status, runner_id=runner)
    service.register_tasks("w", [TaskSpec("x", attributes={"retries": 1, "retry_delay_seconds": 60})], "prefect")
    for status, name in (("PENDING", None), ("RUNNING", None), ("FAILED", None), ("RUNNING", "Retrying")):
        service.transition_task("x", status, state_name=name)

    assert_same_audit(service, other, tmp_path)
    assert _kept(other) == _kept(service)


def test_a_lifecycle_of_ones_own_goes_along_each_version_once(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    for version, follows in (1, "DONE"), (2, "OLD"):
        file = tmp_path / f"{version}.toml"
        file.write_text(OWN.format(version=version, follows=follows))
        service.register_tasks("w", [TaskSpec(f"v{version}"), TaskSpec(f"w{version}")], lifecycle=file)
    service.register_tasks("w", [TaskSpec("t1")])
    for task in ("v1", "v2"):
        service.transition_task(task, "DONE")  # which version 2 does not let pass

    assert_same_audit(service, other, tmp_path)
    assert _kept(other) == _kept(service)
    lines = [json.loads(line) for line in (tmp_path / "export.jsonl").read_text().splitlines()]
    assert ["definition" in line for line in lines[:5]] == [True, False, True, False, False]


def test_a_report_that_came_late_moves_the_task_again(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    service.register_tasks("w", [TaskSpec("t1", 2)], occurred_at=NOON)
    service.create_task_instances({"i0": "t1"}, occurred_at=NOON + timedelta(seconds=5))
    for second, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING", "ERROR"), 6):
        service.transition_task_instance("i0", status, occurred_at=NOON + timedelta(seconds=second))
    # Its instance has had the task QUEUED at that time, which is not what this one says.
    assert service.gate_tasks_for_queueing(["t1"], occurred_at=NOON + timedelta(seconds=5))["gated"] == ["t1"]

    assert_same_audit(service, other, tmp_path)


def take(service: TransitionService, step: tuple[Any, ...], at: datetime) -> None:
    """Carry out a drawn step; one that is about what is not there yet does nothing."""
    match step:
        case ("gate", task):
            service.gate_tasks_for_queueing([task], occurred_at=at, actor="gate")
        case ("task", task, status, counts):
            service.transition_tasks([task], status, counts, occurred_at=at, reason="by hand")
        case ("instance", task):
            with service.store.session() as connection:
                (number,) = connection.execute("SELECT count(*) FROM sojourn.task_instance").fetchone() or (0,)
            service.create_task_instances({f"i{number}": task}, occurred_at=at)
        case ("report", number, status):
            service.transition_task_instance(f"i{number}", status, occurred_at=at, actor=f"node{number}")
        case ("reset", task, running):
            service.reset_tasks([task], running, occurred_at=at, reason="resumed")


def assert_same_audit(service: TransitionService, other: TransitionService, folder: Path) -> None:
    """Export from one and import into the other, twice: the second time adds nothing."""
    file = folder / "export.jsonl"
    rows = export_log(service.store, "jsonl", str(file))["rows"]
    text = file.read_text()
    answer = imported(other, "jsonl", text)
    assert (answer["lines"], answer["bad_lines"]) == (rows, [])
    assert _audit(other) == _audit(service)
    again = imported(other, "jsonl", text)
    assert again == again | ADDED_NOTHING
    assert verify_log(other.store)["mismatches"] == []


def _audit(service: TransitionService) -> list[Row]:
    # Refusals that are left out are missing in the count of versions.
    with psycopg.connect(service.dsn) as connection:
        return [{key: value for key, value in row.items() if key != "version"} for row in audit(connection)]


def _kept(service: TransitionService) -> list[tuple[Any, ...]]:
    with psycopg.connect(service.dsn) as connection:
        return connection.execute(
            "SELECT task_id, lifecycle, owner, state - 'scheduled_time', attributes, num_attempts "
            "FROM sojourn.task ORDER BY task_id"
        ).fetchall()
