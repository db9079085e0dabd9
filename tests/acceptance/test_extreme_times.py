"""Logs with times at both ends of the calendar, as wrong clocks and `never` leave them: every command answers."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import run_on
from tests.support.every_command import READING, arguments

FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@pytest.fixture(params=["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def far_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the local zone to the first or the last of a day."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def service(service: TransitionService) -> TransitionService:
    """A task of the first year whose second attempt runs in the last one, as a log has it whose clock was wrong."""
    service.register_tasks("w", [TaskSpec("t1")], occurred_at=FIRST)
    service.gate_tasks_for_queueing(["t1"], occurred_at=datetime(1969, 12, 31, tzinfo=UTC))
    service.create_task_instances({"t1/1": "t1"}, occurred_at=datetime(1970, 1, 1, tzinfo=UTC))
    service.store.clock_tolerance = service.store.log.clock_tolerance = timedelta(days=2_920_000)
    for status in ("INSTANTIATED", "LAUNCHED"):
        service.transition_task_instance("t1/1", status, occurred_at=datetime(2600, 1, 1, tzinfo=UTC))
    service.transition_task_instance("t1/1", "RUNNING", occurred_at=LAST)
    return service


@pytest.mark.usefixtures("far_zone")
def test_every_command_answers(service: TransitionService, tmp_path: Path) -> None:
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "QUEUED"\nmax_duration = "1m"\n')
    for command in READING:
        words = arguments(READING, command, tmp_path)
        done = run_on(service.dsn, *words)
        assert (done.status, "unexpected" in done.stderr) == (0, False), (words, done)


@pytest.mark.parametrize("format_name", ["csv", "jsonl", "ocel2", "otlp", "parquet", "perfetto", "xes"])
def test_every_export_has_it(service: TransitionService, tmp_path: Path, format_name: str) -> None:
    done = run_on(service.dsn, "export", "--format", format_name, "-o", str(tmp_path / "out"))

    assert done.status == 0, done
