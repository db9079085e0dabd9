"""A state: a status with what else is known of it, as rules see it and change it."""

from copy import deepcopy
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from domain.text import storable_json

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})
"""Prefect's types of states that end a run, though it may leave them."""

TYPES = TERMINAL | {"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"}
"""Prefect's types of states."""

ALL_STATES: frozenset[str | None] = TYPES | {None}
"""Every one of them, and None: no state yet, or nothing proposed."""


def name_of(type_: str) -> str:
    """What a state of that type is called where it has no name of its own: `RUNNING` is `Running`."""
    return type_.replace("_", " ").capitalize()


class State(BaseModel):
    """A status (`type`), under a name of its own where it has one (`Late`, `AwaitingRetry`, ...).

    `timestamp` is when it is said to begin, `scheduled_time` when what it waits for is due; `details` is JSON that
    rules read. Not frozen, so that a hook may change the copy that it gets.
    """

    model_config = ConfigDict(extra="forbid")

    type: str
    name: str = Field(default_factory=lambda told: name_of(told.get("type", "")))
    timestamp: AwareDatetime | None = None
    scheduled_time: AwareDatetime | None = None
    message: str | None = None
    details: dict[str, Any] = {}

    @field_validator("name", mode="before")
    @classmethod
    def _is_called_after_its_type(cls, name: Any, told: ValidationInfo) -> Any:
        return name_of(told.data.get("type", "")) if name is None else name

    def kept(self) -> Self | None:
        """What the log keeps of it beside its type and time: nothing where there is no more."""
        if self.name == name_of(self.type) and not (self.scheduled_time or self.message or self.details):
            return None
        return type(self).model_validate(storable_json(self.model_dump(exclude={"timestamp"})))

    def with_(self, **changes: Any) -> Self:
        """A copy with so much changed, which shares nothing with this one."""
        return self.model_copy(update={"details": deepcopy(self.details) if self.details else {}, **changes})
