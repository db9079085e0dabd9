"""The events that record the silences of a runner or a task instance."""

from collections.abc import Iterable

from domain.entities.events import Event
from domain.entities.runner import Runner
from domain.entities.silence import Silence
from domain.entities.task_instance import TaskInstance
from domain.report_context import NO_CONTEXT, ReportContext


def lapse_events(
    holder: Runner | TaskInstance, silences: Iterable[Silence], context: ReportContext = NO_CONTEXT
) -> tuple[Event, ...]:
    """Return the events that record the silences of a lease's holder, oldest first: a lapse, then a return.

    A lapse that was recorded before is not recorded again.
    """
    events: list[Event] = []
    for silence in silences:
        if holder.silent_since is None:
            events.append(holder.lapse(silence, context))
            holder = holder.evolve(events[-1])
        if silence.until is not None:
            events.append(holder.record_return(silence, context))
            holder = holder.evolve(events[-1])
    return tuple(events)
