"""The state machine: which status may follow which, as data."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from domain.entity import MAX_ID_LENGTH
from domain.errors import InvalidStart, LifecycleInvalid, UnknownStatus, did_you_mean
from domain.text import is_storable
from domain.time import MAX_SECONDS, parse_duration


def _edges(value: Any) -> Any:
    """Turn a list of next statuses into a table of edges without causes."""
    is_list_of_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return dict.fromkeys(value, "") if is_list_of_names else value


SKIP_VALIDATION = object()
"""The validation context that accepts inconsistent definitions, so that all their problems can be listed at once."""


def _seconds(value: Any) -> Any:
    """Turn a duration like `90s` or `1h 30m` into seconds."""
    return parse_duration(value) if isinstance(value, str) else value


def _require_storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("a database stores no NUL and no half of a surrogate pair")
    return text


Cause = Annotated[str, AfterValidator(_require_storable)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_require_storable)]
"""The name of a lifecycle or status."""

Edges = Annotated[dict[Name, Cause], BeforeValidator(_edges)]

Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=MAX_SECONDS, strict=True)]


DISPLAY_SETS = ("awaits_report", "awaits_distributor", "running")
"""Sets of statuses that decide nothing: they only tell readers what to expect next."""

DISPLAY_FIELDS = (*DISPLAY_SETS, "stuck_after")
"""All fields that decide nothing."""

STATUS_SETS = (
    "starts_in",
    "terminal",
    "final",
    "transient",
    "failures",
    "available_for_run",
    "requires_ownership",
    "acquires",
    "adopts",
    "releases",
    "overrides",
    *DISPLAY_SETS,
)
"""The fields that are sets of statuses."""


StatusClass = Literal["waiting", "running", "done", "failed", "cancelled"]
"""What a status means to people, whatever its name."""

MAX_STATUSES = 1_000
"""The number of statuses of the largest machine, and of those that may follow one of them."""

MAX_PROBLEMS = 50
"""The number of inconsistencies that are listed: looking for the name that was meant takes its time."""


class Machine(BaseModel):
    """The statuses of one kind of entity and the edges between them.

    `transitions` maps every status to its next statuses, each with the cause of that edge.
    An entity begins in the `initial` status, or where its source says so in one of `starts_in`.
    `terminal` statuses end an entity's work, though edges may lead out of them; no edge leads out of `final` ones.
    `transient` statuses are entered and left at the same instant; tasks that are `available_for_run` wait for a runner.
    In a status that `awaits_report`, the next report is due by the report_by_date. In one that `awaits_distributor`,
    the instance waits for the id that its distributor assigns. In `running` statuses an attempt is at work.
    An entity that stays in a status for longer than it may by `stuck_after` is an orphan.
    `untimely` pairs are reports that lost an expected race: they are refused, and are no cause for alarm (Jobmon).

    Ownership (Pynenc): a status that `acquires` needs a runner, who owns the entity until it enters a status that
    `releases`. Only the owner may take it out of a status that `requires_ownership`, except into one that `overrides`.
    In a status that `adopts`, a runner that is named becomes the owner, and none need be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    initial: str
    starts_in: frozenset[str] = frozenset()
    transitions: Annotated[dict[Name, Edges], Field(max_length=MAX_STATUSES)]
    terminal: frozenset[str]
    final: frozenset[str] = frozenset()
    transient: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    available_for_run: frozenset[str] = frozenset()
    requires_ownership: frozenset[str] = frozenset()
    acquires: frozenset[str] = frozenset()
    adopts: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()
    overrides: frozenset[str] = frozenset()
    awaits_report: frozenset[str] = frozenset()
    awaits_distributor: frozenset[str] = frozenset()
    running: frozenset[str] = frozenset()
    stuck_after: dict[Name, Seconds] = {}
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
        """Every legal pair (from, to)."""
        return frozenset((source, target) for source, targets in self.transitions.items() for target in targets)

    def can_transition(self, source: str, target: str) -> bool:
        """Return whether an edge leads from `source` to `target`."""
        return (source, target) in self.edges

    def is_untimely(self, source: str, target: str) -> bool:
        """Return whether a report of `target` merely lost a race against `source`."""
        return (source, target) in self.untimely

    def is_terminal(self, status: str) -> bool:
        """Return whether `status` ends the entity's work."""
        return status in self.terminal

    def class_of(self, status: str, cancel_to: str | None = None) -> "StatusClass":
        """Return the class of a status, by which people see what it means in any lifecycle."""
        if status in self.failures:
            return "failed"
        if status in self.terminal:
            return "cancelled" if status == cancel_to else "done"
        return "running" if status in self._running_statuses else "waiting"

    @cached_property
    def _running_statuses(self) -> frozenset[str]:
        """The running statuses; without a list of them, the one of that name, else what neither ends nor waits."""
        named = frozenset(status for status in self.transitions if status.lower() == "running")
        others = frozenset(self.transitions) - self.terminal - self.available_for_run - {self.initial}
        return self.running or named or others

    def next_statuses(self, status: str | None) -> frozenset[str]:
        """Return the statuses that may follow `status`; None stands for an entity that does not exist yet."""
        return self.starts if status is None else frozenset(self.transitions.get(status, ()))

    @property
    def starts(self) -> frozenset[str]:
        """Every status in which an entity may begin."""
        return self.starts_in | {self.initial}

    def check_start(self, status: str) -> str:
        """Return `status` if an entity may begin in it.

        Raises:
            UnknownStatus: the machine has no such status.
            InvalidStart: no entity begins in it.
        """
        if self.check(status) not in self.starts:
            raise InvalidStart(status, [each for each in self.statuses if each in self.starts])
        return status

    def leads_to(self, source: str, target: str) -> bool:
        """Return whether an edge or a path of edges leads from `source` to `target`."""
        return target in self._reachable.get(source, ())

    @cached_property
    def _reachable(self) -> dict[str, frozenset[str]]:
        reachable = {status: frozenset(targets) for status, targets in self.transitions.items()}
        while True:
            further = {
                status: targets.union(*(reachable.get(target, ()) for target in targets))
                for status, targets in reachable.items()
            }
            if further == reachable:
                return reachable
            reachable = further

    def reachable_without(self, avoided: frozenset[str]) -> frozenset[str]:
        """Return the statuses to which a path from a first one leads that enters none of `avoided`."""
        return self._reachable_from(self.starts, avoided)

    def lies_beyond(self, status: str, passed: str) -> bool:
        """Return whether `status` is `passed`, or lies after it and on no path from the initial status without it."""
        if status != passed and not self.leads_to(passed, status):
            return False
        return status not in self._reachable_from(frozenset({self.initial}), frozenset({passed}))

    def _reachable_from(self, first: frozenset[str], avoided: frozenset[str]) -> frozenset[str]:
        reached, ahead = set[str](), set(first - avoided)
        while ahead:
            reached |= ahead
            following = {target for status in ahead for target in self.transitions.get(status, ())}
            ahead = following - reached - avoided
        return frozenset(reached)

    def sources(self, target: str) -> frozenset[str]:
        """Return the statuses from which an edge leads to `target`."""
        return frozenset(source for source, to in self.edges if to == target)

    def check(self, status: str) -> str:
        """Return `status` if the machine has it.

        Raises:
            UnknownStatus: the machine has no such status; it suggests the nearest.
        """
        if status not in self.transitions:
            raise UnknownStatus(status, self.statuses)
        return status

    def problems(self) -> list[str]:
        """Return the first inconsistencies, a sentence each; none for a machine that was validated."""
        unknown = (
            f"{place} {names_no_status(status, self.statuses)}"
            for place, status in self._named_statuses()
            if status not in self.transitions
        )
        return list(islice(chain(unknown, self._contradictions()), MAX_PROBLEMS))

    def _named_statuses(self) -> Iterator[tuple[str, str]]:
        yield "initial", self.initial
        for source, targets in self.transitions.items():
            yield from ((f"transitions.{source}", target) for target in targets)
        for flag in STATUS_SETS:
            yield from ((flag, status) for status in sorted(getattr(self, flag)))
        yield from (("untimely", status) for pair in sorted(self.untimely) for status in pair)
        yield from (("stuck_after", status) for status in self.stuck_after)
        if self.orphaned is not None:
            yield "orphaned", self.orphaned

    def _contradictions(self) -> Iterator[str]:
        for status in sorted(self.starts_in & (self.acquires | self.transient)):
            flag = "acquires" if status in self.acquires else "transient"
            yield f"starts_in names {status!r}, which is in {flag} too: nothing begins in such a status"
        for flag in ("acquires", "adopts"):
            for status in sorted(getattr(self, flag) & self.releases):
                yield f"{flag} names {status!r}, which is in releases too: a status takes an owner or lets it go"
        for status in sorted(self.overrides & self.requires_ownership):
            yield (
                f"overrides names {status!r}, which is in requires_ownership too: the runner that takes over would "
                "need to own the task first"
            )
        for status in sorted(self.terminal & self.stuck_after.keys()):
            yield f"stuck_after names {status!r}, which is in terminal too: nothing is stuck in a terminal status"
        for status in sorted(self.final):
            if targets := self.transitions.get(status):
                yield f"final names {status!r}, which may become {', '.join(targets)}: nothing follows a final status"


def names_no_status(status: str, known: Sequence[str]) -> str:
    """Return the end of a sentence about a part of a lifecycle that names an unknown status."""
    otherwise = ": every status is a key of transitions, even if nothing follows it"
    return f"names {status!r}, which is no status{did_you_mean(UnknownStatus(status, known).nearest) or otherwise}"
