"""Recovery: when a task counts as stuck, and the statuses through which it can go on."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from domain.time import MAX_SECONDS

Paths = dict[str, tuple[str, ...]]
"""A status -> the statuses that recovery proposes from there, one after the other."""


class Recovery(BaseModel):
    """When a task counts as stuck, in seconds, and the path out of each status.

    `overdue`: the task has been pending for longer than `max_pending_seconds`. `abandoned`: its owner has sent no
    heartbeat for longer than `runner_dead_after`. `unfinished`: an earlier recovery was interrupted there. Where it
    `needs_heartbeat`, an owner that never sent one is not judged by its silence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pending_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    runner_dead_after: float = Field(gt=0, le=MAX_SECONDS)
    needs_heartbeat: bool = False
    overdue: Paths = {}
    abandoned: Paths = {}
    unfinished: Paths = {}

    def paths(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each path with its place in the definition; a path includes the status that it leads out of."""
        for name in ("overdue", "abandoned", "unfinished"):
            for status, path in getattr(self, name).items():
                yield f"recovery.{name}.{status}", (status, *path)

    def statuses(self) -> Iterator[tuple[str, str]]:
        """Yield each status of each path, with its place in the definition."""
        yield from ((place, status) for place, path in self.paths() for status in path)
