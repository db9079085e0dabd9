"""Room for those who report: those who only read never have all connections to the database."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from anyio import Semaphore, fail_after
from fastapi import Request

from infrastructure.database.settings import HttpSettings
from interfaces.http.problems import Refused


class Readers:
    """At most half of the pool's connections at a time; who waits too long for one is told to come back."""

    def __init__(self, settings: HttpSettings) -> None:
        self._wait_seconds = settings.pool_wait_seconds
        self._free = Semaphore(settings.pool_size // 2)

    async def begin(self) -> None:
        """Wait for a turn; raises Refused."""
        try:
            with fail_after(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            detail = "as many questions as the database is to answer at once are under way: try again"
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", detail, {}) from error

    def end(self) -> None:
        """Let the next one have a turn."""
        self._free.release()


async def reading(request: Request) -> AsyncIterator[None]:
    """For the length of a request that only reads."""
    readers: Readers = request.app.state.api.readers
    await readers.begin()
    try:
        yield
    finally:
        readers.end()
