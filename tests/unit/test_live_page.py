"""A live page counts as an edition what its viewers have not seen: other content, a fault, and the end of one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from interfaces.http import live_pages
from interfaces.http.live_pages import LivePage, LivePages, Rendering
from interfaces.http.log_reader import Beginning
from interfaces.http.sse_message import format_keepalive


def test_a_fault_is_shown_once_and_ends_with_the_next_rendering() -> None:
    page, changed = LivePage(), []
    for content in ("a", "a", None, None, "a", "b", "b"):
        before, woken = page.edition, page.changed
        if content is None:
            page.fail("OperationalError")
        else:
            page.publish(Rendering(content, 1))
        assert woken.is_set() == (page.edition > before)
        changed.append((page.edition - before, page.fault))

    assert changed == [
        (1, None), (0, None), (1, "OperationalError"), (0, "OperationalError"), (1, None), (1, None), (0, None),
    ]  # fmt: skip


class Standing:
    """A log that does not grow, a throttle that lets everybody pass, and an authorizer that answers in turn."""

    closed = False

    def __init__(self, *denials: Response | None) -> None:
        self.denials = list(denials)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Beginning]:
        yield Beginning(7, frozenset())

    async def read_after(self, _: int) -> None:
        await asyncio.Event().wait()

    async def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass

    async def deny_reason(self, _: object) -> Response | None:
        return self.denials.pop(0)


def test_a_viewer_learns_that_the_database_is_away_and_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_pages, "ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(live_pages, "TOKEN_CACHE_SECONDS", 0.01)
    away = Response(status_code=503)
    standing: Any = Standing(None, away, away, None, Response(status_code=303))
    pages = LivePages(standing, standing, lambda _: Rendering("a", 7), 5)
    request = Request({"type": "http"})

    async def read() -> list[bytes]:
        return [sent async for sent in pages.stream(request, standing, "/", 7)]

    sent = asyncio.run(read())

    alive = format_keepalive(7)
    assert b"event: fault" in sent[3]
    assert sent == [alive, alive, alive, sent[3], b"event: live\ndata: null\n\n", alive]
