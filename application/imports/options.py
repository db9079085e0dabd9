"""The options of an import, which hold for all lines of the file."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from application.imports.named_lifecycles import NamedLifecycles
from domain.errors import WrongLifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine


@dataclass(frozen=True, slots=True)
class Options:
    """The lifecycle of new tasks, the name of the file, and optionally their workflow and time zone.

    `zone` applies to times without one. A task whose line names a lifecycle gets that one; if it is unknown, the task
    gets `lifecycle`, but only if the user chose it (`lifecycle_is_explicit`).
    """

    lifecycle: Lifecycle
    file_name: str
    workflow: str | None = None
    zone: ZoneInfo | None = None
    lifecycle_is_explicit: bool = False
    lifecycles: NamedLifecycles = field(default_factory=NamedLifecycles)

    def require_instances(self, source: str) -> Machine:
        """Return the machine of task instances, which the attempts in a file of `source` need.

        Raises:
            WrongLifecycle: the lifecycle has no task instances.
        """
        if self.lifecycle.instance is None:
            raise WrongLifecycle(
                self.lifecycle.name, f"has no task instances, which the attempts in a file of {source} need"
            )
        return self.lifecycle.instance
