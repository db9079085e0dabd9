"""What the person who imports says beside the file."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.lifecycle import Lifecycle


@dataclass(frozen=True, slots=True)
class Options:
    """The lifecycle of new tasks, the name of the source, and where it is told, the workflow and the time zone.

    `zone` is that of times without one.
    """

    lifecycle: Lifecycle
    source: str
    workflow: str | None = None
    zone: ZoneInfo | None = None
