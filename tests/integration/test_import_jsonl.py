"""Importing jsonl: the log, its audit and its refusals are those of live reports, wherever the file is cut."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from threading import Barrier
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import LifecycleConflict
from tests.support.agreement import Row, assert_agreement, rows, streams_of
from tests.support.examples import examples
from tests.support.importing import ADDED_NOTHING, audit, events, imported, jsonl

START = datetime(2026, 1, 31, 8, tzinfo=UTC)


def at(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def task(second: int, to: str | None = None, *, name: str = "t1", **more: Any) -> dict[str, Any]:
    """A task's line: it is registered, or goes to a status."""
    what = {"to": to} if to else {"event": "registered", "workflow": "w"}
    return {"entity": "task", "id": name, "at": at(second)} | what | more


def ti(second: int, to: str | None = None, *, name: str = "t1/1", **more: Any) -> dict[str, Any]:
    """A task instance's line: it is created, or goes to a status."""
    what = {"to": to} if to else {"event": "created", "task": name.partition("/")[0]}
    return {"entity": "task_instance", "id": name, "at": at(second)} | what | more


CONTRACT = [
    task(0, template="align", max_attempts=3),
    task(1, "QUEUED"),
    ti(2),
    ti(3, "INSTANTIATED", actor="node7", reason="taken"),
]

RETRIED = [
    task(0, max_attempts=2),
    task(1, "QUEUED"),
    ti(2),
    ti(3, "INSTANTIATED"),
    task(3, "INSTANTIATING"),
    ti(4, "LAUNCHED"),
    task(4, "LAUNCHED"),
    ti(5, "RUNNING"),
    task(5, "RUNNING"),
    ti(6, "ERROR"),
    task(6, "ERROR_RECOVERABLE"),
    task(6, "REGISTERING"),
    task(7, "QUEUED"),
    ti(8, name="t1/2"),
    ti(9, "INSTANTIATED", name="t1/2"),
    task(9, "INSTANTIATING"),
    ti(10, "RUNNING", name="t1/2"),
    task(10, "RUNNING"),
    ti(11, "DONE", name="t1/2"),
    task(11, "DONE"),
]
"""A task that fails once and is done then: with its instances' lines and its own."""


def renamed(lines: Sequence[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The same lines about other entities."""
    return [line | {key: prefix + line[key] for key in ("id", "task") if key in line} for line in lines]


def statuses(connection: psycopg.Connection[Any], task_id: str) -> list[str]:
    """The statuses that a task was in."""
    found = rows(
        connection, "SELECT new_status FROM sojourn.task_status_audit WHERE task_id = %s ORDER BY version", task_id
    )
    return [row["new_status"] for row in found]


def test_the_example_of_the_contract(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = imported(service, "jsonl", jsonl(CONTRACT))

    assert answer == {
        "lines": 4, "tasks": 1, "task_instances": 1, "transitions": 5, "refused": {}, "duplicates": 0, "ignored": 0,
        "anomalies": {}, "bad": 0, "bad_lines": [],
    }  # fmt: skip
    assert answer["transitions"] == len(rows(connection, "SELECT FROM sojourn.transition"))
    (row,) = rows(connection, "SELECT workflow_id, template, max_attempts, num_attempts, status FROM sojourn.task")
    assert tuple(row.values()) == ("w", "align", 3, 1, "INSTANTIATING")
    last = streams_of(connection)["task_instance:t1/1"][-1]
    assert (last["actor"], last["reason"]) == ({"component": "node7"}, "taken")
    assert last["occurred_at"] == last["entered_at"] == START + timedelta(seconds=3)
    assert_agreement(connection)


def test_entering_the_gates_status_begins_an_attempt(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    imported(service, "jsonl", jsonl(RETRIED))

    (row,) = rows(connection, "SELECT num_attempts, instances, status FROM sojourn.task")
    assert tuple(row.values()) == (2, 2, "DONE")


def test_until_when_an_instance_must_be_heard_of_again(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    imported(service, "jsonl", jsonl([*CONTRACT, ti(4, "RUNNING", report_by_date=at(60))]))

    (row,) = rows(connection, "SELECT report_by_date FROM sojourn.task_instance")
    assert row["report_by_date"] == START + timedelta(seconds=60)


def test_attempts_are_counted_against_the_most(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    imported(service, "jsonl", jsonl([RETRIED[0] | {"max_attempts": 1}, *RETRIED[1:10]]))

    assert statuses(connection, "t1")[-1] == "ERROR_FATAL"


def test_what_a_cascade_made_true_counts_as_a_duplicate(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    own = [line for line in RETRIED if line["entity"] == "task" and line.get("to") not in (None, "QUEUED")]
    without = [line for line in RETRIED if line not in own]

    answer = imported(service, "jsonl", jsonl(renamed(RETRIED, "all-")))
    alone = imported(service, "jsonl", jsonl(renamed(without, "few-")))

    assert (answer["duplicates"], alone["duplicates"]) == (len(own), 0)
    assert answer["refused"] == alone["refused"] == {}
    assert answer["transitions"] == alone["transitions"]
    assert audit(connection, without="all-") == audit(connection, without="few-") != []


def test_a_tasks_line_may_come_before_its_instances(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    lines = [*RETRIED[:9], task(6, "ERROR_RECOVERABLE"), task(6, "REGISTERING"), ti(6, "ERROR"), task(7, "QUEUED")]

    answer = imported(service, "jsonl", jsonl(lines))

    assert (answer["duplicates"], answer["refused"]) == (3, {})
    assert statuses(connection, "t1")[-4:] == ["RUNNING", "ERROR_RECOVERABLE", "REGISTERING", "QUEUED"]


def test_a_line_that_lags_behind_the_cascade_counts_as_a_duplicate_too(service: TransitionService) -> None:
    lines = [*RETRIED[:8], ti(9, "DONE"), task(6, "RUNNING"), task(12, "DONE")]

    answer = imported(service, "jsonl", jsonl(lines))

    assert (answer["duplicates"], answer["refused"]) == (2 + 2, {})


def test_a_status_that_the_task_has_left_by_then_is_proposed_anew(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    # No line gates the first attempt: its instance makes the task QUEUED. The line gates the second one.
    lines = [task(0), ti(1), ti(2, "INSTANTIATED"), ti(3, "NO_DISTRIBUTOR_ID"), task(9, "QUEUED"), task(9, "DONE")]

    answer = imported(service, "jsonl", jsonl(lines))

    assert (answer["duplicates"], answer["refused"]) == (0, {"invalid-transition": 1})
    assert statuses(connection, "t1")[-2:] == ["REGISTERING", "QUEUED"]


def test_the_gate_and_the_rules_decide_and_every_refusal_is_kept(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    lines = [
        *RETRIED[:9],
        ti(6, "LAUNCHED"),
        task(7, "QUEUED"),
        ti(8, "DONE"),
        ti(9, name="t1/2"),
        ti(10, "KILL_SELF", name="t1/2"),
        ti(11, "ERROR_FATAL", name="t1/2"),
    ]

    answer = imported(service, "jsonl", jsonl(lines))

    assert answer["refused"] == {"untimely-transition": 1, "invalid-transition": 2}
    refusals = rows(
        connection,
        "SELECT stream, data ->> 'reported' AS reported, data ->> 'rule' AS rule FROM sojourn.event "
        "WHERE name LIKE '%%.refused.%%' ORDER BY position",
    )
    assert [tuple(row.values()) for row in refusals] == [
        ("task_instance:t1/1", "LAUNCHED", "untimely-transition"),
        ("task:t1", "QUEUED", "invalid-transition"),
        ("task:t1", "QUEUED", "invalid-transition"),
    ]
    orphan = streams_of(connection)["task_instance:t1/2"][-1]
    assert (orphan["status"], orphan["reported"], orphan["rule"]) == ("ERROR_FATAL", "ERROR_FATAL", "orphaned-instance")
    assert_agreement(connection)


def test_the_same_file_again_adds_nothing(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    text = jsonl([*RETRIED, task(12, "RUNNING"), task(12, "RUNNIG"), ti(12, "RUNNING")])
    imported(service, "jsonl", text)
    before = events(connection)

    again = imported(service, "jsonl", text)

    assert again == again | ADDED_NOTHING
    assert (again["duplicates"], again["bad"]) == (again["lines"] - 1, 1)
    assert events(connection) == before


def test_the_same_in_other_words_is_the_same(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    imported(service, "jsonl", jsonl(CONTRACT))

    otherwise = [{"at": "2026-01-31T09:00:03+01:00"} | CONTRACT[3] | {"at": "2026-01-31T09:00:03+01:00"}]
    again = imported(service, "jsonl", jsonl(otherwise))

    assert again == again | ADDED_NOTHING
    assert again["duplicates"] == 1


def test_what_the_service_has_registered_is_not_registered_again(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("t1", template="align")])
    service.gate_tasks_for_queueing(["t1"])
    service.create_task_instances({"t1/1": "t1"})

    answer = imported(service, "jsonl", jsonl([CONTRACT[0], CONTRACT[2], CONTRACT[3]]))

    assert (answer["tasks"], answer["task_instances"], answer["duplicates"], answer["transitions"]) == (0, 0, 2, 2)


def test_a_line_that_a_file_repeats_says_nothing_new(service: TransitionService) -> None:
    answer = imported(service, "jsonl", jsonl([line for line in CONTRACT for _ in range(2)]))

    assert (answer["transitions"], answer["duplicates"], answer["refused"]) == (5, 4, {})


def test_a_file_that_comes_twice_in_a_row_says_nothing_new_the_second_time(service: TransitionService) -> None:
    lines = [*CONTRACT, ti(4, "RUNNING"), ti(5, "TRIAGING"), ti(6, "RUNNING")]

    answer = imported(service, "jsonl", jsonl([*lines, *lines]))

    assert (answer["duplicates"], answer["refused"]) == (len(lines), {})


def test_a_status_may_be_entered_twice_in_one_instant(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    lines = [*CONTRACT, ti(4, "RUNNING"), ti(4, "TRIAGING"), ti(4, "RUNNING"), ti(4, "TRIAGING"), ti(5, "RUNNING")]

    answer = imported(service, "jsonl", jsonl(lines))
    again = imported(service, "jsonl", jsonl(lines))

    assert (answer["duplicates"], answer["refused"]) == (0, {})
    assert [event["status"] for event in streams_of(connection)["task_instance:t1/1"]] == [
        "QUEUED", "INSTANTIATED", "RUNNING", "TRIAGING", "RUNNING", "TRIAGING", "RUNNING",
    ]  # fmt: skip
    assert again == again | ADDED_NOTHING


def test_a_bad_line_is_told_and_the_others_are_stored(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    lines = [
        *CONTRACT,
        ti(4, "RUNING"),
        ti(5, name="t2/1"),
        ti(6, "RUNNING", name="t1/9"),
        task(7, "DONE", name="t3"),
        task(8, workflow="other"),
        ti(9, name="t1/1", task="t4"),
        task(10, name="t4"),
        ti(11, name="t1/1", task="t4"),
        ti(12, "RUNNING", workflow="other"),
        ti(13, "RUNNING", workflow="w"),
    ]

    answer = imported(service, "jsonl", jsonl(lines))

    assert [(bad["line"], bad["error"]) for bad in answer["bad_lines"]] == [
        (5, "no status 'RUNING'; did you mean 'RUNNING'?"),
        (6, "no task 't2': neither an earlier line nor the log has registered it"),
        (7, "no task instance 't1/9': neither an earlier line nor the log has created it"),
        (8, "no task 't3': neither an earlier line nor the log has registered it"),
        (9, "task 't1' is registered already with other content: workflow is 'w', not 'other', "
            "template is 'align', not None"),
        (10, "no task 't4': neither an earlier line nor the log has registered it"),
        (12, "task instance 't1/1' belongs to task 't1', not to 't4'"),
        (13, "task 't1' is in workflow 'w', not in 'other'"),
    ]  # fmt: skip
    assert (answer["lines"], answer["bad"], answer["tasks"]) == (14, 8, 2)
    assert statuses(connection, "t1")[-1] == "RUNNING"
    assert_agreement(connection)


def test_a_line_that_was_bad_is_stored_once_it_is_understood(service: TransitionService) -> None:
    early = imported(service, "jsonl", jsonl(CONTRACT[1:]))
    late = imported(service, "jsonl", jsonl(CONTRACT))

    assert (early["bad"], early["transitions"]) == (3, 0)
    assert (late["bad"], late["transitions"], late["duplicates"]) == (0, 5, 0)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_size_of_the_batches_changes_nothing(
    service: TransitionService, connection: psycopg.Connection[Any], size: int
) -> None:
    whole = imported(service, "jsonl", jsonl(renamed(RETRIED, "a-")))
    batched = imported(service, "jsonl", jsonl(renamed(RETRIED, "b-")), batch=size)

    assert batched == whole
    assert audit(connection, without="b-") == audit(connection, without="a-")
    assert_agreement(connection)


def test_a_file_may_be_cut_anywhere(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = imported(service, "jsonl", jsonl(renamed(RETRIED, "a-")))
    whole = audit(connection, without="a-")

    for cut in range(1, len(RETRIED)):
        lines = renamed(RETRIED, f"cut-{cut}-")
        halves = [imported(service, "jsonl", jsonl(half)) for half in (lines[:cut], lines[cut:])]

        assert audit(connection, without=f"cut-{cut}-") == whole, cut
        assert sum(half["duplicates"] for half in halves) == answer["duplicates"]
        assert not any(half["refused"] or half["bad"] for half in halves)


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("order", [(3, 0, 1, 2), (3, 2, 1, 0), (2, 3, 0, 1), (1, 3, 2, 0)])
def test_a_line_waits_for_the_one_that_creates_its_entity(
    service: TransitionService, connection: psycopg.Connection[Any], size: int, order: tuple[int, ...]
) -> None:
    text = jsonl([CONTRACT[number] for number in order] + [ti(4, "RUNNING", name="t9/1")])

    first = imported(service, "jsonl", text, batch=size)
    again = imported(service, "jsonl", text, batch=size)

    assert (first["lines"], first["tasks"], first["task_instances"], first["refused"]) == (5, 1, 1, {})
    assert [bad["line"] for bad in first["bad_lines"]] == [bad["line"] for bad in again["bad_lines"]] == [5]
    assert again == again | ADDED_NOTHING | {"duplicates": 4}
    assert [event["status"] for event in streams_of(connection)["task_instance:t1/1"]] == ["QUEUED", "INSTANTIATED"]
    assert statuses(connection, "t1") == ["REGISTERING", "QUEUED", "INSTANTIATING"]


def test_a_lifecycle_without_instances(service: TransitionService, tmp_path: Any) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(
        'name = "plain"\nversion = 1\n[task]\ninitial = "NEW"\nterminal = ["OLD"]\n'
        'transitions = { NEW = ["OLD"], OLD = [] }\n'
    )

    answer = imported(service, "jsonl", jsonl([task(0), task(1, "OLD"), ti(2)]), lifecycle=str(plain))

    assert (answer["transitions"], answer["refused"]) == (2, {})
    assert answer["bad_lines"][0]["error"].startswith("lifecycle 'plain' has no task instances")


def test_another_definition_of_a_lifecycle_is_a_conflict_and_stores_nothing(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Any
) -> None:
    text = 'name = "plain"\nversion = 1\n[task]\ninitial = "NEW"\nterminal = []\ntransitions = {{ NEW = {} }}\n'
    for number, edges in enumerate(("[]", '["NEW"]')):
        (tmp_path / f"{number}.toml").write_text(text.format(edges))
    imported(service, "jsonl", jsonl([task(0)]), lifecycle=str(tmp_path / "0.toml"))
    before = events(connection)

    with pytest.raises(LifecycleConflict):
        imported(service, "jsonl", jsonl([task(0, name="t2")]), lifecycle=str(tmp_path / "1.toml"))

    assert events(connection) == before


def test_a_task_keeps_its_lifecycle_version_after_a_newer_one(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Any
) -> None:
    text = 'name = "plain"\nversion = {}\n[task]\ninitial = "NEW"\nterminal = []\ntransitions = {{ NEW = [] }}\n'
    for version in (1, 2):
        (tmp_path / f"{version}.toml").write_text(text.format(version))
    imported(service, "jsonl", jsonl([task(0)]), lifecycle=str(tmp_path / "1.toml"))

    lines = jsonl([task(0), task(0, name="t2")])
    answer = imported(service, "jsonl", lines, lifecycle=str(tmp_path / "2.toml"))

    assert (answer["duplicates"], answer["tasks"], answer["bad"]) == (1, 1, 0)
    versions = rows(connection, "SELECT lifecycle_version FROM sojourn.task ORDER BY task_id")
    assert [row["lifecycle_version"] for row in versions] == [1, 2]


def test_every_bad_line_is_counted_and_the_first_thousand_are_told(service: TransitionService) -> None:
    answer = imported(service, "jsonl", "!\n" * 1_500, batch=400)

    assert (answer["lines"], answer["bad"]) == (1_500, 1_500)
    assert [bad["line"] for bad in answer["bad_lines"]] == list(range(1, 1_001))


def test_two_who_import_the_same_at_once_store_it_once(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = jsonl(line for number in range(50) for line in renamed(RETRIED, f"{number}-"))
    together = Barrier(2)

    def one(_: int) -> dict[str, Any]:
        together.wait()
        return dict(imported(service, "jsonl", text, batch=100))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, range(2))

    assert first["transitions"] + second["transitions"] == len(rows(connection, "SELECT FROM sojourn.transition"))
    assert first["tasks"] + second["tasks"] == 50
    assert {row["new_status"] for row in rows(connection, "SELECT DISTINCT ON (task_id) new_status "
        "FROM sojourn.task_status_audit ORDER BY task_id, version DESC")} == {"DONE"}  # fmt: skip
    assert not first["refused"]
    assert not second["refused"]
    assert_agreement(connection)


def test_what_the_service_recorded_can_be_imported_again(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """The proposals of a live log, and all of its moves: both give the audit that it had."""
    _live(service)
    recorded = sorted(
        (event for stream in streams_of(connection).values() for event in stream), key=lambda event: event["position"]
    )
    proposals = [_line(event) for event in recorded if "cause" not in event]
    everything = [_line(event) for event in recorded if "cause" not in event or "previous_status" in event]

    answer = imported(service, "jsonl", jsonl(renamed(proposals, "few-")))
    imported(service, "jsonl", jsonl(renamed(everything, "all-")))

    assert answer["bad"] == answer["duplicates"] == 0
    assert answer["refused"] == {"untimely-transition": 1, "superseded-instance": 1}
    live = audit(connection, without="live-")
    assert audit(connection, without="few-live-") == audit(connection, without="all-live-") == live


def _live(service: TransitionService) -> None:
    clock = (START + timedelta(seconds=second) for second in count())
    service.register_tasks("w", [TaskSpec("live-1", 2)], occurred_at=next(clock), actor="client")
    for attempt, last in ((1, "ERROR"), (2, "DONE")):
        service.gate_tasks_for_queueing(["live-1"], occurred_at=next(clock), actor="gate")
        service.create_task_instances({f"live-1/{attempt}": "live-1"}, occurred_at=next(clock), actor="gate")
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "LAUNCHED"[: 8 * (attempt == 1)], last):
            if status:
                service.transition_task_instance(
                    f"live-1/{attempt}", status, occurred_at=next(clock), actor="worker", reason=status
                )
    service.register_tasks("w", [TaskSpec("live-2", 2)], occurred_at=next(clock), actor="client")
    service.gate_tasks_for_queueing(["live-2"], occurred_at=next(clock), actor="gate")
    for number in (1, 2):
        service.create_task_instances({f"live-2/{number}": "live-2"}, occurred_at=next(clock), actor="gate")
    for number, status in ((1, "INSTANTIATED"), (1, "NO_DISTRIBUTOR_ID"), (2, "INSTANTIATED")):
        service.transition_task_instance(f"live-2/{number}", status, occurred_at=next(clock), actor="worker")


def _line(event: Row) -> dict[str, Any]:
    kind, _, name = event["stream"].partition(":")
    line = {"entity": kind, "id": name, "at": event["occurred_at"].isoformat(), "actor": event["actor"]}
    if event["version"] > 1:
        return line | {"to": event.get("reported") or event["status"], "reason": event.get("reason")}
    if kind == "task":
        return line | {"event": "registered", "workflow": "w", "max_attempts": event["max_attempts"]}
    return line | {"event": "created", "task": event["task_id"]}


STATUSES = {
    "task": ["QUEUED", "INSTANTIATING", "RUNNING", "ERROR_RECOVERABLE", "REGISTERING", "DONE", "ERROR_FATAL"],
    "task_instance": ["INSTANTIATED", "LAUNCHED", "RUNNING", "TRIAGING", "ERROR", "RESOURCE_ERROR", "DONE"],
}
_numbers = count()


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines about two tasks and their instances, legal or not, of which no two say the same."""
    steps = draw(st.lists(st.integers(-2, 3), min_size=1, max_size=30))
    lines = [task(0, name="x"), task(0, name="y"), ti(0, name="x/1"), ti(0, name="x/2"), ti(0, name="y/1")]
    for second in accumulate(steps):
        name = draw(st.sampled_from(["x", "x", "y", "x/1", "x/2", "y/1"]))
        kind = "task_instance" if "/" in name else "task"
        make = ti if "/" in name else task
        lines.append(make(second, draw(st.sampled_from(STATUSES[kind])), name=name))
    return list({(line["id"], line.get("to"), line["at"]): line for line in lines}.values())


@examples(quick=7, long=30)
@given(lines=files(), data=st.data())
def test_any_file_imports_the_same_whole_or_in_parts(
    service: TransitionService, connection: psycopg.Connection[Any], lines: list[dict[str, Any]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(lines)))
    names = [f"{next(_numbers)}-" for _ in range(3)]
    texts = [renamed(lines, name) for name in names]

    whole = imported(service, "jsonl", jsonl(texts[0]))
    singly = imported(service, "jsonl", jsonl(texts[1]), batch=1)
    halves = [imported(service, "jsonl", jsonl(half)) for half in (texts[2][:cut], texts[2][cut:])]
    before = events(connection)
    again = [imported(service, "jsonl", jsonl(text)) for text in texts]

    assert audit(connection, without=names[0]) == audit(connection, without=names[1])
    assert audit(connection, without=names[0]) == audit(connection, without=names[2])
    assert whole == singly
    assert sum(half["duplicates"] for half in halves) == whole["duplicates"]
    assert events(connection) == before
    assert all(one == one | ADDED_NOTHING and one["duplicates"] == len(lines) for one in again)


def test_a_line_about_the_time_of_a_late_one_is_not_a_duplicate(service: TransitionService) -> None:
    lines = [task(0), task(5, "QUEUED"), task(3, "INSTANTIATING"), task(5, "INSTANTIATING")]

    whole = imported(service, "jsonl", jsonl(renamed(lines, "a-")))
    singly = imported(service, "jsonl", jsonl(renamed(lines, "b-")), batch=1)

    assert whole == singly
    assert whole["refused"] == {"stale-report": 1}


def test_drawn_files_have_refusals_and_duplicates(service: TransitionService) -> None:
    """The strategy above proves little unless it draws refusals and duplicates."""
    seen: set[str] = set()

    @examples(quick=30, long=30, database=None)
    @given(lines=files())
    def look(lines: list[dict[str, Any]]) -> None:
        answer = imported(service, "jsonl", jsonl(renamed(lines, f"{next(_numbers)}-")))
        seen.update(answer["refused"], ["duplicates"] if answer["duplicates"] else [])

    look()
    assert seen >= {"invalid-transition", "duplicates"}


@pytest.fixture(autouse=True)
def _consistent(service: TransitionService) -> Iterator[None]:
    """Assert after each test that a replay of the log gives the projections."""
    yield
    assert verify_log(service.store)["mismatches"] == []
