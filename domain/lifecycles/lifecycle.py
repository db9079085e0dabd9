"""A lifecycle: the machines of a task and its instances, and the effect of an instance on its task."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice, pairwise
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from domain.errors import LifecycleInvalid, UnknownRule, WrongLifecycle
from domain.lifecycles.machine import DISPLAY_FIELDS, MAX_PROBLEMS, SKIP_VALIDATION, Machine, Name, names_no_status
from domain.lifecycles.recovery import Recovery
from domain.rule_names import RULES, SLOT_RULES

MAX_VERSION = 2**31 - 1
"""The largest version of a lifecycle: the largest integer of a database column."""


class Gate(BaseModel):
    """The status that gating moves a task to; entering it counts an attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str


class ResumePolicy(BaseModel):
    """What resuming a workflow does: where tasks go, which stay, and how their active instances end.

    Instances in `end_instances_from` have no worker yet, so that they enter `end_instances_with` at once. The others
    are ordered to end, by `kill_instances_with`, where their machine has an edge for that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    keep: frozenset[str] = frozenset()
    keep_unless_asked: frozenset[str] = frozenset()
    kill_instances_with: str | None = None
    end_instances_with: str | None = None
    end_instances_from: frozenset[str] = frozenset()


class TaskEffect(BaseModel):
    """The effect of an instance's status on its task: the task status that it implies.

    `exhausted` applies instead when no attempt is left. A retry passes the transient status `through`, and so does any
    move without an edge that leads straight to its target.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str
    exhausted: str | None = None
    through: str | None = None

    def target(self, num_attempts: int, max_attempts: int) -> str:
        """Return the implied status after `num_attempts` of `max_attempts`."""
        return self.exhausted if self.exhausted and num_attempts >= max_attempts else self.status


class Lifecycle(BaseModel):
    """Everything that decides which transitions a task and its instances may make.

    An attempt begins when a task enters the gate's status: through the gate, or because of an instance, which counts
    once however often it returns to a status that implies the gate's.

    In a lifecycle without instances, a task starts an attempt when it enters the status `attempt`, unless it goes on
    with one, from a status in `attempt_resumes_from`. Where `attempts_restart`, a task that leaves a terminal status
    begins again with no attempt made. A task that somebody cancels enters the status `cancel_to`, and so do its
    instances where their machine has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, ignored_types=(cached_property,))

    name: Name
    version: int = Field(ge=1, le=MAX_VERSION)
    rules: tuple[str, ...] = ()
    task: Machine
    instance: Machine | None = Field(default=None, alias="task_instance")
    implies: dict[str, TaskEffect] = {}
    gate: Gate | None = None
    reset: ResumePolicy | None = None
    attempt: str | None = None
    attempt_resumes_from: frozenset[str] = frozenset()
    attempts_restart: bool = False
    recovery: Recovery | None = None
    cancel_to: str | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.version))

    @model_validator(mode="after")
    def _parts_fit_together(self, info: ValidationInfo) -> Self:
        if info.context is not SKIP_VALIDATION and (problems := self.problems()):
            raise LifecycleInvalid(problems)
        return self

    @property
    def key(self) -> tuple[str, int]:
        """The name and version that a task is pinned to."""
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

    def knows_status(self, status: str) -> bool:
        """Return whether one of the machines has `status`: a name that none has is a mistake, and no lost race."""
        return status in self.task.transitions or (self.instance is not None and status in self.instance.transitions)

    def has_same_transitions(self, other: "Lifecycle") -> bool:
        """Return whether both lifecycles decide every proposal alike, so that they differ in display fields at most."""
        return self._decisive_fields() == other._decisive_fields()

    def task_status_for(self, instance_status: str, num_attempts: int, max_attempts: int) -> str | None:
        """Return the status that an instance's status implies for its task, or None if it has no effect."""
        effect = self.implies.get(instance_status)
        return effect.target(num_attempts, max_attempts) if effect else None

    def path_to(self, target: str, source: str, instance_status: str) -> tuple[str, ...]:
        """Return the statuses from `source` to the `target` that an instance implies; empty if no edges lead there.

        A retry passes the transient status wherever it can, so that the history shows the failure. A terminal status
        is entered straight, and through the transient status only if no edge leads to it.
        """
        direct = (target,) if self.task.can_transition(source, target) else ()
        via_transient = self._via_transient(source, target, instance_status)
        if self.task.is_terminal(target):
            return direct or via_transient
        return via_transient or direct

    def starts_attempt(self, target: str) -> bool:
        """Return whether entering `target` starts an attempt, as the gate does."""
        return self.gate is not None and target == self.gate.to

    def attempts_at_start(self, status: str) -> int:
        """Return the number of attempts that a task has begun where it begins in `status`: one beyond the gate."""
        begins = self.gate.to if self.gate else self.attempt
        if begins is None or status == self.task.initial:
            return 0
        return int(self.task.lies_beyond(status, begins))

    def is_return(self, source: str | None, entered: str) -> bool:
        """Return whether an instance that goes from `source` to `entered` has been in a status of the gate before.

        `source` is None for an instance that is created.
        """
        return source is not None and entered in self.gate_instances and source not in self._before_gate

    @cached_property
    def gate_instances(self) -> frozenset[str]:
        """The statuses of an instance under way that imply the gate's status for its task."""
        gate, machine = self.gate, self.instance
        if gate is None or machine is None:
            return frozenset()
        implying = {status for status, effect in self.implies.items() if effect.status == gate.to}
        return frozenset(implying - machine.terminal)

    @cached_property
    def _before_gate(self) -> frozenset[str]:
        """The statuses that an instance can have before it first implies the gate's status."""
        return self.instance.reachable_without(self.gate_instances) if self.instance else frozenset()

    def begins_attempt(self, source: str, target: str) -> bool:
        """Return whether a task that reports for itself begins an attempt as it goes from `source` to `target`."""
        return target == self.attempt and source not in self.attempt_resumes_from

    def restarts_attempts(self, source: str, target: str) -> bool:
        """Return whether a task that goes from `source` to `target` has no attempt made again."""
        return self.attempts_restart and self.task.is_terminal(source) and not self.task.is_terminal(target)

    def problems(self) -> list[str]:
        """Return the first inconsistencies, a sentence each; none for a lifecycle that was validated."""
        machines = {"task": self.task} | ({"task_instance": self.instance} if self.instance else {})
        problems = chain(
            (f"{place}.{problem}" for place, machine in machines.items() for problem in machine.problems()),
            (f"rules: {UnknownRule(rule, RULES)}" for rule in self.rules if rule not in RULES),
            (
                f"{place} {names_no_status(status, machine.statuses)}"
                for machine, place, status in self._named_statuses()
                if status not in machine.transitions
            ),
            self._recovery_problems(),
            self._slot_rule_problems(),
        )
        return list(islice(problems, MAX_PROBLEMS))

    def _decisive_fields(self) -> dict[str, Any]:
        fields = self.model_dump(exclude={"task": set(DISPLAY_FIELDS), "instance": set(DISPLAY_FIELDS)})
        for machine in filter(None, (fields["task"], fields["instance"])):
            # Edges decide; their causes are for people.
            machine["transitions"] = {source: set(targets) for source, targets in machine["transitions"].items()}
        return fields

    def _via_transient(self, source: str, target: str, instance_status: str) -> tuple[str, ...]:
        effect = self.implies.get(instance_status)
        transient = effect.through if effect else None
        if transient is None or transient == target:
            return ()
        legal = self.task.can_transition(source, transient) and self.task.can_transition(transient, target)
        return (transient, target) if legal else ()

    def _recovery_problems(self) -> Iterator[str]:
        if self.recovery and self.recovery.overdue and self.recovery.max_pending_seconds is None:
            yield "recovery.overdue needs recovery.max_pending_seconds, after which a task is overdue"
        for place, path in self.recovery.paths() if self.recovery else ():
            for source, target in pairwise(path):
                if {source, target} <= self.task.transitions.keys() and not self.task.can_transition(source, target):
                    yield f"{place} goes from {source} to {target}, which is no edge of task.transitions"

    def _slot_rule_problems(self) -> Iterator[str]:
        # Slot rules do not run when an instance moves its task, so the task would never release its slots.
        if self.instance:
            yield from (
                f"rules: {name} is for tasks that report for themselves, without task_instance"
                for name in self.rules
                if name in SLOT_RULES
            )

    def _named_statuses(self) -> Iterator[tuple[Machine, str, str]]:
        for status, effect in self.implies.items():
            if self.instance is not None:
                yield self.instance, "implies", status
            for implied in filter(None, (effect.status, effect.exhausted, effect.through)):
                yield self.task, f"implies.{status}", implied
        if self.gate:
            yield self.task, "gate.to", self.gate.to
        named = (("attempt", self.attempt), ("cancel_to", self.cancel_to))
        yield from ((self.task, place, name) for place, name in named if name)
        yield from ((self.task, "attempt_resumes_from", status) for status in sorted(self.attempt_resumes_from))
        if self.reset:
            yield from self._statuses_of_reset(self.reset)
        if self.recovery:
            yield from ((self.task, place, status) for place, status in self.recovery.statuses())

    def _statuses_of_reset(self, reset: ResumePolicy) -> Iterator[tuple[Machine, str, str]]:
        yield self.task, "reset.to", reset.to
        yield from ((self.task, "reset.keep", status) for status in sorted(reset.keep))
        yield from ((self.task, "reset.keep_unless_asked", status) for status in sorted(reset.keep_unless_asked))
        if reset.kill_instances_with and self.instance:
            yield self.instance, "reset.kill_instances_with", reset.kill_instances_with
        if self.instance:
            ended = sorted(reset.end_instances_from)
            yield from ((self.instance, "reset.end_instances_from", status) for status in ended)
            if reset.end_instances_with:
                yield self.instance, "reset.end_instances_with", reset.end_instances_with
