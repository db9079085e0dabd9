"""Handle `Idempotency-Key`: a repeated POST returns its first answer and writes nothing."""

from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import Header, Request
from psycopg import Connection
from pydantic import BaseModel, RootModel
from pydantic_core import to_jsonable_python
from starlette.responses import Response

from application.shared.unit_of_work import CommandRequest, UnitOfWork
from domain.entity import MAX_ID_LENGTH
from interfaces.http.api import answer_json, get_api

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_ID_LENGTH,
        description="The same key with the same request is carried out once; with another it is refused (409).",
    ),
]

LATER_FIELDS = frozenset({"waits_for", "parent", "upstream", "status"})
"""Fields that bodies gained since keys were first stored: unset, they are left out, so a request stays the same."""


class Work(Protocol):
    """A call of the service that lacks its connection only."""

    def __call__(self, *, connection: Connection[Any] | None) -> Any:
        """Return the answer."""


def answered_once(request: Request, key: str | None, body: BaseModel, work: Work) -> Response:
    """Return the answer of `work`, or its first answer where the key came with this request before.

    Without a key, `work` gets no connection, and is a transaction of its own.
    """
    command = CommandRequest.of(key, (request.method, request.url.path, _as_requested(body)))
    if command is None:
        return answer_json(work(connection=None))
    unit = UnitOfWork(get_api(request).store, f"command {key!r}", command=command)
    return answer_json(unit.run(lambda connection: work(connection=connection)))


def _as_requested(body: BaseModel) -> Any:
    """Return the body as JSON with its times in UTC, because one instant in another zone is the same request."""
    return to_jsonable_python(_to_plain(body))


def _to_plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, RootModel):
        return _to_plain(value.root)
    if isinstance(value, BaseModel):
        return {name: _to_plain(one) for name, one in value if one or name not in LATER_FIELDS}
    if isinstance(value, dict):
        return {key: _to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(one) for one in value]
    return value
