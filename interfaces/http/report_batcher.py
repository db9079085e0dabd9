"""Single reports that arrive while others are being written go into the next transaction together."""

import asyncio
from collections import deque
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from application.transition_service import MAX_RETRIES, TransitionService
from application.write.answers import TaskInstanceAnswer
from application.write.grouped_transition import InstanceReport, report_together
from infrastructure.database.pool import DatabaseUnreachable
from infrastructure.errors import ConnectionLost

MOST = 64
"""How many reports one transaction takes."""


class Waiting(NamedTuple):
    """A report, and who waits for what comes of it; None where it has to be taken alone."""

    said: InstanceReport
    answer: "asyncio.Future[TaskInstanceAnswer | None]"


class ReportBatcher:
    """Takes reports one by one and writes those that wait together; each gets an answer of its own."""

    def __init__(self, service: TransitionService) -> None:
        self._service = service
        self._waiting: deque[Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._writer = CapacityLimiter(1)

    async def report(self, said: InstanceReport) -> TaskInstanceAnswer:
        """What comes of one report. One with a command id is taken alone: its answer is kept with it."""
        if said.report.command_id is None:
            answer = await self._together(said)
            if answer is not None:
                return answer
        return await to_thread.run_sync(write_one, self._service, said, MAX_RETRIES)

    async def _together(self, said: InstanceReport) -> TaskInstanceAnswer | None:
        waiting = Waiting(said, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await waiting.answer

    async def _write(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            try:
                said = [one.said for one in some]
                answers = await to_thread.run_sync(write_many, self._service, said, limiter=self._writer)
            except Exception as error:
                for one in some:
                    if not one.answer.done():
                        one.answer.set_exception(error)
            else:
                for one, answer in zip(some, answers, strict=True):
                    if not one.answer.done():
                        one.answer.set_result(answer)
        self._writing = None


def write_many(service: TransitionService, said: list[InstanceReport]) -> list[TaskInstanceAnswer | None]:
    """The answer to each report, None where it has to be taken alone; raises ConnectionLost, DatabaseUnreachable.

    Nobody is waited for here: whoever reports on what others hold must not hold up the rest.
    """
    if len(said) == 1:
        answer = write_one(service, said[0], max_retries=1)
        return [None if answer["error"] == "max_retries_exceeded" else answer]
    try:
        return report_together(service.store, said)
    except ConnectionLost as error:
        if not error.repeatable:
            raise  # it may have been written: whoever reported is told, and nothing is written twice
    except DatabaseUnreachable:
        raise  # alone, each would only wait for it once more
    except Exception:  # noqa: S110 - taken alone, each report meets what is wrong with it, and only with it
        pass
    return [None] * len(said)


def write_one(service: TransitionService, said: InstanceReport, max_retries: int) -> TaskInstanceAnswer:
    """What comes of a report that is taken in a transaction of its own."""
    return service.transition_task_instance(
        said.task_instance_id,
        said.to_status,
        said.current_ti_status,
        said.report_by_date,
        said.report.actor,
        said.report.reason,
        said.report.command_id,
        max_retries,
        occurred_at=said.report.occurred_at,
    )
