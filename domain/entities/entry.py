"""The entry into the present status: when it was, and which clock stated it."""

from datetime import datetime
from typing import NamedTuple

from domain.entities.events import Event
from domain.time import entry_time


class Entry(NamedTuple):
    """The time at which a status was entered, and the clock that stated it; each None where it is not known."""

    entered_at: datetime | None
    entered_clock: str | None


def entry_after(event: Event, entered_at: datetime | None, entered_clock: str | None) -> Entry:
    """Return the entry into the status of an entity after `event`, whose entry before it is given."""
    if not event.is_transition:
        return Entry(entered_at, entered_clock)
    happened = event.effective_at
    entered = entry_time(happened, entered_at)
    # A status that was entered before the one before it ends counts from there, by the clock that stated that.
    return Entry(entered, event.clock if happened is None or entered is happened else entered_clock)
