"""The routes of heartbeats: runners and task instances say that they are there."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from application.write.answers import HeartbeatAnswer, HeartbeatsAnswer
from interfaces.http.api import actor, api
from interfaces.http.examples import shown
from interfaces.http.idempotency import Key, answered_once
from interfaces.http.models import Id, InstancesAlive, RunnerAlive, model_of
from interfaces.http.problems import documented

HEARD = {"heard": ["align/1"], "returned": [], "ended": [], "locked": [], "not_found": []}

router = APIRouter()


@router.post(
    "/runner/{runner_id:path}/heartbeat",
    response_model=model_of(HeartbeatAnswer),
    responses={
        200: shown({"report_by": "2026-01-31T08:10:00Z", "silent_since": None}),
        **documented(409, 413, 422),
    },
)
def heartbeat(
    request: Request, runner_id: Annotated[Id, Path(examples=["node7"])], body: RunnerAlive, key: Key = None
) -> Response:
    """A runner is there, for so many seconds; it says so again before they have passed."""

    def beat(connection: Any) -> HeartbeatAnswer:
        return api(request).service.heartbeat(
            runner_id, body.seconds, actor=actor(request, body.actor), reason=body.reason, connection=connection
        )

    return answered_once(request, key, body, beat)


@router.post(
    "/task_instances/heartbeat",
    response_model=model_of(HeartbeatsAnswer),
    responses={200: shown(HEARD), **documented(409, 413, 422)},
)
def heartbeat_task_instances(request: Request, body: InstancesAlive, key: Key = None) -> Response:
    """Task instances go on, and say so again before so many seconds have passed."""

    def beat(connection: Any) -> HeartbeatsAnswer:
        return api(request).service.heartbeat_task_instances(
            body.task_instance_ids,
            body.next_report_increment,
            actor=actor(request, body.actor),
            reason=body.reason,
            connection=connection,
        )

    return answered_once(request, key, body, beat)
