"""Pages as they change: one rendering for all who look at the same page, whatever their number."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from time import monotonic
from typing import NamedTuple

from pydantic_core import to_json
from starlette.requests import Request

from infrastructure.loggers import get_logger
from interfaces.http.access import TOKEN_CACHE_SECONDS, Authorizer
from interfaces.http.cuttable_work import run_cuttable
from interfaces.http.feed import Feed
from interfaces.http.problems import DATABASE_AWAY
from interfaces.http.read_throttle import ReadThrottle
from interfaces.http.sse_message import format_keepalive

log = get_logger("page")

REFRESH_SECONDS = 1.0
"""The least time between two renderings of a page."""

RESTS = 3
"""How many times as long as a page took to render it stays as it is, so that a large one leaves time to others."""

ALIVE_SECONDS = 5.0
"""How often a viewer without news gets a sign of life, which also ends the stream of one whose session has ended."""


MAX_POSITION = 2**63 - 1
"""The last position that a log can have."""


class Rendering(NamedTuple):
    """The content of a page, and the position of the log that it has at least."""

    content: str
    position: int


class LivePage:
    """One page while somebody looks at it, rendered again after the log has grown, and now and then for the time.

    Each rendering that differs from the one before it is an edition. While every viewer has what the log has, nothing
    is rendered: `rests_at` is that position, `least` that of the viewer that has least, and `has_rested` is kept.
    """

    def __init__(self) -> None:
        self.viewers = 0
        self.least = MAX_POSITION
        self.rests_at: int | None = None
        self.has_rested = False
        self.edition = 0
        self.rendering = Rendering("", 0)
        self.fault: str | None = None
        self.changed = asyncio.Event()
        self.following: asyncio.Task[None] | None = None

    def publish(self, rendering: Rendering) -> None:
        """Give every viewer a rendering; one with the same content is no news."""
        if rendering.content != self.rendering.content or self.fault:
            self.rendering, self.fault = rendering, None
            self.edition += 1
            self.wake()

    def fail(self, fault: str) -> None:
        """Show every viewer that what they see is no longer refreshed, and why."""
        if fault != self.fault:
            self.fault = fault
            self.edition += 1
            self.wake()

    def wake(self) -> None:
        """Wake every viewer."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class LivePages:
    """The pages that somebody looks at. `render` returns a rendering of a page; it runs in a thread."""

    def __init__(self, feed: Feed, throttle: ReadThrottle, render: Callable[[str], Rendering], seconds: float) -> None:
        self._feed = feed
        self._throttle = throttle
        self._render = render
        self._seconds = seconds
        self._pages: dict[str, LivePage] = {}

    async def stream(self, request: Request, authorizer: Authorizer, address: str, after: int) -> AsyncIterator[bytes]:
        """Yield the content of a page that is newer than `after`, and then every edition, as server-sent events."""
        async with self._look(address, after) as page:
            seen, position = 0, after
            yield format_keepalive(position)
            while not self._feed.closed:
                changed = page.changed
                if page.edition != seen:
                    is_news = seen > 0 or page.has_rested or page.rendering.position > after
                    seen = page.edition
                    if page.fault:
                        yield _format_fault(page.fault)
                        continue
                    position = page.rendering.position
                    if is_news:
                        yield _format(page.rendering)
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), ALIVE_SECONDS)
                except TimeoutError:
                    yield format_keepalive(position)
                allowed = await _is_allowed(request, authorizer)
                if allowed is None:
                    yield _format_fault(DATABASE_AWAY)
                    allowed = await _wait_until_known(request, authorizer)
                    yield LIVE_AGAIN
                if not allowed:
                    return

    @asynccontextmanager
    async def _look(self, address: str, after: int) -> AsyncIterator[LivePage]:
        page = self._pages.setdefault(address, LivePage())
        page.viewers += 1
        page.least = min(page.least, after)
        if page.following and page.rests_at is not None and after < page.rests_at:
            page.following.cancel()
            page.following = page.rests_at = None
        if page.following is None:
            page.following = asyncio.create_task(self._follow(address, page))
        try:
            yield page
        finally:
            page.viewers -= 1
            if not page.viewers:
                page.following.cancel()
                self._pages.pop(address, None)

    async def _follow(self, address: str, page: LivePage) -> None:
        async with self._feed.listen() as beginning:
            position = beginning.position
            if page.least >= position:
                page.rests_at, page.has_rested = position, True
                _, position = await self._feed.read_after(position)
                page.rests_at = None
            while not self._feed.closed:
                begin = monotonic()
                await self._refresh(address, page)
                await asyncio.sleep(max(REFRESH_SECONDS, RESTS * (monotonic() - begin)))
                _, position = await self._feed.read_after(position)
        page.wake()

    async def _refresh(self, address: str, page: LivePage) -> None:
        """Render a page in its turn among the reading requests."""
        try:
            await self._throttle.acquire()
            try:
                page.publish(await run_cuttable(self._render, address, seconds=self._seconds))
            finally:
                self._throttle.release()
        except Exception as error:
            log.error("the page %s cannot be refreshed: %s", address, error)
            page.fail(type(error).__name__)


LIVE_AGAIN = b"event: live\ndata: null\n\n"
"""Ends what a fault stated, where the page has no news."""


def _format(rendering: Rendering) -> bytes:
    return b"id: %d\nevent: page\ndata: %b\n\n" % (rendering.position, to_json(rendering.content))


def _format_fault(fault: str) -> bytes:
    return b"event: fault\ndata: %b\n\n" % to_json(fault)


async def _is_allowed(request: Request, authorizer: Authorizer) -> bool | None:
    """Return whether a viewer may go on; None while the database, which has the tokens, does not answer."""
    denial = await authorizer.deny_reason(request.scope)
    if denial is not None and denial.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return None
    return denial is None


async def _wait_until_known(request: Request, authorizer: Authorizer) -> bool:
    """Return whether a viewer may go on, once the database answers again."""
    while (allowed := await _is_allowed(request, authorizer)) is None:
        await asyncio.sleep(TOKEN_CACHE_SECONDS)
    return allowed
