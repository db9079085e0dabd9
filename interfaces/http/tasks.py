"""The routes of tasks: register, gate, move and reset them."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from psycopg import Connection
from starlette.responses import Response

from application.shared.suggestions import unknown_entity
from application.write.answers import BulkAnswer, GateAnswer, RegisterAnswer, ResetAnswer, TaskAnswer, UpstreamAnswer
from application.write.registration import TaskSpec
from application.write.workflow_action import WorkflowActionAnswer
from domain.entity import TASK, Entity
from domain.rule_names import INVALID, NOT_OWNER, UNTIMELY
from interfaces.http.api import Api, answer_json, get_api, move_fields, report_fields
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import (
    Id,
    TasksToGate,
    TasksToRegister,
    TasksToReset,
    TasksToTransition,
    TaskTransition,
    UpstreamToAdd,
    WorkflowAction,
    model_of,
)
from interfaces.http.problems import ProblemError, document_responses

GATE = frozenset({INVALID, UNTIMELY, NOT_OWNER})
"""The rules with which a lifecycle's gate refuses a proposal."""

MOVED = {"transitioned": ["align"], "invalid": [], "locked": [], "not_found": []}
GATED = {"gated": ["align"], "invalid": [], "locked": [], "not_found": ["17"]}
RESET = {"reset": ["align"], "kept": [], "locked": [], "not_found": [], "killed": ["align/1"]}
ACTED = {
    "workflow_id": "my-workflow", "tasks": {"align": {"from": "ERROR_FATAL", "to": "REGISTERING"}},
    "refused": {"sort": "reset"},
}  # fmt: skip
ACCEPTED = {
    "status": "QUEUED", "response": "ACCEPT", "delay_seconds": None, "rule": None, "reason": None, "owner": None,
    "error": None,
}  # fmt: skip
REFUSED = {
    "type": "refused", "detail": "DONE may not become QUEUED: nothing follows it", "rule": INVALID, "from": "DONE",
    "to": "QUEUED", "allowed": [],
}  # fmt: skip

TaskId = Annotated[Id, Path(examples=["align"])]
WorkflowId = Annotated[Id, Path(examples=["my-workflow"])]

router = APIRouter()


@router.post(
    "/tasks",
    response_model=model_of(RegisterAnswer),
    responses=document_responses({"registered": 1, "existing": 0}, 404, 409, 413, 422),
)
def register_tasks(request: Request, body: TasksToRegister, key: Key = None) -> Response:
    """Register the tasks of a workflow; existing ones with the same content stay as they are."""
    served, fields = get_api(request), move_fields(request, body)

    def register(*, connection: Connection[Any] | None) -> RegisterAnswer:
        specs = [TaskSpec(**dict(task)) for task in body.tasks]
        # A request may name a lifecycle, but not a file of the server.
        lifecycle = served.store.lifecycles.by_name(body.lifecycle)
        return served.service.register_tasks(body.workflow_id, specs, lifecycle, connection=connection, **fields)

    return answered_once(request, key, body, register)


@router.post(
    "/tasks/upstream",
    response_model=model_of(UpstreamAnswer),
    responses=document_responses({"added": 2, "existing": 0}, 404, 409, 413, 422),
)
def add_upstream(request: Request, body: UpstreamToAdd, key: Key = None) -> Response:
    """Let tasks that have not begun wait for further ones; 409 where one has begun, or would wait for itself."""
    method = get_api(request).service.add_upstream
    work = partial(method, body.upstream, **report_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/tasks/gate",
    response_model=model_of(GateAnswer),
    responses=document_responses(GATED, 409, 410, 413, 422),
)
def gate_tasks(request: Request, body: TasksToGate, key: Key = None) -> Response:
    """Let tasks pass the gate of their lifecycle, which begins one more attempt."""
    method = get_api(request).service.gate_tasks_for_queueing
    work = partial(method, body.task_ids, **move_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/tasks/transition",
    response_model=model_of(BulkAnswer),
    responses=document_responses(MOVED, 409, 410, 413, 422),
)
def transition_tasks(request: Request, body: TasksToTransition, key: Key = None) -> Response:
    """Move tasks to a status in the name of a runner, each if its machine, its owner and its rules allow it."""
    work = partial(
        get_api(request).service.transition_tasks,
        body.task_ids,
        body.to_status,
        body.increment_attempts,
        body.use_skip_locked,
        runner_id=body.runner_id,
        **move_fields(request, body),
    )
    return answered_once(request, key, body, work)


@router.post(
    "/tasks/reset",
    response_model=model_of(ResetAnswer),
    responses=document_responses(RESET, 409, 410, 413, 422),
)
def reset_tasks(request: Request, body: TasksToReset, key: Key = None) -> Response:
    """Send tasks back to their beginning so that their workflow can resume, and end their active instances."""
    method = get_api(request).service.reset_tasks
    work = partial(method, body.task_ids, body.reset_if_running, **move_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/workflows/{workflow_id:id}/reset",
    response_model=model_of(WorkflowActionAnswer),
    responses=document_responses(ACTED, 404, 409, 413, 422),
)
def reset_workflow(request: Request, workflow_id: WorkflowId, body: WorkflowAction, key: Key = None) -> Response:
    """Send the tasks of a workflow back to their beginning, all in one transaction."""
    method = get_api(request).service.reset_workflow
    work = partial(method, workflow_id, body.statuses, dry_run=body.dry_run, **report_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/workflows/{workflow_id:id}/cancel",
    response_model=model_of(WorkflowActionAnswer),
    responses=document_responses(ACTED, 404, 409, 413, 422),
)
def cancel_workflow(request: Request, workflow_id: WorkflowId, body: WorkflowAction, key: Key = None) -> Response:
    """Cancel the tasks of a workflow that have not ended, all in one transaction; 409 where a lifecycle cannot."""
    method = get_api(request).service.cancel_workflow
    work = partial(method, workflow_id, body.statuses, dry_run=body.dry_run, **report_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/task/{task_id:id}/transition",
    response_model=model_of(TaskAnswer),
    responses=document_responses(ACCEPTED, 404, 409, 413, 422, examples={409: REFUSED}),
)
def transition_task(request: Request, task_id: TaskId, body: TaskTransition, key: Key = None) -> Response:
    """Propose a status for one task, for lifecycles whose tasks report for themselves; refused by the gate: 409."""
    served = get_api(request)
    answer = served.service.transition_task(
        task_id,
        body.to_status,
        body.runner_id,
        body.state_name,
        command_id=key,
        scheduled_time=body.scheduled_time,
        details=body.details,
        **move_fields(request, body),
    )
    if answer["error"] == "not_found":
        with served.store.session() as connection:
            raise unknown_entity(connection, Entity(TASK, task_id))
    if answer["error"] == "max_retries_exceeded":
        raise ProblemError.locked(f"task {task_id!r}", answer)
    if answer["rule"] in GATE and answer["response"] == "ABORT":
        raise _refused_problem(served, task_id, body.to_status, answer)
    return answer_json(answer)


def _refused_problem(served: Api, task_id: str, to_status: str, answer: TaskAnswer) -> ProblemError:
    with served.store.session() as connection:
        task = served.store.status.task(connection, task_id)
    allowed = sorted(task.lifecycle.task.next_statuses(answer["status"])) if task else []
    detail = str(answer["reason"])
    if answer["rule"] == NOT_OWNER:
        detail = f"{answer['status']} may not become {to_status}: {detail}"
    members = {**answer, "from": answer["status"], "to": to_status, "allowed": allowed}
    # A problem's own member is called "status", so the task's is "from" only.
    del members["status"]
    return ProblemError(HTTPStatus.CONFLICT, "refused", detail, members)
