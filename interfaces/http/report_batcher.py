"""Batch single reports: those that arrive while others are being written share the next transaction."""

import asyncio
from collections import deque
from functools import partial
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from application.shared.store import Store
from application.write.answers import TaskInstanceAnswer
from application.write.report_writer import write_many, write_one
from application.write.reports import TaskInstanceReport

MAX_BATCH = 64
"""The maximum number of reports in one transaction."""


class Waiting(NamedTuple):
    """A report, and its future answer: None where it must be written alone."""

    report: TaskInstanceReport
    answer: "asyncio.Future[TaskInstanceAnswer | None]"


class ReportBatcher:
    """Takes reports one by one and writes those that wait together; each gets an answer of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._writer = CapacityLimiter(1)

    async def write(self, report: TaskInstanceReport) -> TaskInstanceAnswer:
        """Return the answer to one report. One with a command id is written alone: its answer is kept with it."""
        if report.context.command_id is None:
            answer = await self._write_together(report)
            if answer is not None:
                return answer
        return await to_thread.run_sync(partial(write_one, self._store, report))

    async def _write_together(self, report: TaskInstanceReport) -> TaskInstanceAnswer | None:
        waiting = Waiting(report, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await waiting.answer

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            reports = [waiting.report for waiting in batch]
            try:
                answers = await to_thread.run_sync(write_many, self._store, reports, limiter=self._writer)
            except Exception as error:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    if not waiting.answer.done():
                        waiting.answer.set_result(answer)
        self._writing = None
