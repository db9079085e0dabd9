"""Archive ended workflows: move them whole from the log into a Parquet dataset.

Each file is a step of its own: the rows are written as a draft, read back into tables of the session, compared with the
log byte by byte, and only then removed, in one transaction that leaves a tombstone of each workflow. The database
decides: a draft that tombstones name is complete, and any other draft was never needed. So a crash between two steps
loses nothing and doubles nothing, and the next call settles the folder.
"""

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString, NamedTuple, TypedDict

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from application.archive.change_archive import change_archive
from application.archive.dataset import ArchiveFolder, Row
from application.archive.errors import NotArchivable
from application.archive.tombstones import list_archived_files
from application.shared.log_identity import read_log_id
from application.shared.retry import CONTENTION, retrying
from application.shared.store import Store
from application.shared.suggestions import unknown_workflow
from domain.time import zoned
from infrastructure.log.event_log import CHUNK, STALE
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("archive")

EVENTS_PER_FILE = 500_000
"""The number of events from which a file takes no further workflow. A file has whole workflows, so it may have more."""

ATTEMPTS = 10
"""How often the removal of a file's workflows is tried while others hold what it needs."""

RUNNER = "runner:"

ROWS = {
    "event": "archive/events",
    "command": "archive/commands",
    "lease": "archive/leases",
    "runner": "archive/runner_events",
}
"""The kinds of rows in a file, with the queries that read them from the log."""


class HeldBack(TypedDict):
    """The number of ended workflows that stay in the log for one reason."""

    workflows: int
    why: str


class ArchiveAnswer(TypedDict):
    """The number of workflows and events that were moved, and of the files and bytes that they take.

    `held_back` has those that would have been moved, had every subscription read them, and were they sealed.
    """

    workflows: int
    events: int
    files: int
    bytes: int
    held_back: list[HeldBack]


class _Workflow(NamedTuple):
    """An ended workflow, with the month in which it began, and the number of its events."""

    id: str
    month: str
    events: int


Unit = Sequence[_Workflow]
"""Workflows that link to each other, in order."""

COPIES = {"event": "archive/copy_event", "command": "archive/copy_command", "lease": "archive/copy_lease"}
"""The statements that copy the rows of a kind into a table."""

OnStep = Callable[[str], None]


def archive_workflows(
    store: Store,
    before: datetime,
    folder: Path,
    *,
    workflows: Sequence[str] = (),
    keep: Sequence[str] = (),
    on_step: OnStep = lambda _: None,
) -> ArchiveAnswer:
    """Move the workflows that ended before a time to an archive; only `workflows`, if some are named, and never `keep`.

    Workflows that link to each other go together, or stay together. The name of each step is passed to `on_step`.

    Raises:
        UnknownEntity: a workflow that was named is unknown.
        NotArchivable: a workflow that was named cannot be archived.
        ForeignArchive: the folder is not an archive of this log, and is not empty.
        OutputNotWritable: a file cannot be written.
        ArchivingForbidden: the database user may not remove events.
        RebuildRunning: the projections are rebuilt, or another process archives.
        RetriesExhausted: others held what the removal needed for too long.
    """
    answer: ArchiveAnswer = {"workflows": 0, "events": 0, "files": 0, "bytes": 0, "held_back": []}
    with change_archive(store) as connection:
        archive = open_folder(connection, folder, create=True)
        settle_folder(connection, archive)
        _require_known(connection, [*workflows, *keep])
        units, answer["held_back"] = _choose_units(connection, zoned(before), workflows, keep)
        for month, bucket, files in _group_units(units):
            for number, part in enumerate(files):
                on_step(f"moving workflows of {month}, bucket {bucket}, file {number + 1} of {len(files)}")
                _move(connection, archive, f"month={month}/bucket={bucket}", part, answer, on_step)
        settle_folder(connection, archive)
    log.info("archived %d workflows with %d events", answer["workflows"], answer["events"])
    return answer


def open_folder(connection: Connection[Any], folder: Path, *, create: bool = False) -> ArchiveFolder:
    """Return the folder of this log's archive."""
    return ArchiveFolder(folder, read_log_id(connection), create=create)


def settle_folder(connection: Connection[Any], archive: ArchiveFolder) -> None:
    """Finish what a crash has left: the files of the dataset become those that tombstones name, each once."""
    named = list_archived_files(connection)
    for draft in archive.list_files(".draft"):
        if draft in named:
            archive.publish(draft)
        else:
            archive.discard(draft)
    for file in archive.list_files() - named:
        archive.supersede(file)
    archive.write_manifest(
        archive.list_files(),
        lifecycles=_read_rows_by_name(connection, query("infrastructure", "archive/lifecycles")),
        statuses=_read_rows_by_name(connection, query("projections", "archive/statuses")),
    )


def _read_rows_by_name(connection: Connection[Any], statement: LiteralString) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement).fetchall()


def _require_known(connection: Connection[Any], workflows: Sequence[str]) -> None:
    known = {name for (name,) in connection.execute(query("projections", "find/existing_workflows"), [list(workflows)])}
    for workflow in workflows:
        if workflow not in known:
            raise unknown_workflow(connection, workflow)


def _choose_units(
    connection: Connection[Any], before: datetime, workflows: Sequence[str], keep: Sequence[str]
) -> tuple[list[Unit], list[HeldBack]]:
    """Return the units whose workflows have all ended and were read by every subscription, and what is held back."""
    ended = {row.id: row for row in _read_ended(connection, before)}
    unread = _find_unread(connection, list(ended))
    reasons = dict.fromkeys(keep, "--keep names it") | unread
    units: list[Unit] = []
    for members in _join_linked(connection, ended):
        wanted = [name for name in members if name in workflows]
        if workflows and not wanted:
            continue
        why = next((_explain(name, ended, reasons, before) for name in members if name not in ended or name in reasons),
                   None)  # fmt: skip
        if why is None:
            units.append(sorted(ended[name] for name in members))
        elif wanted:
            raise NotArchivable(wanted[0], why)
    for name in workflows:
        if name not in ended:
            raise NotArchivable(name, _explain(name, ended, reasons, before))
    held_back = Counter(why for name, why in unread.items() if name not in keep)
    return units, [{"workflows": number, "why": why} for why, number in sorted(held_back.items())]


def _read_ended(connection: Connection[Any], before: datetime) -> Iterator[_Workflow]:
    parameters = {"before": before, "workflows": None}
    yield from map(_Workflow._make, connection.execute(query("projections", "archive/ended_workflows"), parameters))


def _find_unread(connection: Connection[Any], workflows: list[str]) -> dict[str, str]:
    unread: dict[str, str] = {}
    for start in range(0, len(workflows), CHUNK):
        parameters = {"workflows": workflows[start : start + CHUNK]}
        rows = connection.execute(query("projections", "archive/unread"), parameters)
        unread |= {name: _explain_unread(reader) for name, reader in rows}
    return unread


def _explain_unread(reader: str | None) -> str:
    if reader is None:
        return "it is not sealed yet; run `sojourn seal`"
    return (
        f"subscription {reader!r} has not read all of it; run it, or delete its row in sojourn.checkpoint if nobody "
        "runs it any more"
    )


def _join_linked(connection: Connection[Any], ended: Iterable[str]) -> Iterator[list[str]]:
    """Yield the ended workflows, together with those that they link to through others or directly."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for one, other in connection.execute(query("projections", "archive/linked_workflows")):
        neighbours[one].add(other)
        neighbours[other].add(one)
    seen: set[str] = set()
    for name in ended:
        members, open_ends = [], [name] if name not in seen else []
        seen.add(name)
        while open_ends:
            members.append(open_ends.pop())
            reached = neighbours[members[-1]] - seen
            seen |= reached
            open_ends += reached
        if members:
            yield sorted(members)


def _explain(name: str, ended: dict[str, _Workflow], reasons: dict[str, str], before: datetime) -> str:
    if name in ended:
        return f"workflow {name!r} stays, because {reasons[name]}"
    return f"workflow {name!r} had not ended before {before.isoformat()}"


def _group_units(units: Iterable[Unit]) -> Iterator[tuple[str, str, list[list[Unit]]]]:
    """Yield the units of each month and bucket, divided into files."""
    groups: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units:
        month = min(workflow.month for workflow in unit)
        groups[month, hashlib.sha256(unit[0].id.encode()).hexdigest()[0]].append(unit)
    for (month, bucket), members in sorted(groups.items()):
        yield month, bucket, list(_divide(members))


def _divide(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    part: list[Unit] = []
    events = 0
    for unit in units:
        part.append(unit)
        events += sum(workflow.events for workflow in unit)
        if events >= EVENTS_PER_FILE:
            yield part
            part, events = [], 0
    if part:
        yield part


def _move(
    connection: Connection[Any],
    archive: ArchiveFolder,
    place: str,
    units: Sequence[Unit],
    answer: ArchiveAnswer,
    on_step: OnStep,
) -> None:
    """Move the workflows of one file; where one goes on meanwhile, the file is written again."""
    unit_of = {workflow.id: unit[0].id for unit in units for workflow in unit}

    def write_and_remove() -> tuple[str, int, int]:
        file = f"{place}/{secrets.token_hex(8)}.parquet"
        size = archive.write_draft(file, _read_rows(connection, list(unit_of)))
        on_step("comparing the file with the log")
        with connection.transaction():
            events = _read_back(connection, archive, file)
            on_step("removing the workflows from the log")
            connection.execute(query("infrastructure", "archive/remove"), [Jsonb(unit_of), str(archive.path), file])
        on_step("publishing the file")
        return file, size, events

    file, size, events = retrying(
        "the workflows that are archived",
        write_and_remove,
        max_retries=ATTEMPTS,
        may_retry=lambda error: error.sqlstate in CONTENTION | {STALE},
    )
    archive.publish(file)
    answer["workflows"] += len(unit_of)
    answer["events"] += events
    answer["files"] += len(archive.parts(file))
    answer["bytes"] += size


def _read_rows(connection: Connection[Any], workflows: list[str]) -> dict[str, Iterator[Row]]:
    return {kind: _stream(connection, name, workflows) for kind, name in ROWS.items()}


def _stream(connection: Connection[Any], name: str, workflows: list[str]) -> Iterator[Row]:
    with connection.transaction(), connection.cursor(name="archived_rows") as cursor:
        cursor.itersize = CHUNK
        yield from cursor.execute(query("projections", name), {"workflows": workflows})


def _read_back(connection: Connection[Any], archive: ArchiveFolder, file: str) -> int:
    """Copy what the file has into tables of the session, and return the number of events."""
    connection.execute(query("infrastructure", "archive/begin_reading_back"))
    events = copy_rows(connection, "event", "pg_temp.archived_event", archive.read("event", file))
    commands = (row[:-1] for row in archive.read("command", file))
    copy_rows(connection, "command", "pg_temp.archived_command", commands)
    leases = (row for row in archive.read("lease", file) if not row[0].startswith(RUNNER))
    copy_rows(connection, "lease", "pg_temp.archived_lease", leases)
    return events


def copy_rows(connection: Connection[Any], kind: str, table: str, rows: Iterable[Row]) -> int:
    """Copy rows of one kind into a table, and return their number."""
    statement = SQL(query("infrastructure", COPIES[kind])).format(table=Identifier(*table.split(".")))
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return cursor.rowcount
