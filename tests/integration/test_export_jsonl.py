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
from domain.actor import Actor
from domain.lifecycles import get_lifecycle
from tests.support.agreement import Row
from tests.support.databases import DatabasePool
from tests.support.examples import examples
from tests.support.importing import ADDED_NOTHING, audit, imported

pytestmark = pytest.mark.one_server

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TASKS = ("t1", "t2")
RUNS = ("p1", "p2")
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

SHIFTS = (0.0, 0.0, 0.0, -5.0, -15.0, -45.0, -200.0, 30.0, None)
"""Seconds by which a report is of another time than the one that its place in the list says; None: it states none."""

HOSTS = ("n1", "n1", "n2", None)

steps_of_one = st.one_of(
    st.tuples(st.just("gate"), st.sampled_from(TASKS)),
    st.tuples(st.just("task"), st.sampled_from(TASKS), st.sampled_from(STATUSES), st.booleans()),
    st.tuples(st.just("instance"), st.sampled_from(TASKS)),
    st.tuples(st.just("report"), st.integers(0, 3), st.sampled_from(INSTANCE_STATUSES)),
    st.tuples(st.just("report"), st.integers(0, 3), st.sampled_from(INSTANCE_STATUSES[:5])),
    st.tuples(st.just("reset"), st.sampled_from(TASKS), st.booleans()),
    st.tuples(st.just("run"), st.sampled_from(RUNS), st.sampled_from(("PENDING", "RUNNING", "PAUSED", "CANCELLING"))),
)
steps = st.lists(steps_of_one, max_size=40)


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
        register_runs(service)
        for second, step in enumerate(drawn, 1):
            take(service, step, NOON + timedelta(seconds=second))

        assert_same_audit(service, other, tmp_path)


@examples(quick=4, long=40)
@given(st.lists(st.tuples(steps_of_one, st.sampled_from(SHIFTS), st.sampled_from(HOSTS)), max_size=25))
def test_an_export_says_of_late_reports_when_they_happened_and_which_of_them_were_stale(
    databases: DatabasePool, tmp_path: Path, drawn: list[tuple[tuple[Any, ...], float | None, str | None]]
) -> None:
    with (
        databases.borrowed() as dsn, TransitionService.connect(dsn) as service,
        databases.borrowed() as other_dsn, TransitionService.connect(other_dsn) as other,
    ):  # fmt: skip
        service.register_tasks("w", [TaskSpec(name, 2) for name in TASKS], occurred_at=NOON)
        register_runs(service)
        for second, (step, shift, host) in enumerate(drawn, 1):
            at = None if shift is None else NOON + timedelta(seconds=10 * second + shift)
            take(service, step, at, None if host is None else Actor(component="worker", host=host))

        assert_same_audit(service, other, tmp_path)
        assert _stale(other) == _stale(service)
        assert _stated(service) <= _stated(other)


def test_what_began_an_entity_is_of_the_clock_of_the_import_too(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    service.register_tasks("w", [TaskSpec("t1")], "prefect", occurred_at=NOON)
    service.transition_task("t1", "PENDING", occurred_at=NOON - timedelta(seconds=30))  # by the same host

    assert_same_audit(service, other, tmp_path)
    assert len(_stale(other)) == len(_stale(service)) == 1


def test_a_stale_report_and_late_steps_keep_their_times(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    at = [NOON + timedelta(seconds=second) for second in range(200)]
    one, two = (Actor(component="worker", host=host) for host in ("n1", "n2"))
    service.register_tasks("w", [TaskSpec("t1")], "prefect", occurred_at=at[0])
    service.transition_task("t1", "RUNNING", occurred_at=at[100], actor=one)
    service.transition_task("t1", "PENDING", occurred_at=at[90], actor=two)  # within the tolerance of two clocks
    service.transition_task("t1", "RUNNING", occurred_at=at[110], actor=one)
    service.transition_task("t1", "PENDING", occurred_at=at[105], actor=one)  # stale: by one clock
    service.transition_task("t1", "RUNNING", occurred_at=at[105], actor=one)
    service.transition_task("t1", "PENDING", occurred_at=at[20], actor=two)  # stale: beyond the tolerance
    service.register_tasks("w", [TaskSpec("t2")], "nextflow", occurred_at=at[50])
    service.create_task_instances({"t2/1": "t2"}, occurred_at=at[60])
    service.transition_task_instance("t2/1", "RUNNING", occurred_at=at[40], actor=one)  # a step forward
    service.transition_task_instance("t2/1", "COMPLETED", actor=one)

    assert_same_audit(service, other, tmp_path)

    lines = [json.loads(line) for line in (tmp_path / "export.jsonl").read_text().splitlines()]
    moves = [(line["to"], _second(line["at"]), _second(line.get("entered_at"))) for line in lines if "to" in line]
    assert moves[:-1] == [
        ("RUNNING", 100, None), ("PENDING", 100, None), ("RUNNING", 110, None), ("PENDING", 105, 110),
        ("RUNNING", 105, 110), ("PENDING", 20, 110), ("RUNNING", 40, 60),
    ]  # fmt: skip
    assert _stale(other) == _stale(service) == {("task:t1", "PENDING", at[105]), ("task:t1", "PENDING", at[20])}


def test_two_moves_of_one_time_are_both_kept_wherever_the_export_is_cut(
    service: TransitionService, other: TransitionService, tmp_path: Path
) -> None:
    """A move and a late one that states the same time differ by the time of the entry."""
    service.register_tasks("w", [TaskSpec("t1")], "prefect", occurred_at=NOON)
    for status, second in (("RUNNING", 5), ("FAILED", 9), ("RUNNING", 5)):
        service.transition_task("t1", status, occurred_at=NOON + timedelta(seconds=second), actor="worker")
    export_log(service.store, "jsonl", str(tmp_path / "log.jsonl"))
    lines = (tmp_path / "log.jsonl").read_text().splitlines(keepends=True)

    for part in ("".join(lines[:-1]), lines[-1]):
        imported(other, "jsonl", part)

    assert _audit(other) == _audit(service)
    assert _stale(other) == _stale(service)
    assert imported(service, "jsonl", "".join(lines)).items() >= ADDED_NOTHING.items()


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


def register_runs(service: TransitionService) -> None:
    """Register two runs for which there is one slot, the second one for a time to come."""
    service.limit_concurrency("gpu", 1)
    service.register_tasks(
        "w", [TaskSpec(run, attributes={"tags": ["gpu"]}) for run in RUNS], "prefect", occurred_at=NOON
    )
    due = NOON + timedelta(seconds=8)
    service.transition_task("p2", "SCHEDULED", scheduled_time=due, occurred_at=NOON)


def take(service: TransitionService, step: tuple[Any, ...], at: datetime | None, actor: Actor | None = None) -> None:
    """Carry out a drawn step; one that is about what is not there yet does nothing."""
    match step:
        case ("gate", task):
            service.gate_tasks_for_queueing([task], occurred_at=at, actor=actor or "gate")
        case ("task", task, status, counts):
            service.transition_tasks([task], status, counts, occurred_at=at, reason="by hand", actor=actor)
        case ("instance", task):
            with service.store.session() as connection:
                (number,) = connection.execute("SELECT count(*) FROM sojourn.task_instance").fetchone() or (0,)
            service.create_task_instances({f"i{number}": task}, occurred_at=at)
        case ("report", number, status):
            service.transition_task_instance(f"i{number}", status, occurred_at=at, actor=actor or f"node{number}")
        case ("reset", task, running):
            service.reset_tasks([task], running, occurred_at=at, reason="resumed")
        case ("run", run, status):
            service.transition_task(run, status, occurred_at=at, actor=actor)


def assert_same_audit(service: TransitionService, other: TransitionService, folder: Path) -> None:
    """Export from one and import into the other, twice: the second time adds nothing.

    The other one's export is the same, but for the lines that the import counted as duplicates: proposals of what an
    instance had made true already, and the same refusal again in the same instant.
    """
    file = folder / "export.jsonl"
    rows = export_log(service.store, "jsonl", str(file))["rows"]
    text = file.read_text()
    answer = imported(other, "jsonl", text)
    assert (answer["lines"], answer["bad_lines"]) == (rows, [])
    assert _audit(other) == _audit(service)
    again = imported(other, "jsonl", text)
    assert again == again | ADDED_NOTHING
    export_log(other.store, "jsonl", str(folder / "again.jsonl"))
    kept = (folder / "again.jsonl").read_text().splitlines()
    missing = list(_without(text.splitlines(), kept))
    assert len(missing) == answer["duplicates"]
    assert all(text.splitlines().count(line) > 1 for line in missing if "event" in json.loads(line))
    assert verify_log(other.store)["mismatches"] == []


def _without(lines: list[str], kept: list[str]) -> Iterator[str]:
    """Yield the lines of a file that another file leaves out, which has the others in the same order."""
    left = iter(kept)
    expected = next(left, None)
    for line in lines:
        if line == expected:
            expected = next(left, None)
        else:
            yield line
    assert expected is None, expected


def _audit(service: TransitionService) -> list[Row]:
    # What counts as a duplicate is missing in the count of versions.
    with psycopg.connect(service.dsn) as connection:
        return [{key: value for key, value in row.items() if key != "version"} for row in audit(connection)]


def _stale(service: TransitionService) -> set[tuple[Any, ...]]:
    """The reports that were refused as stale, each once."""
    with psycopg.connect(service.dsn) as connection:
        return set(connection.execute(
            "SELECT stream, data ->> 'reported', occurred_at FROM sojourn.event WHERE data ->> 'rule' = 'stale-report'"
        ))  # fmt: skip


def _stated(service: TransitionService) -> set[tuple[Any, ...]]:
    """The statuses that were entered by a report with a time, and that time; not where the tolerance let it pass."""
    with psycopg.connect(service.dsn) as connection:
        return set(connection.execute(
            "SELECT stream, nth, status, occurred_at FROM ("
            "  SELECT *, data ->> 'status' AS status, "
            "    count(*) FILTER (WHERE is_transition) OVER (PARTITION BY stream ORDER BY version) AS nth "
            "  FROM sojourn.event) AS e "
            "WHERE is_transition AND occurred_at IS NOT NULL AND NOT data ? 'cause' AND NOT data ? 'clock_tolerance'"
        ))  # fmt: skip


def _second(at: str | None) -> float | None:
    return None if at is None else (datetime.fromisoformat(at) - NOON).total_seconds()


def _kept(service: TransitionService) -> list[tuple[Any, ...]]:
    with psycopg.connect(service.dsn) as connection:
        return connection.execute(
            "SELECT task_id, lifecycle, owner, state - 'scheduled_time', attributes, num_attempts "
            "FROM sojourn.task ORDER BY task_id"
        ).fetchall()
