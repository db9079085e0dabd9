"""Decides a batch of lines in memory, in the order of the file, each on the result of the ones before it.

A line waits for the one that creates its entity, wherever in the file that is (waiting_lines.py).

Every change goes through the domain's pipeline, as a live report does. A change adds nothing, because the log has it
already, where

- its command id is known: an earlier import stored it;
- somebody else reported the same at the same instant (known_moves.py);
- the same file reported the same before (move_id.py), unless the entity left the status in the same instant and may
  enter it again;
- a task's own line is **already true through a cascade**: the task entered that status because of an instance, after
  its last own move, and had not left it before the line's instant. So a file may contain an instance's lines and also
  its task's own (RUNNING, ERROR_RECOVERABLE, REGISTERING). Only the log decides this, not the memory of an import:
  wherever a file is cut, its parts have the same result as the whole.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from application.imports.array_records import ArrayRecords
from application.imports.batch_journal import BatchJournal
from application.imports.batch_state import BatchState
from application.imports.change import (
    AddUpstream,
    AttemptKey,
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    Move,
    MoveIfPossible,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RecordRefusal,
    RegisterRenamable,
    RegisterTask,
    ResetTask,
    SplitArray,
    stated_wait,
)
from application.imports.decision_cache import DecisionCache
from application.imports.move_id import MoveId
from application.imports.parsing import UNFORESEEN, explain
from application.imports.tally import Tally
from application.imports.waiting_lines import IdentifiedLine, WaitingLines
from domain.clock import IMPORTED
from domain.decisions.decide import decide
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import (
    InstanceCreation,
    InstanceReport,
    Registration,
    ResetRequest,
    TaskRequest,
    UpstreamAddition,
)
from domain.decisions.reset import end_instance
from domain.decisions.upstream import require_no_cycle
from domain.entities.task import Task, raise_if_different
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK, TASK_INSTANCE, check_id
from domain.errors import FutureTime, SojournError, TaskBegun, TaskConflict, TaskInstanceConflict
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.report_context import ReportContext
from domain.rules.stale_report import seconds_before_entry
from infrastructure.log.stored_event import StoredEvent

OUT_OF_ORDER = "attempt-out-of-order"
"""An attempt comes after one that began later. The log numbers attempts in the order of the file."""

EARLIER_ATTEMPTS_UNKNOWN = "earlier-attempts-unknown"
"""The source states that a task was attempted before, and the log has fewer attempts at it."""

SPLIT = "SPLIT"
"""The status of the pending rest of a job array once its elements have records of their own."""

OTHER_PREVIOUS_STATUS = "other-previous-status"
"""The source has a task leave another status than the one that the log has it in."""


class Batch:
    """Decides lines on the state of a batch, and counts what they add.

    A line is not understood where it states a time ahead of `now` by more than `clock_tolerance`. `command_ids` and
    `new_streams` are what the lines have added; `waiting` are the lines that came before the creation of their entity.
    With `cache`, no case is decided twice.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        state: BatchState,
        now: datetime,
        clock_tolerance: timedelta,
        cache: DecisionCache | None = None,
    ) -> None:
        self._lifecycle = lifecycle
        self._now = now
        self._clock_tolerance = clock_tolerance
        self._latest = now.astimezone(UTC) + clock_tolerance
        self._state = state
        self._cache = cache
        self._journal = BatchJournal(state)
        self.tally = Tally()
        self.command_ids = self._journal.command_ids
        self.new_streams = self._journal.new_streams
        self.waiting = WaitingLines()
        self._arrays = ArrayRecords()
        for task_id, submitted_at in state.array_parts.items():
            self._arrays.add(task_id, submitted_at)

    def decide_lines(self, lines: Iterable[IdentifiedLine]) -> Iterator[StoredEvent]:
        """Decide line after line, and yield the rows of each: of the whole line, or none if it is not understood."""
        for next_line in lines:
            following = deque([next_line])
            while following:
                line = following.popleft()
                rows = self._decide_identified(line)
                yield from rows
                if rows:
                    # Those that were waiting for an entity of this line come right after it.
                    following.extend(self.waiting.take(line.creates))

    def _decide_identified(self, identified: IdentifiedLine) -> Sequence[StoredEvent]:
        line, move_ids, has_waited = identified
        self.tally.lines += not has_waited
        if isinstance(line, BadLine):
            self.tally.add_bad_line(line)
            return ()
        self._journal.begin_line()
        try:
            self._decide_line(line, move_ids)
        except (SojournError, *UNFORESEEN) as error:
            self._journal.roll_back_line()
            self._set_aside(identified, error)
        else:
            self._count(line)
        return self._journal.rows

    def _decide_line(self, line: ParsedLine, move_ids: Sequence[MoveId | None]) -> None:
        for change, move_id in zip(line.changes, move_ids, strict=True):
            if change.at > self._latest and not isinstance(change, MoveIfPossible):
                raise FutureTime("time", change.at, self._now, self._clock_tolerance)
            self._decide(change, move_id)

    def _set_aside(self, identified: IdentifiedLine, error: Exception) -> None:
        bad = BadLine.of(identified.line.number, explain(error))
        stream = error.waits_for if isinstance(error, InvalidLine) else None
        if stream is None or not self.waiting.add(stream, identified, bad):
            self.tally.add_bad_line(bad)

    def _count(self, line: ParsedLine) -> None:
        for counts in self._journal.counts:
            self.tally.add_counts(counts)
        if not line.changes:
            self.tally.ignored += 1
            self.tally.anomalies.update(line.anomalies)
        elif not self._journal.rows:
            self.tally.duplicates += 1
        elif line.anomalies or self._journal.anomalies:
            self.tally.anomalies.update((*line.anomalies, *self._journal.anomalies))

    def _decide(self, change: Change, move_id: MoveId | None) -> None:  # noqa: C901  # one for each kind of change
        if move_id and self._adds_nothing(change, move_id):
            return
        command_id = move_id.command_id if move_id else None
        repeated = move_id is not None and move_id.repetition > 0
        match change:
            case MoveInstance():
                self._move_instance(change, command_id, repeated=repeated)
            case MoveTask():
                self._move_task(change, command_id, repeated=repeated)
            case RegisterTask():
                self._register_task(change)
            case AddUpstream():
                self._add_upstream(change)
            case CreateInstance():
                self._create_instance(change)
            case ResetTask():
                self._reset_task(change, command_id)
            case RecordRefusal():
                if not repeated:
                    self._record_refusal(change, command_id)
            case SplitArray():
                self._split_array(change)

    def _adds_nothing(self, change: Change, move_id: MoveId) -> bool:
        if isinstance(change, MoveIfPossible) and not self._is_possible(change):
            return True
        if not self._journal.add_command(move_id):
            return True
        move = cast("Move", change)  # only moves have an id
        return self._state.known_moves.has_other_report(move, move_id, self._state.attempts)

    def _is_possible(self, change: MoveIfPossible) -> bool:
        instance = self._state.instances.get(self._instance_id(change.instance) or "")
        if instance is None or not (instance.entered_at or change.at) <= change.at <= self._latest:
            return False
        machine = self._find_task(instance.task_id, change.workflow_id).lifecycle.instance_machine
        return change.to in machine.transitions and machine.can_transition(instance.status, change.to)

    def _register_task(self, change: RegisterTask) -> None:
        existing = self._state.tasks.get(change.task_id)
        task = self._task_of(change, existing)
        if existing:
            # A line without attributes does not say that there are none.
            template = existing.template if isinstance(change, RegisterRenamable) else task.template
            stated = task._replace(
                attributes=existing.attributes, template=template, parent_id=task.parent_id or existing.parent_id
            )
            raise_if_different(existing, stated)
            self._require_known_upstream(change)
            return
        self._require_unarchived(task.stream, f"workflow:{change.workflow_id}")
        self._require_linked(change)
        self._journal.add_stream(task.stream)
        self._journal.add_links(task.id, change.upstream)
        self._arrays.add(task.id, change.at)
        status = change.first_status(task.lifecycle.task)
        cached = self._cache.decide_registration(task, status) if self._cache and not change.upstream else None
        if cached:
            self._journal.apply_cached(cached, task, None, change, IMPORTED, task.template)
        else:
            self._journal.apply(
                decide(Family(None, task), Registration(change.upstream, status), self._context(change))
            )

    def _task_of(self, change: RegisterTask, existing: Task | None) -> Task:
        # A task stays pinned to the version of its lifecycle that was current when it was registered.
        stated = change.lifecycle or self._lifecycle
        pinned = existing.lifecycle if existing and existing.lifecycle.name == stated.name else stated
        return Task(
            change.task_id,
            change.workflow_id,
            pinned,
            change.max_attempts,
            change.template,
            change.array_id,
            attributes=change.attributes,
            parent_id=change.parent,
        )

    def _require_linked(self, change: RegisterTask | AddUpstream) -> None:
        """Check that earlier lines or the log have registered what a task is a part of and what it waits for."""
        if isinstance(change, RegisterTask) and change.parent is not None:
            require_no_cycle("parent", {change.task_id: [change.parent]})
            self._require_task(change.parent)
        self._state.links.require_no_cycle(change.task_id, change.upstream)
        for task_id in change.upstream:
            self._require_task(task_id)

    def _require_task(self, task_id: str) -> None:
        if task_id not in self._state.links.existing:
            self._find_task(task_id, None)

    def _require_known_upstream(self, change: RegisterTask) -> None:
        if self._state.links.without_known(change.task_id, change.upstream):
            known = sorted(self._state.links.upstream.get(change.task_id, ()))
            raise TaskConflict(change.task_id, {"upstream": (known, sorted(change.upstream))})

    def _add_upstream(self, change: AddUpstream) -> None:
        task = self._find_task(change.task_id, change.workflow_id)
        new = tuple(self._state.links.without_known(task.id, change.upstream))
        if not new:
            return
        self._require_linked(change)
        decision = decide(Family(None, task), UpstreamAddition(new), self._context(change))
        if decision.refused:
            raise TaskBegun(task.id, new)
        self._journal.add_links(task.id, new)
        self._journal.apply(decision)

    def _create_instance(self, change: CreateInstance) -> None:
        is_new = self._instance_id(change.instance) not in self._state.instances
        task = self._find_task(change.task_id, change.workflow_id, waits=is_new)
        instance_id = self._instance_id(change.instance) or self._next_instance_id(change.instance, task)
        existing = self._state.instances.get(instance_id)
        if existing:
            if existing.task_id != task.id:
                raise TaskInstanceConflict(instance_id, existing.task_id, task.id)
            return
        self._require_unarchived(f"{TASK_INSTANCE}:{instance_id}")
        self._journal.add_stream(f"{TASK_INSTANCE}:{instance_id}")
        if change.earlier_attempts > task.instances:
            self._journal.anomalies.append(EARLIER_ATTEMPTS_UNKNOWN)
        status = change.first_status(task.lifecycle.instance_machine)
        cached = self._cache.decide_creation(task, status) if self._cache else None
        if cached:
            instance = TaskInstance(instance_id, task.id, task.workflow_id, task.instances + 1)
            self._journal.apply_cached(cached, task, instance, change, IMPORTED)
        else:
            creation = InstanceCreation(instance_id, status=status)
            self._journal.apply(decide(Family(None, task), creation, self._context(change)))

    def _next_instance_id(self, attempt: str | AttemptKey, task: Task) -> str:
        assert isinstance(attempt, AttemptKey)
        instance_id = check_id("task instance", f"{task.id}/{task.instances + 1}")
        if not self._journal.name_attempt(attempt, instance_id):
            self._journal.anomalies.append(OUT_OF_ORDER)
        return instance_id

    def _move_task(self, change: MoveTask, command_id: str | None, *, repeated: bool) -> None:
        task = self._find_task(change.task_id, change.workflow_id)
        machine = task.lifecycle.task
        machine.check(change.to)
        if self._begins_so(task, change.to, change.at) or self._is_true_by_cascade(task, change):
            return
        if repeated and not _may_enter_again(machine, task, change):
            return
        if change.previous_status not in (None, task.status):
            self._journal.anomalies.append(OTHER_PREVIOUS_STATUS)
        starts_attempt = change.begins_attempt
        if starts_attempt is None:
            starts_attempt = task.lifecycle.starts_attempt(change.to)
        self._propose_move(task, change, command_id, starts_attempt=starts_attempt)

    def _propose_move(self, task: Task, change: MoveTask, command_id: str | None, *, starts_attempt: bool) -> None:
        is_plain = change.state is None and change.runner_id is None and not _steps_back(task, change)
        cached = None
        if self._cache and is_plain:
            cached = self._cache.decide_move(task, change.to, starts_attempt=starts_attempt)
        if cached:
            self._journal.apply_cached(cached, task, None, change, command_id)
        else:
            request = TaskRequest(change.state or change.to, starts_attempt, change.runner_id)
            self._journal.apply(decide(Family(None, task), request, self._context(change, command_id)))

    def _begins_so(self, entity: Task | TaskInstance, status: str, at: datetime) -> bool:
        """Return whether the same line made the entity begin in that status at that instant."""
        is_new = entity.version == 1 and any(row.stream == entity.stream for row in self._journal.rows)
        return is_new and (entity.status, entity.entered_at) == (status, at)

    def _is_true_by_cascade(self, task: Task, change: MoveTask) -> bool:
        cascades = self._state.cascades.get(task.id)
        if not cascades:
            return False
        entered_at = change.entered_at or change.at
        left = [*(cascade.entered_at for cascade in cascades[1:]), None]
        return any(
            cascade.status == change.to and (left_at is None or left_at >= entered_at)
            for cascade, left_at in zip(cascades, left, strict=True)
        )

    def _move_instance(self, change: MoveInstance, command_id: str | None, *, repeated: bool) -> None:
        instance_id = self._instance_id(change.instance)
        instance = self._state.instances.get(instance_id) if instance_id else None
        if instance is None:
            self._require_unarchived(f"{TASK_INSTANCE}:{instance_id}")
            sentence = f"no task instance {instance_id!r}: neither an earlier line nor the log has created it"
            raise InvalidLine(sentence, waits_for=f"{TASK_INSTANCE}:{instance_id}")
        task = self._find_task(instance.task_id, change.workflow_id)
        machine = task.lifecycle.instance_machine
        machine.check(change.to)
        if self._begins_so(instance, change.to, change.at):
            return
        if repeated and not _may_enter_again(machine, instance, change):
            return
        due = change.report_by_date
        is_plain = due is None and not _steps_back(instance, change)
        cached = self._cache.decide_report(instance, task, change.to) if self._cache and is_plain else None
        if cached:
            self._journal.apply_cached(cached, task, instance, change, command_id)
        else:
            report = InstanceReport(change.to, report_by_date=due)
            self._journal.apply(decide(Family(instance, task), report, self._context(change, command_id)))

    def _reset_task(self, change: ResetTask, command_id: str | None) -> None:
        context = self._context(change, command_id)
        task = self._find_task(change.task_id, change.workflow_id)
        if task.lifecycle.reset is None:
            raise InvalidLine(f"task {task.id!r} cannot be reset: its lifecycle {task.lifecycle.name!r} has no reset")
        if self._begins_so(task, task.lifecycle.reset.to, change.at):
            return
        if change.previous_status not in (None, task.status):
            self._journal.anomalies.append(OTHER_PREVIOUS_STATUS)
        decision = decide(Family(None, task), ResetRequest(reset_if_running=True), context)
        self._journal.apply(decision)
        if change.ends_instances and not decision.refused:
            for instance in [each for each in self._state.instances.values() if each.task_id == task.id]:
                for event in end_instance(instance, decision, context):
                    self._journal.apply(Decision(decision.task, instance.evolve(event), (event,)))

    def _record_refusal(self, change: RecordRefusal, command_id: str | None) -> None:
        task = self._find_task(change.task_id, change.workflow_id)
        task.lifecycle.task.check(change.to)
        context = self._context(change, command_id)
        refused = task.refuse(change.to, change.outcome, context, runner_id=change.runner_id)
        self._journal.apply(Decision(task.evolve(refused), None, (refused,), change.outcome, refused=True))

    def _split_array(self, change: SplitArray) -> None:
        for rest_id in self._arrays.rests_with(change.task_id):
            self._end_rest(rest_id, change)
        # An older dump may have the rest as it was before its elements started, which the log knows already.
        if self._arrays.is_split(change.task_id, change.at):
            self._end_rest(change.task_id, change)

    def _end_rest(self, task_id: str, change: SplitArray) -> None:
        task = self._state.tasks.get(task_id)
        instance = self._state.instances.get(f"{task_id}/{task.instances}") if task else None
        if task and instance and task.lifecycle.instance_machine.can_transition(instance.status, SPLIT):
            # The records of the parts say how long each was pending, so the rest ends where it began.
            context = self._context(change._replace(at=instance.entered_at or change.at))
            self._journal.apply(decide(Family(instance, task), InstanceReport(SPLIT), context))

    def _context(self, change: Change, command_id: str | None = None) -> ReportContext:
        return ReportContext(
            change.actor,
            change.reason,
            change.at,
            command_id or IMPORTED,
            self._clock_tolerance.total_seconds(),
            waits_for=stated_wait(change),
        )

    def _find_task(self, task_id: str, workflow_id: str | None, *, waits: bool = True) -> Task:
        task = self._state.tasks.get(task_id)
        if task is None:
            self._require_unarchived(f"{TASK}:{task_id}")
            sentence = f"no task {task_id!r}: neither an earlier line nor the log has registered it"
            raise InvalidLine(sentence, waits_for=f"{TASK}:{task_id}" if waits else None)
        if workflow_id is not None and workflow_id != task.workflow_id:
            raise InvalidLine(f"task {task_id!r} is in workflow {task.workflow_id!r}, not in {workflow_id!r}")
        return task

    def _require_unarchived(self, *names: str) -> None:
        for name in names:
            if archived := self._state.archived.get(name):
                raise archived.with_traceback(None)  # it may have been raised before

    def _instance_id(self, instance: str | AttemptKey) -> str | None:
        return instance if isinstance(instance, str) else self._state.attempts.get(instance)


def _steps_back(entity: Task | TaskInstance, change: MoveTask | MoveInstance) -> bool:
    return seconds_before_entry(entity, change.at) > 0


def _may_enter_again(machine: Machine, entity: Task | TaskInstance, change: MoveTask | MoveInstance) -> bool:
    # The entry time never goes back, so it is either the instant of both lines, or the entity has moved on since.
    legal = machine.can_transition(entity.status, change.to)
    return legal and entity.entered_at is not None and entity.entered_at <= change.at
