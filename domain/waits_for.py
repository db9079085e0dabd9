"""What an entity waits for in its status: one of six kinds, which one of it, and who has it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.errors import InvalidWait, UnknownChoice
from domain.printable import short_repr
from domain.text import storable

LONGEST_DETAIL = 255
"""The number of characters that a detail may have."""

MOST_HOLDERS = 100
"""The number of holders that are kept: readers need a few names, and every event with them repeats all."""


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

    @field_validator("detail", mode="after")
    @classmethod
    def _storable_detail(cls, detail: str | None) -> str | None:
        return None if detail is None else storable(detail)

    @field_validator("holders", mode="after")
    @classmethod
    def _storable_holders(cls, holders: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if holders is None else tuple(storable(holder) for holder in holders[:MOST_HOLDERS])

    @classmethod
    def of(cls, kind: WaitKind, detail: str | None = None, holders: Iterable[str] = ()) -> Self:
        """Return what an entity waits for, with a detail that is cut where it is too long and left out where empty."""
        return cls(kind=kind, detail=(detail or "")[:LONGEST_DETAIL] or None, holders=tuple(holders) or None)

    @classmethod
    def until(cls, kind: WaitKind, time: datetime) -> Self:
        """Return a wait until a time, which is its detail."""
        return cls(kind=kind, detail=time.astimezone(UTC).isoformat())

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
