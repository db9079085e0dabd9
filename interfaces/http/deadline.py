"""Every request is answered in time, also where the database says nothing any more."""

import asyncio
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.access import READING
from interfaces.http.problems import problem

ENDLESS = "/events"


class DeadlineMiddleware:
    """Tells whoever has waited for so long to come back; what is under way goes on, and its answer is dropped."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].endswith(ENDLESS):
            await self._app(scope, receive, send)
            return
        answer = Answer(send)
        deadline = asyncio.get_running_loop().call_later(self._seconds, self._give_up, answer, scope, receive)
        try:
            await self._app(scope, receive, answer.send)
        finally:
            deadline.cancel()

    def _give_up(self, answer: "Answer", scope: Scope, receive: Receive) -> None:
        answer.replace(_late(scope["method"], self._seconds), scope, receive)


class Answer:
    """What is sent to one client: what the app says, or something else as long as it has said nothing."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self._other: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """A part of what the app says; dropped where something else was sent."""
        if self._other is None:
            self._begun = True
            await self._send(message)

    def replace(self, other: Response, scope: Scope, receive: Receive) -> None:
        """Send something else, unless the app has begun."""
        if not self._begun:
            self._other = asyncio.create_task(other(scope, receive, self._send))


def _late(method: str, seconds: float) -> Response:
    detail = f"no answer within {seconds:g} s: the database is busy or away"
    if method not in READING:
        detail += "; it may be carried out yet: read the status first, or send it again with its Idempotency-Key"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "late", detail)
