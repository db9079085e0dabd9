"""A lifecycle: the machines of a task and its instances, and what one says of the other."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from domain.errors import LifecycleInvalid, UnknownRule, WrongLifecycle
from domain.lifecycles.machine import DISPLAY_FIELDS, SKIP_VALIDATION, Machine, names_no_status
from domain.lifecycles.recovery import Recovery
from domain.rule_names import RULES, SLOT_RULES


class Gate(BaseModel):
    """The status that gating moves a task to; entering it counts an attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str


class ResumePolicy(BaseModel):
    """What resuming a workflow does: where tasks go, which stay, and how active instances are told to end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    keep: frozenset[str] = frozenset()
    keep_unless_asked: frozenset[str] = frozenset()
    kill_instances_with: str | None = None


class TaskEffect(BaseModel):
    """The task status that an instance's status implies.

    `exhausted` holds instead when no attempt is left. `through` is the transient status that a retry passes,
    and the way round where no edge leads straight to the target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str
    exhausted: str | None = None
    through: str | None = None

    def target(self, num_attempts: int, max_attempts: int) -> str:
        """The implied status, given how many attempts were made of how many."""
        return self.exhausted if self.exhausted and num_attempts >= max_attempts else self.status


class Lifecycle(BaseModel):
    """Everything that decides which transitions a task and its instances may make.

    Where tasks report for themselves, an attempt begins as one enters `attempt`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(min_length=1, max_length=255)
    version: int = Field(ge=1)
    rules: tuple[str, ...] = ()
    task: Machine
    instance: Machine | None = Field(default=None, alias="task_instance")
    implies: dict[str, TaskEffect] = {}
    gate: Gate | None = None
    reset: ResumePolicy | None = None
    attempt: str | None = None
    recovery: Recovery | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    @model_validator(mode="after")
    def _parts_fit_together(self, info: ValidationInfo) -> Self:
        if info.context is not SKIP_VALIDATION and (problems := self.problems()):
            raise LifecycleInvalid(problems)
        return self

    @property
    def key(self) -> tuple[str, int]:
        """What a task is pinned to: name and version."""
        return self.name, self.version

    @property
    def instance_machine(self) -> Machine:
        """The machine of task instances.

        Raises:
            WrongLifecycle: the lifecycle has no task instances.
        """
        if self.instance is None:
            raise WrongLifecycle(self.name, "has no task instances: report the task's own transitions")
        return self.instance

    def has_same_transitions(self, other: "Lifecycle") -> bool:
        """Whether every proposal comes to the same under both: they differ in how a status is read at most."""
        return self._deciding() == other._deciding()

    def task_status_for(self, instance_status: str, num_attempts: int, max_attempts: int) -> str | None:
        """The status that an instance's status implies for its task, or None where it says nothing."""
        implication = self.implies.get(instance_status)
        return implication.target(num_attempts, max_attempts) if implication else None

    def path_to(self, target: str, source: str, instance_status: str) -> tuple[str, ...]:
        """Return the statuses from `source` to the `target` that an instance implies; empty if no edges lead there.

        A retry passes the transient status wherever it can, so that the failure shows in the history; an end is
        reached straight, and through the transient status only where no edge leads to it.
        """
        straight = (target,) if self.task.can_transition(source, target) else ()
        round_about = self._via_transient(source, target, instance_status)
        if self.task.is_terminal(target):
            return straight or round_about
        return round_about or straight

    def starts_attempt(self, target: str) -> bool:
        """Whether entering `target` through the gate begins an attempt."""
        return self.gate is not None and target == self.gate.to

    def problems(self) -> list[str]:
        """What does not fit together; of a lifecycle that was not read UNJUDGED, nothing."""
        machines = {"task": self.task} | ({"task_instance": self.instance} if self.instance else {})
        return [
            *(f"{place}.{problem}" for place, machine in machines.items() for problem in machine.problems()),
            *(f"rules: {UnknownRule(rule, RULES)}" for rule in self.rules if rule not in RULES),
            *(
                f"{place} {names_no_status(status, machine.statuses)}"
                for machine, place, status in self._mentions()
                if status not in machine.transitions
            ),
            *self._impassable_ways(),
            *self._rules_about_slots(),
        ]

    def _deciding(self) -> dict[str, Any]:
        return self.model_dump(exclude={"task": set(DISPLAY_FIELDS), "instance": set(DISPLAY_FIELDS)})

    def _via_transient(self, source: str, target: str, instance_status: str) -> tuple[str, ...]:
        implication = self.implies.get(instance_status)
        through = implication.through if implication else None
        if through is None or through == target:
            return ()
        legal = self.task.can_transition(source, through) and self.task.can_transition(through, target)
        return (through, target) if legal else ()

    def _impassable_ways(self) -> Iterator[str]:
        for place, way in self.recovery.ways() if self.recovery else ():
            for source, target in pairwise(way):
                if {source, target} <= self.task.transitions.keys() and not self.task.can_transition(source, target):
                    yield f"{place} goes from {source} to {target}, which is no edge of task.transitions"

    def _rules_about_slots(self) -> Iterator[str]:
        # What instances imply for a task passes no such rule: slots would be held for good.
        if self.instance:
            yield from (
                f"rules: {name} is for tasks that report for themselves, without task_instance"
                for name in self.rules
                if name in SLOT_RULES
            )

    def _mentions(self) -> Iterator[tuple[Machine, str, str]]:
        for status, implication in self.implies.items():
            if self.instance is not None:
                yield self.instance, "implies", status
            for implied in filter(None, (implication.status, implication.exhausted, implication.through)):
                yield self.task, f"implies.{status}", implied
        if self.gate:
            yield self.task, "gate.to", self.gate.to
        if self.attempt:
            yield self.task, "attempt", self.attempt
        if self.reset:
            yield from self._mentions_for_reset(self.reset)
        if self.recovery:
            yield from ((self.task, place, status) for place, status in self.recovery.mentions())

    def _mentions_for_reset(self, reset: ResumePolicy) -> Iterator[tuple[Machine, str, str]]:
        yield self.task, "reset.to", reset.to
        yield from ((self.task, "reset.keep", status) for status in sorted(reset.keep))
        yield from ((self.task, "reset.keep_unless_asked", status) for status in sorted(reset.keep_unless_asked))
        if reset.kill_instances_with and self.instance:
            yield self.instance, "reset.kill_instances_with", reset.kill_instances_with
