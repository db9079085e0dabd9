"""Reading through the service: the rows that the commands print, with datetimes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_jsonable_python
from typer.testing import CliRunner

from application.transition_service import TaskSpec, TransitionService
from domain.errors import (
    InvalidEntity,
    InvalidTime,
    TimesReversed,
    UnknownChoice,
    UnknownEntity,
    UnknownOrphanRule,
    UnknownStatus,
)
from tests.support.command_line import app

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
AT = EIGHT + timedelta(hours=1)
SLA = '[[limit]]\nstatus = "REGISTERING"\nat_most = "1m"\n'


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


@pytest.fixture
def attempted(service: TransitionService) -> TransitionService:
    """Task `t` fails once and waits; `u` of another workflow follows in minute 3; `d/1` reports after `d` is done."""
    service.register_tasks("w", [TaskSpec("t", template="align"), TaskSpec("d")], occurred_at=minute(0))
    service.gate_tasks_for_queueing(["t", "d"], occurred_at=minute(1))
    service.create_task_instances({"t/1": "t", "d/0": "d", "d/1": "d", "d/2": "d"}, occurred_at=minute(2))
    service.register_tasks("other", [TaskSpec("u")], occurred_at=minute(3))
    for number, status in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING"), (7, "ERROR")):
        service.transition_task_instance("t/1", status, occurred_at=minute(number), actor="node7", reason="exit 3")
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
        service.transition_task_instance("d/1", status, occurred_at=minute(3))
    for number, status in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING"), (7, "DONE")):
        service.transition_task_instance("d/2", status, occurred_at=minute(number), actor="node8")
    service.transition_task_instance("d/1", "ERROR", occurred_at=minute(9))
    return service


def printed(service: TransitionService, *command: str) -> Any:
    """What a command prints with --json, as of AT where it takes a time."""
    result = CliRunner().invoke(app, [*command, "--dsn", service.dsn, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


WHEN = ("--at", AT.isoformat())


def test_the_service_answers_with_the_rows_that_the_commands_print(
    attempted: TransitionService, tmp_path: Path
) -> None:
    limits = tmp_path / "sla.toml"
    limits.write_text(SLA)
    minutes = ("--from", minute(1).isoformat(), "--to", minute(6).isoformat())
    for rows, command in (
        (attempted.status("task:t", AT), ("status", "task:t", *WHEN)),
        (attempted.status("ti:t/1"), ("status", "task_instance:t/1")),
        (attempted.history("task_instance:t/1"), ("history", "ti:t/1")),
        (attempted.why("ti:d/1", AT), ("why", "ti:d/1", *WHEN)),
        (attempted.audit(at=AT), ("audit", *WHEN)),
        (attempted.audit("t", at=AT), ("audit", "--task", "t", *WHEN)),
        (attempted.audit(workflow_id="w", at=AT, entity="ti"), ("audit", "--entity", "ti", "--workflow", "w", *WHEN)),
        (attempted.orphans(at=AT), ("orphans", *WHEN)),
        (attempted.orphans(at=AT, include_handled=True), ("orphans", "--decided", *WHEN)),
        (attempted.orphans("late-report", "w", AT), ("orphans", "--rule", "late-report", "--workflow", "w", *WHEN)),
        (
            attempted.time_in_status("ti", by="actor", at=AT),
            ("time-in-status", "--entity", "ti", "--by", "actor", *WHEN),
        ),
        (attempted.time_in_status(terminal=True, at=AT), ("time-in-status", "--terminal", *WHEN)),
        (attempted.concurrency("QUEUED", at=AT), ("concurrency", "--status", "QUEUED", *WHEN)),
        (
            attempted.concurrency("RUNNING", "ti", "template", at=AT, bucket=timedelta(minutes=5)),
            ("concurrency", "--status", "RUNNING", "--entity", "ti", "--by", "template", "--bucket", "5m", *WHEN),
        ),
        (attempted.attempts("template", at=AT), ("attempts", "--by", "template", *WHEN)),
        (attempted.breaches(str(limits), at=AT), ("breaches", "--sla", str(limits), *WHEN)),
        (
            attempted.breaches(limits, "other", AT, True),
            ("breaches", "--sla", str(limits), "--workflow", "other", "--open", *WHEN),
        ),
        (attempted.variants("task_instance", "w", AT), ("variants", "--entity", "ti", "--workflow", "w", *WHEN)),
        (attempted.diff(minute(1), minute(6), "w"), ("diff", *minutes, "--workflow", "w")),
    ):  # fmt: skip
        assert rows, command
        assert to_jsonable_python(rows) == printed(attempted, *command), command


def test_times_are_datetimes(attempted: TransitionService) -> None:
    since = attempted.status("task:u")["since"]
    assert since == minute(3)
    assert [row["entered_at"] for row in attempted.audit("u")] == [minute(3)]
    assert attempted.diff(minute(1), minute(3), "other")[0]["since"] == minute(3)


def test_before_it_existed_the_status_is_none(attempted: TransitionService) -> None:
    assert attempted.status("task:u", minute(1)) == {
        "entity": "task:u", "status": None, "since": None, "lifecycle": None, "attempts": None, "version": None,
    }  # fmt: skip
    assert attempted.why("task:u", minute(1))["status"] is None


def test_what_cannot_be_asked(attempted: TransitionService) -> None:
    with pytest.raises(InvalidEntity, match="write task:ID"):
        attempted.status("t")
    with pytest.raises(UnknownEntity, match="no task 'tt'; did you mean 't'"):
        attempted.history("task:tt")
    with pytest.raises(UnknownEntity, match="no workflow 'othr'; did you mean 'other'"):
        attempted.audit(workflow_id="othr")
    with pytest.raises(UnknownOrphanRule):
        attempted.orphans("stuk")
    with pytest.raises(UnknownStatus, match="did you mean 'RUNNING'"):
        attempted.concurrency("RUNING")
    with pytest.raises(InvalidTime, match="has no zone"):
        attempted.status("task:t", datetime(2026, 1, 31))  # noqa: DTZ001 - refused for having no zone
    with pytest.raises(TimesReversed):
        attempted.diff(minute(2), minute(1))


def test_a_text_in_place_of_a_time_is_a_type_error_and_another_kind_an_unknown_choice(
    attempted: TransitionService,
) -> None:
    with pytest.raises(TypeError, match="at='2026-01-31' is not a datetime"):
        attempted.status("task:t", "2026-01-31")  # type: ignore[arg-type]
    with pytest.raises(UnknownChoice, match="entity='workflow' is not one of task, ti, task_instance"):
        attempted.variants("workflow")  # type: ignore[arg-type]
