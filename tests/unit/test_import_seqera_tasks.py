"""The tasks of a run as Seqera Platform lists them: in pages of its API, in dumps, with the run or without."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from application.imports.change import BadLine, CreateInstance, MoveInstance, ParsedLine, RegisterTask
from application.imports.formats.nextflow import looks_like
from application.imports.seqera_tasks import UnknownTaskList
from tests.support.almost_right import SEQERA_TASK
from tests.support.importing import read

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def task(**keys: Any) -> dict[str, Any]:
    return SEQERA_TASK | keys


def lines(*documents: Any, indent: int | None = None) -> list[ParsedLine]:
    found = read("nextflow", "\n".join(json.dumps(document, indent=indent) for document in documents))
    assert all(isinstance(line, ParsedLine) for line in found), found
    return [line for line in found if isinstance(line, ParsedLine)]


def ids(found: list[ParsedLine]) -> list[str]:
    return [str(change.instance) for line in found for change in line.changes if isinstance(change, CreateInstance)]


def test_a_task_is_an_attempt_with_the_times_that_it_states() -> None:
    (line,) = lines({"workflow": {"id": "5ymDk0hm"}, "tasks": [{"task": task()}], "total": 1})
    register, create, started, ended = line.changes

    assert isinstance(register, RegisterTask)
    assert isinstance(create, CreateInstance)
    assert isinstance(started, MoveInstance)
    assert isinstance(ended, MoveInstance)
    assert (register.task_id, register.workflow_id, register.template) == ("5ymDk0hm/ALIGN (s1)", "5ymDk0hm", "ALIGN")
    assert (create.instance, create.reason) == ("5ymDk0hm/ALIGN (s1)/1", "hash ab/12ef34, native ID job-7")
    assert [(change.at - EIGHT).total_seconds() for change in line.changes] == [0, 0, 45, 61]
    assert (started.to, ended.to, ended.reason) == ("RUNNING", "COMPLETED", "exit code 0")
    assert line.anomalies == ()


@pytest.mark.parametrize("indent", [None, 2])
def test_every_shape_of_a_list_has_the_same_tasks(indent: int | None) -> None:
    one, two = task(), task(taskId=2, name="ALIGN (s2)")
    shapes: list[list[Any]] = [
        [{"tasks": [{"task": one}, {"task": two}], "total": 2}],
        [[one, two]],
        [{"tasks": [{"task": one}], "total": 2}, {"tasks": [{"task": two}], "total": 2}],
        [{"task": one}, {"task": two}],
        [one, two],
    ]
    found = [lines(*shape, indent=indent) for shape in shapes]

    assert ids(found[0])[1].endswith("/ALIGN (s2)/2")
    assert all(each == found[0] for each in found)


def test_a_run_without_a_name_has_the_same_one_however_its_tasks_are_sorted() -> None:
    tasks = [task(taskId=number, hash=f"ab/{number}", name=f"A ({number})") for number in (3, 1, 2)]

    assert sorted(ids(lines(tasks))) == sorted(ids(lines(tasks[::-1]))) != sorted(ids(lines(tasks[:1])))


def test_of_what_goes_on_only_what_is_known_is_reported() -> None:
    running, submitted, new = lines([
        task(status="RUNNING", complete=None, exitStatus=None, exit=None, duration=None, realtime=None),
        task(taskId=2, name="B", status="SUBMITTED", start=None, complete=None, exitStatus=2147483647),
        task(taskId=3, name="C", status="NEW", submit=None, start=None, complete=None),
    ])  # fmt: skip

    assert [change.to for change in running.changes if isinstance(change, MoveInstance)] == ["RUNNING"]
    assert [type(change) for change in submitted.changes] == [RegisterTask, CreateInstance]
    assert (new.changes, new.anomalies) == ((), ("undated-status",))


def test_what_failed_has_its_exit_code_and_is_tried_again() -> None:
    again = task(taskId=2, attempt=2, submit="2026-01-31T08:02:00Z", start=None, complete="2026-01-31T08:03:00Z")
    second, first = lines([again, task(status="FAILED", exit="137", exitStatus=137)])

    assert [ids([line])[0].rpartition("/")[2] for line in (second, first)] == ["1", "2"]
    assert first.changes[0][0] == second.changes[0][0]
    assert second.changes[-1].reason == "exit code 137"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not valid JSON"),
        ("[[[" * 5_000, "is not valid JSON"),
        ('{"tasks": 7}', "has no tasks"),
        ('{"workflow": {}}', "has no tasks"),
        ('[{"taskId": 1}] 7', "has no tasks"),
        ('[{"script": "' + "x" * 2**24 + '"}]', "jq"),
    ],
)
def test_another_document_is_refused(text: str, why: str) -> None:
    with pytest.raises(UnknownTaskList, match=why):
        read("nextflow", text)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (7, "is not a task"),
        (task(name=None, process=None), "has no name, or no id"),
        (task(status="GONE"), "no status 'GONE'"),
        (task(status=None), "no status ''"),
        (task(submit="soon"), "time 'soon' cannot be read"),
        (task(duration=-5), "'-5' is not a duration"),
    ],
)
def test_a_task_that_is_not_understood_says_why(item: Any, why: str) -> None:
    good, bad = read("nextflow", json.dumps([task(taskId=2, hash="cd/1", name="B"), item]))

    assert isinstance(good, ParsedLine)
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert why in bad.error


def test_what_a_list_of_tasks_looks_like() -> None:
    assert looks_like('{"tasks":[{"task":{"id":1}}],"total":1}')
    assert looks_like('[ {\n  "hash" : "2e/9a988d",\n  "taskId" : 1\n} ]')
    assert not looks_like('{"entity":"task","task":"t1"}')
    assert not looks_like('{"Event":"SparkListenerTaskStart","Task Info":{}}')
