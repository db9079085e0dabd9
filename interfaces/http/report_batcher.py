"""Batch single reports: those that arrive while others are being written share the next transaction."""

import asyncio
import time
from collections import deque
from typing import NamedTuple

from anyio import CapacityLimiter

from application.shared.store import Store
from application.write.answers import TaskInstanceAnswer
from application.write.report_writer import write_many, write_one
from application.write.reports import TaskInstanceReport
from infrastructure.errors import ConnectionLost
from interfaces.http.cuttable_work import run_cuttable

MAX_BATCH = 64
"""The maximum number of reports in one transaction."""


class Waiting(NamedTuple):
    """A report, and its future answer: None where it must be written alone."""

    report: TaskInstanceReport
    answer: "asyncio.Future[TaskInstanceAnswer | None]"


class ReportBatcher:
    """Takes reports one by one and writes those that wait together; each gets an answer of its own.

    Where the database does not answer a batch within `answer_seconds`, its connection is cut and the next batch is
    written through another one: one connection that stands still must not stop every report.
    """

    def __init__(self, store: Store, answer_seconds: float) -> None:
        self._store = store
        self._seconds = answer_seconds
        self._waiting: deque[Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._began: float | None = None

    @property
    def writing_seconds(self) -> float:
        """Return for how long the present batch has been written, 0 without one."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    async def write(self, report: TaskInstanceReport) -> TaskInstanceAnswer:
        """Return the answer to one report. One with a command id is written alone: its answer is kept with it.

        Raises:
            ConnectionLost: the database did not answer in time; it says whether the report may be repeated.
        """
        if report.context.command_id is None:
            answer = await self._write_together(report)
            if answer is not None:
                return answer
        return await run_cuttable(write_one, self._store, report, seconds=self._seconds)

    async def _write_together(self, report: TaskInstanceReport) -> TaskInstanceAnswer | None:
        waiting = Waiting(report, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        return await waiting.answer

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
            try:
                answers = await self._write_batch([waiting.report for waiting in batch])
            except Exception as error:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
            else:
                for waiting, answer in zip(batch, answers, strict=True):
                    if not waiting.answer.done():
                        waiting.answer.set_result(answer)
        self._writing = None

    async def _write_batch(self, reports: list[TaskInstanceReport]) -> list[TaskInstanceAnswer | None]:
        self._began = time.monotonic()
        try:
            # A limiter of its own, because a thread that is left behind keeps its place in a shared one.
            alone = CapacityLimiter(1)
            return await run_cuttable(write_many, self._store, reports, seconds=self._seconds, limiter=alone)
        except ConnectionLost as error:
            if error.safe_to_retry:
                return [None] * len(reports)  # another connection may work
            raise
        finally:
            self._began = None
