"""Importing a file: its lines in batches, each batch in one transaction with the command ids of what it says.

What was committed stays when an import is interrupted; importing the file again goes on from there.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from psycopg import Connection

from application.imports.batch import Batch, IdentifiedLine
from application.imports.batch_state import load_batch_state
from application.imports.bounded_cache import BoundedCache
from application.imports.change import MOVES, BadLine, ParsedLine, RegisterTask
from application.imports.decision_cache import DecisionCache
from application.imports.move_id import MoveIds
from application.imports.tally import Tally
from application.shared.current_status import database_now
from application.shared.store import Store
from application.shared.unit_of_work import UnitOfWork
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.log.commands import keep_commands
from infrastructure.sql import query

LINES_PER_BATCH = 5_000
"""How many lines are stored at a time."""

MANY = 10_000
"""After so many transitions, whatever asks about them is planned by what the tables hold now."""

BEGUN = 100_000
"""Of how many entities it is remembered, at least, that this import has begun them."""

MAX_RETRIES = 8

REQUEST = "import"
"""What a command id of an import asked for: the id itself is a digest of it."""


def import_lines(
    store: Store,
    lifecycle: Lifecycle,
    lines: Iterable[ParsedLine | BadLine],
    progress: Callable[[Tally], None] = lambda _: None,
    batch: int = LINES_PER_BATCH,
) -> Tally:
    """Store what the lines propose; tasks that they register are pinned to `lifecycle`.

    `progress` is told the counts after each batch. Raises RetriesExhausted where others keep what a batch is about
    locked, LifecycleConflict where the log has another definition of the lifecycle.
    """
    tally = Tally()
    entries = _entries(lines)
    under_way = _Import(store, store.lifecycles.pin(lifecycle))

    def read() -> list[IdentifiedLine]:
        return list(islice(entries, batch))

    # While the server stores a batch, the next one is read.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as ahead:
        coming = ahead.submit(read)
        while some := coming.result():
            coming = ahead.submit(read)
            tally.add(under_way.stored(some))
            progress(tally)
    if tally.transitions >= MANY:
        with store.transaction() as connection:
            connection.execute(query("projections", "imports/sample_statistics"))
    return tally


def _entries(lines: Iterable[ParsedLine | BadLine]) -> Iterator[IdentifiedLine]:
    count = MoveIds().count
    for line in lines:
        if isinstance(line, BadLine):
            yield IdentifiedLine(line)
        else:
            moves = [count(said) if isinstance(said, MOVES) else None for said in line.proposals]
            yield IdentifiedLine(line, moves)


@dataclass(frozen=True, slots=True)
class _Import:
    """What an import has from batch to batch.

    `begun` are the streams that it has begun itself, so that nobody else can have told of them before.
    """

    store: Store
    lifecycle: Lifecycle
    shapes: DecisionCache = field(default_factory=DecisionCache)
    begun: BoundedCache[str, bool] = field(default_factory=lambda: BoundedCache(BEGUN))

    def stored(self, entries: list[IdentifiedLine]) -> Tally:
        """Store a batch, and tell what has come of it."""

        # The file's command ids make a batch safe to retry.
        unit = UnitOfWork(
            self.store, "a task or task instance of this file", max_retries=MAX_RETRIES, safe_to_retry=True
        )
        batch = unit.run(lambda connection: self._decided_and_appended(connection, entries))
        for stream in batch.begun:
            self.begun.keep(stream, True)
        return batch.tally

    def _decided_and_appended(self, connection: Connection[Any], entries: list[IdentifiedLine]) -> Batch:
        proposals = [
            proposal for entry in entries if isinstance(entry.line, ParsedLine) for proposal in entry.line.proposals
        ]
        command_ids = [said.command_id for entry in entries for said in entry.said if said]
        for proposal in proposals:
            if isinstance(proposal, RegisterTask) and proposal.lifecycle is not None:
                self.store.lifecycles.pin(proposal.lifecycle)
        found = load_batch_state(self.store, connection, proposals, command_ids, self.begun)
        batch = Batch(self.lifecycle, found, self.shapes)
        # The server stores the first events while the last ones are decided.
        self.store.log.copy_rows(connection, batch.decide_lines(entries), database_now(connection))
        keep_commands(connection, batch.command_ids, REQUEST)
        return batch
