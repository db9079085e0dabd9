"""The lines of a jsonl file: the changes they report, and the reason why others are not understood."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.imports.change import (
    BadLine,
    CreateInstance,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
    ResetTask,
)
from application.imports.formats import find_format
from application.imports.input_file import MAX_LINE_BYTES
from application.imports.options import Options
from domain.actor import Actor
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from tests.support.importing import jsonl, read

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
AT = "2026-01-31T08:00:00Z"
REGISTERED = {"entity": "task", "id": "t1", "event": "registered", "at": AT}
QUEUED = {"entity": "task", "id": "t1", "to": "QUEUED", "at": AT}
REFUSED = QUEUED | {"event": "refused", "response": "WAIT", "rule": "slots"}
CREATED = {"entity": "task_instance", "id": "t1/1", "event": "created", "at": AT, "task": "t1"}
NODE = {"component": "worker", "host": "n7", "pid": 4, "user": "u"}
RUNNING = {"entity": "task_instance", "id": "t1/1", "to": "RUNNING", "at": AT}


def proposal(line: dict[str, Any], **options: Any) -> object:
    (understood,) = read("jsonl", jsonl([line]), **options)
    assert isinstance(understood, ParsedLine), understood
    (only,) = understood.changes
    return only


def lifecycle_of(line: ParsedLine | BadLine) -> Lifecycle | None:
    assert isinstance(line, ParsedLine), line
    (registered,) = line.changes
    assert isinstance(registered, RegisterTask)
    return registered.lifecycle


def error(line: dict[str, Any] | str) -> str:
    (bad,) = read("jsonl", line if isinstance(line, str) else jsonl([line]))
    assert isinstance(bad, BadLine), bad
    return bad.error


def test_a_task_that_is_registered() -> None:
    line = REGISTERED | {"workflow": "w1", "template": "align", "max_attempts": 5, "reason": "it is new"}

    assert proposal(line) == RegisterTask("t1", "w1", EIGHT, 5, "align", None, "it is new")


def test_a_missing_key_has_the_default_of_the_service_or_the_files_name() -> None:
    assert proposal(REGISTERED) == RegisterTask("t1", "sample", EIGHT, 3)


def test_the_workflow_of_the_command_goes_before_that_of_the_line() -> None:
    assert proposal(REGISTERED | {"workflow": "w1"}, workflow="w2") == RegisterTask("t1", "w2", EIGHT, 3)
    assert proposal(QUEUED | {"workflow": "w1"}, workflow="w2") == MoveTask("t1", "QUEUED", EIGHT)


OWN = {
    "name": "own",
    "version": 2,
    "task": {"initial": "NEW", "terminal": ["OLD"], "transitions": {"NEW": ["OLD"], "OLD": []}},
}


def test_a_known_lifecycle_of_a_line_overrides_that_of_the_command() -> None:
    options = Options(get_lifecycle("jobmon"), "sample", lifecycle_is_explicit=True)
    lines = [REGISTERED | {"lifecycle": name} for name in ("prefect", "nowhere", "jobmon")]

    understood = find_format("jsonl").read(enumerate(jsonl(lines).encode().splitlines()), options)

    assert [lifecycle_of(line) for line in understood] == [get_lifecycle("prefect"), None, None]


def test_later_lines_find_a_defined_lifecycle_by_name_and_version() -> None:
    lines: list[dict[str, Any]] = [
        REGISTERED | {"definition": OWN},
        REGISTERED | {"lifecycle": "own", "lifecycle_version": 2},
        REGISTERED | {"lifecycle": "own", "lifecycle_version": 1},
    ]

    first, second, bad = read("jsonl", jsonl(lines))

    assert lifecycle_of(first) == lifecycle_of(second) == Lifecycle.model_validate(OWN)
    assert isinstance(bad, BadLine)
    assert bad.error.startswith("lifecycle 'own' version 1 is not known: it neither ships")


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (OWN | {"version": 0}, '"definition" is not a valid lifecycle: version is not 1 or more'),
        (
            OWN | {"attempt": "NWE"},
            "\"definition\" is not a valid lifecycle: attempt names 'NWE', which is no status; did you mean 'NEW'?",
        ),
        ("own", "\"definition\" is 'own', not an object"),
    ],
)
def test_a_definition_that_does_not_fit_is_a_bad_line(definition: object, sentence: str) -> None:
    assert sentence in error(REGISTERED | {"definition": definition})


def test_moves_and_an_instance_that_is_created() -> None:
    assert proposal(QUEUED) == MoveTask("t1", "QUEUED", EIGHT)
    assert proposal(CREATED) == CreateInstance("t1/1", "t1", EIGHT)
    assert proposal(RUNNING | {"report_by_date": "2026-01-31T09:00:00+01:00", "workflow": "w1"}) == MoveInstance(
        "t1/1", "RUNNING", EIGHT, workflow_id="w1", report_by_date=EIGHT
    )


@pytest.mark.parametrize("line", [QUEUED, RUNNING, {"entity": "task", "id": "t1", "event": "reset", "at": AT}])
def test_a_move_may_state_since_when_the_entity_was_in_its_status_after_it(line: dict[str, Any]) -> None:
    move = proposal(line | {"entered_at": "2026-01-31T09:00:00Z"})

    assert isinstance(move, MoveTask | MoveInstance | ResetTask)
    assert (move.at, move.entered_at) == (EIGHT, EIGHT + timedelta(hours=1))
    assert "entered_at" in error(CREATED | {"entered_at": AT})


def test_the_short_name_of_a_task_instance() -> None:
    assert proposal(RUNNING | {"entity": "ti"}) == proposal(RUNNING)


@pytest.mark.parametrize(
    ("stated", "actor"),
    [
        ("node7", Actor(component="node7")),
        (NODE, Actor.model_validate(NODE)),
        (None, None),
    ],
)  # fmt: skip
def test_the_actor_is_the_sources(stated: object, actor: Actor | None) -> None:
    assert proposal(RUNNING | {"actor": stated}) == MoveInstance("t1/1", "RUNNING", EIGHT, actor)


@pytest.mark.parametrize("at", ["2026-01-31T09:00:00+01:00", "2026-01-31T02:00:00-06:00", "2026-01-31 08:00Z"])
def test_a_time_is_an_instant_whatever_its_zone(at: str) -> None:
    assert proposal(QUEUED | {"at": at}) == MoveTask("t1", "QUEUED", EIGHT)


def test_a_time_without_a_zone_is_in_the_one_of_the_command() -> None:
    line = QUEUED | {"at": "2026-01-31T09:00:00"}

    assert proposal(line, zone="Europe/Berlin") == MoveTask("t1", "QUEUED", EIGHT)
    assert "has no zone" in error(line)
    assert "--timezone" in error(line)


def test_blank_lines_count_for_the_numbers_only() -> None:
    text = f"\n  \n{json.dumps(QUEUED)}\r\n\n!\n"

    assert [line.number for line in read("jsonl", text)] == [3, 5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "is not valid JSON"),
        ('{"entity":"task","id":"t1"', "is not valid JSON"),
        ("[1]", "is not a JSON object but [1]"),
        (QUEUED | {"entity": "job"}, "\"entity\" is 'job'"),
        (QUEUED | {"entity": ["task"]}, "\"entity\" is ['task']"),
        ({"id": "t1", "to": "QUEUED", "at": AT}, '"entity" is None'),
        ({"entity": "task", "id": "t1", "at": AT}, 'neither "event": "registered" nor "to"'),
        (REGISTERED | {"event": "created"}, '"event" of a task is \'created\', not one of "registered", '),
        (REGISTERED | {"event": "refusd"}, "did you mean 'refused'?"),
        (REFUSED | {"response": "ACCEPT"}, "response='ACCEPT' is not one of WAIT, REJECT, ABORT"),
        (REFUSED | {"response": None}, "response='None' is not one of WAIT"),
        (REFUSED | {"rule": ""}, "\"rule\" is '', not the name of the rule"),
        (REFUSED | {"rule": None}, '"rule" is None, not the name of the rule'),
        (REFUSED | {"to": None}, '"to" is None, not the name of a status'),
        (REFUSED | {"delay_seconds": True}, '"delay_seconds" is True, not a number of seconds'),
        (REFUSED | {"delay_seconds": -1}, '"delay_seconds" is -1'),
        (REFUSED | {"attempt": True}, "'attempt' is not a key of a line that refuses a status of a task"),
        (REGISTERED | {"to": "QUEUED"}, 'both "event" and "to"'),
        (QUEUED | {"id": 7}, "task id 7"),
        (QUEUED | {"id": ""}, "task id ''"),
        (QUEUED | {"id": "x" * 256}, "task id"),
        (QUEUED | {"id": "\0"}, "task id"),
        (CREATED | {"task": None}, "task id None"),
        (QUEUED | {"to": 5}, '"to" is 5'),
        (QUEUED | {"at": None}, 'has no "at"'),
        (QUEUED | {"at": 1738310400}, "time 1738310400 is not a text"),
        (QUEUED | {"at": "yesterday"}, "time 'yesterday' cannot be read"),
        (QUEUED | {"at": "0001-01-01T00:00:00+14:00"}, "is out of range"),
        (QUEUED | {"resaon": "x"}, "'resaon' is not a key of a line that moves a task; did you mean 'reason'?"),
        (QUEUED | {"report_by_date": AT}, "'report_by_date' is not a key"),
        (RUNNING | {"report_by_date": None}, 'has no "report_by_date"'),
        (REGISTERED | {"max_attempts": 0}, "needs max_attempts of 1"),
        (REGISTERED | {"max_attempts": True}, '"max_attempts" is True'),
        (REGISTERED | {"max_attempts": 2**31}, "needs max_attempts of 1 to 2147483647"),
        (REGISTERED | {"template": 5}, "template id 5"),
        (REGISTERED | {"workflow": ""}, "workflow id ''"),
        (QUEUED | {"actor": 5}, '"actor" is 5'),
        (QUEUED | {"actor": {"host": "n7"}}, "\"actor\" is {'host': 'n7'}"),
        (QUEUED | {"actor": "a\0b"}, "cannot be stored"),
        (QUEUED | {"actor": {"component": "a\0b"}}, "cannot be stored"),
        (QUEUED | {"reason": 5}, '"reason" is 5'),
        (QUEUED | {"reason": "x" * MAX_LINE_BYTES}, "is longer than 16 MiB"),
        (QUEUED | {"runner": "r\0"}, "runner id"),
        (REGISTERED | {"attributes": {"a": ["b\0"]}}, "cannot be stored"),
    ],
)
def test_a_line_that_is_not_understood_says_why(line: dict[str, Any] | str, why: str) -> None:
    assert why in error(line)


KEYS = ("entity", "id", "event", "to", "at", "task", "workflow", "template", "max_attempts", "actor", "reason", "x")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    | st.sampled_from(["task", "ti", "task_instance", "registered", "created", "QUEUED", "t1", AT]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2),
    max_leaves=3,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), VALUES) | VALUES)
@example(QUEUED)
@example("t1")
def test_any_json_value_is_a_line_or_a_bad_line_with_a_reason(value: object) -> None:
    (result,) = read("jsonl", json.dumps(value))
    assert_line_or_reason(result, 1)


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b" "))))
@example([json.dumps(QUEUED).encode(), b"", b"\xff"])
def test_any_bytes_are_a_line_or_a_bad_line_with_a_reason(lines: list[bytes]) -> None:
    options = Options(get_lifecycle("jobmon"), "sample")
    results = list(find_format("jsonl").read(enumerate(lines, 1), options))
    for number, result in zip(range(1, len(lines) + 1), results, strict=True):
        assert_line_or_reason(result, number)


def assert_line_or_reason(result: ParsedLine | BadLine, number: int) -> None:
    """Assert that the result is a line with a change, or a bad line with a sentence about it."""
    assert result.number == number
    if isinstance(result, ParsedLine):
        assert result.changes
    else:
        assert result.error.strip()
