"""GET /healthz and /readyz: whether the process lives, and whether it can do its work."""

from http import HTTPStatus

import psycopg
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from application.shared.store import schema
from domain.errors import SojournError
from infrastructure.database.migration import check_current
from interfaces.http.api import answer, api
from interfaces.http.problems import documented, problem

router = APIRouter()


class Health(BaseModel):
    """How a server is."""

    status: str


@router.get("/healthz", responses={200: {"content": {"application/json": {"example": {"status": "alive"}}}}})
async def healthz() -> Health:
    """The process lives."""
    return Health(status="alive")


@router.get(
    "/readyz",
    response_model=Health,
    responses={200: {"content": {"application/json": {"example": {"status": "ready"}}}}, **documented()},
)
def readyz(request: Request) -> Response:
    """The database answers, and has the schema of this version."""
    try:
        with api(request).store.session() as connection:
            check_current(connection, schema())
    except (SojournError, psycopg.Error) as error:
        detail = str(error) if isinstance(error, SojournError) else "the database is busy or away: try again"
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", detail)
    return answer({"status": "ready"})
