"""The deadline of every request: it is answered in time even while the database does not answer."""

import asyncio
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.database.cut import Cutter, current
from infrastructure.database.settings import HttpSettings
from interfaces.http.access import READ_METHODS
from interfaces.http.problems import answer_problem

STREAM_PATH = "/events"


class Deadlines:
    """How long requests may take, and the work that is under way."""

    def __init__(self, settings: HttpSettings) -> None:
        self.answer_seconds = settings.answer_seconds
        self._work_seconds = settings.work_seconds
        self.cutters: set[Cutter] = set()

    def work_seconds(self, method: str) -> float:
        """Return after how long the connections of a request are cut. Nobody gets the answer of a late reading one."""
        return self.answer_seconds if method in READ_METHODS else max(self._work_seconds, self.answer_seconds)

    def cut_all(self) -> None:
        """Cut the connections of every request, so that each is answered or ends."""
        for cutter in self.cutters:
            cutter.cut()


class DeadlineMiddleware:
    """Answers a late request with a problem. Its work goes on for a while, and the answer to it is dropped."""

    def __init__(self, app: ASGIApp, deadlines: Deadlines) -> None:
        self._app = app
        self._deadlines = deadlines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"].endswith(STREAM_PATH):
            await self._app(scope, receive, send)
            return
        answer, cutter, call_later = ReplaceableAnswer(send), Cutter(), asyncio.get_running_loop().call_later
        late = call_later(self._deadlines.answer_seconds, self._give_up, answer, scope, receive)
        cut = call_later(self._deadlines.work_seconds(scope["method"]), cutter.cut)
        self._deadlines.cutters.add(cutter)
        token = current.set(cutter)
        try:
            await self._app(scope, receive, answer.send)
        except asyncio.CancelledError:
            cutter.cut()  # a thread would go on, and keep the process from ending
            raise
        finally:
            current.reset(token)
            self._deadlines.cutters.discard(cutter)
            late.cancel()
            cut.cancel()

    def _give_up(self, answer: "ReplaceableAnswer", scope: Scope, receive: Receive) -> None:
        answer.replace(_late_problem(scope["method"], self._deadlines.answer_seconds), scope, receive)


class ReplaceableAnswer:
    """The answer to one client: the app's, or another one if that came before the app began to answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self._replacement: asyncio.Task[None] | None = None

    async def send(self, message: Message) -> None:
        """Send a part of the app's answer, or drop it after a replacement."""
        if self._replacement is None:
            self._begun = True
            await self._send(message)

    def replace(self, other: Response, scope: Scope, receive: Receive) -> None:
        """Send another answer, unless the app has begun its own."""
        if not self._begun:
            self._replacement = asyncio.create_task(other(scope, receive, self._send))


def _late_problem(method: str, seconds: float) -> Response:
    detail = f"no answer within {seconds:g} s: the database is busy or unreachable"
    if method in READ_METHODS:
        detail += "; try again"
    else:
        detail += "; the request may still be carried out: read the status first, or repeat it with its Idempotency-Key"
    return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "late", detail)
