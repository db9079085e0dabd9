"""What-if: decide the proposals of a log again, under another lifecycle.

Each proposal is decided on the recorded events before it, also after a divergence, because nobody has reported what
would have followed from another decision. An event whose `cause` is of the same task is compared with what follows
from that cause as it was recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from domain.auditing.replay import Replay
from domain.clock import CLOCK_TOLERANCE, ERASED_CLOCK
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.instance_report import propagate_to_task
from domain.decisions.proposals import InstanceReport, ResetRequest, TaskRequest
from domain.entities.events import (
    Event,
    TaskEvent,
    TaskInstanceCreated,
    TaskInstanceEvent,
    TaskInstanceRefused,
    TaskInstanceTransitioned,
    TaskRefused,
    TaskRegistered,
    TaskReset,
    TaskTransitioned,
)
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import Entity
from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.report_context import ReportContext
from domain.rule_names import INVALID, RESET, UNTIMELY
from domain.rules.core_rules import CORE_RULES
from domain.state import State

ReportedEvent = TaskTransitioned | TaskRefused | TaskInstanceTransitioned | TaskInstanceRefused
"""An event of an entity that keeps the status that was reported for it."""


class Divergence(NamedTuple):
    """An event that would have been another one, and why.

    `source` is the status before it; `target` the status that was entered or refused, None if nothing is recorded.
    `decided` is the status that would have been entered, None if the entity would have stayed.
    """

    position: int
    entity: str
    source: str | None
    target: str | None
    why: str
    decided: str | None = None


@dataclass(slots=True)
class _Awaited:
    """The events that must still follow from the event at a position; None if they are not known."""

    position: int
    events: list[Event] | None
    diverged: bool


class WhatIf:
    """Decides each event of a replay again, before the replay applies it."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._awaited: dict[str, _Awaited] = {}

    def judge(self, event: Event, position: int) -> Iterator[Divergence]:
        """Yield the divergences of an event, and of what should have followed from the one before it."""
        task_id = _task_id(event)
        if task_id is None:
            return
        if self._is_of(event.cause, task_id):
            yield from self._follows(event, position, task_id)
        else:
            yield from self._lacking(task_id)
            yield from self._proposed(event, position, task_id)

    def unmatched_at_end(self) -> Iterator[Divergence]:
        """Yield the divergences of what should still have followed at the end of the log."""
        for task_id in list(self._awaited):
            yield from self._lacking(task_id)

    def _is_of(self, cause: str | None, task_id: str) -> bool:
        """Return whether the cause is an event of that task or of one of its instances."""
        entity = self._replay.entities.get(cause.rpartition("@")[0]) if cause else None
        if isinstance(entity, TaskInstance):
            return entity.task_id == task_id
        return isinstance(entity, Task) and entity.id == task_id

    def _proposed(self, event: Event, position: int, task_id: str) -> Iterator[Divergence]:
        if isinstance(event, TaskRegistered):
            yield from self._registered(event, position)
            return
        task = self._replay.task(task_id)
        if task is None:
            return
        why, events = self._of_instance(event, task) if isinstance(event, TaskInstanceEvent) else _of_task(event, task)
        if why:
            yield _divergence(event, position, why)
        if events is None or events:
            self._awaited[task_id] = _Awaited(position, events, why is not None)

    def _registered(self, event: TaskRegistered, position: int) -> Iterator[Divergence]:
        try:
            machine = self._replay.lifecycle_of(event.lifecycle, event.lifecycle_version).task
        except UnknownLifecycle:
            return
        if event.status not in machine.starts:
            yield _divergence(event, position, _Why(f"would begin as {machine.initial}", machine.initial))

    def _of_instance(self, event: TaskInstanceEvent, task: Task) -> "_Judgement":
        machine = task.lifecycle.instance
        if machine is None:
            return _Why(f"lifecycle {task.lifecycle.name!r} has no task instances"), []
        if isinstance(event, TaskInstanceCreated):
            return _of_creation(event, task, machine)
        if event.rule == RESET:
            return self._ended(event, task), []
        return self._of_report(event, task, machine)

    def _of_report(self, event: TaskInstanceEvent, task: Task, machine: Machine) -> "_Judgement":
        instance = self._replay.entities.get(event.stream)
        if not isinstance(event, TaskInstanceTransitioned | TaskInstanceRefused):
            return None, []
        if not isinstance(instance, TaskInstance):
            return None, []
        decision = decide(Family(instance, task), InstanceReport(_reported(event)), _context_of(event, instance))
        if why := _mismatch(event, decision.events[0], machine, task.lifecycle):
            moved = event.is_transition and event.rule is None
            return why, _following(task, instance.evolve(event), event) if moved else []
        return None, list(decision.events[1:])

    def _follows(self, event: Event, position: int, task_id: str) -> Iterator[Divergence]:
        awaited = self._awaited.get(task_id)
        task = self._replay.task(task_id)
        if task is None:
            return
        if isinstance(event, TaskInstanceEvent):
            why = self._ended(event, task)
        elif awaited is None:
            why = _Why("would not follow from its cause")
        else:
            why = _mismatch_with_awaited(event, awaited, task)
            awaited.diverged = awaited.diverged or why is not None
            if awaited.events == []:
                del self._awaited[task_id]
        if why:
            yield _divergence(event, position, why)

    def _ended(self, event: TaskInstanceEvent, task: Task) -> "_Why | None":
        """Return why an instance would not have ended as its task was reset, or None."""
        reset, machine = task.lifecycle.reset, task.lifecycle.instance
        instance = self._replay.entities.get(event.stream)
        if instance is None or not isinstance(event, TaskInstanceTransitioned):
            return None
        if reset and instance.status in reset.end_instances_from and reset.end_instances_with:
            end = reset.end_instances_with
            return None if event.status == end else _Why(f"would become {end}", end)
        order = reset.kill_instances_with if reset and machine else None
        if order is None or machine is None:
            return _Why(f"lifecycle {task.lifecycle.name!r} ends no instances as it resets their task")
        if not machine.can_transition(instance.status, order):
            return _no_edge(instance.status, order, machine, task.lifecycle)
        return None if event.status == order else _Why(f"would become {order}", order)

    def _lacking(self, task_id: str) -> Iterator[Divergence]:
        awaited = self._awaited.pop(task_id, None)
        task = self._replay.task(task_id)
        if awaited is None or awaited.diverged or not awaited.events or task is None:
            return
        first = awaited.events[0]
        if first.is_transition:
            why = f"would become {first.status}{_by(first)}, and nothing is recorded"
            yield Divergence(awaited.position, str(task.entity), task.status, None, why, first.status)


class _Why(NamedTuple):
    text: str
    decided: str | None = None


_Judgement = tuple[_Why | None, list[Event] | None]


def _of_creation(event: TaskInstanceCreated, task: Task, machine: Machine) -> _Judgement:
    begins = machine.initial
    why = None if event.status in machine.starts else _Why(f"would begin as {begins}", begins)
    return why, _following(task.with_instance(event.ordinal), TaskInstance.begin(event), event)


def _of_task(event: Event, task: Task) -> _Judgement:
    """Return why the event would be another one (None: it would not), and the events that must follow from it."""
    if isinstance(event, TaskReset):
        return _of_reset(event, task), []
    if not isinstance(event, TaskTransitioned | TaskRefused) or _cannot_be_repeated(event, task):
        return None, []
    decision = _decide(event, task)
    if isinstance(decision, _Why):
        return decision, None
    why = _mismatch(event, decision.events[0], task.lifecycle.task, task.lifecycle)
    # The rules did not decide this event, so what they would propose next is not known.
    return why, None if why else list(decision.events[1:])


def _cannot_be_repeated(event: TaskTransitioned | TaskRefused, task: Task) -> bool:
    """Return whether a rule refused a proposal of which the log keeps too little to decide it again."""
    rule = CORE_RULES.get(event.rule or "")
    refused = isinstance(event, TaskRefused) and event.rule in task.lifecycle.rules
    return refused and rule is not None and rule.reads_state


def _of_reset(event: TaskReset, task: Task) -> _Why | None:
    if task.lifecycle.reset is None:
        return _Why(f"lifecycle {task.lifecycle.name!r} resets nothing")
    decision = decide(Family(None, task), ResetRequest(reset_if_running=True))
    if decision.refused:
        return _Why(f"would stay: what is {task.status} is not reset")
    to = decision.task.status
    return None if to == event.status else _Why(f"would become {to}", to)


def _decide(event: TaskTransitioned | TaskRefused, task: Task) -> Decision | _Why:
    reported = _reported(event)
    state = event.state if isinstance(event, TaskTransitioned) and event.status == reported else None
    state = state.with_(timestamp=event.effective_at) if state else State(type=reported, timestamp=event.effective_at)
    try:
        request = TaskRequest(state, _passed_gate(event, task), event.runner_id)
        return decide(Family(None, task), request, _context_of(event, task))
    except Exception as error:  # a rule may raise anything
        return _Why(f"its rules fail: {error!r}")


def _passed_gate(event: TaskTransitioned | TaskRefused, task: Task) -> bool:
    return event.num_attempts > task.attempts_before(event.status) and task.lifecycle.attempt != event.status


def _reported(event: ReportedEvent) -> str:
    return event.status if event.reported is None else event.reported


def _context_of(event: ReportedEvent, entity: Task | TaskInstance) -> ReportContext:
    tolerance = _default_tolerance(event, entity) if event.clock_tolerance is None else event.clock_tolerance
    return ReportContext(event.actor, event.reason, event.occurred_at, event.command_id, tolerance)


def _default_tolerance(event: ReportedEvent, entity: Task | TaskInstance) -> float:
    # Without a recorded tolerance, the clocks were the same or did not matter. One that was erased cannot show it.
    return 0.0 if ERASED_CLOCK in (event.clock, entity.entered_clock) else CLOCK_TOLERANCE


def _mismatch_with_awaited(event: Event, awaited: _Awaited, task: Task) -> _Why | None:
    if awaited.events is None:
        stated = vars(event).get("reported")
        reported = event.status if stated is None else stated
        legal = not event.is_transition or task.lifecycle.task.can_transition(task.status, reported)
        return None if legal else _no_edge(task.status, reported, task.lifecycle.task, task.lifecycle)
    if not awaited.events:
        return None if awaited.diverged else _Why("would not follow from its cause")
    first = awaited.events[0]
    for number, expected in enumerate(awaited.events):
        if _same(event, expected):
            del awaited.events[: number + 1]
            return _Why(f"would become {first.status} before", first.status) if number else None
    return _mismatch(event, first, task.lifecycle.task, task.lifecycle)


def _following(task: Task, instance: TaskInstance, event: Event) -> list[Event]:
    return list(propagate_to_task(Decision(task, instance, (event,))).events[1:])


def _mismatch(event: Event, decided: Event, machine: Machine, lifecycle: Lifecycle) -> _Why | None:
    """Return why `decided` is not the event, or None if it is."""
    if _same(event, decided):
        return None
    if decided.is_transition:
        was = "" if event.is_transition else f"was refused ({event.rule}), and "
        return _Why(f"{was}would become {decided.status}{_by(decided)}", decided.status)
    reported = vars(decided)["reported"]
    if decided.rule == INVALID:
        return _no_edge(decided.status, reported, machine, lifecycle)
    if decided.rule == UNTIMELY:
        return _Why(f"would be refused: {reported} comes too late for what is {decided.status}")
    return _Why(f"would be refused{_by(decided)}")


def _same(event: Event, decided: Event) -> bool:
    if event.is_transition != decided.is_transition:
        return False
    return not event.is_transition or event.status == decided.status


def _no_edge(source: str, target: str, machine: Machine, lifecycle: Lifecycle) -> _Why:
    for status in (source, target):
        if status not in machine.transitions:
            return _Why(f"would be refused: lifecycle {lifecycle.name!r} has no status {status}")
    return _Why(f"would be refused: no edge leads from {source} to {target}")


def _by(event: Event) -> str:
    return f" by rule {event.rule!r}" if event.rule else ""


def _divergence(event: Event, position: int, why: _Why) -> Divergence:
    kind, _, name = event.stream.partition(":")
    fields = vars(event)
    source = fields.get("previous_status") or (event.status if event.version > 1 else None)
    target = event.status if event.is_transition else fields.get("reported")
    return Divergence(position, str(Entity(kind, name)), source, target, *why)


def _task_id(event: Event) -> str | None:
    if isinstance(event, TaskInstanceEvent):
        return event.task_id
    return event.stream.partition(":")[2] if isinstance(event, TaskEvent) else None
