"""What an entity waits for in its status: one of six kinds, which one of it, and who has it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import InvalidWait, UnknownChoice
from domain.printable import short_repr

LONGEST_DETAIL = 255
"""The number of characters that a detail may have."""


class WaitKind(StrEnum):
    """The kinds of things that work waits for."""

    DEPENDENCY = "dependency"
    RESOURCES = "resources"
    SLOT = "slot"
    SCHEDULE = "schedule"
    HOLD = "hold"
    RETRY_DELAY = "retry-delay"


class WaitsFor(BaseModel):
    """What an entity waits for. `detail` says which: a task, a class of nodes, a tag, a time. `holders` have it now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: WaitKind
    detail: Annotated[str | None, Field(min_length=1, max_length=LONGEST_DETAIL)] = None
    holders: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"{self.kind} ({self.detail})" if self.detail else str(self.kind)


StatedWait = WaitsFor | str | Mapping[str, Any]
"""What a caller or a file states: the kind alone, or an object with `kind`, `detail` and `holders`."""


def read_waits_for(value: StatedWait) -> WaitsFor:
    """Return what an entity waits for, as it is stated.

    Raises:
        UnknownChoice: there is no such kind.
        InvalidWait: it is none of these, or its detail has over 255 characters.
    """
    if isinstance(value, WaitsFor):
        return value
    if isinstance(value, str):
        value = {"kind": value}
    kinds = [str(kind) for kind in WaitKind]
    if isinstance(value, Mapping) and isinstance(value.get("kind"), str) and value["kind"] not in kinds:
        raise UnknownChoice("waits_for", value["kind"], kinds)
    try:
        return WaitsFor.model_validate(value)
    except ValidationError as error:
        raise InvalidWait(f"{short_repr(value)} is neither a kind nor an object of kind, detail and holders") from error
