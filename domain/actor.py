"""Actors: who made something happen."""

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """A component of the workflow system with, if known, its host, process and user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    component: str
    host: str | None = None
    pid: int | None = None
    user: str | None = None

    def __str__(self) -> str:
        process = f"[{self.pid}]" if self.pid is not None else ""
        location = f"@{self.host}{process}" if self.host else process
        return f"{self.component}{location}{f' as {self.user}' if self.user else ''}"
