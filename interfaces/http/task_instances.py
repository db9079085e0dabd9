"""The routes of task instances: create them, and report on them."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.shared.suggestions import unknown_entity
from application.write.answers import BulkAnswer, CreateAnswer, TaskInstanceAnswer
from application.write.reports import TaskInstanceReport
from domain.entity import TASK_INSTANCE, Entity
from domain.report_context import ReportContext
from interfaces.http.api import Api, answer_json, get_api, move_fields
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import (
    Id,
    InstancesToCreate,
    InstancesToTransition,
    InstanceTransition,
    model_of,
)
from interfaces.http.problems import ProblemError, document_responses

MOVED = {"transitioned": ["align/1"], "invalid": [], "locked": [], "not_found": []}
ACCEPTED = {"ti_updated": True, "task_transitioned": True, "task_status": "RUNNING", "error": None, "orphaned": False}
UNKNOWN = {
    "type": "unknown-entity", "detail": "no task instance 'align/3'; did you mean 'align/1'?", "kind": "task_instance",
    "id": "align/3", "nearest": ["align/1"], "error": "not_found",
}  # fmt: skip

TaskInstanceId = Annotated[Id, Path(examples=["align/1"])]

router = APIRouter()


@router.post(
    "/task_instance/{task_instance_id:id}/transition",
    response_model=model_of(TaskInstanceAnswer),
    responses=document_responses(ACCEPTED, 404, 409, 413, 422, examples={404: UNKNOWN}),
)
async def transition_task_instance(
    request: Request, task_instance_id: TaskInstanceId, body: InstanceTransition, key: Key = None
) -> Response:
    """Report that a task instance is in a status; a report that the gate refuses is answered with its `error`.

    Reports that arrive together are written together; each is decided and answered on its own.
    """
    served = get_api(request)
    context = ReportContext(**move_fields(request, body), command_id=key)
    answer = await served.batcher.write(
        TaskInstanceReport(task_instance_id, body.to_status, context, body.current_ti_status, body.report_by_date)
    )
    if answer["error"] == "not_found":
        raise await to_thread.run_sync(_unknown_problem, served, task_instance_id, answer)
    if answer["error"] == "max_retries_exceeded":
        raise ProblemError.locked(f"task instance {task_instance_id!r} or its task", answer)
    return answer_json(answer)


@router.post(
    "/task_instances",
    response_model=model_of(CreateAnswer),
    responses=document_responses({"created": 1, "existing": 0}, 404, 409, 413, 422),
)
def create_task_instances(request: Request, body: InstancesToCreate, key: Key = None) -> Response:
    """Create task instances, each of a task; existing ones of the same task stay as they are."""
    method = get_api(request).service.create_task_instances
    work = partial(method, body.instances, status=body.status, **move_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/task_instances/transition",
    response_model=model_of(BulkAnswer),
    responses=document_responses(MOVED, 409, 410, 413, 422),
)
def transition_task_instances(request: Request, body: InstancesToTransition, key: Key = None) -> Response:
    """Move task instances to a status, and their tasks with them."""
    method = get_api(request).service.transition_task_instances
    work = partial(method, body.task_instance_ids, body.to_status, **move_fields(request, body))
    return answered_once(request, key, body, work)


def _unknown_problem(served: Api, task_instance_id: str, answer: TaskInstanceAnswer) -> ProblemError:
    with served.store.session() as connection:
        error = unknown_entity(connection, Entity(TASK_INSTANCE, task_instance_id))
    members = {**answer, "kind": TASK_INSTANCE, "id": task_instance_id, "nearest": list(error.nearest)}
    return ProblemError(HTTPStatus.NOT_FOUND, "unknown-entity", str(error), members)
