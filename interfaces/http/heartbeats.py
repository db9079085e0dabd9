"""The routes of heartbeats, with which runners and task instances renew their leases."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.write.answers import HeartbeatAnswer, HeartbeatsAnswer
from interfaces.http.api import get_api, report_fields
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import Id, InstancesAlive, RunnerAlive, model_of
from interfaces.http.problems import document_responses

BEATEN = {"report_by": "2026-01-31T08:10:00Z", "silent_since": None}
ALL_BEATEN = {"heard": ["align/1"], "returned": [], "ended": [], "locked": [], "not_found": []}

router = APIRouter()


@router.post(
    "/runner/{runner_id:id}/heartbeat",
    response_model=model_of(HeartbeatAnswer),
    responses=document_responses(BEATEN, 409, 413, 422),
)
def renew_runner_lease(
    request: Request, runner_id: Annotated[Id, Path(examples=["node7"])], body: RunnerAlive, key: Key = None
) -> Response:
    """Renew a runner's lease for a number of seconds; the runner sends the next heartbeat before they have passed."""
    method = get_api(request).service.heartbeat
    work = partial(method, runner_id, body.seconds, **report_fields(request, body))
    return answered_once(request, key, body, work)


@router.post(
    "/task_instances/heartbeat",
    response_model=model_of(HeartbeatsAnswer),
    responses=document_responses(ALL_BEATEN, 409, 413, 422),
)
def renew_task_instance_leases(request: Request, body: InstancesAlive, key: Key = None) -> Response:
    """Renew the leases of task instances for a number of seconds; they report again before these have passed."""
    method = get_api(request).service.heartbeat_task_instances
    work = partial(method, body.task_instance_ids, body.next_report_increment, **report_fields(request, body))
    return answered_once(request, key, body, work)
