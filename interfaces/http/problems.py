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
    Archived,
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
from infrastructure.errors import (
    ConnectionLost,
    DatabaseExhausted,
    DatabaseReadOnly,
    DatabaseUnreachable,
    LockTimeout,
    RetriesExhausted,
    StatementCancelled,
)
from interfaces.http.examples import example_response, mark_nulls
from interfaces.http.field_errors import explain_field, name_field

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1
"""What Retry-After says while the database is busy or unreachable."""

DATABASE_AWAY = "the database is busy or unreachable; try again"

BUSY = frozenset({"53300", "55P03", "57014", "40001", "40P01", "25006"})
"""SQLSTATEs that pass: too many connections, locks, a statement that took too long, a server that only reads."""

PROBLEMS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (Archived, HTTPStatus.GONE, "archived"),
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
    (LockTimeout, HTTPStatus.SERVICE_UNAVAILABLE, "busy"),
    (ConnectionLost, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (DatabaseUnreachable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (DatabaseExhausted, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (DatabaseReadOnly, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (StatementCancelled, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (UnknownName, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),
    (ValueError, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"),
    (SojournError, HTTPStatus.CONFLICT, "conflict"),
)
"""The status and the type of each error; the first that fits counts."""

MEMBERS = (
    "command_id", "task_id", "task_instance_id", "other_task_id", "differences", "lifecycle", "version", "attempts",
    "repeatable", "array_id", "batch_number", "last", "tasks", "rule",
    "relation", "cycle", "upstream",
)  # fmt: skip
"""The attributes of errors that become members of the problem, under the same names."""

EXAMPLES: dict[int, dict[str, Any]] = {
    400: {"type": "malformed", "detail": "the body is not valid JSON: Expecting value at character 17"},
    401: {
        "type": "unauthorized",
        "detail": "the request has no valid token; send `Authorization: Bearer TOKEN` with a token that is not revoked",
    },
    403: {
        "type": "forbidden",
        "detail": "scope read of token 'dashboard' is not enough; use a token with scope write",
        "scope": "read",
        "needs": "write",
    },
    404: {
        "type": "unknown-entity",
        "detail": "no task 'algin'; did you mean 'align'?",
        "kind": "task",
        "id": "algin",
        "nearest": ["align"],
    },
    409: {
        "type": "idempotency-conflict",
        "detail": str(CommandConflict("c1")),
        "command_id": "c1",
    },
    410: {
        "type": "archived",
        "detail": str(Archived("task:align", "night", "/srv/archive", "2026-11-28T08:30:00+00:00")),
        "kind": "task",
        "id": "align",
        "workflow": "night",
        "folder": "/srv/archive",
        "archived_at": "2026-11-28T08:30:00+00:00",
    },
    413: {"type": "too-large", "detail": "the body is larger than 16777216 bytes; send it in parts"},
    415: {
        "type": "no-json",
        "detail": "the content type of the body is not JSON; send it with `Content-Type: application/json`",
    },
    422: {
        "type": "invalid",
        "detail": "body.to_status is missing",
        "fields": [{"field": "body.to_status", "why": "is missing"}],
    },
    503: {"type": "busy", "detail": str(RetriesExhausted("task 't1' or an entity of it", 5))},
}
"""A problem of each status, as the OpenAPI document shows it."""


class Problem(BaseModel):
    """A problem in the shape of RFC 9457; further members carry what a program needs to act."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


class ProblemError(Exception):
    """Raised by a route to answer with a problem."""

    def __init__(
        self, status: HTTPStatus, kind: str, detail: str, members: Mapping[str, Any], headers: Mapping[str, str] = {}
    ) -> None:
        self.status, self.kind, self.detail = status, kind, detail
        self.members, self.headers = dict(members), dict(headers)
        super().__init__(detail)

    @classmethod
    def locked(cls, what: str, answer: Mapping[str, Any]) -> "ProblemError":
        """Return the problem of a row that other transactions keep locked, with the service's answer."""
        return cls(HTTPStatus.SERVICE_UNAVAILABLE, "busy", f"{what} is locked by others; try again later", answer)


def answer_problem(
    status: int, kind: str, detail: str, members: Mapping[str, Any] = {}, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response with a problem."""
    headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return Response(to_json(build_problem(status, kind, detail, members)), status, headers, MEDIA_TYPE)


def build_problem(status: int, kind: str, detail: str, members: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the body of a problem."""
    return {
        "type": f"urn:sojourn:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        **members,
    }


def document_responses(
    example: Any, *problems: int, examples: Mapping[int, Mapping[str, Any]] = {}
) -> dict[int | str, Any]:
    """Return the OpenAPI documentation of a route's answer, by an example, and of its problems."""
    return {200: example_response(example), **document_problems(*problems, examples=examples)}


def document_problems(*statuses: int, examples: Mapping[int, Mapping[str, Any]] = {}) -> dict[int | str, Any]:
    """Return the OpenAPI documentation of a route's problems: `statuses`, and those that every route has."""
    with_body = (415,) if 413 in statuses else ()
    of_entities = (410,) if 404 in statuses else ()
    every = {400, 401, 403, 422, *statuses, *with_body, *of_entities, 503}
    return {status: document_problem(status, examples.get(status)) for status in sorted(every)}


def document_problem(status: int, example: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the OpenAPI documentation of one problem."""
    members = dict(example or EXAMPLES[status])
    problem = build_problem(status, members.pop("type"), members.pop("detail"), members)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema, "example": mark_nulls(problem)}},
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Make an app answer every error with a problem."""
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(ProblemError, _answer_problem_error)
    app.add_exception_handler(SojournError, _answer_sojourn_error)
    app.add_exception_handler(psycopg.Error, _answer_database_error)
    app.add_exception_handler(Exception, _answer_unexpected)


async def _answer_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    broken = next((found for found in errors if found["type"] == "json_invalid"), None)
    if broken:
        where = f"{broken['ctx']['error']} at character {broken['loc'][-1]}"
        return answer_problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is not valid JSON: {where}")
    if isinstance(error.body, bytes):
        return _answer_undeclared_json(error.body)
    fields = [{"field": name_field(found), "why": explain_field(found)} for found in errors[:20]]
    detail = "; ".join(f"{field['field']} {field['why']}" for field in fields[:3])
    return answer_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, {"fields": fields})


def _answer_undeclared_json(body: bytes) -> Response:
    """Refuse a body without a JSON content type, because browsers send such bodies cross-site without a preflight."""
    try:
        from_json(body)
    except ValueError as error:
        return answer_problem(HTTPStatus.BAD_REQUEST, "malformed", f"the body is not valid JSON: {error}")
    return answer_problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no-json", EXAMPLES[415]["detail"])


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"{request.url.path} is not a route; /openapi.json lists them all"
        return answer_problem(HTTPStatus.NOT_FOUND, "no-such-route", detail)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return answer_problem(error.status_code, "too-large", str(error.detail))
    if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return answer_problem(error.status_code, "busy", str(error.detail))
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return answer_problem(error.status_code, "malformed", "the body is not valid JSON: it cannot be read")
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return answer_problem(error.status_code, kind, str(error.detail), headers=error.headers)


async def _answer_problem_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return answer_problem(error.status, error.kind, error.detail, error.members, error.headers)


async def _answer_sojourn_error(_: Request, error: Exception) -> Response:
    status, kind = next((status, kind) for known, status, kind in PROBLEMS if isinstance(error, known))
    return answer_problem(status, kind, str(error), _members_of(error))


async def _answer_database_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, psycopg.Error)
    if is_lost(error) or error.sqlstate in BUSY:
        return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", DATABASE_AWAY)
    if isinstance(error, psycopg.DataError):
        why = error.diag.message_primary or str(error)
        return answer_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"the database refuses a value: {why}")
    raise error


async def _answer_unexpected(_: Request, error: Exception) -> Response:
    # The server raises the error again after this answer, and logs it.
    detail = f"unexpected {type(error).__name__}; the server's log has the details"
    return answer_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "mistake", detail)


def _members_of(error: Exception) -> dict[str, Any]:
    """Return the members of the problem that an error becomes."""
    if isinstance(error, Archived):
        where = {"workflow": error.workflow, "folder": error.folder, "archived_at": error.archived_at}
        return {"kind": error.kind.replace(" ", "_"), "id": error.name, **where}
    if isinstance(error, UnknownEntity):
        others: dict[str, Any] = {"ids": list(error.names)} if len(error.names) > 1 else {}
        if isinstance(error, UnknownArray):
            others |= {"workflow_id": error.workflow_id}
        return {"kind": error.kind.replace(" ", "_"), "id": error.name, "nearest": list(error.nearest), **others}
    if isinstance(error, UnknownName):
        return {"kind": error.kind, "name": error.name, "known": list(error.known), "nearest": list(error.nearest)}
    return {name: getattr(error, name) for name in MEMBERS if hasattr(error, name)}
