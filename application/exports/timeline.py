"""A task and its attempts, with all their status intervals."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from application.exports.status_interval import StatusInterval
from domain.entity import TASK, TASK_INSTANCE, Entity


class Timeline(NamedTuple):
    """The status intervals of one entity, oldest first; at least one."""

    intervals: Sequence[StatusInterval]

    @property
    def first(self) -> StatusInterval:
        """Return the interval of its first status."""
        return self.intervals[0]

    @property
    def last(self) -> StatusInterval:
        """Return the interval of its current status."""
        return self.intervals[-1]

    @property
    def entity(self) -> Entity:
        """Return the entity that was in these statuses."""
        return Entity(self.first.kind, self.first.id)

    @property
    def ended_at(self) -> datetime:
        """Return the time at which it ended, or the time of reading if it has not."""
        return self.last.entered_at if self.last.ends else self.last.ended_at

    @property
    def waits_and_works(self) -> Iterator[StatusInterval]:
        """Yield the intervals except the one of the end, which has no limit."""
        return (interval for interval in self.intervals if not interval.ends)

    @property
    def work(self) -> StatusInterval | None:
        """Return the first interval that a worker reported: the first reporter other than the entity's creator.

        If everything about an attempt has one reporter, as in an accounting file, that reporter is its worker.
        """
        reported = [interval for interval in self.intervals if interval.worker]
        by_others = (interval for interval in reported if interval.worker != self.first.worker)
        return next(by_others, reported[0] if reported and self.first.ordinal else None)


class TaskTimelines(NamedTuple):
    """A task and its attempts, in the order in which they were created."""

    own: Timeline
    attempts: Sequence[Timeline]

    @property
    def timelines(self) -> Sequence[Timeline]:
        """Return the task's own timeline and those of its attempts."""
        return self.own, *self.attempts


def group_by_task(intervals: Iterable[StatusInterval]) -> Iterator[TaskTimelines]:
    """Yield the tasks of intervals that are sorted by task, then by entity, with attempts in their order."""
    for _, task_intervals in groupby(intervals, lambda interval: interval.task_id):
        entities = groupby(task_intervals, lambda interval: (interval.kind, interval.id))
        timelines = [Timeline(tuple(entity_intervals)) for _, entity_intervals in entities]
        own = next(timeline for timeline in timelines if timeline.first.kind == TASK)
        yield TaskTimelines(own, [timeline for timeline in timelines if timeline.first.kind == TASK_INSTANCE])
