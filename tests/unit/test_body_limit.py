"""Bodies that are too large, with and without a Content-Length."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.types import Message, Scope

from interfaces.http.body_limit import BodyLimitMiddleware
from interfaces.http.problems import add_problem_handlers

pytestmark = pytest.mark.security


def send_body(parts: list[bytes], length: int | None) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of the answer to a body in parts, under a limit of 10 bytes."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def read(request: Request) -> dict[str, int]:
        return {"read": len(await request.body())}

    waiting, sent = list(parts), []

    async def receive() -> Message:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": headers, "scheme": "http", "server": ("test", 80), "client": None, "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(BodyLimitMiddleware(app, 10)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("parts", "length"),
    [
        ([b"x" * 11], None),
        ([b"x" * 6, b"x" * 5], None),
        ([b"x" * 11], 11),
        ([b"x" * 6, b"x" * 5], 3),
    ],
)
def test_a_larger_body_is_refused(parts: list[bytes], length: int | None) -> None:
    status, problem = send_body(parts, length)

    assert (status, problem["status"]) == (413, 413)
    assert "larger than 10 bytes" in problem["detail"]


@pytest.mark.parametrize("length", [10, None])
def test_a_body_at_the_limit_is_read(length: int | None) -> None:
    assert send_body([b"x" * 6, b"x" * 4], length) == (200, {"read": 10})
