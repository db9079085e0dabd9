"""What the person who imports says beside the file."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.errors import WrongLifecycle
from domain.lifecycle import Lifecycle
from domain.lifecycles import get_lifecycle
from domain.machine import Machine


@dataclass(frozen=True, slots=True)
class Options:
    """The lifecycle of new tasks, the name of the source, and where it is told, the workflow and the time zone.

    `zone` is that of times without one. Tasks of a file that names their lifecycles are under those, unless
    `lifecycle_is_told`; `named` finds them and raises UnknownLifecycle.
    """

    lifecycle: Lifecycle
    source: str
    workflow: str | None = None
    zone: ZoneInfo | None = None
    lifecycle_is_told: bool = False
    named: Callable[[str], Lifecycle] = get_lifecycle

    def attempts_of(self, source: str) -> Machine:
        """The machine of task instances; raises WrongLifecycle where there is none for the attempts of `source`."""
        if self.lifecycle.instance is None:
            raise WrongLifecycle(
                self.lifecycle.name, f"has no task instances, which the attempts in a file of {source} are"
            )
        return self.lifecycle.instance
