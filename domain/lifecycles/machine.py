"""The state machine: which status may follow which, as data."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, model_validator

from domain.errors import LifecycleInvalid, UnknownStatus, did_you_mean


def _edges(value: Any) -> Any:
    """A list of next statuses is a table of edges whose causes are not told."""
    return dict.fromkeys(value, "") if isinstance(value, list) else value


SKIP_VALIDATION = object()
"""The context of a validation that takes a definition of the right shape as it is, so that all of it can be judged."""

Edges = Annotated[dict[str, str], BeforeValidator(_edges)]


DISPLAY_FIELDS = ("awaits_report", "awaits_distributor")
"""What a status can be that decides nothing, and only says what is to be expected of it."""

STATUS_SETS = (
    "terminal",
    "final",
    "transient",
    "failures",
    "available_for_run",
    "requires_ownership",
    "acquires",
    "releases",
    "overrides",
    *DISPLAY_FIELDS,
)
"""What a status can be, beside a key of `transitions`."""


class Machine(BaseModel):
    """The statuses of one kind of entity and the edges between them.

    `transitions` has every status as a key and, for each, its next statuses with what makes the edge happen.
    `terminal` statuses end an entity's work, though edges may lead out of them; nothing follows `final` ones.
    `transient` ones are entered and left at the same instant; those `available_for_run` wait for a runner.
    Who is in one that `awaits_report` is to be heard of by its report_by_date; who is in one that `awaits_distributor`
    waits for the id that a distributor gives it.
    `untimely` pairs are reports that lost a race: refused, but no cause for alarm.

    Ownership: to enter a status that `acquires` takes a runner, who then owns the entity until it enters one that
    `releases`. Out of a status that `requires_ownership` nobody else may take it, but into one that `overrides`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    initial: str
    transitions: dict[str, Edges]
    terminal: frozenset[str]
    final: frozenset[str] = frozenset()
    transient: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    available_for_run: frozenset[str] = frozenset()
    requires_ownership: frozenset[str] = frozenset()
    acquires: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()
    overrides: frozenset[str] = frozenset()
    awaits_report: frozenset[str] = frozenset()
    awaits_distributor: frozenset[str] = frozenset()
    untimely: frozenset[tuple[str, str]] = frozenset()
    orphaned: str | None = None

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        if info.context is not SKIP_VALIDATION and (problems := self.problems()):
            raise LifecycleInvalid(problems)
        return self

    @property
    def statuses(self) -> tuple[str, ...]:
        """Every status, in the order of the definition."""
        return tuple(self.transitions)

    @cached_property
    def edges(self) -> frozenset[tuple[str, str]]:
        """Every legal (from, to)."""
        return frozenset((source, target) for source, targets in self.transitions.items() for target in targets)

    def can_transition(self, source: str, target: str) -> bool:
        """Whether an edge leads from `source` to `target`."""
        return (source, target) in self.edges

    def is_untimely(self, source: str, target: str) -> bool:
        """Whether the report of `target` has merely lost a race against `source`."""
        return (source, target) in self.untimely

    def is_terminal(self, status: str) -> bool:
        """Whether `status` ends the entity's work."""
        return status in self.terminal

    def next_statuses(self, status: str | None) -> frozenset[str]:
        """What may follow `status`; None: what an entity begins as."""
        return frozenset((self.initial,) if status is None else self.transitions.get(status, ()))

    def sources(self, target: str) -> frozenset[str]:
        """The statuses from which an edge leads to `target`."""
        return frozenset(source for source, to in self.edges if to == target)

    def check(self, status: str) -> str:
        """`status` itself; raises UnknownStatus where the machine has none of that name."""
        if status not in self.transitions:
            raise UnknownStatus(status, self.statuses)
        return status

    def problems(self) -> list[str]:
        """What does not fit together; of a machine that was not read UNJUDGED, nothing."""
        unknown = (
            f"{place} {names_no_status(status, self.statuses)}"
            for place, status in self._mentions()
            if status not in self.transitions
        )
        return [*unknown, *self._contradictions()]

    def _mentions(self) -> Iterator[tuple[str, str]]:
        yield "initial", self.initial
        for source, targets in self.transitions.items():
            yield from ((f"transitions.{source}", target) for target in targets)
        for flag in STATUS_SETS:
            yield from ((flag, status) for status in sorted(getattr(self, flag)))
        yield from (("untimely", status) for pair in sorted(self.untimely) for status in pair)
        if self.orphaned is not None:
            yield "orphaned", self.orphaned

    def _contradictions(self) -> Iterator[str]:
        for status in sorted(self.acquires & self.releases):
            yield f"acquires names {status!r}, and so does releases: a status takes an owner or lets it go"
        for status in sorted(self.overrides & self.requires_ownership):
            yield f"overrides names {status!r}, and so does requires_ownership: whom it overrides would own it"
        for status in sorted(self.final):
            if targets := self.transitions.get(status):
                yield f"final names {status!r}, which may become {', '.join(targets)}: nothing follows what is final"


def names_no_status(status: str, known: Sequence[str]) -> str:
    """The end of a sentence about a part of a lifecycle that names a status which its machine has not."""
    otherwise = ": every status is a key of transitions, even if nothing follows it"
    return f"names {status!r}, which is no status{did_you_mean(UnknownStatus(status, known).nearest) or otherwise}"
