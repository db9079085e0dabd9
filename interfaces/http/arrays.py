"""The routes of arrays, as Jobmon's distributors and workers call them."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from application.array_service import ArrayService
from application.write.answers import (
    BatchMember,
    BindAnswer,
    ConcurrencyAnswer,
    EmptyAnswer,
    QueueBatchAnswer,
    SubmittedAnswer,
)
from interfaces.http.api import actor, answer, api
from interfaces.http.examples import shown
from interfaces.http.idempotency import Key
from interfaces.http.models import ArrayToBind, BatchKilled, BatchLaunched, BatchToQueue, DistributorIds, Id, model_of
from interfaces.http.paging import PAGE, Limit, page
from interfaces.http.problems import documented

MOST = 2**31 - 1
UNKNOWN = {
    "type": "unknown-entity", "detail": "no array '17'; did you mean '1'?", "kind": "array", "id": "17",
    "nearest": ["1"],
}  # fmt: skip
MEMBER = {"task_instance_id": "1.1.0", "task_id": "align", "step": 0, "status": "QUEUED"}

ArrayId = Annotated[Id, Path(examples=["1"])]
BatchNumber = Annotated[int, Path(ge=1, le=MOST, examples=[1])]

router = APIRouter()


@router.post(
    "/array",
    response_model=model_of(BindAnswer),
    responses={200: shown({"array_id": "1"}), **documented(409, 413, 422)},
)
def bind(request: Request, body: ArrayToBind, key: Key = None) -> Response:
    """The array of a workflow and a task template version: a new one, or the one that is there, with this limit."""
    bound = ArrayService(api(request).store).bind(
        body.workflow_id,
        body.task_template_version_id,
        body.max_concurrently_running,
        body.name,
        actor=actor(request, body.actor),
        command_id=key,
    )
    return answer(bound)


@router.post(
    "/array/{array_id:path}/queue_task_batch",
    response_model=model_of(QueueBatchAnswer),
    responses={
        200: shown({"tasks_by_status": {"QUEUED": ["align"]}, "batch_number": 1}),
        **documented(404, 409, 413, 422, further={404: UNKNOWN}),
    },
)
def queue_task_batch(request: Request, array_id: ArrayId, body: BatchToQueue, key: Key = None) -> Response:
    """Let tasks pass the gate, and queue an instance of each that does, as the next batch of the array."""
    queued = ArrayService(api(request).store).queue_task_batch(
        array_id,
        body.task_ids,
        body.task_resources_id,
        body.workflow_run_id,
        actor=actor(request, body.actor),
        command_id=key,
    )
    return answer(queued)


@router.post(
    "/array/{array_id:path}/transition_to_launched",
    response_model=model_of(EmptyAnswer),
    responses={200: shown({}), **documented(404, 409, 413, 422, further={404: UNKNOWN})},
)
def transition_to_launched(request: Request, array_id: ArrayId, body: BatchLaunched, key: Key = None) -> Response:
    """The cluster has accepted a batch; what a worker has already moved to RUNNING is left alone."""
    launched = ArrayService(api(request).store).transition_to_launched(
        array_id, body.batch_number, body.next_report_increment, actor=actor(request, body.actor), command_id=key
    )
    return answer(launched)


@router.post(
    "/array/{array_id:path}/transition_to_killed",
    response_model=model_of(EmptyAnswer),
    responses={200: shown({}), **documented(404, 409, 413, 422, further={404: UNKNOWN})},
)
def transition_to_killed(request: Request, array_id: ArrayId, body: BatchKilled, key: Key = None) -> Response:
    """What was told to kill itself in a batch is gone: ERROR_FATAL, and so are the tasks."""
    killed = ArrayService(api(request).store).transition_to_killed(
        array_id, body.batch_number, actor=actor(request, body.actor), command_id=key
    )
    return answer(killed)


@router.post(
    "/array/{array_id:path}/log_distributor_id",
    response_model=model_of(SubmittedAnswer),
    responses={200: shown({"success": True}), **documented(404, 409, 413, 422, further={404: UNKNOWN})},
)
def log_distributor_id(request: Request, array_id: ArrayId, body: DistributorIds, key: Key = None) -> Response:
    """What the cluster calls the array's instances; ids that are not of this array are answered with."""
    told = cast("Mapping[str, Any]", body.model_dump())
    logged = ArrayService(api(request).store).log_distributor_id(
        array_id, told, actor=actor(request, None), command_id=key
    )
    return answer(logged)


@router.get(
    "/array/{array_id:path}/get_array_max_concurrently_running",
    response_model=model_of(ConcurrencyAnswer),
    responses={200: shown({"max_concurrently_running": 50}), **documented(404, 422, further={404: UNKNOWN})},
)
def max_concurrently_running(request: Request, array_id: ArrayId) -> Response:
    """How many instances of an array may run at once."""
    return answer(ArrayService(api(request).store).max_concurrently_running(array_id))


@router.get(
    "/workflow/{workflow_id:path}/get_array_max_concurrently_running/{task_template_version_id}",
    response_model=model_of(ConcurrencyAnswer),
    responses={200: shown({"max_concurrently_running": 50}), **documented(404, 422, further={404: UNKNOWN})},
)
def max_concurrently_running_of(
    request: Request,
    workflow_id: Annotated[Id, Path(examples=["my-workflow"])],
    task_template_version_id: Annotated[Id, Path(examples=[7])],
) -> Response:
    """The same of the array of a workflow and a task template version."""
    arrays = ArrayService(api(request).store)
    return answer(arrays.max_concurrently_running_of(workflow_id, task_template_version_id))


@router.get(
    "/array/{array_id:path}/batch/{batch_number}",
    response_model=list[model_of(BatchMember)],  # type: ignore[misc]  # made of a TypedDict
    responses={200: shown([MEMBER]), **documented(404, 422, further={404: UNKNOWN})},
)
def batch(
    request: Request,
    array_id: ArrayId,
    batch_number: BatchNumber,
    after: Annotated[int, Query(ge=-1, le=MOST, description="Go on after that step.")] = -1,
    limit: Annotated[Limit, Query()] = PAGE,
) -> Response:
    """The instances of a batch by their steps."""
    members = ArrayService(api(request).store).batch(array_id, batch_number, after=after, limit=limit + 1)
    some = members[:limit]
    return page(request, some, str(some[-1]["step"]) if len(members) > limit else None)
