"""The archive on DuckDB answers as the database did, alone and together with what stayed in the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from application.analyse.attempts import count_attempts
from application.analyse.time_in_status import measure_time_in_status
from application.archive.archive import archive_workflows
from application.archive.errors import ForeignArchive
from application.lake.lake import By
from application.read.audit import read_audit, read_instance_audit
from application.shared.as_of import effective_now
from application.transition_service import TaskSpec, TransitionService
from domain.entity import TASK, TASK_INSTANCE
from domain.errors import UnknownChoice
from sojourn.lake import Lake, spark_intervals, spark_sql, spark_views
from tests.support.simple_lifecycle import simple_lifecycle

pytestmark = pytest.mark.one_server

GROUPS: tuple[By | None, ...] = (None, "workflow", "template", "actor")
NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
AT = NINE + timedelta(hours=3)
PAUSING = simple_lifecycle(
    {
        "WAITING": ["RUNNING"], "RUNNING": ["DONE", "FAILED", "AGAIN", "PAUSED"], "PAUSED": ["RUNNING"],
        "AGAIN": ["RUNNING"], "DONE": [], "FAILED": [],
    },
    failures=["FAILED"],
)  # fmt: skip


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """Attempts of many lengths in three workflows: some go on at AT, `open` goes on until now, and the others ended."""
    for number in range(30):
        workflow = ("first", "second", "open")[number % 3]
        began, task = NINE + timedelta(minutes=7 * number), f"t{number}"
        service.register_tasks(workflow, [TaskSpec(task, template=f"a{number % 2}")], occurred_at=began)
        service.gate_tasks_for_queueing([task], occurred_at=began + timedelta(seconds=number))
        service.create_task_instances({f"{task}/1": task}, occurred_at=began + timedelta(seconds=number))
        for minutes, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING"), start=1):
            at = began + timedelta(minutes=minutes * (1 + number % 4))
            service.transition_task_instance(f"{task}/1", status, occurred_at=at, actor=f"worker{number % 2}")
        if number != 29:
            ended = began + timedelta(minutes=20, seconds=number**2)
            service.transition_task_instance(f"{task}/1", "DONE", occurred_at=ended)
    return service


@pytest.fixture
def lake(log: TransitionService, before: dict[str, Any], tmp_path: Path) -> Iterator[Lake]:
    """The archive of the workflows that ended, with the log of the one that goes on."""
    assert before
    moved = archive_workflows(log.store, effective_now(log.store), tmp_path)
    assert moved["workflows"] == 2
    with Lake(tmp_path, log.store, AT) as opened:
        yield opened


@pytest.fixture
def before(log: TransitionService) -> dict[str, Any]:
    """What the database answers while everything is in the log."""
    answers: dict[str, Any] = {}
    for kind in (TASK, TASK_INSTANCE):
        for by in GROUPS:
            answers[f"time {kind} {by}"] = measure_time_in_status(log.store, kind, by, at=AT)
    answers["time first"] = measure_time_in_status(log.store, TASK, workflow_id="first", at=AT)
    with read_audit(log.store, at=AT) as rows:
        answers["audit task"] = [{**row} for row in rows]
    with read_instance_audit(log.store, at=AT) as rows:
        answers["audit instance"] = [{**row} for row in rows]
    answers["concurrency"] = log.concurrency("RUNNING", "ti", at=AT)
    return answers


def test_it_answers_as_the_database_did(lake: Lake, before: dict[str, Any]) -> None:
    for kind in (TASK, TASK_INSTANCE):
        for by in GROUPS:
            measured = before[f"time {kind} {by}"]
            assert any(row["open"] for row in measured)
            assert in_order(lake.time_in_status(kind, by)) == in_order(measured)
    assert in_order(lake.time_in_status(TASK, workflow_id="first")) == in_order(before["time first"])
    assert [(row["at"], row["n"]) for row in lake.concurrency("RUNNING", TASK_INSTANCE)] == [
        (row["at"], row["n"]) for row in before["concurrency"]
    ]
    for kind, name, key in ((TASK, "audit task", "task_id"), (TASK_INSTANCE, "audit instance", "task_instance_id")):
        assert [
            (row["entity_id"], row["previous_status"], row["new_status"], row["entered_at"], row["exited_at"])
            for row in lake.audit(kind)
        ] == [
            (row[key], row["previous_status"], row["new_status"], row["entered_at"], row["exited_at"])
            for row in before[name]
        ]
        assert [row["duration_seconds"] for row in lake.audit(kind)] == pytest.approx(
            [row["duration_seconds"] for row in before[name]]
        )


def test_attempts_are_those_of_the_database(service: TransitionService, tmp_path: Path) -> None:
    """Given each outcome, with and without task instances, in the log and in the archive."""
    try_tasks(service, "gone")
    try_tasks(service, "going")
    service.register_tasks("going", [TaskSpec("waits"), TaskSpec("goes on")], occurred_at=NINE)
    create(service, "goes on", 1)
    moments = (NINE + timedelta(minutes=20), NINE + timedelta(minutes=50), NINE + timedelta(days=3))
    expected = [
        count_attempts(service.store, by, workflow, at)
        for at in moments for by in (None, "workflow", "template") for workflow in (None, "gone")
    ]  # fmt: skip
    total = expected[-6][0]
    outcomes = ("succeeded", "failed", "cancelled", "interrupted", "lost")
    assert all(total[outcome] for outcome in outcomes), total  # type: ignore[literal-required]
    assert expected[0][0]["open"]

    assert archive_workflows(service.store, effective_now(service.store), tmp_path)["workflows"] == 1

    found = []
    for at in moments:
        with Lake(tmp_path, service.store, at) as lake:
            found += [lake.attempts(by, name) for by in (None, "workflow", "template") for name in (None, "gone")]
            with pytest.raises(UnknownChoice):
                lake.attempts("actor")  # type: ignore[arg-type]
    assert [[to_compare(row) for row in rows] for rows in found] == [
        [to_compare(row, approximate=True) for row in rows] for rows in expected
    ]


def try_tasks(service: TransitionService, workflow: str) -> None:
    """Try the tasks of a workflow, which has ended then, but for an attempt that nobody has ended."""
    failed, lost = f"{workflow} failed", f"{workflow} lost"
    service.register_tasks(workflow, [TaskSpec(failed, 3, template="a"), TaskSpec(lost)], occurred_at=NINE)
    for number, end in ((1, "ERROR"), (2, "DONE")):
        create(service, failed, number)
        run(service, f"{failed}/{number}", 10 * number, end)
    create(service, lost, 1)
    run(service, f"{lost}/1", 5, "DONE")
    service.create_task_instances({f"{lost}/2": lost}, occurred_at=NINE + timedelta(minutes=1))
    queued = f"{workflow} queued"
    service.register_tasks(workflow, [TaskSpec(queued)], lifecycle="slurm", occurred_at=NINE)
    service.create_task_instances({f"{queued}/1": queued}, occurred_at=NINE)
    service.transition_task_instance(f"{queued}/1", "CANCELLED", occurred_at=NINE + timedelta(minutes=7))
    for end in ("DONE", "FAILED"):
        paused = f"{workflow} paused {end}"
        service.register_tasks(workflow, [TaskSpec(paused, 9)], lifecycle=PAUSING, occurred_at=NINE)
        for minute, status in enumerate(("RUNNING", "AGAIN", "RUNNING", "PAUSED", "RUNNING", end), start=1):
            service.transition_task(paused, status, occurred_at=NINE + timedelta(minutes=7 * minute))


def create(service: TransitionService, task: str, number: int) -> None:
    at = NINE + timedelta(minutes=10 * (number - 1), seconds=1)
    service.gate_tasks_for_queueing([task], occurred_at=at)
    service.create_task_instances({f"{task}/{number}": task}, occurred_at=at)


def run(service: TransitionService, instance: str, minutes: int, end: str) -> None:
    """Let an attempt run for nine tenths of its time, of which these are the minutes from the beginning of all."""
    for part, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING", end), start=7):
        service.transition_task_instance(instance, status, occurred_at=NINE + timedelta(minutes=minutes * part / 10))


def to_compare(row: Any, *, approximate: bool = False) -> dict[str, Any]:
    return {
        name: pytest.approx(value) if approximate and isinstance(value, float) else value for name, value in row.items()
    }


def test_files_without_intervals_answer_alike(lake: Lake, log: TransitionService, tmp_path: Path) -> None:
    """Given none of the files, one of them and all of them as they were written before files had intervals."""
    parts = sorted((tmp_path / "interval").rglob("*.parquet"))
    expected = answer_all(lake)
    assert len(parts) == 2
    for part in parts:
        part.unlink()
        with Lake(tmp_path, log.store, AT) as found:
            assert answer_all(found) == expected


def answer_all(lake: Lake) -> list[Any]:
    """Return the answers about a lake, and the rows of its views."""
    return [
        in_order(lake.time_in_status(TASK_INSTANCE, "actor")),
        [to_compare(row, approximate=True) for row in lake.attempts("template")], lake.audit(TASK),
        lake.audit(TASK_INSTANCE), lake.concurrency("RUNNING", TASK_INSTANCE),
        *(lake.sql(f"SELECT * FROM {view} ORDER BY ALL").to_arrow_table() for view in ("transition", "task")),
    ]  # fmt: skip


def test_the_archive_alone_needs_no_database(lake: Lake, log: TransitionService, tmp_path: Path) -> None:
    with Lake(tmp_path) as alone:
        assert {row["workflow_id"] for row in alone.audit()} == {"first", "second"}
        assert {row["workflow_id"] for row in lake.audit()} == {"first", "second", "open"}
        alone.relation("audit", kind=TASK).write_parquet(str(tmp_path / "audit.parquet"))
        assert pq.read_table(tmp_path / "audit.parquet").num_rows == len(alone.audit())
        assert alone.sql("SELECT count(DISTINCT task_id) FROM task").fetchall() == [(20,)]
        with pytest.raises(UnknownChoice):
            alone.time_in_status(by="tempalte")  # type: ignore[arg-type]
    with pytest.raises(ForeignArchive):
        Lake(tmp_path / "none")


def test_spark_gets_the_same_questions_with_its_own_parameters() -> None:
    assert "$kind" not in spark_sql("time_in_status")
    assert ":kind" in spark_sql("time_in_status")
    assert [view.split()[-1] for view in spark_views()]
    assert "'$.status'" in spark_intervals()


def in_order(rows: Any) -> list[dict[str, Any]]:
    """Return rows in an order that no rounding decides, with figures that compare as such."""
    ordered = sorted(rows, key=lambda row: (row["group"] or "", row["status"]))
    return [
        {name: pytest.approx(value) if isinstance(value, float) else value for name, value in row.items()}
        for row in ordered
    ]
