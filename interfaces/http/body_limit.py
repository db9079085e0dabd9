"""The limit on the size of request bodies, with or without a Content-Length."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.problems import answer_problem


class BodyLimitMiddleware:
    """Refuses a body as soon as its Content-Length, or what has arrived of it, is above the limit."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _content_length(scope) > self._max_bytes:
            refusal = answer_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", self._detail)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, self._limit(receive), send)

    def _limit(self, receive: Receive) -> Receive:
        size = 0

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail)
            return message

        return receive_limited

    @property
    def _detail(self) -> str:
        return f"the body is larger than {self._max_bytes} bytes; send it in parts"


def _content_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdigit() else 0
