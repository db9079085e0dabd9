"""Handle `Idempotency-Key`: a repeated POST returns its first answer and writes nothing."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request
from psycopg import Connection
from pydantic import BaseModel
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


def answered_once(
    request: Request, key: str | None, body: BaseModel, work: Callable[[Connection[Any] | None], Any]
) -> Response:
    """Return the answer of `work`, or its first answer where the key came with this request before.

    Without a key, `work` gets no connection, and is a transaction of its own.
    """
    command = CommandRequest.of(key, (request.method, request.url.path, body.model_dump(mode="json")))
    if command is None:
        return answer_json(work(None))
    return answer_json(UnitOfWork(get_api(request).store, f"command {key!r}", command=command).run(work))
