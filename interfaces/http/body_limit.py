"""The limits on request bodies: the size of one, with or without a Content-Length, and of all together.

A body of many short values becomes a multiple of its size in memory, so each value counts more than its text.
"""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.problems import answer_problem

SMALL = 64 * 1024
"""A body of up to this size counts nothing among all, so that reports are taken while large ones come."""

VALUE_BYTES = 64
"""What each value of a JSON body counts besides its text, because it becomes an object."""

TOO_MANY = "the bodies of other requests take up the memory for them; try again"


class ArrivedBody:
    """What has arrived of a body: its size, and what it counts among all."""

    def __init__(self) -> None:
        self.size = 0
        self._weight = 0

    @property
    def counted(self) -> int:
        """Return what the body counts; nothing while it is small."""
        return self._weight if self.size > SMALL else 0

    def add(self, part: bytes) -> None:
        """Take in a part."""
        values = part.count(b",") + part.count(b"[") + part.count(b"{")
        self.size += len(part)
        self._weight += len(part) + VALUE_BYTES * values


class BodyLimitMiddleware:
    """Refuses a body as soon as its Content-Length, or what has arrived of it, is above the limit.

    What has arrived of all bodies whose requests are not answered is limited too.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_of_all: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_bytes_of_all = self._left = max_bytes_of_all

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _content_length(scope) > self._max_bytes:
            refusal = answer_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", self._detail)
            await refusal(scope, receive, send)
        else:
            await self._handle(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = ArrivedBody()

        async def receive_limited() -> Message:
            message = await receive()
            before = body.counted
            body.add(message.get("body", b""))
            self._left -= body.counted - before
            self._check(body)
            return message

        try:
            await self._app(scope, receive_limited, send)
        finally:
            self._left += body.counted

    def _check(self, body: "ArrivedBody") -> None:
        if body.size > self._max_bytes:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
        if body.counted > self._max_bytes_of_all:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body has too many values; send it in parts")
        if body.counted and self._left < 0:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes; send it in parts"


def _content_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdigit() else 0
