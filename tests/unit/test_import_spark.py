"""The events of a Spark log: the changes they report, and the reason why others are not understood."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.imports.change import BadLine, CreateInstance, MoveInstance, ParsedLine, RegisterTask
from domain.actor import Actor
from tests.support.examples import examples
from tests.support.importing import read

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def milliseconds(minute: float) -> int:
    return round((EIGHT + timedelta(minutes=minute)).timestamp() * 1000)


def start_of_application(app: str = "app-1", attempt: str | None = None) -> dict[str, Any]:
    keys = {"Event": "SparkListenerApplicationStart", "App Name": "etl", "App ID": app, "Timestamp": milliseconds(0)}
    return keys | ({"App Attempt ID": attempt} if attempt else {})


def stage(submitted: float = 1, name: str = "count at etl.py:3") -> dict[str, Any]:
    info = {"Stage ID": 5, "Stage Attempt ID": 0, "Stage Name": name, "Submission Time": milliseconds(submitted)}
    return {"Event": "SparkListenerStageSubmitted", "Stage Info": info}


def info(**keys: Any) -> dict[str, Any]:
    return {
        "Task ID": 77, "Index": 3, "Attempt": 0, "Launch Time": milliseconds(2), "Executor ID": "1", "Host": "n1",
        "Speculative": False, "Getting Result Time": 0, "Finish Time": 0, "Failed": False, "Killed": False, **keys,
    }  # fmt: skip


def started(**keys: Any) -> dict[str, Any]:
    return {"Event": "SparkListenerTaskStart", "Stage ID": 5, "Stage Attempt ID": 0, "Task Info": info(**keys)}


def ended(reason: str = "Success", *, finish: float = 9, **keys: Any) -> dict[str, Any]:
    of = info(**{"Finish Time": milliseconds(finish)} | keys)
    return {
        "Event": "SparkListenerTaskEnd", "Stage ID": 5, "Stage Attempt ID": 0, "Task Type": "ResultTask",
        "Task End Reason": {"Reason": reason}, "Task Info": of,
    }  # fmt: skip


def lines(*events: dict[str, Any]) -> list[ParsedLine | BadLine]:
    return read("spark", "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))


def last(*events: dict[str, Any]) -> ParsedLine:
    line = lines(*events)[-1]
    assert isinstance(line, ParsedLine), line
    return line


def at(minute: float) -> datetime:
    return EIGHT + timedelta(minutes=minute)


def test_an_attempt_begins_as_it_is_launched_and_its_task_as_its_stage_is_submitted() -> None:
    register, create = last(start_of_application(), stage(), started(Speculative=True)).changes

    assert isinstance(register, RegisterTask)
    assert register[:3] == ("app-1/5.0/3", "app-1", at(1))
    assert register.template == "count at etl.py:3"
    node = Actor(component="executor:1", host="n1")
    assert create == CreateInstance("app-1/5.0/3/0", "app-1/5.0/3", at(2), node, "task ID 77, speculative")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("Success", "SUCCESS"),
        ("ExceptionFailure", "FAILED"),
        ("ExecutorLostFailure", "FAILED"),
        ("FetchFailed", "FAILED"),
        ("TaskResultLost", "FAILED"),
        ("UnknownReason", "FAILED"),
        ("TaskKilled", "KILLED"),
        ("TaskCommitDenied", "KILLED"),
    ],
)
def test_the_reason_of_an_end_says_the_status(reason: str, status: str) -> None:
    (moved,) = last(start_of_application(), started(), ended(reason)).changes

    assert isinstance(moved, MoveInstance)
    assert moved[:3] == ("app-1/5.0/3/0", status, at(9))


def test_why_it_failed_is_kept() -> None:
    end = ended("ExceptionFailure")
    end["Task End Reason"] |= {"Class Name": "java.lang.OutOfMemoryError", "Description": "no memory"}
    (moved,) = last(start_of_application(), started(), end).changes

    assert moved.reason == "ExceptionFailure: java.lang.OutOfMemoryError: no memory"


def test_what_the_log_cannot_store_of_a_name_is_no_reason_to_lose_the_attempt() -> None:
    register, create = last(start_of_application(), stage(name="a\0b"), started(Host="n\0")).changes

    assert isinstance(register, RegisterTask)
    assert register.template == "a\ufffdb"
    assert create.actor == Actor(component="executor:1", host="n\ufffd")


def test_the_driver_fetches_a_result() -> None:
    end = ended()
    end["Task Info"]["Getting Result Time"] = milliseconds(8)
    moves = last(start_of_application(), started(), end).changes

    assert [(move.to, move.at) for move in moves if isinstance(move, MoveInstance)] == [
        ("GET RESULT", at(8)), ("SUCCESS", at(9)),
    ]  # fmt: skip


def test_a_resubmission_happens_no_earlier_than_what_the_log_has_told_before() -> None:
    gone = {"Event": "SparkListenerExecutorRemoved", "Timestamp": milliseconds(15), "Executor ID": "1"}
    line = last(start_of_application(), started(), ended(), gone, ended("Resubmitted"))

    assert line.anomalies == ("resubmitted",)
    assert [(move.to, move.at) for move in line.changes if isinstance(move, MoveInstance)] == [("RESUBMITTED", at(15))]


def test_an_end_whose_start_is_not_in_the_file_tells_of_both() -> None:
    proposals = last(start_of_application(), ended()).changes

    assert [type(proposal) for proposal in proposals] == [RegisterTask, CreateInstance, MoveInstance]
    assert [proposal.at for proposal in proposals] == [at(2), at(2), at(9)]


def test_an_end_before_its_start_is_counted() -> None:
    assert last(start_of_application(), started(), ended(finish=1)).anomalies == ("end-before-start",)


def moves(*events: dict[str, Any]) -> list[tuple[str, float]]:
    """The statuses that attempts enter, and the minutes after eight, in the order of the lines."""
    found = [change for line in lines(*events) if isinstance(line, ParsedLine) for change in line.changes]
    return [(move.to, (move.at - EIGHT).total_seconds() / 60) for move in found if isinstance(move, MoveInstance)]


def at_a_time(event: str, minute: float) -> dict[str, Any]:
    return {"Event": f"SparkListener{event}", "Timestamp": milliseconds(minute)}


UNDATED: dict[str, Any] = {"Finish Time": 0}


def test_an_end_without_a_time_has_the_latest_one_in_the_log() -> None:
    events = [start_of_application(), started(), at_a_time("JobEnd", 7), ended("TaskKilled", **UNDATED)]

    assert moves(*events) == [("KILLED", 7)]
    assert last(*events).anomalies == ("estimated-time",)


@pytest.mark.parametrize("later", ["ApplicationEnd", "JobEnd", "ExecutorRemoved"])
def test_where_no_time_is_later_than_the_launch_the_end_has_the_next_one(later: str) -> None:
    undated = [ended("TaskKilled", **UNDATED), ended("Success", **UNDATED | {"Index": 4, "Task ID": 78})]
    found = lines(start_of_application(), started(), *undated, at_a_time(later, 8), at_a_time(later, 9))

    assert [(line.number, line.anomalies) for line in found[2:4] if isinstance(line, ParsedLine)] == [
        (3, ("estimated-time",)), (4, ("estimated-time",)),
    ]  # fmt: skip
    assert moves(start_of_application(), started(), *undated, at_a_time(later, 8)) == [("KILLED", 8), ("SUCCESS", 8)]
    assert len(found) == 6


def test_an_end_without_any_time_is_left_out() -> None:
    line = last(start_of_application(), started(), ended("TaskKilled", **UNDATED))
    alone = last(start_of_application(), ended("TaskKilled", **UNDATED))

    assert (line.number, line.changes, line.anomalies) == (3, (), ("undated-status",))
    assert [type(change) for change in alone.changes] == [RegisterTask, CreateInstance]


def test_the_next_attempt_begins_after_the_end_of_the_one_before() -> None:
    again = started(**{"Attempt": 1, "Task ID": 78, "Launch Time": milliseconds(5)})
    *_, end, begin = lines(start_of_application(), started(), ended("TaskKilled", **UNDATED), again)

    assert isinstance(end, ParsedLine)
    assert isinstance(begin, ParsedLine)
    assert (end.number, begin.number) == (3, 4)
    assert end.changes[-1].at == begin.changes[-1].at == at(5)


def without_attempt(event: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in event["Task Info"].items() if key != "Attempt"}
    return event | {"Task Info": kept}


@examples(quick=60, long=300)
@given(indexes=st.lists(st.integers(0, 2), min_size=1, max_size=8), ends=st.permutations(range(8)))
def test_attempts_without_a_number_are_numbered_as_spark_does(indexes: list[int], ends: list[int]) -> None:
    launched: list[dict[str, Any]] = [
        {"Index": index, "Attempt": indexes[:place].count(index), "Task ID": place, "Launch Time": milliseconds(place)}
        for place, index in enumerate(indexes)
    ]
    events = [
        *(started(**keys) for keys in launched),
        *(ended(finish=20 + place, **launched[place]) for place in ends if place < len(launched)),
    ]

    assert lines(start_of_application(), *map(without_attempt, events)) == lines(start_of_application(), *events)


def test_attempts_of_one_application_on_yarn_do_not_collide() -> None:
    one, two = (last(start_of_application("a", attempt), started()).changes[0] for attempt in ("1", "2"))

    assert (one[:2], two[:2]) == (("a_1/5.0/3", "a"), ("a_2/5.0/3", "a"))


def test_an_application_without_an_id_is_named_by_properties_or_attempt() -> None:
    environment = {"Event": "SparkListenerEnvironmentUpdate", "Spark Properties": {"spark.app.id": "local-7"}}

    assert last(environment, started()).changes[0][:2] == ("local-7/5.0/3", "local-7")
    one, more, two = (
        last(*keys).changes[0]
        for keys in ([started()], [started(), started(Index=4)], [started(**{"Launch Time": milliseconds(3)})])
    )
    assert one[0] == f"{one[1]}/5.0/3"
    assert one[1] == more[1] != two[1]


def test_what_says_nothing_of_a_task_is_not_even_parsed() -> None:
    text = '{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","plan":"cut off he\n'

    assert read("spark", text) == [ParsedLine(1)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense\n", "is not valid JSON"),
        ('{"Event":"SparkListenerTaskStart","Stage ID":5\n', "is not valid JSON"),
        ('{"Event":"SparkListenerTaskStart"}\n', "Task Info"),
        ('{"event":"x"}\n', 'has no "Event"'),
        ("[1]\n", "not a JSON object"),
        ('{"Event":"SparkListenerStageSubmitted","Stage Info":null}\n', "not an event as Spark writes it"),
        ('{"Event":"SparkListenerTaskStart","Stage ID":5,"Task Info":7}\n', "not an event as Spark writes it"),
        ('{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":[]}\n', "not an event as Spark writes it"),
    ],
)
def test_a_line_that_is_not_understood_says_why(text: str, why: str) -> None:
    (bad,) = read("spark", text)

    assert isinstance(bad, BadLine)
    assert why in bad.error
