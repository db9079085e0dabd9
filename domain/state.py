"""A state: a status with its name, times and details, as rules read and change it."""

from copy import deepcopy
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from domain.text import storable_json

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
"""Prefect's types of states that end a run, although a run may leave them."""

TYPES = TERMINAL | {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}
"""Prefect's types of states."""

ALL_STATES: frozenset[str | None] = TYPES | {None}
"""Every type, and None for no state yet or no proposal."""


def name_of(type_: str) -> str:
    """Return the name of a state that states none: `RUNNING` is `Running`."""
    return type_.replace("_", " ").capitalize()


class State(BaseModel):
    """A status (`type`), which may have a name of its own (`Late`, `AwaitingRetry`, ...).

    `timestamp` is the time when it begins, `scheduled_time` the time until which it waits; `details` is JSON that rules
    read. It is not frozen, so that a hook may change its copy.
    """

    model_config = ConfigDict(extra="forbid")

    type: str
    name: str = Field(default_factory=lambda fields: name_of(fields.get("type", "")))
    timestamp: AwareDatetime | None = None
    scheduled_time: AwareDatetime | None = None
    message: str | None = None
    details: dict[str, Any] = {}

    @field_validator("name", mode="before")
    @classmethod
    def _default_name(cls, name: Any, info: ValidationInfo) -> Any:
        return name_of(info.data.get("type", "")) if name is None else name

    def kept(self) -> Self | None:
        """Return the part that the log keeps next to its type and time, or None if there is no more."""
        if self.name == name_of(self.type) and not (self.scheduled_time or self.message or self.details):
            return None
        return type(self).model_validate(storable_json(self.model_dump(exclude={"timestamp"})))

    def with_(self, **changes: Any) -> Self:
        """Return a copy with `changes`, which shares nothing with this one."""
        return self.model_copy(update={"details": deepcopy(self.details) if self.details else {}, **changes})
