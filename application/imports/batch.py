"""A batch of lines, decided in memory in the order of the file, each on what the ones before it have brought about.

Every proposal goes through the domain's pipeline, as a live report does. Before that, it adds nothing where

- its command id is known: an earlier import has seen it;
- the same file has said the same before (see repetition), unless the entity has left the status in the same instant
  and may enter it again;
- a task's own line is **already true through a cascade**: the task has entered that status because of an instance,
  later than anything that was proposed for itself, and had not left it before the line's instant. So a file may have
  an instance's lines and its task's own (RUNNING, ERROR_RECOVERABLE, REGISTERING) too. This is asked of the log
  alone, and of nothing that an import remembers: wherever a file is cut, its parts say what the whole does.
"""

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple

from application.bulk_transition import end_instance
from application.imports.found import Entered, Found
from application.imports.proposal import (
    Attempt,
    BadLine,
    CreateInstance,
    Line,
    MoveInstance,
    MoveTask,
    NotUnderstood,
    Proposal,
    RegisterTask,
    ResetTask,
)
from application.imports.repetition import Said
from application.imports.tally import Tally
from application.registration import raise_if_different
from domain.entity import check_id
from domain.errors import SojournError, TaskInstanceConflict
from domain.events import Event, TaskReset, TaskTransitioned
from domain.lifecycle import Lifecycle
from domain.machine import Machine
from domain.report import Report
from domain.task import Task
from domain.task_instance import TaskInstance
from domain.transition import Decision, create_instance, instance_machine, propose_task, report_instance, reset_task

OUT_OF_ORDER = "attempt-out-of-order"
"""An attempt is met after one that began later: the log numbers them as it meets them."""


OTHER_PREVIOUS_STATUS = "other-previous-status"
"""A task goes to a status from another one than the source has it in."""


class Entry(NamedTuple):
    """A line, and for each of its proposals what it says as a command; None for one that is known by its entity."""

    line: Line | BadLine
    said: Sequence[Said | None] = ()


class Batch:
    """Decides lines on what was found; gathers their events, their command ids and counts."""

    def __init__(self, lifecycle: Lifecycle, found: Found) -> None:
        self._lifecycle = lifecycle
        self._tasks = found.tasks
        self._instances = found.instances
        self._attempts = found.attempts
        self._newest = {attempt.task_id: attempt.begun_at for attempt in sorted(found.attempts)}
        self._caused = found.caused
        self._known = found.known
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []
        self._anomalies: list[str] = []
        self._events: list[Event] = []
        self.command_ids: list[str] = []
        self.tally = Tally()

    def events(self, entries: Iterable[Entry]) -> Iterator[Event]:
        """Decide line after line, and yield what comes of each: of all of it, or nothing if any is not understood."""
        for line, said in entries:
            self.tally.lines += 1
            if isinstance(line, BadLine):
                self.tally.bad_line(line)
            else:
                self._take(line, said)
                yield from self._events
                self._events.clear()

    def _take(self, line: Line, said: Sequence[Said | None]) -> None:
        before = len(self.command_ids)
        try:
            for proposal, command in zip(line.proposals, said, strict=True):
                self._decide(proposal, command)
        except SojournError as error:
            self._take_back(before)
            self.tally.bad_line(BadLine(line.number, str(error)))
        else:
            self._count(line)
        self._undo.clear()
        self._anomalies.clear()

    def _decide(self, proposal: Proposal, said: Said | None) -> None:
        if said and not self._is_new(said):
            return
        report = Report(proposal.actor, proposal.reason, proposal.at, said.command_id if said else None)
        again = said is not None and said.before > 0
        match proposal:
            case MoveInstance():
                self._move_instance(proposal, report, again=again)
            case MoveTask():
                self._move_task(proposal, report, again=again)
            case RegisterTask():
                self._register(proposal, report)
            case CreateInstance():
                self._create(proposal, report)
            case ResetTask():
                self._reset(proposal, report)

    def _register(self, proposal: RegisterTask, report: Report) -> None:
        there = self._tasks.get(proposal.task_id)
        # A task keeps the version of its lifecycle that was the current one when it was registered.
        told = proposal.lifecycle or self._lifecycle
        pinned = there.lifecycle if there and there.lifecycle.name == told.name else told
        task = Task(
            proposal.task_id,
            proposal.workflow_id,
            pinned,
            proposal.max_attempts,
            proposal.template,
            proposal.array_id,
            attributes=proposal.attributes,
        )
        if there:
            raise_if_different(there, task._replace(attributes=there.attributes))  # of which the line says nothing
            return
        registered = task.register(report)
        self._accept(Decision(Task.begin(registered, pinned), events=(registered,)))

    def _create(self, proposal: CreateInstance, report: Report) -> None:
        task = self._task(proposal.task_id, proposal.workflow_id)
        name = self._name(proposal.instance) or self._number(proposal.instance, task)
        there = self._instances.get(name)
        if there is None:
            self._accept(create_instance(task, name, report))
        elif there.task_id != task.id:
            raise TaskInstanceConflict(name, there.task_id, task.id)

    def _move_task(self, proposal: MoveTask, report: Report, *, again: bool) -> None:
        task = self._task(proposal.task_id, proposal.workflow_id)
        machine = task.lifecycle.task
        machine.check(proposal.to)
        if again and not _may_enter_again(machine, task, proposal):
            return
        if not self._is_true_already(task, proposal):
            if proposal.previous_status not in (None, task.status):
                self._anomalies.append(OTHER_PREVIOUS_STATUS)
            counts = proposal.begins_attempt
            if counts is None:
                counts = task.lifecycle.counts_attempt(proposal.to)
            status = proposal.state or proposal.to
            self._accept(propose_task(task, status, report, counts_attempt=counts, runner_id=proposal.runner_id))

    def _move_instance(self, proposal: MoveInstance, report: Report, *, again: bool) -> None:
        name = self._name(proposal.instance)
        instance = self._instances.get(name) if name else None
        if instance is None:
            raise NotUnderstood(f"no task instance {name!r}: neither a line before nor the log has created it")
        task = self._task(instance.task_id, proposal.workflow_id)
        machine = instance_machine(task)
        machine.check(proposal.to)
        if not again or _may_enter_again(machine, instance, proposal):
            self._accept(report_instance(instance, task, proposal.to, report, report_by_date=proposal.report_by_date))

    def _reset(self, proposal: ResetTask, report: Report) -> None:
        task = self._task(proposal.task_id, proposal.workflow_id)
        if task.lifecycle.reset is None:
            raise NotUnderstood(f"task {task.id!r} is under lifecycle {task.lifecycle.name!r}, which has no reset")
        decision = reset_task(task, report, reset_if_running=True)
        self._accept(decision)
        if not decision.refused:
            for instance in [there for there in self._instances.values() if there.task_id == task.id]:
                for event in end_instance(instance, decision, report):
                    self._accept(Decision(decision.task, instance.evolve(event), (event,)))

    def _is_new(self, said: Said) -> bool:
        if said.command_id in self._known:
            return False
        self._known.add(said.command_id)
        self.command_ids.append(said.command_id)
        return True

    def _is_true_already(self, task: Task, proposal: MoveTask) -> bool:
        caused = self._caused.get(task.id, ())
        left = [*(entered.entered_at for entered in caused[1:]), None]
        return any(
            entered.status == proposal.to and (until is None or until >= proposal.at)
            for entered, until in zip(caused, left, strict=False)
        )

    def _task(self, task_id: str, workflow_id: str | None) -> Task:
        task = self._tasks.get(task_id)
        if task is None:
            raise NotUnderstood(f"no task {task_id!r}: neither a line before nor the log has registered it")
        if workflow_id is not None and workflow_id != task.workflow_id:
            raise NotUnderstood(f"task {task_id!r} is in workflow {task.workflow_id!r}, not in {workflow_id!r}")
        return task

    def _name(self, instance: str | Attempt) -> str | None:
        return instance if isinstance(instance, str) else self._attempts.get(instance)

    def _number(self, attempt: str | Attempt, task: Task) -> str:
        assert isinstance(attempt, Attempt)
        name = check_id("task instance", f"{task.id}/{task.instances + 1}")
        if attempt.begun_at < self._newest.get(task.id, attempt.begun_at):
            self._anomalies.append(OUT_OF_ORDER)
        self._set(self._attempts, attempt, name)
        self._set(self._newest, task.id, max(attempt.begun_at, self._newest.get(task.id, attempt.begun_at)))
        return name

    def _accept(self, decision: Decision) -> None:
        self._set(self._tasks, decision.task.id, decision.task)
        if decision.instance:
            self._set(self._instances, decision.instance.id, decision.instance)
        self._events += decision.events
        for event in decision.events:
            if isinstance(event, TaskTransitioned | TaskReset):
                self._keep_cause(decision.task, event)

    def _keep_cause(self, task: Task, event: TaskTransitioned | TaskReset) -> None:
        assert task.entered_at is not None
        before = self._caused.get(task.id, ())
        caused = (*before, Entered(event.status, task.entered_at)) if event.cause else ()
        if caused or before:
            self._set(self._caused, task.id, caused)

    def _set(self, where: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((where, key, where.get(key)))
        where[key] = value

    def _take_back(self, command_ids: int) -> None:
        for where, key, before in reversed(self._undo):
            if before is None:
                del where[key]
            else:
                where[key] = before
        self._known.difference_update(self.command_ids[command_ids:])
        del self.command_ids[command_ids:]
        self._events.clear()

    def _count(self, line: Line) -> None:
        self.tally.events(self._events)
        if not line.proposals:
            self.tally.ignored += 1
            self.tally.anomalies.update(line.anomalies)
        elif self._events:
            self.tally.anomalies.update((*line.anomalies, *self._anomalies))
        else:
            self.tally.duplicates += 1


def _may_enter_again(machine: Machine, entity: Task | TaskInstance, proposal: MoveTask | MoveInstance) -> bool:
    # Entered_at never goes back: it is the instant of both lines, or the entity has gone on since.
    legal = machine.can_transition(entity.status, proposal.to)
    return legal and entity.entered_at is not None and entity.entered_at <= proposal.at
