"""Imports a file: its lines in batches, each in one transaction with the command ids of its moves.

Committed batches stay when an import is interrupted; importing the file again continues after them.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from psycopg import Connection
from psycopg.errors import CheckViolation, DataError, ProgramLimitExceeded

from application.imports.batch import Batch
from application.imports.batch_state import load_batch_state
from application.imports.bounded_cache import BoundedCache
from application.imports.change import MOVES, BadLine, ParsedLine, RegisterTask
from application.imports.decision_cache import DecisionCache
from application.imports.move_id import MoveIds
from application.imports.tally import Tally
from application.imports.waiting_lines import IdentifiedLine, WaitingLines
from application.shared.current_status import database_now
from application.shared.store import Store
from application.shared.unit_of_work import UnitOfWork
from domain.errors import LifecycleConflict
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.errors import UnstorableValue
from infrastructure.log.commands import keep_commands
from infrastructure.sql import query

LINES_PER_BATCH = 5_000

BYTES_PER_BATCH = 64 * 2**20
"""A batch ends early with the line that reaches it, so that long lines cannot fill the memory."""

ANALYZE_AFTER = 10_000
"""The number of new transitions after which the planner's statistics are out of date."""

REMEMBERED_STREAMS = 100_000
"""The number of entities that an import remembers to have created, at least."""

MAX_RETRIES = 8

REFUSED_VALUES = (DataError, UnstorableValue, CheckViolation, ProgramLimitExceeded)
"""The errors by which the database refuses a value, however often it is tried."""

REQUEST = "import"
"""The request that is stored with an import's command ids, which are digests of the moves themselves."""


def import_lines(
    store: Store,
    lifecycle: Lifecycle,
    lines: Iterable[ParsedLine | BadLine],
    progress: Callable[[Tally], None] = lambda _: None,
    batch: int = LINES_PER_BATCH,
) -> Tally:
    """Store the changes of `lines`; new tasks are pinned to `lifecycle`. Call `progress` after each batch.

    Raises:
        RetriesExhausted: other transactions keep an entity of a batch locked.
        LifecycleConflict: the log has another definition of the lifecycle.
    """
    tally = Tally()
    identified = _identify_moves(lines)
    run = _ImportRun(store, store.lifecycles.save(lifecycle))

    def read() -> list[IdentifiedLine]:
        return _take_batch(identified, batch)

    # A thread reads the next batch while the server stores this one.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as reader:
        coming = reader.submit(read)
        while some := coming.result():
            coming = reader.submit(read)
            tally.add(run.store_batch(some))
            progress(tally)
    tally.add(run.give_up_waiting())
    if tally.transitions >= ANALYZE_AFTER:
        with store.transaction() as connection:
            connection.execute(query("projections", "imports/sample_statistics"))
    return tally


def _take_batch(lines: Iterator[IdentifiedLine], most: int) -> list[IdentifiedLine]:
    taken, size = [], 0
    for identified in islice(lines, most):
        taken.append(identified)
        if isinstance(identified.line, ParsedLine):
            size += identified.line.size
        if size >= BYTES_PER_BATCH:
            break
    return taken


def _identify_moves(lines: Iterable[ParsedLine | BadLine]) -> Iterator[IdentifiedLine]:
    assign = MoveIds().assign
    for line in lines:
        if isinstance(line, BadLine):
            yield IdentifiedLine(line)
        else:
            yield IdentifiedLine(
                line, tuple(assign(change) if isinstance(change, MOVES) else None for change in line.changes)
            )


@dataclass(frozen=True, slots=True)
class _ImportRun:
    """What an import keeps from batch to batch.

    `new_streams` are the entities that it created itself, so nobody else has reported about them before. `waiting` are
    the lines whose entity no line has created so far.
    """

    store: Store
    lifecycle: Lifecycle
    cache: DecisionCache = field(default_factory=DecisionCache)
    new_streams: BoundedCache[str, bool] = field(default_factory=lambda: BoundedCache(REMEMBERED_STREAMS))
    waiting: WaitingLines = field(default_factory=WaitingLines)

    def store_batch(self, lines: list[IdentifiedLine]) -> Tally:
        """Store a batch, and return its counts.

        Where the database refuses a value that Python accepts, halving finds its line, and the others are stored.
        """
        lines = [*self.waiting.take(stream for line in lines for stream in line.creates), *lines]
        try:
            return self._store_at_once(lines)
        except REFUSED_VALUES as error:
            if len(lines) == 1:
                return _tally_refused(lines[0], error)
            middle = len(lines) // 2
            tally = self.store_batch(lines[:middle])
            tally.add(self.store_batch(lines[middle:]))
            return tally

    def _store_at_once(self, lines: list[IdentifiedLine]) -> Tally:
        # Command ids make a batch safe to retry: of two imports of the same file at the same time, one meets the
        # other's rows, reads the state again and finds them.
        unit = UnitOfWork(
            self.store, "a task or task instance of this file", max_retries=MAX_RETRIES, safe_to_retry=True
        )
        batch = unit.run(lambda connection: self._decide_and_append(connection, lines))
        for stream in batch.new_streams:
            self.new_streams.put(stream, True)
        for bad in self.waiting.add_all(batch.waiting):
            batch.tally.add_bad_line(bad)
        return batch.tally

    def give_up_waiting(self) -> Tally:
        """Return the counts of the lines whose entity no line has created."""
        tally = Tally()
        for bad in self.waiting.give_up():
            tally.add_bad_line(bad)
        return tally

    def _decide_and_append(self, connection: Connection[Any], lines: list[IdentifiedLine]) -> Batch:
        lines = list(map(self._save_lifecycles, lines))
        changes = [change for line, *_ in lines if isinstance(line, ParsedLine) for change in line.changes]
        command_ids = [move_id.command_id for _, move_ids, _ in lines for move_id in move_ids if move_id]
        state = load_batch_state(self.store, connection, changes, command_ids, self.new_streams)
        now = database_now(connection)
        batch = Batch(self.lifecycle, state, now, self.store.clock_tolerance, self.cache)
        # COPY takes rows as they come, so the server stores the first ones while the last ones are decided.
        self.store.log.copy_rows(connection, batch.decide_lines(lines), now)
        keep_commands(connection, batch.command_ids, REQUEST)
        return batch

    def _save_lifecycles(self, identified: IdentifiedLine) -> IdentifiedLine:
        """Store the lifecycles that a line defines or names; return the line, or why it cannot be pinned to them."""
        line = identified.line
        if isinstance(line, ParsedLine):
            try:
                for change in line.changes:
                    if isinstance(change, RegisterTask) and change.lifecycle is not None:
                        self.store.lifecycles.save(change.lifecycle)
            except LifecycleConflict as conflict:
                return IdentifiedLine(BadLine.of(line.number, str(conflict)))
        return identified


def _tally_refused(identified: IdentifiedLine, error: Exception) -> Tally:
    tally = Tally(lines=int(not identified.has_waited))
    sentence = f"has a value that the database does not store: {str(error).splitlines()[0]}"
    tally.add_bad_line(BadLine.of(identified.line.number, sentence))
    return tally
