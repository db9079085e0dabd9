"""`Idempotency-Key`: a POST that comes again gets its first answer, and does nothing more."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request
from psycopg import Connection
from pydantic import BaseModel
from starlette.responses import Response

from application.shared.once import run_idempotently
from domain.entity import MAX_ID_LENGTH
from interfaces.http.api import answer, api

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
    """The answer of `work`, or what it was when the key first came with this request."""
    asked = (request.method, request.url.path, body.model_dump(mode="json"))
    return answer(run_idempotently(api(request).store, key, asked, work))
