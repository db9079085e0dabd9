"""State in answers how far the standby that gives them is behind its primary."""

from anyio import to_thread
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.shared.standby import BehindSeconds

HEADER = "Sojourn-Behind-Seconds"

STATE = "behind_seconds"


async def note_behind(request: Request) -> None:
    """Find out how far the standby is behind that answers a request, if one does."""
    behind: BehindSeconds | None = request.app.state.api.behind
    if behind is not None:
        request.scope[STATE] = await to_thread.run_sync(behind.read)


class BehindMiddleware:
    """Adds the header `Sojourn-Behind-Seconds` to the answers of a standby."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_header(message: Message) -> None:
            seconds = scope.get(STATE)
            if message["type"] == "http.response.start" and seconds is not None:
                MutableHeaders(scope=message)[HEADER] = f"{seconds:.1f}"
            await send(message)

        await self._app(scope, receive, send_with_header)
