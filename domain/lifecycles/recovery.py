"""Recovery: which entities have been left behind, and the legal way from where they are to where they may go on."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

Ways = dict[str, tuple[str, ...]]
"""A status -> the statuses that recovery proposes from there, one after the other."""


class Recovery(BaseModel):
    """When an entity counts as left behind, in seconds, and the way that each status has out of it.

    `overdue`: it has been pending for longer than `max_pending_seconds`. `abandoned`: its owner has sent no heartbeat
    for longer than `runner_dead_after`. `unfinished`: an earlier recovery came no further.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pending_seconds: float = Field(gt=0)
    runner_dead_after: float = Field(gt=0)
    overdue: Ways = {}
    abandoned: Ways = {}
    unfinished: Ways = {}

    def ways(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every way with its place in the definition, from the status where it begins."""
        for name in ("overdue", "abandoned", "unfinished"):
            for status, way in getattr(self, name).items():
                yield f"recovery.{name}.{status}", (status, *way)

    def mentions(self) -> Iterator[tuple[str, str]]:
        """Every status that is named, with its place in the definition."""
        yield from ((place, status) for place, way in self.ways() for status in way)
