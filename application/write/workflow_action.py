"""Reset or cancel the tasks of a workflow in one transaction, or find out what that would record."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, TypedDict

from psycopg import Connection

from application.shared.current_status import OnLocked
from application.shared.existence import require_workflow
from application.shared.unit_of_work import UnitOfWork
from application.write.bulk_transition import reset_tasks, transition_task_instances, transition_tasks
from application.write.known_status import StatusCheck
from domain.decisions.proposals import TaskRequest
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK
from domain.errors import WrongLifecycle
from domain.report_context import ReportContext
from domain.rule_names import RESET
from infrastructure.sql import query

Action = Literal["reset", "cancel"]

Moved = TypedDict("Moved", {"from": str, "to": str})
"""The status of a task before and after."""


class WorkflowActionAnswer(TypedDict):
    """The tasks that moved, and the rule by which each of the others was refused.

    Tasks that are where they would go already are in neither.
    """

    workflow_id: str
    tasks: dict[str, Moved]
    refused: dict[str, str]


def act_on_workflow(
    unit: UnitOfWork,
    action: Action,
    workflow_id: str,
    statuses: Collection[str] | None,
    context: ReportContext,
    *,
    dry_run: bool = False,
) -> WorkflowActionAnswer:
    """Reset or cancel the workflow's tasks that are in one of `statuses`; a dry run rolls back what it recorded.

    Without statuses, a reset is about all tasks, but leaves running ones, and a cancellation about those not ended.

    Raises:
        UnknownEntity: the log has no such workflow.
        UnknownStatus: no machine of any of its lifecycles has one of the statuses.
        WrongLifecycle: a cancellation, and a lifecycle names no status for it; nothing is written.
    """

    def act(connection: Connection[Any]) -> WorkflowActionAnswer:
        require_workflow(connection, workflow_id)
        # Without the rollback it is a savepoint, in which a dry run is the very same work.
        with connection.transaction(force_rollback=dry_run):
            tasks, instances = _lock(unit, connection, workflow_id, statuses, action)
            inner = unit.within(connection)
            if action == "reset":
                refused = _reset(inner, tasks, context, reset_if_running=statuses is not None)
            else:
                refused = _cancel(inner, connection, tasks, instances, context)
            after = _read_after(connection, tasks)
        moved = _moved(tasks, after)
        rules = {name: after[name][1] or refused[name] for name in refused if name not in moved}
        return {"workflow_id": workflow_id, "tasks": moved, "refused": rules}

    return unit.run(act)


def _lock(
    unit: UnitOfWork, connection: Connection[Any], workflow_id: str, statuses: Collection[str] | None, action: Action
) -> tuple[list[Task], list[TaskInstance]]:
    """Lock the workflow's instances and tasks, in the order in which every writer locks them; return the chosen."""
    ids = [row[0] for row in connection.execute(query("projections", "find/tasks_of_workflow"), [workflow_id])]
    instances = unit.store.status.lock_instances_of(connection, ids)
    tasks = unit.store.status.lock_tasks(connection, ids, OnLocked.NOWAIT)
    for status in statuses or ():
        StatusCheck(unit.store, TASK, ids, status).check(connection, (task.lifecycle for task in tasks))
    chosen = [task for task in tasks if _is_chosen(task, statuses, action)]
    names = {task.id for task in chosen}
    return chosen, [instance for instance in instances if instance.task_id in names]


def _is_chosen(task: Task, statuses: Collection[str] | None, action: Action) -> bool:
    if statuses is not None:
        return task.status in statuses
    return action == "reset" or not task.lifecycle.task.is_terminal(task.status)


def _reset(
    unit: UnitOfWork, tasks: Sequence[Task], context: ReportContext, *, reset_if_running: bool
) -> dict[str, str]:
    answer = reset_tasks(unit, [task.id for task in tasks], context, reset_if_running=reset_if_running)
    return dict.fromkeys(answer["kept"], RESET)


def _cancel(
    unit: UnitOfWork,
    connection: Connection[Any],
    tasks: Sequence[Task],
    instances: Sequence[TaskInstance],
    context: ReportContext,
) -> dict[str, str]:
    """Cancel the active instances, which moves their tasks, then the tasks that have not moved; return those left."""
    by_id = {task.id: task for task in tasks}
    for target, group in _grouped((task, _target(task)) for task in tasks):
        names = set(group)
        active = [
            instance.id
            for instance in instances
            if instance.task_id in names
            and (machine := by_id[instance.task_id].lifecycle.instance)
            and machine.can_transition(instance.status, target)
        ]
        transition_task_instances(unit, active, target, context)
    after = _read_after(connection, tasks)
    left = [task for task in tasks if after[task.id][0] != _target(task)]
    for (target, owner), group in _grouped((task, (_target(task), task.owner)) for task in left):
        # In the name of each task's owner, because an operator cancels what runners own.
        transition_tasks(unit, group, TaskRequest(target, runner_id=owner), context, OnLocked.NOWAIT)
    return dict.fromkeys((task.id for task in left), "cancel")


def _target(task: Task) -> str:
    target = task.lifecycle.cancel_to
    if target is None:
        raise WrongLifecycle(task.lifecycle.name, "names no status for cancelled tasks; set its `cancel_to`")
    return target


def _grouped(keyed: Iterable[tuple[Task, Any]]) -> list[tuple[Any, list[str]]]:
    """Return the ids of tasks by key, in the order of the keys."""
    ordered = sorted(keyed, key=lambda pair: repr(pair[1]))
    return [(key, [task.id for task, _ in group]) for key, group in groupby(ordered, key=lambda pair: pair[1])]


def _read_after(connection: Connection[Any], tasks: Sequence[Task]) -> dict[str, tuple[str, str | None]]:
    ids = [task.id for task in tasks]
    found = connection.execute(query("projections", "read/last_refusals"), [ids]).fetchall()
    return {name: (status, rule) for name, status, rule in found}


def _moved(tasks: Sequence[Task], after: Mapping[str, tuple[str, str | None]]) -> dict[str, Moved]:
    return {
        task.id: {"from": task.status, "to": after[task.id][0]} for task in tasks if after[task.id][0] != task.status
    }
