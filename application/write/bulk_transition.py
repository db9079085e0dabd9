"""Move many entities: lock a chunk, decide on each entity in memory, and append the events by COPY."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from logging import INFO
from typing import Any, TypeVar

from psycopg import Connection

from application.shared.current_status import OnLocked, database_now, existing_ids
from application.shared.entry_clocks import read_clocks, read_clocks_of_families
from application.shared.retry import backoff_seconds, pause
from application.shared.slots_in_database import SlotsInDatabase
from application.shared.store import Store, chunked
from application.shared.suggestions import EXISTING, require_unarchived
from application.shared.unit_of_work import UnitOfWork
from application.write.answers import BulkAnswer, ResetAnswer
from application.write.known_status import StatusCheck
from domain.decisions.decide import decide, decide_in_turn
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import GateRequest, InstanceReport, ResetRequest, TaskRequest
from domain.decisions.reset import end_instance
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.entity import TASK, TASK_INSTANCE
from domain.report_context import ReportContext
from domain.rules.rulebook import takes_slots
from infrastructure.errors import RetriesExhausted
from infrastructure.loggers import get_logger

log = get_logger("report")

Locked = TypeVar("Locked")
MoveChunk = Callable[[list[str], Connection[Any]], BulkAnswer]

LOCK_PASSES = 6
"""The number of passes in which a call locks rows, keeping what it has; together they take about 0.15 seconds."""


def transition_tasks(
    unit: UnitOfWork,
    task_ids: Sequence[str],
    proposal: TaskRequest | GateRequest,
    context: ReportContext,
    wait: OnLocked,
) -> BulkAnswer:
    """Move tasks as the same proposal decides for each.

    Raises:
        UnknownStatus: no machine of any of their lifecycles has the requested status.
    """
    store = unit.store
    known = StatusCheck(store, TASK, task_ids, proposal.target) if isinstance(proposal, TaskRequest) else None

    def move(ids: list[str], connection: Connection[Any]) -> BulkAnswer:
        slots = SlotsInDatabase(connection)
        locked = store.status.lock_tasks(connection, ids, wait)
        tasks = {task.id: task for task in read_clocks(connection, locked, context.occurred_at)}
        if known:
            known.check(connection, (task.lifecycle for task in tasks.values()))
        now = database_now(connection)
        judged = store.at_decision(context, now)
        decided: Iterable[tuple[str, Decision]] = (
            (name, decide(Family(None, tasks[name]), proposal, judged, slots)) for name in ids if name in tasks
        )
        if any(map(takes_slots, tasks.values())):
            decided = list(decided)  # taking slots runs statements, which cannot run during COPY
        refused = append_decisions(store, connection, decided, tasks.values(), now=now)
        return _bulk_answer(connection, ids, refused, "find/existing_tasks")

    return unit.run(partial(_move_in_chunks, unit, task_ids, move, "find/existing_tasks"))


def transition_task_instances(
    unit: UnitOfWork, task_instance_ids: Sequence[str], status: str, context: ReportContext
) -> BulkAnswer:
    """Move task instances to `status`, and their tasks with them.

    Raises:
        UnknownStatus: no machine of any of their lifecycles has the status.
    """
    store = unit.store
    known = StatusCheck(store, TASK_INSTANCE, task_instance_ids, status)

    def move(ids: list[str], connection: Connection[Any]) -> BulkAnswer:
        locked = store.status.lock_families(connection, ids, OnLocked.NOWAIT)
        families = read_clocks_of_families(connection, locked, context.occurred_at)
        known.check(connection, (task.lifecycle for _, task in families))
        proposal, judged = InstanceReport(status), store.at_decision(context)
        decided = decide_in_turn(families, lambda instance, task: decide(Family(instance, task), proposal, judged))
        refused = append_decisions(store, connection, decided, (member for family in families for member in family))
        return _bulk_answer(connection, ids, refused, "find/existing_task_instances")

    return unit.run(partial(_move_in_chunks, unit, task_instance_ids, move, "find/existing_task_instances"))


def lock_in_passes(
    ids: Sequence[str], lock: Callable[[list[str], OnLocked], Mapping[str, Locked]], last: OnLocked
) -> dict[str, Locked]:
    """Lock the rows that are free, then those that have become free; the last pass treats the others as `last` says.

    The locks are kept between the passes, so the pauses are short.
    """
    locked: dict[str, Locked] = {}
    for number in range(LOCK_PASSES):
        left = [name for name in ids if name not in locked]
        if not left:
            break
        if number:
            pause(backoff_seconds(number) / 10)
        locked |= lock(left, last if number == LOCK_PASSES - 1 else OnLocked.SKIP_LOCKED)
    return locked


def reset_tasks(
    unit: UnitOfWork, task_ids: Sequence[str], context: ReportContext, *, reset_if_running: bool
) -> ResetAnswer:
    """Send tasks back to their initial status, and request their active instances to end."""

    def reset_in_chunks(connection: Connection[Any]) -> ResetAnswer:
        answer: ResetAnswer = {"reset": [], "kept": [], "locked": [], "not_found": [], "killed": []}
        for ids in chunked(task_ids):
            part = _reset_chunk(unit.within(connection), connection, ids, context, reset_if_running)
            for name, values in part.items():
                answer[name] += values  # type: ignore[literal-required]
        return answer

    return unit.run(reset_in_chunks)


def _reset_chunk(
    unit: UnitOfWork, connection: Connection[Any], ids: list[str], context: ReportContext, reset_if_running: bool
) -> ResetAnswer:
    try:
        return unit.run(lambda _: _reset(unit.store, connection, ids, context, reset_if_running))
    except RetriesExhausted:
        known = existing_ids(connection, "find/existing_tasks", ids)
        return {
            "reset": [],
            "kept": [],
            "locked": [name for name in ids if name in known],
            "not_found": [name for name in ids if name not in known],
            "killed": [],
        }


def _reset(
    store: Store, connection: Connection[Any], ids: list[str], context: ReportContext, reset_if_running: bool
) -> ResetAnswer:
    instances = store.status.lock_instances_of(connection, ids)
    tasks = {task.id: task for task in store.status.lock_tasks(connection, ids, OnLocked.NOWAIT)}
    if len(instances) < sum(task.instances for task in tasks.values()):
        # Some instances were created before their tasks were locked; now no more can be.
        instances = store.status.lock_instances_of(connection, ids)
    proposal = ResetRequest(reset_if_running)
    decisions = {name: decide(Family(None, tasks[name]), proposal, context) for name in ids if name in tasks}
    slots = SlotsInDatabase(connection)
    for name, decided in decisions.items():
        if decided.events and takes_slots(decided.task):
            slots.give_back(name)
    ended = [
        event
        for instance in instances
        if (decision := decisions.get(instance.task_id)) and not decision.refused
        for event in end_instance(instance, decision, context)
    ]
    append_decisions(store, connection, decisions.items(), [*tasks.values(), *instances], ended)
    require_unarchived(connection, TASK, [name for name in ids if name not in tasks])
    return {
        "reset": [name for name, decision in decisions.items() if not decision.refused],
        "kept": [name for name, decision in decisions.items() if decision.refused],
        "locked": [],
        "not_found": [name for name in ids if name not in tasks],
        "killed": [event.stream.partition(":")[2] for event in ended],
    }


def append_decisions(
    store: Store,
    connection: Connection[Any],
    decided: Iterable[tuple[str, Decision]],
    before: Iterable[Task | TaskInstance],
    further: Iterable[Event] = (),
    now: datetime | None = None,
) -> dict[str, bool]:
    """Append decisions while they are made, and return whether each entity was refused or sent to another status.

    The server reads events while later ones are decided, and each is released once it is sent, because keeping
    thousands of them costs the garbage collector more than deciding them. `now` is the database's time, if it was read
    after the locks were taken.
    """
    refused: dict[str, bool] = {}

    def events() -> Iterator[Event]:
        for name, decision in decided:
            refused[name] = decision.refused or decision.outcome.response is not None
            yield from decision.events
        yield from further

    entered = {entity.stream: entity.entered_at for entity in before if entity.entered_at}
    store.log.copy(connection, events(), now or database_now(connection), entered)
    if log.isEnabledFor(INFO) and (number := sum(refused.values())):
        log.info("refused %d of %d", number, len(refused))
    return refused


def _move_in_chunks(
    unit: UnitOfWork, ids: Sequence[str], move: MoveChunk, existing_query: str, connection: Connection[Any]
) -> BulkAnswer:
    answer: BulkAnswer = {"transitioned": [], "invalid": [], "locked": [], "not_found": []}
    for chunk in chunked(ids):
        try:
            part = unit.within(connection).run(partial(move, chunk))
        except RetriesExhausted:
            part = _bulk_answer(connection, chunk, {}, existing_query)
        for name, values in part.items():
            answer[name] += values  # type: ignore[literal-required]
    return answer


def _bulk_answer(
    connection: Connection[Any], ids: Sequence[str], refused: dict[str, bool], existing_query: str
) -> BulkAnswer:
    undecided = [name for name in ids if name not in refused]
    known = existing_ids(connection, existing_query, undecided) if undecided else set()
    kind = TASK if existing_query == EXISTING[TASK] else TASK_INSTANCE
    require_unarchived(connection, kind, [name for name in undecided if name not in known])
    return {
        "transitioned": [name for name in ids if refused.get(name) is False],
        "invalid": [name for name in ids if refused.get(name) is True],
        "locked": [name for name in undecided if name in known],
        "not_found": [name for name in undecided if name not in known],
    }
