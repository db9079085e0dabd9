"""A task with everything that it and its attempts have been through."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from application.exports.status_interval import StatusInterval
from domain.entity import TASK, TASK_INSTANCE, Entity


class Timeline(NamedTuple):
    """The stays of one entity, oldest first; at least one."""

    stays: Sequence[StatusInterval]

    @property
    def first(self) -> StatusInterval:
        """The status that it began in."""
        return self.stays[0]

    @property
    def last(self) -> StatusInterval:
        """The status that it is in."""
        return self.stays[-1]

    @property
    def entity(self) -> Entity:
        """Whose stays these are."""
        return Entity(self.first.kind, self.first.id)

    @property
    def ended_at(self) -> datetime:
        """When it came to its end, or until when it has lasted."""
        return self.last.entered_at if self.last.ends else self.last.ended_at

    @property
    def waits_and_works(self) -> Iterator[StatusInterval]:
        """The stays but for the end, which lasts for ever."""
        return (stay for stay in self.stays if not stay.ends)

    @property
    def work(self) -> StatusInterval | None:
        """The first stay that the worker reported: whoever speaks for it beside the one that created it.

        An attempt of which one alone has spoken, as an accounting file does, is that one's.
        """
        told = [stay for stay in self.stays if stay.worker]
        others = (stay for stay in told if stay.worker != self.first.worker)
        return next(others, told[0] if told and self.first.ordinal else None)


class TaskTimelines(NamedTuple):
    """A task and its attempts, in the order in which they were created."""

    task: Timeline
    attempts: Sequence[Timeline]


def group_by_task(stays: Iterable[StatusInterval]) -> Iterator[TaskTimelines]:
    """The tasks of stays that come task by task, its own first, then its attempts' in their order."""
    for _, of_task in groupby(stays, lambda stay: stay.task_id):
        tracks = [Timeline(tuple(of_one)) for _, of_one in groupby(of_task, lambda stay: (stay.kind, stay.id))]
        task = next(track for track in tracks if track.first.kind == TASK)
        yield TaskTimelines(task, [track for track in tracks if track.first.kind == TASK_INSTANCE])
