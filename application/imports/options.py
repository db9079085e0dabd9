"""What the person who imports says beside the file."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from application.imports.named_lifecycles import NamedLifecycles
from domain.errors import WrongLifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine


@dataclass(frozen=True, slots=True)
class Options:
    """The lifecycle of new tasks, the name of the source, and where it is told, the workflow and the time zone.

    `zone` is that of times without one. Tasks of a file that names their lifecycles are under those; where nobody knows
    one, under `lifecycle` if `lifecycle_is_told`.
    """

    lifecycle: Lifecycle
    source: str
    workflow: str | None = None
    zone: ZoneInfo | None = None
    lifecycle_is_told: bool = False
    lifecycles: NamedLifecycles = field(default_factory=NamedLifecycles)

    def attempts_of(self, source: str) -> Machine:
        """The machine of task instances; raises WrongLifecycle where there is none for the attempts of `source`."""
        if self.lifecycle.instance is None:
            raise WrongLifecycle(
                self.lifecycle.name, f"has no task instances, which the attempts in a file of {source} are"
            )
        return self.lifecycle.instance
