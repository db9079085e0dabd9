"""Importing a file: its lines in batches, each batch in one transaction with the command ids of what it says.

What was committed stays when an import is interrupted; importing the file again goes on from there.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from psycopg import Connection

from application.imports.batch import Batch, Entry
from application.imports.found import find
from application.imports.proposal import MOVES, BadLine, Line, RegisterTask
from application.imports.repetition import Repetitions
from application.imports.shape import Shapes
from application.imports.tally import Tally
from application.retry import CONTENTION, UNIQUE_VIOLATION, retrying
from application.store import Store
from domain.lifecycle import Lifecycle
from infrastructure.commands import keep_commands
from infrastructure.current_status import moment
from infrastructure.sql import query

BATCH = 5_000
"""How many lines are stored at a time."""

MANY = 10_000
"""After so many transitions, whatever asks about them is planned by what the tables hold now."""

MAX_RETRIES = 8

REQUEST = "import"
"""What a command id of an import asked for: the id itself is a digest of it."""


def import_lines(
    store: Store,
    lifecycle: Lifecycle,
    lines: Iterable[Line | BadLine],
    progress: Callable[[Tally], None] = lambda _: None,
    batch: int = BATCH,
) -> Tally:
    """Store what the lines propose; tasks that they register are pinned to `lifecycle`.

    `progress` is told the counts after each batch. Raises RetriesExhausted where others keep what a batch is about
    locked, LifecycleConflict where the log has another definition of the lifecycle.
    """
    tally, shapes = Tally(), Shapes()
    entries = _entries(lines)
    pinned = store.lifecycles.pin(lifecycle)

    def read() -> list[Entry]:
        return list(islice(entries, batch))

    # While the server stores a batch, the next one is read.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as ahead:
        coming = ahead.submit(read)
        while some := coming.result():
            coming = ahead.submit(read)
            tally.add(_stored(store, pinned, some, shapes))
            progress(tally)
    if tally.transitions >= MANY:
        with store.transaction() as connection:
            connection.execute(query("projections", "rough_statistics"))
    return tally


def _entries(lines: Iterable[Line | BadLine]) -> Iterator[Entry]:
    count = Repetitions().count
    for line in lines:
        if isinstance(line, BadLine):
            yield Entry(line)
        else:
            moves = [count(said) if isinstance(said, MOVES) else None for said in line.proposals]
            yield Entry(line, moves)


def _stored(store: Store, lifecycle: Lifecycle, entries: list[Entry], shapes: Shapes) -> Tally:
    def attempt() -> Tally:
        with store.transaction(repeatable=True) as connection:
            return _decided_and_appended(store, connection, lifecycle, entries, shapes)

    # Command ids make a batch repeatable. Two who import the same at once: one meets the other's rows, looks again,
    # and finds them there.
    return retrying(
        "a task or task instance of this file",
        attempt,
        max_retries=MAX_RETRIES,
        curable=CONTENTION | {UNIQUE_VIOLATION},
    )


def _decided_and_appended(
    store: Store, connection: Connection[Any], lifecycle: Lifecycle, entries: list[Entry], shapes: Shapes
) -> Tally:
    proposals = [proposal for entry in entries if isinstance(entry.line, Line) for proposal in entry.line.proposals]
    command_ids = [said.command_id for entry in entries for said in entry.said if said]
    for proposal in proposals:
        if isinstance(proposal, RegisterTask) and proposal.lifecycle is not None:
            store.lifecycles.pin(proposal.lifecycle)
    found = find(store, connection, proposals, command_ids)
    batch = Batch(lifecycle, found, shapes)
    # The server stores the first events while the last ones are decided.
    store.recorder.copy_rows(connection, batch.rows(entries), moment(connection))
    keep_commands(connection, batch.command_ids, REQUEST)
    return batch.tally
