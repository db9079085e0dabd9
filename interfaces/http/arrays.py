"""The routes of arrays, as Jobmon's distributors and workers call them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from application.write.answers import (
    BatchMember,
    BindAnswer,
    ConcurrencyAnswer,
    EmptyAnswer,
    QueueBatchAnswer,
    SubmittedAnswer,
)
from interfaces.http.api import answer_json, build_actor, get_api
from interfaces.http.idempotency import Key
from interfaces.http.models import ArrayToBind, BatchKilled, BatchLaunched, BatchToQueue, DistributorIds, Id, model_of
from interfaces.http.paging import MAX_ROWS, Limit, answer_page
from interfaces.http.problems import document_responses

MAX_NUMBER = 2**31 - 1
UNKNOWN = {
    "type": "unknown-entity", "detail": "no array '17'; did you mean '1'?", "kind": "array", "id": "17",
    "nearest": ["1"],
}  # fmt: skip
MEMBER = {"task_instance_id": "1.1.0", "task_id": "align", "step": 0, "status": "QUEUED"}

ArrayId = Annotated[Id, Path(examples=["1"])]
BatchNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, examples=[1])]

router = APIRouter()


@router.post(
    "/array",
    response_model=model_of(BindAnswer),
    responses=document_responses({"array_id": "1"}, 409, 410, 413, 422),
)
def bind_array(request: Request, body: ArrayToBind, key: Key = None) -> Response:
    """Bind the array of a workflow and a task template version: create it, or give the existing one this limit."""
    bound = get_api(request).service.arrays.bind(
        body.workflow_id,
        body.task_template_version_id,
        body.max_concurrently_running,
        body.name,
        actor=build_actor(request, body.actor),
        command_id=key,
    )
    return answer_json(bound)


@router.post(
    "/array/{array_id:id}/queue_task_batch",
    response_model=model_of(QueueBatchAnswer),
    responses=document_responses(
        {"tasks_by_status": {"QUEUED": ["align"]}, "batch_number": 1}, 404, 409, 413, 422, examples={404: UNKNOWN}
    ),
)
def queue_task_batch(request: Request, array_id: ArrayId, body: BatchToQueue, key: Key = None) -> Response:
    """Let tasks pass the gate, and queue an instance of each that passes as the next batch of the array."""
    queued = get_api(request).service.arrays.queue_task_batch(
        array_id,
        body.task_ids,
        body.task_resources_id,
        body.workflow_run_id,
        actor=build_actor(request, body.actor),
        command_id=key,
        waits_for=body.waits_for,
    )
    return answer_json(queued)


@router.post(
    "/array/{array_id:id}/transition_to_launched",
    response_model=model_of(EmptyAnswer),
    responses=document_responses({}, 404, 409, 413, 422, examples={404: UNKNOWN}),
)
def transition_to_launched(request: Request, array_id: ArrayId, body: BatchLaunched, key: Key = None) -> Response:
    """Report that the cluster has accepted a batch; instances that are RUNNING already stay as they are."""
    launched = get_api(request).service.arrays.transition_to_launched(
        array_id,
        body.batch_number,
        body.next_report_increment,
        actor=build_actor(request, body.actor),
        command_id=key,
        waits_for=body.waits_for,
    )
    return answer_json(launched)


@router.post(
    "/array/{array_id:id}/transition_to_killed",
    response_model=model_of(EmptyAnswer),
    responses=document_responses({}, 404, 409, 413, 422, examples={404: UNKNOWN}),
)
def transition_to_killed(request: Request, array_id: ArrayId, body: BatchKilled, key: Key = None) -> Response:
    """Report that the instances in KILL_SELF of a batch are gone: they and their tasks become ERROR_FATAL."""
    killed = get_api(request).service.arrays.transition_to_killed(
        array_id, body.batch_number, actor=build_actor(request, body.actor), command_id=key
    )
    return answer_json(killed)


@router.post(
    "/array/{array_id:id}/log_distributor_id",
    response_model=model_of(SubmittedAnswer),
    responses=document_responses({"success": True}, 404, 409, 413, 422, examples={404: UNKNOWN}),
)
def log_distributor_id(request: Request, array_id: ArrayId, body: DistributorIds, key: Key = None) -> Response:
    """Record the cluster's ids of the array's instances; the answer lists ids that the array does not have."""
    logged = get_api(request).service.arrays.log_distributor_id(
        array_id, body.submissions(), actor=build_actor(request, None), command_id=key
    )
    return answer_json(logged)


@router.get(
    "/array/{array_id:id}/get_array_max_concurrently_running",
    response_model=model_of(ConcurrencyAnswer),
    responses=document_responses({"max_concurrently_running": 50}, 404, 422, examples={404: UNKNOWN}),
)
def get_max_concurrently_running(request: Request, array_id: ArrayId) -> Response:
    """Return how many instances of an array may run at once."""
    return answer_json(get_api(request).service.arrays.max_concurrently_running(array_id))


@router.get(
    "/workflow/{workflow_id:id}/get_array_max_concurrently_running/{task_template_version_id:id}",
    response_model=model_of(ConcurrencyAnswer),
    responses=document_responses({"max_concurrently_running": 50}, 404, 422, examples={404: UNKNOWN}),
)
def get_max_concurrently_running_of(
    request: Request,
    workflow_id: Annotated[Id, Path(examples=["my-workflow"])],
    task_template_version_id: Annotated[Id, Path(examples=[7])],
) -> Response:
    """Return how many instances of the array of a workflow and a template version may run at once."""
    arrays = get_api(request).service.arrays
    return answer_json(arrays.max_concurrently_running_of(workflow_id, task_template_version_id))


@router.get(
    "/array/{array_id:id}/batch/{batch_number}",
    response_model=list[model_of(BatchMember)],  # type: ignore[misc]  # made of a TypedDict
    responses=document_responses([MEMBER], 404, 422, examples={404: UNKNOWN}),
)
def list_batch(
    request: Request,
    array_id: ArrayId,
    batch_number: BatchNumber,
    after: Annotated[int, Query(ge=-1, le=MAX_NUMBER, description="Continue after this step.")] = -1,
    limit: Annotated[Limit, Query()] = MAX_ROWS,
) -> Response:
    """List the instances of a batch by step."""
    members = get_api(request).service.arrays.batch(array_id, batch_number, after=after, limit=limit + 1)
    rows = members[:limit]
    return answer_page(request, rows, str(rows[-1]["step"]) if len(members) > limit else None)
