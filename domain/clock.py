"""The clock that stated a time. Times of one clock can be compared; those of two may be seconds apart."""

from datetime import datetime
from typing import Final

DATABASE_CLOCK: Final = "database"
"""The clock of the database, which every event without a stated time has."""

SOURCE_CLOCK: Final = "source"
"""The clock of the system whose record was imported."""

UNKNOWN_CLOCK: Final = "unknown"
"""A clock that nobody named. It may differ from every other one, and from itself."""

ERASED_CLOCK: Final = "erased"
"""The clock of a host whose name was erased. It may be any clock."""

IMPORT_PREFIX: Final = "import:"
"""The beginning of every command id that an import stores."""

IMPORTED: Final = f"{IMPORT_PREFIX}-"
"""The command id of what an import adds to an entity without a report: it only says whose clock stated the time."""

CLOCK_TOLERANCE: Final = 60.0
"""The seconds by which two clocks may differ, unless a setting states others."""


def clock_of(occurred_at: datetime | None, host: str | None, command_id: str | None) -> str:
    """Return the clock by which a report states when it happened: a host's clock has the host's name."""
    if occurred_at is None:
        return DATABASE_CLOCK
    if command_id is not None and command_id.startswith(IMPORT_PREFIX):
        return SOURCE_CLOCK
    return f"host {host}" if host else UNKNOWN_CLOCK


def is_same_clock(one: str | None, other: str | None) -> bool:
    """Return whether two times come from one known clock."""
    return one == other and one not in (None, UNKNOWN_CLOCK, ERASED_CLOCK)
