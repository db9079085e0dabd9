"""Bodies that are too large, with and without a Content-Length."""

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

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
    asyncio.run(BodyLimitMiddleware(app, 10, 1024)(scope, receive, send))
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


class Bodies:
    """Requests under a limit of 200 KiB for all bodies; one of up to 64 KiB does not count."""

    def __init__(self) -> None:
        self.answers: dict[str, int] = {}
        self.may_answer: dict[str, asyncio.Event] = {}
        self._limited = BodyLimitMiddleware(self._answer, 2**20, 200 * 1024)

    def post(
        self, name: str, parts: int, *, part: bytes = b"x" * 50 * 1024, answer: bool = True
    ) -> "asyncio.Task[None]":
        """Send a body of a number of parts of 50 KiB; without `answer` its request waits."""
        waiting = [part] * parts
        self.may_answer[name] = asyncio.Event()
        if answer:
            self.may_answer[name].set()

        async def receive() -> Message:
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def handle() -> None:
            await self._limited({"type": "http", "path": name, "headers": []}, receive, _ignore)

        return asyncio.create_task(handle())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"]
        try:
            while (await receive())["more_body"]:
                pass
            await self.may_answer[name].wait()
            self.answers[name] = 200
        except HTTPException as error:
            self.answers[name] = error.status_code


def test_bodies_whose_requests_are_not_answered_are_limited_together() -> None:
    async def scenario() -> dict[str, int]:
        bodies = Bodies()
        first = bodies.post("first", 3, answer=False)
        await bodies.post("large", 3)
        await bodies.post("small", 1)
        bodies.may_answer["first"].set()
        await first
        await bodies.post("again", 3)
        return bodies.answers

    assert asyncio.run(scenario()) == {"large": 503, "small": 200, "first": 200, "again": 200}


def test_each_value_counts_more_than_its_text() -> None:
    """Given a body of 100 KiB, as one text and as many short values."""
    assert [_status_of(part) for part in (b'"%s"' % (b"x" * 100_000), b"[1,2,3]," * 12_500)] == [200, 413]


def _status_of(body: bytes) -> int:
    async def scenario() -> int:
        bodies = Bodies()
        await bodies.post("one", 1, part=body)
        return bodies.answers["one"]

    return asyncio.run(scenario())


async def _ignore(message: Message) -> None:
    pass
