"""The limit on concurrent reading requests, so that reports always find a connection to the database."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from anyio import Semaphore, fail_after
from fastapi import Request

from infrastructure.database.settings import HttpSettings
from interfaces.http.behind import note_behind
from interfaces.http.problems import ProblemError


class ReadThrottle:
    """Gives reading requests at most half of the pool's connections at a time."""

    def __init__(self, settings: HttpSettings) -> None:
        self._wait_seconds = settings.pool_wait_seconds
        self._free = Semaphore(settings.pool_size // 2)

    async def acquire(self) -> None:
        """Wait for a turn.

        Raises:
            ProblemError: no turn came in time.
        """
        try:
            with fail_after(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            detail = "too many reading requests are under way; try again"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, {}) from error

    def release(self) -> None:
        """Give the turn to the next request."""
        self._free.release()


async def throttle_reading(request: Request) -> AsyncIterator[None]:
    """Hold a turn for the length of a reading request."""
    throttle: ReadThrottle = request.app.state.api.read_throttle
    await throttle.acquire()
    try:
        await note_behind(request)
        yield
    finally:
        throttle.release()
