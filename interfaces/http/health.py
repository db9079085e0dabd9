"""GET /healthz and /readyz: whether the process is alive, and whether it can reach its database."""

from http import HTTPStatus

import psycopg
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from application.shared.store import schema
from domain.errors import SojournError
from infrastructure.database.migration import check_current
from interfaces.http.api import answer_json, get_api
from interfaces.http.examples import example_response
from interfaces.http.problems import DATABASE_AWAY, answer_problem, document_problem, document_problems

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
    responses={200: example_response({"status": "ready"}), **document_problems()},
)
def check_ready(request: Request) -> Response:
    """Answer as long as the database does and has the schema of this version."""
    try:
        with get_api(request).store.session() as connection:
            check_current(connection, schema())
    except (SojournError, psycopg.Error) as error:
        detail = str(error) if isinstance(error, SojournError) else DATABASE_AWAY
        return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", detail)
    return answer_json({"status": "ready"})
