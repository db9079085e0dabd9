"""What the decisions about a batch's lines change: entities, new rows, counts. One line's part can be taken back."""

from collections.abc import Iterator, Sequence

from application.imports.batch_state import BatchState, CascadedStatus
from application.imports.change import AttemptKey, Change, stated_wait
from application.imports.decision_cache import CachedDecision, EventValues, build_rows, instance_after, task_after
from application.imports.move_id import MoveId
from application.imports.tally import EventCounts
from application.imports.undo_log import UndoLog
from domain.clock import clock_of
from domain.decisions.decision import Decision
from domain.entities.events import TaskReset, TaskTransitioned
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.time import entry_time
from infrastructure.log.stored_event import StoredEvent, store_event


class BatchJournal:
    """Applies decisions to a batch's state.

    `rows`, `counts` and `anomalies` are the current line's; `command_ids` and `new_streams` are the whole batch's.
    """

    def __init__(self, state: BatchState) -> None:
        self.state = state
        self.rows: list[StoredEvent] = []
        self.counts: list[EventCounts] = []
        self.anomalies: list[str] = []
        self.command_ids: list[str] = []
        self.new_streams: dict[str, bool] = {}
        self._newest_attempt = {attempt.task_id: attempt.begun_at for attempt in sorted(state.attempts)}
        self._undo = UndoLog()
        self._commands_before = 0

    def begin_line(self) -> None:
        """Forget the line before."""
        self.rows.clear()
        self.counts.clear()
        self.anomalies.clear()
        self._undo.clear()
        self._commands_before = len(self.command_ids)

    def roll_back_line(self) -> None:
        """Take back everything that the current line changed."""
        self._undo.roll_back()
        self.state.known_moves.forget_commands(self.command_ids[self._commands_before :])
        del self.command_ids[self._commands_before :]
        self.begin_line()

    def add_command(self, move_id: MoveId) -> bool:
        """Store a move's command id. Return whether it was new."""
        known_moves = self.state.known_moves
        if known_moves.has_command(move_id.command_id):
            return False
        known_moves.add_command(move_id.command_id)
        self.command_ids.append(move_id.command_id)
        return True

    def add_stream(self, stream: str) -> None:
        """Note that the current line creates the entity of `stream`."""
        self._undo.set(self.new_streams, stream, True)

    def add_links(self, task_id: str, upstream: Sequence[str]) -> None:
        """Note that the current line lets a task wait for those of `upstream`."""
        links = self.state.links
        self._undo.set(links.upstream, task_id, links.upstream.get(task_id, frozenset()) | set(upstream))
        for upstream_id in upstream:
            self._undo.set(links.waited_for, upstream_id, True)

    def name_attempt(self, attempt: AttemptKey, instance_id: str) -> bool:
        """Give an attempt its id. Return whether it began after all known attempts at its task, or with the last."""
        newest = self._newest_attempt.get(attempt.task_id, attempt.begun_at)
        self._undo.set(self.state.attempts, attempt, instance_id)
        self._undo.set(self._newest_attempt, attempt.task_id, max(attempt.begun_at, newest))
        return attempt.begun_at >= newest

    def apply(self, decision: Decision) -> None:
        """Append a decision's events and set the entities to their state after it."""
        entered = {entity.stream: entity.entered_at for entity in self._entities_before(decision)}
        for event in decision.events:
            if event.is_transition:
                entered[event.stream] = entry_time(event.occurred_at, entered.get(event.stream))
            self.rows.append(store_event(event, entered[event.stream]))
        self.counts.append(EventCounts.of(decision.events))
        self._set_entities(decision.task, decision.instance)
        for event in decision.events:
            if isinstance(event, TaskTransitioned | TaskReset):
                self._track_cascade(decision.task, event.status, by_cascade=event.cause is not None)

    def apply_cached(
        self,
        decision: CachedDecision,
        task: Task,
        instance: TaskInstance | None,
        change: Change,
        command_id: str | None,
        template: str | None = None,
    ) -> None:
        """Append a cached decision's events for these entities, and set them to their state after it."""
        values = EventValues.of(change.actor, change.reason, change.at, command_id, stated_wait(change))
        self.rows += build_rows(decision, task, instance, values, template)
        self.counts.append(decision.counts)
        clock = clock_of(change.at, change.actor.host if change.actor else None, command_id)
        after = task_after(decision, task, change.at, clock)
        self._set_entities(after, instance_after(decision, instance, change.at, clock) if instance else None)
        for status, by_cascade in decision.entered:
            self._track_cascade(after, status, by_cascade=by_cascade)

    def _entities_before(self, decision: Decision) -> Iterator[Task | TaskInstance]:
        if decision.task.id in self.state.tasks:
            yield self.state.tasks[decision.task.id]
        if decision.instance and decision.instance.id in self.state.instances:
            yield self.state.instances[decision.instance.id]

    def _set_entities(self, task: Task, instance: TaskInstance | None) -> None:
        self._undo.set(self.state.tasks, task.id, task)
        if instance:
            self._undo.set(self.state.instances, instance.id, instance)

    def _track_cascade(self, task: Task, status: str, *, by_cascade: bool) -> None:
        assert task.entered_at is not None
        before = self.state.cascades.get(task.id, ())
        after = (*before, CascadedStatus(status, task.entered_at)) if by_cascade else ()
        if after or before:
            self._undo.set(self.state.cascades, task.id, after)
