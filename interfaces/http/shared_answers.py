"""Answers that are shared by all who ask the same at about one time, unless one needs a newer answer."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import NamedTuple

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""How many bytes of answers are kept, or else the last one."""

MAX_AGE_SECONDS = 5.0
"""How long an answer is shared while the log does not grow, because what goes on lasts longer by then."""


class SharedAnswer(NamedTuple):
    """The body of an answer, and the position of the log that it has at least."""

    body: bytes
    position: int


class Reading(NamedTuple):
    """An answer that is being read or was read, and when that began."""

    task: "asyncio.Future[SharedAnswer]"
    begun: float
    seconds: float

    @property
    def is_usable(self) -> bool:
        """Return whether the answer is still being read, or was read a short time ago."""
        if not self.task.done():
            return True
        return self.answer is not None and monotonic() - self.begun < self.seconds

    @property
    def answer(self) -> SharedAnswer | None:
        """Return the answer if it was read."""
        has_failed = not self.task.done() or self.task.cancelled() or self.task.exception() is not None
        return None if has_failed else self.task.result()


class SharedAnswers:
    """The last answer to each question."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}

    async def share(
        self,
        question: str,
        after: int,
        read: Callable[[], Awaitable[SharedAnswer]],
        seconds: float = MAX_AGE_SECONDS,
    ) -> SharedAnswer:
        """Return an answer that has everything up to the position `after`, which `read` reads where there is none.

        It is shared for `seconds`.
        """
        known = self._readings.get(question)
        if known is not None and known.is_usable:
            answer = await asyncio.shield(known.task)
            if answer.position >= after:
                return answer
        newer = self._readings.get(question)
        if newer is None or newer is known:
            newer = self._begin(question, read, seconds)
        return await asyncio.shield(newer.task)

    def _begin(self, question: str, read: Callable[[], Awaitable[SharedAnswer]], seconds: float) -> Reading:
        self._drop_oldest()
        self._readings.pop(question, None)
        # A task of its own goes on for the others where the one who began it goes away.
        begun = self._readings[question] = Reading(asyncio.ensure_future(read()), monotonic(), seconds)
        return begun

    def _drop_oldest(self) -> None:
        sizes = {question: len(reading.answer.body) for question, reading in self._readings.items() if reading.answer}
        kept = sum(sizes.values())
        for question, reading in list(self._readings.items()):
            if not reading.is_usable or (kept > MAX_KEPT_BYTES and question in sizes):
                kept -= sizes.get(question, 0)
                del self._readings[question]
