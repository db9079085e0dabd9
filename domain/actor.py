"""Actors: who made something happen."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict

ERASED = re.compile(r"erased-[1-9][0-9]*")


class Actor(BaseModel):
    """A component of the workflow system with, if known, its host, process and user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    component: str
    host: str | None = None
    pid: int | None = None
    user: str | None = None

    @classmethod
    def erased(cls, number: int) -> Self:
        """Return what stands in the place of an actor after an erasure."""
        return cls(component=f"erased-{number}")

    @property
    def is_erased(self) -> bool:
        """Return whether an erasure has replaced the actor, with its host."""
        return self.host is None and ERASED.fullmatch(self.component) is not None

    def is_called(self, name: str) -> bool:
        """Return whether that is the name of the actor's component or user."""
        return name in (self.component, self.user)

    def __str__(self) -> str:
        process = f"[{self.pid}]" if self.pid is not None else ""
        location = f"@{self.host}{process}" if self.host else process
        return f"{self.component}{location}{f' as {self.user}' if self.user else ''}"
