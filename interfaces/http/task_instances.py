"""The routes of task instances: creating them, and what is reported of them."""

from http import HTTPStatus
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.shared.suggestions import unknown_entity
from application.write.answers import BulkAnswer, CreateAnswer, TaskInstanceAnswer
from application.write.reports import TaskInstanceReport
from domain.entity import TASK_INSTANCE, Entity
from domain.report_context import ReportContext
from interfaces.http.api import Api, actor, answer, api
from interfaces.http.examples import shown
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import (
    Id,
    InstancesToCreate,
    InstancesToTransition,
    InstanceTransition,
    model_of,
)
from interfaces.http.problems import Refused, documented

MOVED = {"transitioned": ["align/1"], "invalid": [], "locked": [], "not_found": []}
TAKEN = {"ti_updated": True, "task_transitioned": True, "task_status": "RUNNING", "error": None, "orphaned": False}
UNKNOWN = {
    "type": "unknown-entity", "detail": "no task instance 'align/3'; did you mean 'align/1'?", "kind": "task_instance",
    "id": "align/3", "nearest": ["align/1"], "error": "not_found",
}  # fmt: skip

TaskInstanceId = Annotated[Id, Path(examples=["align/1"])]

router = APIRouter()


@router.post(
    "/task_instance/{task_instance_id:path}/transition",
    response_model=model_of(TaskInstanceAnswer),
    responses={200: shown(TAKEN), **documented(404, 409, 413, 422, further={404: UNKNOWN})},
)
async def transition_task_instance(
    request: Request, task_instance_id: TaskInstanceId, body: InstanceTransition, key: Key = None
) -> Response:
    """Report that a task instance is in a status; a report that the gate refuses is answered with its `error`.

    Reports that arrive together are written together; each is decided and answered on its own.
    """
    used = api(request)
    said = TaskInstanceReport(
        task_instance_id,
        body.to_status,
        ReportContext(actor(request, body.actor), body.reason, body.occurred_at, key),
        body.current_ti_status,
        body.report_by_date,
    )
    taken = await used.group.write(said)
    if taken["error"] == "not_found":
        raise await to_thread.run_sync(_unknown, used, task_instance_id, taken)
    if taken["error"] == "max_retries_exceeded":
        detail = f"task instance {task_instance_id!r} or its task is locked by others: try again later"
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, taken)
    return answer(taken)


@router.post(
    "/task_instances",
    response_model=model_of(CreateAnswer),
    responses={200: shown({"created": 1, "existing": 0}), **documented(404, 409, 413, 422)},
)
def create_task_instances(request: Request, body: InstancesToCreate, key: Key = None) -> Response:
    """Create task instances, each of a task; those that are there for the same task stay as they are."""

    def create(connection: Any) -> CreateAnswer:
        return api(request).service.create_task_instances(
            body.instances,
            actor=actor(request, body.actor),
            reason=body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, create)


@router.post(
    "/task_instances/transition",
    response_model=model_of(BulkAnswer),
    responses={200: shown(MOVED), **documented(409, 413, 422)},
)
def transition_task_instances(request: Request, body: InstancesToTransition, key: Key = None) -> Response:
    """Move task instances to a status, and their tasks with them."""

    def transition(connection: Any) -> BulkAnswer:
        return api(request).service.transition_task_instances(
            body.task_instance_ids,
            body.to_status,
            actor=actor(request, body.actor),
            reason=body.reason,
            occurred_at=body.occurred_at,
            connection=connection,
        )

    return answered_once(request, key, body, transition)


def _unknown(used: Api, task_instance_id: str, taken: TaskInstanceAnswer) -> Refused:
    with used.store.session() as connection:
        error = unknown_entity(connection, Entity(TASK_INSTANCE, task_instance_id))
    further = {**taken, "kind": TASK_INSTANCE, "id": task_instance_id, "nearest": list(error.nearest)}
    return Refused(HTTPStatus.NOT_FOUND, "unknown-entity", str(error), further)
