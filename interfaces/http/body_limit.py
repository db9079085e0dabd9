"""Request bodies are bounded, whether they say how long they are or not."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.problems import problem


class BodyLimitMiddleware:
    """Refuses a larger body as soon as it is known to be one."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _told(scope) > self._most:
            told = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", self._why)
            await told(scope, receive, send)
        else:
            await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        size = 0

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._why)
            return message

        return bounded

    @property
    def _why(self) -> str:
        return f"the body is larger than {self._most} bytes: send it in parts"


def _told(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdigit() else 0
