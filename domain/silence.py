"""Silence: the time for which somebody was not heard of who was to be."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from domain.report import NOBODY, Report

if TYPE_CHECKING:
    from domain.events import Event
    from domain.runner import Runner
    from domain.task_instance import TaskInstance


class Silence(NamedTuple):
    """Since when a holder of a lease was silent, and until when (None: it still is).

    `heard_at` is the last heartbeat before, where there was one.
    """

    since: datetime
    until: datetime | None = None
    heard_at: datetime | None = None


def record(
    holder: "Runner | TaskInstance", silences: Iterable[Silence], report: Report = NOBODY
) -> "tuple[Event, ...]":
    """The events that keep the silences of a holder, oldest first: a lapse, then a return.

    A lapse that is recorded already is not recorded again.
    """
    events: list[Event] = []
    for silence in silences:
        if holder.silent_since is None:
            events.append(holder.lapse(silence, report))
            holder = holder.evolve(events[-1])
        if silence.until is not None:
            events.append(holder.come_back(silence, report))
            holder = holder.evolve(events[-1])
    return tuple(events)
