"""Errors as programs read them: problem+json (RFC 9457) that carries what is needed to act."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from application.shared.retry import is_lost
from domain.errors import (
    CommandConflict,
    InvalidTransition,
    LifecycleConflict,
    OwnershipViolation,
    SojournError,
    TaskConflict,
    TaskInstanceConflict,
    UnknownArray,
    UnknownBatch,
    UnknownEntity,
    UnknownName,
    WrongLifecycle,
)
from infrastructure.database.pool import DatabaseUnreachable
from infrastructure.errors import ConnectionLost, RetriesExhausted
from interfaces.http.examples import marked

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
"""When to ask again where the database is busy or away."""

BUSY = frozenset({"53300", "55P03", "57014", "40001", "40P01", "25006"})
"""The SQLSTATEs that pass: too many connections, locks, a statement that took too long, a server that only reads."""

KINDS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (UnknownEntity, HTTPStatus.NOT_FOUND, "unknown-entity"),
    (UnknownBatch, HTTPStatus.NOT_FOUND, "unknown-batch"),
    (InvalidTransition, HTTPStatus.CONFLICT, "refused"),
    (OwnershipViolation, HTTPStatus.CONFLICT, "refused"),
    (CommandConflict, HTTPStatus.CONFLICT, "idempotency-conflict"),
    (TaskConflict, HTTPStatus.CONFLICT, "conflict"),
    (TaskInstanceConflict, HTTPStatus.CONFLICT, "conflict"),
    (LifecycleConflict, HTTPStatus.CONFLICT, "conflict"),
    (WrongLifecycle, HTTPStatus.CONFLICT, "wrong-lifecycle"),
    (RetriesExhausted, HTTPStatus.SERVICE_UNAVAILABLE, "busy"),
    (ConnectionLost, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (DatabaseUnreachable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (UnknownName, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),
    (ValueError, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),
    (SojournError, HTTPStatus.CONFLICT, "conflict"),
)
"""The status and the type of each error; the first that fits."""

CARRIED = (
    "command_id", "task_id", "task_instance_id", "other_task_id", "differences", "lifecycle", "version", "attempts",
    "repeatable", "array_id", "batch_number", "last", "tasks", "rule",
)  # fmt: skip
"""What errors have to say, under the names of their attributes."""

EXAMPLES: dict[int, dict[str, Any]] = {
    400: {"type": "malformed", "detail": "the body is no JSON: Expecting value at character 17"},
    401: {"type": "unauthorized", "detail": "this needs a token: send `Authorization: Bearer TOKEN`"},
    403: {"type": "forbidden", "detail": "token 'dashboard' has scope read, this needs write", "needs": "write"},
    404: {
        "type": "unknown-entity",
        "detail": "no task 'algin'; did you mean 'align'?",
        "kind": "task",
        "id": "algin",
        "nearest": ["align"],
    },
    409: {
        "type": "idempotency-conflict",
        "detail": "command 'c1' was carried out with another request: give every request an id of its own",
        "command_id": "c1",
    },
    413: {"type": "too-large", "detail": "the body is larger than 16777216 bytes: send it in parts"},
    415: {"type": "no-json", "detail": "send the body with `Content-Type: application/json`"},
    422: {
        "type": "invalid",
        "detail": "body.to_status: Field required",
        "fields": [{"field": "body.to_status", "why": "Field required"}],
    },
    503: {
        "type": "busy",
        "detail": "task 't1' or what it belongs to is locked by others: gave up after 5 attempts; try again later",
    },
}
"""A problem of each status, as a document shows it."""


class Problem(BaseModel):
    """A problem in the shape of RFC 9457; further members carry what is needed to act."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


class Refused(Exception):
    """A problem that an endpoint answers with."""

    def __init__(
        self, status: HTTPStatus, kind: str, detail: str, further: Mapping[str, Any], headers: Mapping[str, str] = {}
    ) -> None:
        self.status, self.kind, self.detail = status, kind, detail
        self.further, self.headers = dict(further), dict(headers)
        super().__init__(detail)


def problem(
    status: int, kind: str, detail: str, further: Mapping[str, Any] = {}, headers: Mapping[str, str] | None = None
) -> Response:
    """The response that tells a problem."""
    headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return Response(to_json(document(status, kind, detail, further)), status, headers, MEDIA_TYPE)


def document(status: int, kind: str, detail: str, further: Mapping[str, Any] = {}) -> dict[str, Any]:
    """A problem as its body has it."""
    return {
        "type": f"urn:sojourn:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        **further,
    }


def documented(*statuses: int, further: Mapping[int, Mapping[str, Any]] = {}) -> dict[int | str, dict[str, Any]]:
    """The problems of a route as OpenAPI shows them, those that every route has (or every one with a body) included."""
    of_bodies = (415,) if 413 in statuses else ()
    shown = (400, 401, 403, *statuses, *of_bodies, 503)
    return {status: _documented(status, further.get(status, EXAMPLES[status])) for status in sorted(shown)}


def _documented(status: int, example: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(example)
    shown = document(status, told.pop("type"), told.pop("detail"), told)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema, "example": marked(shown)}},
    }


def answer_with_problems(app: FastAPI) -> None:
    """Have whatever goes wrong in an app told as a problem."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(SojournError, _told)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(Exception, _mistake)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = [
        {"field": ".".join(map(str, found["loc"])), "why": found["msg"].removeprefix("Value error, ")}
        for found in error.errors()
    ]
    broken = next((found for found in error.errors() if found["type"] == "json_invalid"), None)
    if broken:
        where = f"{broken['ctx']['error']} at character {broken['loc'][-1]}"
        return problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is no JSON: {where}")
    if isinstance(error.body, bytes):
        return _no_json(error.body)
    detail = "; ".join(f"{field['field']}: {field['why']}" for field in fields[:3])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, {"fields": fields[:20]})


def _no_json(body: bytes) -> Response:
    """A body that was not read, since nothing says that it is JSON: a page in a browser may send such a one unasked."""
    try:
        from_json(body)
    except ValueError as error:
        return problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is no JSON: {error}")
    detail = "send the body with `Content-Type: application/json`"
    return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-json", detail)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(HTTPStatus.NOT_FOUND, "no-such-route", f"there is nothing at {request.url.path}")
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem(error.status_code, "too-large", str(error.detail), headers={"Connection": "close"})
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return problem(error.status_code, "malformed", "the body is no JSON that can be read")
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, kind, str(error.detail), headers=error.headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.kind, error.detail, error.further, error.headers)


async def _told(_: Request, error: Exception) -> Response:
    status, kind = next((status, kind) for known, status, kind in KINDS if isinstance(error, known))
    return problem(status, kind, str(error), _carried(error))


async def _database(_: Request, error: Exception) -> Response:
    assert isinstance(error, psycopg.Error)
    if is_lost(error) or error.sqlstate in BUSY:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "the database is busy or away: try again")
    if isinstance(error, psycopg.DataError):
        why = error.diag.message_primary or str(error)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"the database does not take a value: {why}")
    raise error


async def _mistake(_: Request, error: Exception) -> Response:
    # The server goes on to raise it, so that whoever runs it finds it in its log.
    detail = f"unexpected {type(error).__name__}: whoever runs this server finds more in its log"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "mistake", detail)


def _carried(error: Exception) -> dict[str, Any]:
    """What an error has to say beside its sentence."""
    if isinstance(error, UnknownEntity):
        others: dict[str, Any] = {"ids": list(error.names)} if len(error.names) > 1 else {}
        if isinstance(error, UnknownArray):
            others |= {"workflow_id": error.workflow_id}
        return {"kind": error.kind.replace(" ", "_"), "id": error.name, "nearest": list(error.nearest), **others}
    if isinstance(error, UnknownName):
        return {"kind": error.kind, "name": error.name, "known": list(error.known), "nearest": list(error.nearest)}
    return {name: getattr(error, name) for name in CARRIED if hasattr(error, name)}
