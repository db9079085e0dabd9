"""Links between tasks in files: jsonl in and out, in any order of lines and wherever the file is cut; OCEL; cases."""

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
from tests.support.agreement import Row, rows
from tests.support.databases import DatabasePool
from tests.support.examples import examples
from tests.support.importing import ADDED_NOTHING, imported, jsonl

pytestmark = pytest.mark.one_server

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
LINKS = (
    "SELECT t.task_id, t.parent_id, ARRAY(SELECT d.upstream_id FROM sojourn.dependency AS d"
    " WHERE d.task_id = t.task_id ORDER BY 1) AS upstream FROM sojourn.task AS t ORDER BY 1"
)


def at(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat()


def registered(name: str, second: int = 0, **more: Any) -> dict[str, Any]:
    return {"entity": "task", "id": name, "event": "registered", "at": at(second), "workflow": "w", **more}


def added(name: str, *upstream: str, second: int = 1) -> dict[str, Any]:
    return {"entity": "task", "id": name, "event": "upstream_added", "at": at(second), "upstream": list(upstream)}


DIAMOND = [
    registered("run"),
    registered("a", parent="run"),
    registered("b", parent="run", upstream=["a"]),
    registered("c", parent="run", upstream=["a"]),
    registered("d", parent="run", upstream=["b"]),
    added("d", "c", "a"),
]


@pytest.fixture
def other(databases: DatabasePool) -> Iterator[TransitionService]:
    """Yield a service on another empty database, which takes what is exported."""
    with databases.borrowed() as dsn, TransitionService.connect(dsn) as connected:
        yield connected


def links(connection: psycopg.Connection[Any]) -> list[Row]:
    return rows(connection, LINKS)


def links_of(service: TransitionService) -> list[Row]:
    with service.store.session() as connection:
        return links(connection)


EXPECTED = [
    {"task_id": "a", "parent_id": "run", "upstream": []},
    {"task_id": "b", "parent_id": "run", "upstream": ["a"]},
    {"task_id": "c", "parent_id": "run", "upstream": ["a"]},
    {"task_id": "d", "parent_id": "run", "upstream": ["a", "b", "c"]},
    {"task_id": "run", "parent_id": None, "upstream": []},
]


@examples(quick=4, long=40)
@given(st.permutations(DIAMOND), st.integers(1, 6))
def test_lines_wait_for_the_tasks_that_they_name(
    databases: DatabasePool, lines: list[dict[str, Any]], batch: int
) -> None:
    with databases.borrowed() as dsn, TransitionService.connect(dsn) as service:
        answer = imported(service, "jsonl", jsonl(lines), batch=batch)

        assert (answer["tasks"], answer["bad"]) == (5, 0)
        assert links_of(service) == EXPECTED
        assert imported(service, "jsonl", jsonl(lines)).items() >= (ADDED_NOTHING | {"bad": 0}).items()
        assert verify_log(service.store)["mismatches"] == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (registered("e", parent="x"), "no task 'x': neither an earlier line nor the log has registered it"),
        (registered("e", upstream=["a", "x"]), "no task 'x': neither"),
        (registered("e", parent="e"), "parent tasks in a cycle: 'e' -> 'e'"),
        (registered("e", upstream=["e"]), "upstream tasks in a cycle: 'e' -> 'e'"),
        (registered("e", upstream="a"), "\"upstream\" is 'a', not a list of ids"),
        (registered("e", upstream=[1]), "1 is not a text"),
        (registered("b", parent="a", upstream=["a"]), "registered already with other content: parent"),
        (registered("b", upstream=["c"]), "registered already with other content: upstream"),
        (added("a", "d"), "upstream tasks in a cycle: "),
        (added("a", "e"), "no task 'e': neither"),
        (added("x", "a"), "no task 'x': neither"),
        ({"entity": "task", "id": "a", "event": "upstream_added", "at": at(0)}, "is None, not a list"),
    ],
)
def test_a_wrong_link_is_a_bad_line(
    service: TransitionService, connection: psycopg.Connection[Any], line: dict[str, Any], error: str
) -> None:
    imported(service, "jsonl", jsonl(DIAMOND))

    answer = imported(service, "jsonl", jsonl([line, registered("f", upstream=["d"])]))

    assert (answer["tasks"], answer["bad"]) == (1, 1)
    assert error in answer["bad_lines"][0]["error"]
    assert links(connection) == [*EXPECTED[:4], {"task_id": "f", "parent_id": None, "upstream": ["d"]}, EXPECTED[4]]


def test_lines_of_one_file_make_no_cycle(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    lines = [registered("a"), registered("b", upstream=["a"]), registered("c"), added("c", "b"), added("a", "c")]

    answer = imported(service, "jsonl", jsonl(lines))

    assert [bad["line"] for bad in answer["bad_lines"]] == [5]
    assert set("abc") <= set(answer["bad_lines"][0]["error"])
    assert [row["upstream"] for row in links(connection)] == [[], ["a"], ["b"]]


def test_a_task_that_has_begun_waits_for_no_further_one(service: TransitionService) -> None:
    begun = {"entity": "task", "id": "b", "to": "QUEUED", "at": at(2)}

    answer = imported(
        service, "jsonl", jsonl([*DIAMOND, begun, added("b", "run", second=3), added("b", "a", second=3)])
    )

    assert [bad["error"] for bad in answer["bad_lines"]] == [
        "task 'b' cannot wait for 'run': it has begun already; add upstream tasks before the first attempt"
    ]
    assert answer["duplicates"] == 1


def test_an_export_has_the_links(
    service: TransitionService, other: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    service.register_tasks("v", [TaskSpec("elsewhere")])
    service.register_tasks("w", [TaskSpec("run"), TaskSpec("a", parent="elsewhere")])
    service.register_tasks("w", [TaskSpec("b", parent="run", upstream=["a", "elsewhere"]), TaskSpec("c")])
    service.add_upstream({"c": ["b"]})
    service.add_upstream({"run": ["elsewhere"]})

    export_log(service.store, "jsonl", str(tmp_path / "all.jsonl"))
    export_log(service.store, "jsonl", str(tmp_path / "w.jsonl"), "w")

    assert imported(other, "jsonl", (tmp_path / "w.jsonl").read_text())["bad"] == 0
    assert links_of(other) == [
        {"task_id": "a", "parent_id": None, "upstream": []},
        {"task_id": "b", "parent_id": "run", "upstream": ["a"]},
        {"task_id": "c", "parent_id": None, "upstream": ["b"]},
        {"task_id": "run", "parent_id": None, "upstream": []},
    ]
    for name in ("all", "w"):
        again = imported(service, "jsonl", (tmp_path / f"{name}.jsonl").read_text())
        assert again.items() >= (ADDED_NOTHING | {"bad": 0}).items()


def test_a_whole_export_gives_the_same_links(
    service: TransitionService, other: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    imported(service, "jsonl", jsonl(DIAMOND))
    export_log(service.store, "jsonl", str(tmp_path / "all.jsonl"))
    export_log(service.store, "ocel2", str(tmp_path / "all.json"), "w")

    imported(other, "jsonl", (tmp_path / "all.jsonl").read_text())

    assert links_of(other) == links(connection) == EXPECTED
    (task,) = [one for one in json.loads((tmp_path / "all.json").read_text())["objects"] if one["id"] == "task:d"]
    assert task["relationships"] == [
        {"objectId": "task:run", "qualifier": "part of"},
        *({"objectId": f"task:{name}", "qualifier": "waits for"} for name in "abc"),
    ]
