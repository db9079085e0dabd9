"""Importing what Spark, Nextflow and Jobmon have recorded: what the log makes of it."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.agreement import rows
from tests.support.almost_right import SEQERA_TASKS
from tests.support.importing import ADDED_NOTHING, imported, jsonl

SECOND = 1_769_846_400_000
"""2026-01-31T08:00:00Z in milliseconds."""


@pytest.fixture(autouse=True)
def _consistent(service: TransitionService) -> Iterator[None]:
    """Whatever a test has imported, the projections are what a replay of the log says."""
    yield
    assert verify_log(service.store)["mismatches"] == []


def stays(connection: psycopg.Connection[Any], entity: str) -> list[tuple[str, float]]:
    """The statuses of `task:ID` or `task_instance:ID`, and how many seconds after eight it entered them."""
    kind, _, name = entity.partition(":")
    found = rows(
        connection,
        "SELECT new_status, extract(epoch FROM entered_at) - %s AS since "
        f"FROM sojourn.{kind}_status_audit WHERE {kind}_id = %s ORDER BY version",
        SECOND // 1000,
        name,
    )
    return [(row["new_status"], float(row["since"])) for row in found]


def event(kind: str, attempt: int, launched: float, finished: float = 0, **reason: str) -> str:
    """A TaskStart or TaskEnd of Spark, with times in seconds after eight."""
    info = {
        "Task ID": 70 + attempt, "Index": 3, "Attempt": attempt, "Launch Time": SECOND + round(launched * 1000),
        "Executor ID": "1", "Host": "n1", "Speculative": False, "Getting Result Time": 0,
        "Finish Time": SECOND + round(finished * 1000) if finished else 0,
    }  # fmt: skip
    keys = {"Event": f"SparkListener{kind}", "Stage ID": 5, "Stage Attempt ID": 0, "Task Info": info}
    return json.dumps(keys | ({"Task End Reason": reason} if reason else {})) + "\n"


def started(attempt: int, launched: float) -> str:
    return event("TaskStart", attempt, launched)


def ended(attempt: int, launched: float, finished: float, reason: str) -> str:
    return event("TaskEnd", attempt, launched, finished, Reason=reason)


APPLICATION = json.dumps({"Event": "SparkListenerApplicationStart", "App ID": "app", "Timestamp": SECOND}) + "\n"


def test_a_task_of_spark_that_is_tried_until_it_succeeds(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = (
        APPLICATION
        + started(0, 1)
        + ended(0, 1, 4, "ExceptionFailure")
        + started(1, 5)
        + ended(1, 5, 9, "Success")
        + started(2, 10)
    )

    answer = imported(service, "spark", text)
    again = imported(service, "spark", text)

    # A third attempt at what has succeeded is none that Spark makes: it is kept, and the task stays where it is.
    assert (answer["tasks"], answer["task_instances"], answer["refused"]) == (1, 3, {"invalid-transition": 1})
    assert stays(connection, "task:app/5.0/3") == [
        ("RUNNING", 1), ("FAILED", 4), ("RUNNING", 5), ("SUCCESS", 9),
    ]  # fmt: skip
    assert stays(connection, "task_instance:app/5.0/3/2") == [("RUNNING", 10)]
    assert again == again | ADDED_NOTHING | {"duplicates": 5}


def test_a_task_of_spark_that_succeeded_and_is_resubmitted(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    gone = json.dumps({"Event": "SparkListenerExecutorRemoved", "Timestamp": SECOND + 20_000}) + "\n"
    first = started(0, 1) + ended(0, 1, 4, "Success")
    text = APPLICATION + first + gone + ended(0, 1, 4, "Resubmitted") + started(1, 21) + ended(1, 21, 30, "Success")

    answer = imported(service, "spark", text)

    assert (answer["refused"], answer["anomalies"]) == ({}, {"resubmitted": 1})
    assert stays(connection, "task_instance:app/5.0/3/0") == [("RUNNING", 1), ("SUCCESS", 4), ("RESUBMITTED", 20)]
    assert stays(connection, "task:app/5.0/3")[1:] == [
        ("SUCCESS", 4), ("RESUBMITTED", 20), ("RUNNING", 21), ("SUCCESS", 30),
    ]  # fmt: skip


def test_an_attempt_of_spark_that_ends_after_its_task_and_one_that_ends_twice(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = (
        APPLICATION
        + started(0, 1)
        + started(1, 5)
        + ended(0, 1, 8, "Success")
        + ended(1, 5, 9, "TaskKilled")
        + ended(1, 5, 10, "ExecutorLostFailure")
        + ended(1, 5, 9, "TaskKilled")
    )

    answer = imported(service, "spark", text)

    assert answer["refused"] == {"invalid-transition": 1}
    assert (answer["anomalies"], answer["duplicates"]) == ({"end-after-its-task": 1}, 1)
    assert stays(connection, "task:app/5.0/3")[-1] == ("SUCCESS", 8)
    assert stays(connection, "task_instance:app/5.0/3/1") == [("RUNNING", 5), ("KILLED", 9)]
    (killed,) = rows(connection, "SELECT rule FROM sojourn.transition WHERE status = 'KILLED'")
    assert killed["rule"] == "orphaned-instance"


def test_an_end_of_spark_without_a_time_makes_no_stay_of_zero_length(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    killed = [event("TaskEnd", attempt, launched, Reason="TaskKilled") for attempt, launched in ((0, 1), (1, 4))]
    text = APPLICATION + started(0, 1) + killed[0] + started(1, 4) + killed[1]

    answer = imported(service, "spark", text)
    again = imported(service, "spark", text)
    longer = imported(service, "spark", text + started(2, 9))

    assert (answer["refused"], answer["bad"]) == ({}, 0)
    assert answer["anomalies"] == {"estimated-time": 1, "undated-status": 1}
    assert again == again | ADDED_NOTHING
    assert longer["anomalies"] == {"estimated-time": 1}
    assert stays(connection, "task_instance:app/5.0/3/0") == [("RUNNING", 1), ("KILLED", 4)]
    assert stays(connection, "task_instance:app/5.0/3/1") == [("RUNNING", 4), ("KILLED", 9)]


def test_a_task_of_nextflow_that_is_tried_again_and_one_that_is_cached(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = (
        "task_id\tname\tstatus\tattempt\tsubmit\tduration\trealtime\n"
        f"1\tINDEX\tCACHED\t1\t{SECOND}\t9000\t8000\n"
        f"2\tALIGN (a)\tFAILED\t1\t{SECOND}\t5000\t3000\n"
        f"3\tALIGN (a)\tCOMPLETED\t2\t{SECOND + 6000}\t5000\t3000\n"
        f"4\tSORT (a)\tFAILED\t1\t{SECOND}\t5000\t-\n"
    )

    answer = imported(service, "nextflow", text)
    again = imported(service, "nextflow", text)

    assert (answer["tasks"], answer["task_instances"], answer["refused"], answer["bad"]) == (3, 3, {}, 0)
    assert again == again | ADDED_NOTHING | {"duplicates": 4}
    (run,) = {row["workflow_id"] for row in rows(connection, "SELECT DISTINCT workflow_id FROM sojourn.task")}
    assert stays(connection, f"task:{run}/ALIGN (a)") == [
        ("SUBMITTED", 0), ("RUNNING", 2), ("FAILED", 5),
        ("SUBMITTED", 6), ("RUNNING", 8), ("COMPLETED", 11),
    ]  # fmt: skip
    assert stays(connection, f"task_instance:{run}/SORT (a)/4") == [("SUBMITTED", 0), ("FAILED", 5)]
    assert stays(connection, f"task:{run}/INDEX") == [("CACHED", 0)]


def test_a_run_of_nextflow_that_was_aborted_leaves_nothing_open(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    header = "task_id\tname\tstatus\tattempt\tsubmit\tduration\trealtime\n"
    rows_of_run = [
        f"1\tINDEX\tCACHED\t1\t{SECOND}\t9000\t8000\n",
        f"2\tALIGN (a)\tFAILED\t1\t{SECOND}\t5000\t3000\n",
        f"3\tALIGN (a)\tABORTED\t2\t{SECOND + 6000}\t-\t-\n",
        "4\tSORT\tABORTED\t1\t-\t-\t-\n",
        f"5\tPLOT\tCOMPLETED\t1\t{SECOND}\t9000\t9000\n",
    ]

    for order in (rows_of_run, rows_of_run[::-1]):
        answer = imported(service, "nextflow", header + "".join(order))

        assert (answer["tasks"], answer["task_instances"], answer["refused"], answer["bad"]) == (4, 3, {}, 0)
        assert answer["anomalies"] == {"estimated-time": 2}
    assert rows(connection, "SELECT entity_id FROM sojourn.status_interval WHERE open AND status = 'SUBMITTED'") == []
    runs = [row["workflow_id"] for row in rows(connection, "SELECT DISTINCT workflow_id FROM sojourn.task")]
    assert len(runs) == 2
    for run in runs:
        assert stays(connection, f"task:{run}/ALIGN (a)") == [
            ("SUBMITTED", 0), ("RUNNING", 2), ("FAILED", 5), ("SUBMITTED", 6), ("ABORTED", 9),
        ]  # fmt: skip
        assert stays(connection, f"task:{run}/SORT") == [("ABORTED", 9)]


def test_the_tasks_of_seqera_platform_are_those_of_the_run(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = json.dumps(SEQERA_TASKS, indent=2)

    answer = imported(service, "nextflow", text)
    again = imported(service, "nextflow", text)

    assert (answer["tasks"], answer["task_instances"], answer["anomalies"]) == (2, 2, {})
    assert again == again | ADDED_NOTHING | {"duplicates": 2}
    assert stays(connection, "task_instance:5ymDk0hm/ALIGN (s1)/1") == [
        ("SUBMITTED", 0), ("RUNNING", 45), ("COMPLETED", 61),
    ]  # fmt: skip
    assert stays(connection, "task_instance:5ymDk0hm/SORT/2") == [("SUBMITTED", 0), ("RUNNING", 45), ("ABORTED", 61.25)]


def test_a_table_of_jobmon(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    moves = ("G", "Q", "I", "O", "R", "E", "G", "Q", "I", "R", "D", "R")
    text = "task_id,workflow_id,previous_status,new_status,entered_at,exited_at\n" + "".join(
        f"204,17,{before},{to},2026-01-31 08:00:{second:02},\n"
        for second, (before, to) in enumerate(zip(("", *moves), moves, strict=False))
    )

    answer = imported(service, "jobmon", text, zone="UTC")
    again = imported(service, "jobmon", text, zone="UTC")

    # Jobmon has let a task go on that was DONE: its table says so, and the gate does not let it pass.
    assert (answer["tasks"], answer["transitions"], answer["refused"]) == (1, 11, {"invalid-transition": 1})
    assert (answer["anomalies"], answer["bad"]) == ({}, 0)
    assert again == again | ADDED_NOTHING | {"duplicates": 12}
    assert [status for status, _ in stays(connection, "task:17/204")] == [
        "REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "ERROR_RECOVERABLE", "REGISTERING", "QUEUED",
        "INSTANTIATING", "RUNNING", "DONE",
    ]  # fmt: skip
    (task,) = rows(connection, "SELECT num_attempts FROM sojourn.task")
    assert task["num_attempts"] == 2


@pytest.mark.parametrize("left", ["QUEUED", "INSTANTIATING", "LAUNCHED", "ERROR_FATAL"])
@pytest.mark.parametrize("states_previous", [True, False])
def test_a_resume_of_jobmon_resets_the_task_and_ends_no_instance(
    service: TransitionService, connection: psycopg.Connection[Any], left: str, *, states_previous: bool
) -> None:
    way = {"QUEUED": "", "INSTANTIATING": "I", "LAUNCHED": "IO", "ERROR_FATAL": "IOF"}[left]
    moves = ["G", "Q", *way, "G", "Q", "I", "R", "D"]
    columns = "task_id,workflow_id,new_status,entered_at,previous_status\n"
    text = columns + "".join(
        f"204,17,{to},2026-01-31 08:00:{second:02},{before if states_previous else ''}\n"
        for second, (before, to) in enumerate(zip(("", *moves), moves, strict=False))
    )
    half = columns + "".join(text.splitlines(keepends=True)[1 : 3 + len(way)])
    imported(service, "jobmon", half, zone="UTC")
    service.create_task_instances({"204/1": "17/204"})

    answer = imported(service, "jobmon", text, zone="UTC")
    again = imported(service, "jobmon", text, zone="UTC")

    assert (answer["refused"], answer["anomalies"], answer["bad"]) == ({}, {}, 0)
    assert again == again | ADDED_NOTHING
    assert stays(connection, "task:17/204")[-5:] == [
        ("REGISTERING", 2 + len(way)), ("QUEUED", 3 + len(way)), ("INSTANTIATING", 4 + len(way)),
        ("RUNNING", 5 + len(way)), ("DONE", 6 + len(way)),
    ]  # fmt: skip
    assert [status for status, _ in stays(connection, "task_instance:204/1")] == ["QUEUED"]


def test_a_row_of_jobmon_that_begins_elsewhere_than_the_log_is_counted(service: TransitionService) -> None:
    text = AUDIT + ROWS[0] + "204,17,I,R,2026-01-31 08:00:01\n"

    answer = imported(service, "jobmon", text, zone="UTC")

    assert (answer["refused"], answer["anomalies"]) == ({"invalid-transition": 1}, {"other-previous-status": 1})


def test_a_requeue_of_slurm_at_the_same_submission_is_a_further_attempt(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    def record(start: str, end: str, state: str) -> str:
        return f"7|c|2026-01-31T08:00:00|2026-01-31T{start}|2026-01-31T{end}|{state}|n1\n"

    text = "JobID|Cluster|Submit|Start|End|State|NodeList\n"
    text += record("08:00:05", "08:00:10", "NF") + record("08:00:20", "08:00:30", "COMPLETED")

    answer = imported(service, "sacct", text, zone="UTC")
    again = imported(service, "sacct", text, zone="UTC")

    assert (answer["task_instances"], answer["refused"], answer["anomalies"]) == (2, {}, {})
    assert again == again | ADDED_NOTHING
    assert stays(connection, "task:c/7") == [
        ("PENDING", 0), ("RUNNING", 5), ("NODE_FAIL", 10), ("RUNNING", 20), ("COMPLETED", 30),
    ]  # fmt: skip


AUDIT = "task_id,workflow_id,previous_status,new_status,entered_at\n"
ROWS = [
    "204,17,,REGISTERING,2026-01-31 08:00:00\n",
    "204,17,REGISTERING,QUEUED,2026-01-31 08:00:01\n",
    "204,17,QUEUED,INSTANTIATING,2026-01-31 08:00:02\n",
    "204,17,INSTANTIATING,LAUNCHED,2026-01-31 08:00:03\n",
    "204,17,LAUNCHED,RUNNING,2026-01-31 08:00:04\n",
    "204,17,RUNNING,DONE,2026-01-31 08:00:05\n",
]


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [1, 0, 3, 2, 5, 4], [3, 4, 5, 0, 1, 2]])
def test_rows_of_jobmon_are_decided_in_the_order_of_time(
    service: TransitionService, connection: psycopg.Connection[Any], order: list[int]
) -> None:
    answer = imported(service, "jobmon", AUDIT + "".join(ROWS[number] for number in order), zone="UTC")
    again = imported(service, "jobmon", AUDIT + "".join(ROWS), zone="UTC")

    assert (answer["refused"], answer["anomalies"], answer["bad"]) == ({}, {}, 0)
    assert stays(connection, "task:17/204") == [
        ("REGISTERING", 0), ("QUEUED", 1), ("INSTANTIATING", 2), ("LAUNCHED", 3), ("RUNNING", 4), ("DONE", 5),
    ]  # fmt: skip
    assert again == again | ADDED_NOTHING


def test_attempts_of_slurm_are_numbered_in_the_order_of_time(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    def record(submit: str, start: str, end: str, state: str) -> str:
        times = "|".join(f"2026-01-31T08:00:{seconds}" for seconds in (submit, start, end))
        return f"7|c|{times}|{state}|n1\n"

    text = "JobID|Cluster|Submit|Start|End|State|NodeList\n"
    text += record("40", "45", "50", "COMPLETED") + record("20", "25", "30", "REQUEUED")
    text += record("00", "05", "10", "NODE_FAIL")

    answer = imported(service, "sacct", text, zone="UTC")

    assert (answer["refused"], answer["anomalies"]) == ({}, {})
    assert stays(connection, "task_instance:c/7/1") == [("PENDING", 0), ("RUNNING", 5), ("NODE_FAIL", 10)]
    assert stays(connection, "task:c/7")[-1] == ("COMPLETED", 50)


def test_lines_of_a_log_stay_in_its_order(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    lines = [
        {"entity": "task", "id": "t", "event": "registered", "at": "2026-01-31T08:00:00Z"},
        {"entity": "task", "id": "t", "to": "QUEUED", "at": "2026-01-31T08:00:09Z"},
        {"entity": "task", "id": "t", "to": "INSTANTIATING", "at": "2026-01-31T08:00:03Z"},
    ]

    answer = imported(service, "jsonl", jsonl(lines))

    assert (answer["refused"], answer["bad"]) == ({"stale-report": 1}, 0)
    assert stays(connection, "task:t") == [("REGISTERING", 0), ("QUEUED", 9)]
