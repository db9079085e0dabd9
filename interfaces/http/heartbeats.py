"""The routes of heartbeats, with which runners and task instances renew their leases."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.write.answers import HeartbeatAnswer, HeartbeatsAnswer
from interfaces.http.api import get_api, report_fields
from interfaces.http.examples import example_response
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import Id, InstancesAlive, RunnerAlive, model_of
from interfaces.http.problems import document_problems

BEATEN = {"report_by": "2026-01-31T08:10:00Z", "silent_since": None}
ALL_BEATEN = {"heard": ["align/1"], "returned": [], "ended": [], "locked": [], "not_found": []}

router = APIRouter()


@router.post(
    "/runner/{runner_id:id}/heartbeat",
    response_model=model_of(HeartbeatAnswer),
    responses={200: example_response(BEATEN), **document_problems(409, 413, 422)},
)
def renew_runner_lease(
    request: Request, runner_id: Annotated[Id, Path(examples=["node7"])], body: RunnerAlive, key: Key = None
) -> Response:
    """Renew a runner's lease for a number of seconds; the runner sends the next heartbeat before they have passed."""
    service, fields = get_api(request).service, report_fields(request, body)
    return answered_once(
        request,
        key,
        body,
        lambda connection: service.heartbeat(runner_id, body.seconds, connection=connection, **fields),
    )


@router.post(
    "/task_instances/heartbeat",
    response_model=model_of(HeartbeatsAnswer),
    responses={200: example_response(ALL_BEATEN), **document_problems(409, 413, 422)},
)
def renew_task_instance_leases(request: Request, body: InstancesAlive, key: Key = None) -> Response:
    """Renew the leases of task instances for a number of seconds; they report again before these have passed."""
    service, fields = get_api(request).service, report_fields(request, body)
    return answered_once(
        request,
        key,
        body,
        lambda connection: service.heartbeat_task_instances(
            body.task_instance_ids, body.next_report_increment, connection=connection, **fields
        ),
    )
