"""Run work in a thread that gives up where the database does not answer: its connections are cut."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from infrastructure.database.cut import Cutter, current
from infrastructure.errors import ConnectionLost

Answer = TypeVar("Answer")

GRACE_SECONDS = 5.0
"""How long a thread may take to end after its connections were cut; then it is left behind."""


async def run_cuttable(
    work: Callable[..., Answer], *arguments: Any, seconds: float, limiter: CapacityLimiter | None = None
) -> Answer:
    """Return the answer of `work`, which runs in a thread; without one in time, or when cancelled, cut its connections.

    Raises:
        ConnectionLost: no answer came in time; it says whether the work may be repeated.
    """
    cutter = Cutter()
    working = _start(cutter, partial(to_thread.run_sync, partial(work, *arguments), limiter=limiter))
    try:
        if not await _ends(working, seconds):
            cutter.cut()
            if not await _ends(working, GRACE_SECONDS):
                raise ConnectionLost(safe_to_retry=False, why=_no_answer(seconds))
        answer: Answer = working.result()
        return answer
    except ConnectionLost as error:
        if not cutter.has_cut:
            raise
        raise ConnectionLost(safe_to_retry=error.safe_to_retry, why=_no_answer(seconds)) from error
    except asyncio.CancelledError:
        cutter.cut()
        await _ends(working, GRACE_SECONDS)
        raise


def _start(cutter: Cutter, run: Callable[[], Any]) -> "asyncio.Task[Any]":
    token = current.set(cutter)
    try:
        working = asyncio.create_task(run())
    finally:
        current.reset(token)
    working.add_done_callback(_retrieve_error)
    return working


async def _ends(working: "asyncio.Task[Any]", seconds: float) -> bool:
    await asyncio.wait([working], timeout=seconds)
    return working.done()


def _retrieve_error(working: "asyncio.Task[Any]") -> None:
    """Retrieve the error of work that was left behind, so that nothing warns of it."""
    if not working.cancelled():
        working.exception()


def _no_answer(seconds: float) -> str:
    return f"the database did not answer within {seconds:g} s"
