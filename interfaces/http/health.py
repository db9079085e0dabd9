"""GET /healthz and /readyz: whether the process is alive, and whether it can reach its database."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from interfaces.http.api import answer_json, get_api
from interfaces.http.examples import example_response
from interfaces.http.problems import answer_problem, document_problem, document_responses

router = APIRouter()


class Health(BaseModel):
    """The state of a server."""

    status: str


@router.get("/healthz", responses={200: example_response({"status": "alive"}), 422: document_problem(422)})
async def check_alive() -> Health:
    """Answer as long as the process is alive."""
    return Health(status="alive")


@router.get(
    "/readyz",
    response_model=Health,
    responses=document_responses({"status": "ready"}),
)
async def check_ready(request: Request) -> Response:
    """Answer as long as the database does and has the schema of this version."""
    problem = await get_api(request).readiness.find_problem()
    if problem is not None:
        return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", problem)
    return answer_json({"status": "ready"})
