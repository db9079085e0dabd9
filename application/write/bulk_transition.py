"""Many entities' transitions: locked, decided one by one in memory, and appended by COPY, chunk by chunk."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from psycopg import Connection

from application.shared.current_status import OnLocked, database_now, existing_ids
from application.shared.retry import CONTENTION, SERIALIZATION_FAILURE, backoff_seconds, retrying
from application.shared.slots_in_database import SlotsInDatabase
from application.shared.store import Store, chunked
from application.write.answers import BulkAnswer, ResetAnswer
from domain.decisions.decide import decide, decide_in_turn
from domain.decisions.decision import Decision, Family
from domain.decisions.proposals import InstanceReport, ResetRequest
from domain.decisions.reset import end_instance
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.report_context import ReportContext
from domain.rules.rulebook import takes_slots
from infrastructure.errors import RetriesExhausted

Answer = TypeVar("Answer")
Locked = TypeVar("Locked")
Chunk = Callable[[Connection[Any], list[str]], BulkAnswer]

ROUNDS = 6
"""How often what others hold is tried for by those who keep what they have got: for some 0.15 seconds."""


def transition_tasks(
    store: Store,
    connection: Connection[Any],
    task_ids: Sequence[str],
    decide_task: Callable[[Task], Decision],
    wait: OnLocked,
    max_retries: int,
) -> BulkAnswer:
    """Move tasks as `decide_task` says, in the transaction of `connection`."""

    def chunk(connection: Connection[Any], ids: list[str]) -> BulkAnswer:
        tasks = {task.id: task for task in store.status.lock_tasks(connection, ids, wait)}
        decided: Iterable[tuple[str, Decision]] = ((name, decide_task(tasks[name])) for name in ids if name in tasks)
        if any(map(takes_slots, tasks.values())):
            decided = list(decided)  # which asks the database, and so cannot go on while it takes in events
        refused = append(store, connection, decided, tasks.values())
        return _sorted_out(connection, ids, refused, "find/existing_tasks")

    return _in_chunks(connection, task_ids, chunk, "find/existing_tasks", max_retries)


def transition_task_instances(
    store: Store,
    connection: Connection[Any],
    task_instance_ids: Sequence[str],
    status: str,
    report: ReportContext,
    max_retries: int,
) -> BulkAnswer:
    """Move task instances to `status`, and their tasks with them, in the transaction of `connection`."""

    def chunk(connection: Connection[Any], ids: list[str]) -> BulkAnswer:
        families = store.status.lock_families(connection, ids, OnLocked.NOWAIT)
        decided = decide_in_turn(
            families, lambda instance, task: decide(Family(instance, task), InstanceReport(status), report)
        )
        refused = append(store, connection, decided, (member for family in families for member in family))
        return _sorted_out(connection, ids, refused, "find/existing_task_instances")

    return _in_chunks(connection, task_instance_ids, chunk, "find/existing_task_instances", max_retries)


def in_rounds(
    ids: Sequence[str], lock: Callable[[list[str], OnLocked], Mapping[str, Locked]], last: OnLocked
) -> dict[str, Locked]:
    """Lock what is free, then what has become free; `last` is what happens in the end about what is still held.

    What was locked stays so meanwhile: the pauses are short.
    """
    locked: dict[str, Locked] = {}
    for number in range(ROUNDS):
        left = [name for name in ids if name not in locked]
        if not left:
            break
        if number:
            time.sleep(backoff_seconds(number) / 10)
        locked |= lock(left, last if number == ROUNDS - 1 else OnLocked.SKIP_LOCKED)
    return locked


def reset_tasks(
    store: Store,
    connection: Connection[Any],
    task_ids: Sequence[str],
    report: ReportContext,
    *,
    reset_if_running: bool,
    max_retries: int,
) -> ResetAnswer:
    """Send tasks back to their beginning and tell their active instances to end."""
    answer: ResetAnswer = {"reset": [], "kept": [], "locked": [], "not_found": [], "killed": []}
    for ids in chunked(task_ids):
        try:
            part = _retried(
                connection,
                partial(_reset, store, connection, ids, report, reset_if_running),
                max_retries,
            )
        except RetriesExhausted:
            known = existing_ids(connection, "find/existing_tasks", ids)
            part = {
                "reset": [], "kept": [], "killed": [],
                "locked": [name for name in ids if name in known],
                "not_found": [name for name in ids if name not in known],
            }  # fmt: skip
        for name, values in part.items():
            answer[name] += values  # type: ignore[literal-required]
    return answer


def _reset(
    store: Store, connection: Connection[Any], ids: list[str], report: ReportContext, reset_if_running: bool
) -> ResetAnswer:
    instances = store.status.lock_instances_of(connection, ids)
    tasks = {task.id: task for task in store.status.lock_tasks(connection, ids, OnLocked.NOWAIT)}
    if len(instances) < sum(task.instances for task in tasks.values()):
        # Some were created before their tasks were locked. Now there can be no more.
        instances = store.status.lock_instances_of(connection, ids)
    proposal = ResetRequest(reset_if_running)
    decisions = {name: decide(Family(None, tasks[name]), proposal, report) for name in ids if name in tasks}
    slots = SlotsInDatabase(connection)
    for name, decided in decisions.items():
        if decided.events and takes_slots(decided.task):
            slots.give_back(name)
    ended = [
        event
        for instance in instances
        if (decision := decisions.get(instance.task_id)) and not decision.refused
        for event in end_instance(instance, decision, report)
    ]
    append(store, connection, decisions.items(), [*tasks.values(), *instances], ended)
    return {
        "reset": [name for name, decision in decisions.items() if not decision.refused],
        "kept": [name for name, decision in decisions.items() if decision.refused],
        "locked": [],
        "not_found": [name for name in ids if name not in tasks],
        "killed": [event.stream.partition(":")[2] for event in ended],
    }


def append(
    store: Store,
    connection: Connection[Any],
    decided: Iterable[tuple[str, Decision]],
    before: Iterable[Task | TaskInstance],
    further: Iterable[Event] = (),
    now: datetime | None = None,
) -> dict[str, bool]:
    """Append what is decided while it is decided, and answer with whether each was refused, or sent elsewhere.

    The server takes in events as the next ones are made, and each is let go once it was sent: many thousands that are
    kept cost the garbage collector more than deciding them did. `now` is the database's clock, where it was read since
    the locks are held.
    """
    refused: dict[str, bool] = {}

    def events() -> Iterator[Event]:
        for name, decision in decided:
            refused[name] = decision.refused or decision.outcome.response is not None
            yield from decision.events
        yield from further

    entered = {entity.stream: entity.entered_at for entity in before if entity.entered_at}
    store.log.copy(connection, events(), now or database_now(connection), entered)
    return refused


def _in_chunks(
    connection: Connection[Any], ids: Sequence[str], chunk: Chunk, existing_query: str, max_retries: int
) -> BulkAnswer:
    answer: BulkAnswer = {"transitioned": [], "invalid": [], "locked": [], "not_found": []}
    for some in chunked(ids):
        try:
            part = _retried(connection, partial(chunk, connection, some), max_retries)
        except RetriesExhausted:
            part = _sorted_out(connection, some, {}, existing_query)
        for name, values in part.items():
            answer[name] += values  # type: ignore[literal-required]
    return answer


def _retried(connection: Connection[Any], attempt: Callable[[], Answer], max_retries: int) -> Answer:
    def behind_savepoint() -> Answer:
        with connection.transaction():
            return attempt()

    # The connection's loss takes the whole transaction with it, so that nothing was written.
    return retrying(
        "a row of this call",
        behind_savepoint,
        max_retries=max_retries,
        curable=CONTENTION - {SERIALIZATION_FAILURE},
        repeatable=True,
    )


def _sorted_out(
    connection: Connection[Any], ids: Sequence[str], refused: dict[str, bool], existing_query: str
) -> BulkAnswer:
    undecided = [name for name in ids if name not in refused]
    known = existing_ids(connection, existing_query, undecided) if undecided else set()
    return {
        "transitioned": [name for name in ids if refused.get(name) is False],
        "invalid": [name for name in ids if refused.get(name) is True],
        "locked": [name for name in undecided if name in known],
        "not_found": [name for name in undecided if name not in known],
    }
