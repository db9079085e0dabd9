"""The routes of tasks: registering them, gating them, and what is proposed for them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.shared.suggestions import unknown_entity
from application.write.answers import BulkAnswer, GateAnswer, RegisterAnswer, ResetAnswer, TaskAnswer
from application.write.registration import TaskSpec
from domain.entity import TASK, Entity
from domain.rule_names import INVALID, NOT_OWNER, UNTIMELY
from interfaces.http.api import Api, actor, answer, api
from interfaces.http.examples import shown
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import (
    Id,
    TasksToGate,
    TasksToRegister,
    TasksToReset,
    TasksToTransition,
    TaskTransition,
    model_of,
)
from interfaces.http.problems import Refused, documented

GATE = frozenset({INVALID, UNTIMELY, NOT_OWNER})
"""The rules by which a lifecycle's gate refuses."""

MOVED = {"transitioned": ["align"], "invalid": [], "locked": [], "not_found": []}
ACCEPTED = {
    "status": "QUEUED", "response": "ACCEPT", "delay_seconds": None, "rule": None, "reason": None, "owner": None,
    "error": None,
}  # fmt: skip
REFUSED = {
    "type": "refused", "detail": "DONE may not become QUEUED: nothing follows it", "rule": INVALID, "from": "DONE",
    "to": "QUEUED", "allowed": [],
}  # fmt: skip

TaskId = Annotated[Id, Path(examples=["align"])]

router = APIRouter()


@router.post(
    "/tasks",
    response_model=model_of(RegisterAnswer),
    responses={200: shown({"registered": 1, "existing": 0}), **documented(409, 413, 422)},
)
def register_tasks(request: Request, body: TasksToRegister, key: Key = None) -> Response:
    """Register the tasks of a workflow; those that are there with the same content stay as they are."""
    used = api(request)

    def register(connection: Any) -> RegisterAnswer:
        return used.service.register_tasks(
            body.workflow_id,
            [TaskSpec(**dict(task)) for task in body.tasks],
            used.store.lifecycles.named(body.lifecycle),
            actor=actor(request, body.actor),
            reason=body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, register)


@router.post(
    "/tasks/gate",
    response_model=model_of(GateAnswer),
    responses={
        200: shown({"gated": ["align"], "invalid": [], "locked": [], "not_found": ["17"]}),
        **documented(409, 413, 422),
    },
)
def gate_tasks(request: Request, body: TasksToGate, key: Key = None) -> Response:
    """Let tasks pass the gate of their lifecycle, where one more attempt begins."""

    def gate(connection: Any) -> GateAnswer:
        return api(request).service.gate_tasks_for_queueing(
            body.task_ids,
            actor=actor(request, body.actor),
            reason=body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, gate)


@router.post(
    "/tasks/transition",
    response_model=model_of(BulkAnswer),
    responses={200: shown(MOVED), **documented(409, 413, 422)},
)
def transition_tasks(request: Request, body: TasksToTransition, key: Key = None) -> Response:
    """Move tasks to a status, in the name of a runner, each if its machine, its owner and its rules let it."""

    def transition(connection: Any) -> BulkAnswer:
        return api(request).service.transition_tasks(
            body.task_ids,
            body.to_status,
            body.increment_attempts,
            body.use_skip_locked,
            runner_id=body.runner_id,
            actor=actor(request, body.actor),
            reason=body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, transition)


@router.post(
    "/tasks/reset",
    response_model=model_of(ResetAnswer),
    responses={
        200: shown({"reset": ["align"], "kept": [], "locked": [], "not_found": [], "killed": ["align/1"]}),
        **documented(409, 413, 422),
    },
)
def reset_tasks(request: Request, body: TasksToReset, key: Key = None) -> Response:
    """Send tasks back to their beginning for a resumed workflow, and tell their active instances to end."""

    def reset(connection: Any) -> ResetAnswer:
        return api(request).service.reset_tasks(
            body.task_ids,
            body.reset_if_running,
            actor(request, body.actor),
            body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, reset)


@router.post(
    "/task/{task_id:path}/transition",
    response_model=model_of(TaskAnswer),
    responses={200: shown(ACCEPTED), **documented(404, 409, 413, 422, further={409: REFUSED})},
)
def transition_task(request: Request, task_id: TaskId, body: TaskTransition, key: Key = None) -> Response:
    """Propose a status for one task, for lifecycles whose tasks report for themselves; refused by the gate: 409."""
    used = api(request)
    taken = used.service.transition_task(
        task_id,
        body.to_status,
        body.runner_id,
        body.state_name,
        body.occurred_at,
        actor(request, body.actor),
        body.reason,
        key,
        scheduled_time=body.scheduled_time,
        details=body.details,
    )
    if taken["error"] == "not_found":
        with used.store.session() as connection:
            raise unknown_entity(connection, Entity(TASK, task_id))
    if taken["error"] == "max_retries_exceeded":
        detail = f"task {task_id!r} is locked by others: try again later"
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, taken)
    if taken["rule"] in GATE and taken["response"] == "ABORT":
        raise _refused(used, task_id, body.to_status, taken)
    return answer(taken)


def _refused(used: Api, task_id: str, to_status: str, taken: TaskAnswer) -> Refused:
    with used.store.session() as connection:
        task = used.store.status.task(connection, task_id)
    allowed = sorted(task.lifecycle.task.next_statuses(taken["status"])) if task else []
    detail = str(taken["reason"])
    if taken["rule"] == NOT_OWNER:
        detail = f"{taken['status']} may not become {to_status}: {detail}"
    further = {**taken, "from": taken["status"], "to": to_status, "allowed": allowed}
    # "status" is the problem's own member: the task's stands in "from".
    del further["status"]
    return Refused(HTTPStatus.CONFLICT, "refused", detail, further)
