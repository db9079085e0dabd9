"""Orphans as rows for people: a task with its only instance is one, and many alike are one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from application.shared.orphan import Orphan
from interfaces.wording.orphan_rows import group_orphans

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def orphan(entity: str, minute: float = 0, **more: Any) -> Orphan:
    kind, _, name = entity.partition(":")
    found: Orphan = {
        "entity": entity,
        "rule": "stuck",
        "since": EIGHT + timedelta(minutes=minute),
        "evidence": [len(kind) * 100 + int(minute)],
        "expected": "",
        "explanation": f"{entity} waits",
        "decided": False,
        "workflow_id": "w",
        "task_id": name.partition("/")[0],
        "lifecycle": "jobmon",
        "status": "QUEUED",
        "instances": 1,
    }
    return found | more  # type: ignore[return-value]


def texts(*found: Orphan) -> list[str]:
    return [row["explanation"] for row in group_orphans(found)]


def test_a_task_and_its_only_instance_are_one_row() -> None:
    (row,) = group_orphans([orphan("task:a"), orphan("ti:a/1", 1)])

    assert row["explanation"] == "task:a waits; its only instance ti:a/1 is stuck too"
    assert (row["entity"], row["since"], row["evidence"]) == ("task:a", EIGHT, [201, 400])
    assert texts(orphan("task:a"), orphan("ti:a/1", status="INSTANTIATED")) == [
        "task:a waits; its only instance ti:a/1 is stuck too, as INSTANTIATED"
    ]


def test_one_of_several_instances_has_a_row_of_its_own() -> None:
    assert len(texts(orphan("task:a", instances=2), orphan("ti:a/2", instances=2))) == 2


def test_an_instance_without_its_task_has_a_row_of_its_own() -> None:
    assert texts(orphan("ti:a/1"), orphan("task:b")) == ["ti:a/1 waits", "task:b waits"]
    assert texts(orphan("ti:a/1", rule="superseded"), orphan("task:a")) == ["ti:a/1 waits", "task:a waits"]


def test_many_alike_are_one_row_with_their_number_and_the_first_of_them() -> None:
    found = [orphan(f"{kind}:{number}{end}", number) for number in range(31, 0, -1) for kind, end in ENTITIES]

    assert texts(*found) == ["31 tasks alike, the first: task:1 waits; its only instance ti:1/1 is stuck too"]
    assert texts(*(orphan(f"ti:{n}/1", n) for n in range(1_000))) == [
        "1,000 task instances alike, the first: ti:0/1 waits"
    ]


ENTITIES = (("task", ""), ("ti", "/1"))


def test_three_alike_have_a_row_each() -> None:
    assert len(texts(*(orphan(f"task:{number}", number) for number in range(3)))) == 3


def test_what_differs_is_not_alike() -> None:
    alike = [orphan(f"task:{number}", 10 + number) for number in range(4)]
    others = [
        orphan("task:status", 1, status="RUNNING"),
        orphan("task:lifecycle", 2, lifecycle="slurm"),
        orphan("task:rule", 3, rule="stalled-task"),
        orphan("ti:kind/1", 4, instances=2),
    ]

    assert texts(*alike, *others) == [
        "task:status waits", "task:lifecycle waits", "task:rule waits", "ti:kind/1 waits",
        "4 tasks alike, the first: task:0 waits",
    ]  # fmt: skip
