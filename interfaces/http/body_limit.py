"""The limits on request bodies: the size of one, with or without a Content-Length, and of all together."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.problems import answer_problem

SMALL = 64 * 1024
"""The part of each body that the limit on all bodies leaves out, so that reports are taken while large ones come."""

TOO_MANY = "the bodies of other requests take up the memory for them; try again"


class BodyLimitMiddleware:
    """Refuses a body as soon as its Content-Length, or what has arrived of it, is above the limit.

    What has arrived of all bodies whose requests are not answered is limited too.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_of_all: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._left = max_bytes_of_all

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
        size = 0

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            before, size = size, size + len(message.get("body", b""))
            if size > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            self._left -= _counted(size) - _counted(before)
            if self._left < 0 and size > SMALL:
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)
            return message

        try:
            await self._app(scope, receive_limited, send)
        finally:
            self._left += _counted(size)

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes; send it in parts"


def _counted(size: int) -> int:
    return max(size - SMALL, 0)


def _content_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdigit() else 0
