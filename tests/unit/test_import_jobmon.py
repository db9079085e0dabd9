"""The rows of Jobmon's task_status_audit: columns, letters, times."""

from datetime import UTC, datetime

import pytest

from application.imports.change import BadLine, MoveTask, ParsedLine, RegisterTask
from application.imports.formats.jobmon import MissingColumns
from application.imports.local_time import TimeZoneNeeded
from tests.support.importing import read

HEADER = "task_id,workflow_id,previous_status,new_status,entered_at,exited_at\n"
EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def lines(text: str, zone: str | None = "UTC", workflow: str | None = None) -> list[ParsedLine]:
    found = read("jobmon", text, zone=zone, workflow=workflow)
    assert all(isinstance(line, ParsedLine) for line in found), found
    return [line for line in found if isinstance(line, ParsedLine)]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "204,17,G,Q,2026-01-31 08:00:00,\n",
        HEADER + '"204","17","REGISTERING","QUEUED","2026-01-31 08:00:00.000000",NULL\n',
        HEADER + "204,17,G,Q,2026-01-31T09:00:00+01:00,2026-01-31 08:00:01\r\n",
        "﻿New_Status;entered_at;id;previous_status;workflow_id;task_id\nQ;2026-01-31 08:00:00;1;G;17;204\n",
        "new_status\tentered_at\tworkflow_id\tprevious_status\ttask_id\nQ\t2026-01-31 08:00:00\t17\tG\t204\n",
    ],
)
def test_a_row_however_it_is_written(text: str) -> None:
    (line,) = lines(text)
    register, move = line.changes

    assert isinstance(register, RegisterTask)
    assert isinstance(move, MoveTask)
    assert register[:3] == ("17/204", "17", EIGHT)
    assert (move.task_id, move.to, move.at, move.previous_status) == ("17/204", "QUEUED", EIGHT, "REGISTERING")


def test_a_row_that_only_begins_a_task() -> None:
    (line,) = lines(HEADER + "204,17,,G,2026-01-31 08:00:00,2026-01-31 07:00:00\n")

    assert [type(proposal) for proposal in line.changes] == [RegisterTask]
    assert line.anomalies == ("end-before-start",)


def test_a_task_that_is_tried_again_enters_its_first_status_again() -> None:
    header = "task_id,workflow_id,new_status,entered_at\n"
    rows = [f"204,17,{status},2026-01-31 08:00:0{second}\n" for second, status in enumerate("GQIOREGG")]
    found = lines(header + "".join([*rows, rows[0]]))

    assert [[type(proposal) for proposal in line.changes] for line in found] == [
        [RegisterTask], *[[MoveTask]] * 7, [RegisterTask]
    ]  # fmt: skip


def test_the_workflow_of_the_command_stands_for_the_files() -> None:
    (line,) = lines("task_id,new_status,entered_at\n204,Q,2026-01-31 08:00:00\n", workflow="prod")

    assert line.changes[0][:2] == ("prod/204", "prod")


def test_the_workflow_of_the_command_goes_before_the_files_and_leaves_the_ids() -> None:
    (line,) = lines(HEADER + "204,17,G,Q,2026-01-31 08:00:00,\n", workflow="prod")

    assert line.changes[0][:2] == ("17/204", "prod")
    assert line.changes[1][0] == "17/204"


def test_a_change_of_the_clock_keeps_the_rows_of_a_task_in_order() -> None:
    times = ("2026-11-01 00:50:00", "2026-11-01 01:50:00", "2026-11-01 01:10:00", "2026-11-01 02:05:00")
    text = HEADER + "".join(f"204,17,G,Q,{time},\n" for time in times)

    found = [line.changes[0].at for line in lines(text, zone="America/New_York")]
    assert [f"{at:%H:%M}" for at in found] == ["04:50", "05:50", "06:10", "07:05"]


def test_times_need_a_zone() -> None:
    with pytest.raises(TimeZoneNeeded, match="--timezone"):
        lines(HEADER + "204,17,G,Q,2026-01-31 08:00:00,\n", zone=None)


def test_a_file_without_what_is_needed_is_refused() -> None:
    with pytest.raises(MissingColumns, match="new_status, workflow_id"):
        lines("task_id,entered_at\n")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("204,17,G,X,2026-01-31 08:00:00,", "no status 'X'"),
        ("204,17,G,Q,soon,", "time 'soon' cannot be read"),
        (",17,G,Q,2026-01-31 08:00:00,", "has no task_id"),
        ("204,,G,Q,2026-01-31 08:00:00,", "workflow id None"),
        ("204,17,G,Q", "has 4 fields, not 6"),
    ],
)
def test_a_row_that_is_not_understood_says_why(row: str, why: str) -> None:
    (bad,) = read("jobmon", HEADER + row + "\n", zone="UTC")

    assert isinstance(bad, BadLine)
    assert why in bad.error
