"""Orphans as people read them: a task with its only instance is one row, and so are many alike, with their number."""

from collections.abc import Iterable, Sequence
from typing import cast

from application.shared.orphan import Orphan

MOST_ROWS_ALIKE = 3
"""The number of orphans alike that have a row each; more of them share one."""


def group_orphans(found: Sequence[Orphan]) -> list[Orphan]:
    """Return a row for each orphan, each task with its only instance, and each group of many alike, the oldest first.

    Orphans are alike if they have the same rule, lifecycle and status.
    """
    groups: dict[tuple[object, ...], list[Orphan]] = {}
    for orphan in _join_only_instances(found):
        groups.setdefault(_likeness(orphan), []).append(orphan)
    rows = [row for group in groups.values() for row in (group if len(group) <= MOST_ROWS_ALIKE else [_share(group)])]
    return sorted(rows, key=lambda row: row["since"])


def _join_only_instances(found: Sequence[Orphan]) -> Iterable[Orphan]:
    instances = {(row["rule"], row["task_id"]): row for row in found if row["instances"] == 1 and not _is_task(row)}
    tasks = {(row["rule"], row["task_id"]) for row in found if _is_task(row)}
    for row in found:
        case = row["rule"], row["task_id"]
        if _is_task(row):
            yield _join(row, instances[case]) if case in instances else row
        elif case not in tasks or row["instances"] != 1:
            yield row


def _join(task: Orphan, instance: Orphan) -> Orphan:
    status = f", as {instance['status']}" if instance["status"] != task["status"] else ""
    joined = {
        "explanation": f"{task['explanation']}; its only instance {instance['entity']} is {task['rule']} too{status}",
        "evidence": sorted({*task["evidence"], *instance["evidence"]}),
    }
    return cast("Orphan", task | joined)


def _share(group: Sequence[Orphan]) -> Orphan:
    first = min(group, key=lambda row: row["since"])
    noun = "tasks" if _is_task(first) else "task instances"
    return first | {"explanation": f"{len(group):,} {noun} alike, the first: {first['explanation']}"}


def _likeness(row: Orphan) -> tuple[object, ...]:
    return row["rule"], row["lifecycle"], row["status"], _is_task(row), row["decided"]


def _is_task(row: Orphan) -> bool:
    return row["entity"].startswith("task:")
