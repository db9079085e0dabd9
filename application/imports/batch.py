"""A batch of lines, decided in memory in the order of the file, each on what the ones before it have brought about.

Every proposal goes through the domain's pipeline, as a live report does. Before that, it adds nothing where

- its command id is known: an earlier import has seen it;
- somebody else has told the same of the same instant (see heard);
- the same file has said the same before (see repetition), unless the entity has left the status in the same instant
  and may enter it again;
- a task's own line is **already true through a cascade**: the task has entered that status because of an instance,
  later than anything that was proposed for itself, and had not left it before the line's instant. So a file may have
  an instance's lines and its task's own (RUNNING, ERROR_RECOVERABLE, REGISTERING) too. This is asked of the log
  alone, and of nothing that an import remembers: wherever a file is cut, its parts say what the whole does.
"""

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple, cast

from application.imports.batch_state import BatchState, CascadedStatus
from application.imports.change import (
    AttemptKey,
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    Move,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
    ResetTask,
)
from application.imports.decision_cache import (
    CachedDecision,
    DecisionCache,
    EventValues,
    build_rows,
    event_row,
    instance_after,
    task_after,
)
from application.imports.known_moves import ReportedMove
from application.imports.move_id import MoveId
from application.imports.tally import EventCounts, Tally
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import InstanceCreation, InstanceReport, ResetRequest, TaskRequest
from domain.decisions.reset import end_instance
from domain.entities.events import TaskReset, TaskTransitioned
from domain.entities.task import Task, raise_if_different
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK_INSTANCE, check_id
from domain.errors import SojournError, TaskInstanceConflict
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.report_context import ReportContext
from domain.time import entry_time
from infrastructure.log.event_log import AppendedRow

OUT_OF_ORDER = "attempt-out-of-order"
"""An attempt is met after one that began later: the log numbers them as it meets them."""


CONTENT = Task._fields.index("status")
"""How many of a task's fields say what it was registered with."""

OTHER_PREVIOUS_STATUS = "other-previous-status"
"""A task goes to a status from another one than the source has it in."""


class IdentifiedLine(NamedTuple):
    """A line, and for each of its proposals what it says as a command; None for one that is known by its entity."""

    line: ParsedLine | BadLine
    said: Sequence[MoveId | None] = ()


class Batch:
    """Decides lines on what was found; gathers their events, their command ids and counts, and which streams begin.

    With `shapes`, what was decided before is not decided again.
    """

    def __init__(self, lifecycle: Lifecycle, found: BatchState, shapes: DecisionCache | None = None) -> None:
        self._lifecycle = lifecycle
        self._tasks = found.tasks
        self._instances = found.instances
        self._attempts = found.attempts
        self._newest = {attempt.task_id: attempt.begun_at for attempt in sorted(found.attempts)}
        self._caused = found.caused
        self._known = found.known
        self._heard = found.heard
        self._shapes = shapes
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []
        self._anomalies: list[str] = []
        self._rows: list[AppendedRow] = []
        self._counts: list[EventCounts] = []
        self.begun: dict[str, bool] = {}
        self.command_ids: list[str] = []
        self.tally = Tally()

    def decide_lines(self, entries: Iterable[IdentifiedLine]) -> Iterator[AppendedRow]:
        """Decide line after line, and yield what comes of each: of all of it, or nothing if any is not understood."""
        for line, said in entries:
            self.tally.lines += 1
            if isinstance(line, BadLine):
                self.tally.bad_line(line)
            else:
                self._take(line, said)
                yield from self._rows
                self._rows.clear()

    def _take(self, line: ParsedLine, said: Sequence[MoveId | None]) -> None:
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
        self._counts.clear()

    def _decide(self, proposal: Change, said: MoveId | None) -> None:
        if said and (not self._is_new(said) or self._was_heard(proposal, said)):
            return
        command_id = said.command_id if said else None
        again = said is not None and said.before > 0
        match proposal:
            case MoveInstance():
                self._move_instance(proposal, command_id, again=again)
            case MoveTask():
                self._move_task(proposal, command_id, again=again)
            case RegisterTask():
                self._register(proposal)
            case CreateInstance():
                self._create(proposal)
            case ResetTask():
                self._reset(proposal, command_id)

    def _register(self, proposal: RegisterTask) -> None:
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
            if there[:CONTENT] != task[:CONTENT]:
                raise_if_different(there, task._replace(attributes=there.attributes))  # of which the line says nothing
            return
        self._set(self.begun, task.stream, True)
        shape = self._shapes.registration(task) if self._shapes else None
        if shape:
            self._fill(shape, task, None, proposal, None, task.template)
        else:
            registered = task.register(_report(proposal, None))
            self._accept(Decision(Task.begin(registered, pinned), events=(registered,)))

    def _create(self, proposal: CreateInstance) -> None:
        task = self._task(proposal.task_id, proposal.workflow_id)
        name = self._name(proposal.instance) or self._number(proposal.instance, task)
        there = self._instances.get(name)
        if there is not None:
            if there.task_id != task.id:
                raise TaskInstanceConflict(name, there.task_id, task.id)
            return
        self._set(self.begun, f"{TASK_INSTANCE}:{name}", True)
        shape = self._shapes.creation(task) if self._shapes and task.lifecycle.instance else None
        if shape:
            instance = TaskInstance(name, task.id, task.workflow_id, task.instances + 1)
            self._fill(shape, task, instance, proposal, None)
        else:
            self._accept(decide(Family(None, task), InstanceCreation(name), _report(proposal, None)))

    def _move_task(self, proposal: MoveTask, command_id: str | None, *, again: bool) -> None:
        task = self._task(proposal.task_id, proposal.workflow_id)
        machine = task.lifecycle.task
        machine.check(proposal.to)
        if again and not _may_enter_again(machine, task, proposal):
            return
        if self._is_true_already(task, proposal):
            return
        if proposal.previous_status not in (None, task.status):
            self._anomalies.append(OTHER_PREVIOUS_STATUS)
        counts = proposal.begins_attempt
        if counts is None:
            counts = task.lifecycle.starts_attempt(proposal.to)
        plain = proposal.state is None and proposal.runner_id is None
        shape = self._shapes.proposal(task, proposal.to, starts_attempt=counts) if self._shapes and plain else None
        if shape:
            self._fill(shape, task, None, proposal, command_id)
        else:
            status, report = proposal.state or proposal.to, _report(proposal, command_id)
            request = TaskRequest(status, counts, proposal.runner_id)
            self._accept(decide(Family(None, task), request, report))

    def _move_instance(self, proposal: MoveInstance, command_id: str | None, *, again: bool) -> None:
        name = self._name(proposal.instance)
        instance = self._instances.get(name) if name else None
        if instance is None:
            raise InvalidLine(f"no task instance {name!r}: neither a line before nor the log has created it")
        task = self._task(instance.task_id, proposal.workflow_id)
        machine = task.lifecycle.instance_machine
        machine.check(proposal.to)
        if again and not _may_enter_again(machine, instance, proposal):
            return
        by = proposal.report_by_date
        shape = self._shapes.report(instance, task, proposal.to) if self._shapes and by is None else None
        if shape:
            self._fill(shape, task, instance, proposal, command_id)
        else:
            report = _report(proposal, command_id)
            reported = InstanceReport(proposal.to, report_by_date=by)
            self._accept(decide(Family(instance, task), reported, report))

    def _reset(self, proposal: ResetTask, command_id: str | None) -> None:
        report = _report(proposal, command_id)
        task = self._task(proposal.task_id, proposal.workflow_id)
        if task.lifecycle.reset is None:
            raise InvalidLine(f"task {task.id!r} is under lifecycle {task.lifecycle.name!r}, which has no reset")
        decision = decide(Family(None, task), ResetRequest(reset_if_running=True), report)
        self._accept(decision)
        if not decision.refused:
            for instance in [there for there in self._instances.values() if there.task_id == task.id]:
                for event in end_instance(instance, decision, report):
                    self._accept(Decision(decision.task, instance.evolve(event), (event,)))

    def _is_new(self, said: MoveId) -> bool:
        if said.command_id in self._known:
            return False
        self._known.add(said.command_id)
        self.command_ids.append(said.command_id)
        return True

    def _was_heard(self, proposal: Change, said: MoveId) -> bool:
        move = cast("Move", proposal)  # nothing else is said as a command
        return bool(self._heard) and self._heard.otherwise(ReportedMove.by(move, self._attempts), said)

    def _is_true_already(self, task: Task, proposal: MoveTask) -> bool:
        caused = self._caused.get(task.id)
        if not caused:
            return False
        left = [*(entered.entered_at for entered in caused[1:]), None]
        return any(
            entered.status == proposal.to and (until is None or until >= proposal.at)
            for entered, until in zip(caused, left, strict=False)
        )

    def _task(self, task_id: str, workflow_id: str | None) -> Task:
        task = self._tasks.get(task_id)
        if task is None:
            raise InvalidLine(f"no task {task_id!r}: neither a line before nor the log has registered it")
        if workflow_id is not None and workflow_id != task.workflow_id:
            raise InvalidLine(f"task {task_id!r} is in workflow {task.workflow_id!r}, not in {workflow_id!r}")
        return task

    def _name(self, instance: str | AttemptKey) -> str | None:
        return instance if isinstance(instance, str) else self._attempts.get(instance)

    def _number(self, attempt: str | AttemptKey, task: Task) -> str:
        assert isinstance(attempt, AttemptKey)
        name = check_id("task instance", f"{task.id}/{task.instances + 1}")
        if attempt.begun_at < self._newest.get(task.id, attempt.begun_at):
            self._anomalies.append(OUT_OF_ORDER)
        self._set(self._attempts, attempt, name)
        self._set(self._newest, task.id, max(attempt.begun_at, self._newest.get(task.id, attempt.begun_at)))
        return name

    def _fill(
        self,
        shape: CachedDecision,
        task: Task,
        instance: TaskInstance | None,
        proposal: Change,
        command_id: str | None,
        template: str | None = None,
    ) -> None:
        """Append what the pipeline has decided before about such entities."""
        at = proposal.at
        filling = EventValues.of(proposal.actor, proposal.reason, at, command_id)
        self._rows += build_rows(shape, task, instance, filling, template)
        self._counts.append(shape.counts)
        after = task_after(shape, task, at)
        self._set(self._tasks, task.id, after)
        if instance:
            self._set(self._instances, instance.id, instance_after(shape, instance, at))
        for status, caused in shape.entered:
            self._keep_cause(after, status, caused=caused)

    def _accept(self, decision: Decision) -> None:
        """Append what the pipeline has decided."""
        since = {entity.stream: entity.entered_at for entity in self._before(decision)}
        for event in decision.events:
            if event.is_transition:
                since[event.stream] = entry_time(event.occurred_at, since.get(event.stream))
            self._rows.append(event_row(event, since[event.stream]))
        self._counts.append(EventCounts.of(decision.events))
        self._set(self._tasks, decision.task.id, decision.task)
        if decision.instance:
            self._set(self._instances, decision.instance.id, decision.instance)
        for event in decision.events:
            if isinstance(event, TaskTransitioned | TaskReset):
                self._keep_cause(decision.task, event.status, caused=event.cause is not None)

    def _before(self, decision: Decision) -> Iterator[Task | TaskInstance]:
        if decision.task.id in self._tasks:
            yield self._tasks[decision.task.id]
        if decision.instance and decision.instance.id in self._instances:
            yield self._instances[decision.instance.id]

    def _keep_cause(self, task: Task, status: str, *, caused: bool) -> None:
        assert task.entered_at is not None
        before = self._caused.get(task.id, ())
        now = (*before, CascadedStatus(status, task.entered_at)) if caused else ()
        if now or before:
            self._set(self._caused, task.id, now)

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
        self._rows.clear()

    def _count(self, line: ParsedLine) -> None:
        for counts in self._counts:
            self.tally.count(counts)
        if not line.proposals:
            self.tally.ignored += 1
            self.tally.anomalies.update(line.anomalies)
        elif self._rows:
            if line.anomalies or self._anomalies:
                self.tally.anomalies.update((*line.anomalies, *self._anomalies))
        else:
            self.tally.duplicates += 1


def _report(proposal: Change, command_id: str | None) -> ReportContext:
    return ReportContext(proposal.actor, proposal.reason, proposal.at, command_id)


def _may_enter_again(machine: Machine, entity: Task | TaskInstance, proposal: MoveTask | MoveInstance) -> bool:
    # Entered_at never goes back: it is the instant of both lines, or the entity has gone on since.
    legal = machine.can_transition(entity.status, proposal.to)
    return legal and entity.entered_at is not None and entity.entered_at <= proposal.at
