"""Erase a person from the log and from its archives.

A chunk of events or a file at a time, each in one transaction, while readers and writers go on. The log records who
asks for it, and why, before anything is changed. An erasure that was killed goes on under its number when it is asked
for again, because the database keeps whom it is about until it has ended.
"""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL

from application.archive.change_archive import change_archive
from application.erase.erasure_in_progress import EraseAnswer, ErasureInProgress, OnStep, Tally, Wanted
from application.shared.existence import require_workflow
from application.shared.report_context import build_report_context
from application.shared.store import Store
from domain.actor import Actor
from domain.errors import InvalidId, SojournError
from domain.nearest import nearest_names
from domain.text import is_storable
from infrastructure.extras import require_extra
from infrastructure.log.event_log import CHUNK
from infrastructure.loggers import get_logger
from infrastructure.sql import query

log = get_logger("erase")


class ErasureWithoutReason(SojournError):
    """Raised when an erasure states no reason.

    Fix: state why in `because`; the log keeps it.
    """

    def __init__(self) -> None:
        super().__init__("the reason of an erasure is not a text; state why, because the log keeps it")


def erase_actor(
    store: Store,
    actor: str,
    because: str,
    workflow_id: str | None = None,
    *,
    by: Actor | str | None = None,
    dry_run: bool = False,
    on_step: OnStep = lambda _: None,
) -> EraseAnswer:
    """Replace the actor, reasons and paths of every event whose actor's component or user has that name.

    Only events of `workflow_id`, if it is given. `by` is who erases. A `dry_run` returns what would be changed. The
    name of each step is passed to `on_step`.

    Raises:
        InvalidId: the actor is not a text.
        ErasureWithoutReason: `because` is empty.
        UnknownEntity: neither the log nor an archive has the workflow.
        ArchivingForbidden: the database user may not change events.
        ArchiveDamaged: a file of an archive is missing or was changed.
        ForeignArchive: the folder of an archive is not here.
        RebuildRunning: the projections are rebuilt, or another process changes the archive.
        MissingExtra: there is an archive, and the packages that read it are not installed.
    """
    wanted = Wanted(_check_actor(actor), workflow_id)
    if not isinstance(because, str) or not because.strip():
        raise ErasureWithoutReason
    context = build_report_context(by, because)
    tally = Tally()
    with change_archive(store) as connection:
        files = _find_files(connection, wanted)
        if dry_run:
            tally.add(_count(connection, wanted))
            _count_archived(connection, wanted, files, tally)
            return tally.answer(None)
        erasure = ErasureInProgress(store, connection, wanted, context)
        for rows in _erase_log(connection, erasure, on_step):
            tally.add(rows)
        _erase_archived(connection, erasure, files, tally, on_step)
        on_step("ending")
        answer = tally.answer(erasure.end())
    log.info("erased %d events as %s", answer["events"], answer["erased_as"])
    return answer


def find_nearest_actor(store: Store, actor: str) -> list[str]:
    """Return the actor of the log whose name is like that one."""
    with store.session() as connection:
        known = [name for (name,) in connection.execute(query("projections", "erase/nearest_actors"))]
    return nearest_names(actor, known)


def _check_actor(actor: object) -> str:
    if not isinstance(actor, str) or not actor or not is_storable(actor):
        raise InvalidId("actor", actor)
    return actor


def _find_files(connection: Connection[Any], wanted: Wanted) -> list[tuple[str, str]]:
    """Return the folders and files of archives that may name the person."""
    files = connection.execute(query("infrastructure", "erasures/files"), wanted.parameters).fetchall()
    if files:
        require_extra("lake", "`sojourn erase` of what is archived")
    elif wanted.workflow_id is not None:
        require_workflow(connection, wanted.workflow_id)
    return files


def _count(connection: Connection[Any], wanted: Wanted) -> list[Any]:
    statement = SQL(query("projections", "erase/count")).format(scope=_scope(wanted))
    return connection.execute(statement, wanted.parameters).fetchall()


def _scope(wanted: Wanted) -> SQL:
    """Return the condition on the events of the log."""
    return SQL("true" if wanted.workflow_id is None else "e.workflow_id = %(workflow_id)s")


def _erase_log(connection: Connection[Any], erasure: ErasureInProgress, on_step: OnStep) -> Iterator[list[Any]]:
    """Yield the numbers of changed rows of each chunk of the log, in the order of their positions."""
    statement = SQL(query("projections", "erase/find")).format(scope=_scope(erasure.wanted))
    after = 0
    while positions := _positions(connection, statement, erasure.wanted.parameters | {"after": after, "limit": CHUNK}):
        on_step(f"erasing from the log, from position {positions[0]:,}")
        yield connection.execute(query("projections", "erase/erase_events"), [erasure.number, positions]).fetchall()
        after = positions[-1]


def _positions(connection: Connection[Any], statement: Any, parameters: dict[str, Any]) -> list[int]:
    return [position for (position,) in connection.execute(statement, parameters)]


def _count_archived(connection: Connection[Any], wanted: Wanted, files: list[tuple[str, str]], tally: Tally) -> None:
    if files:
        from application.erase.archived import count_archived  # noqa: PLC0415 - a log without an archive needs no Arrow

        count_archived(connection, wanted, files, tally)


def _erase_archived(
    connection: Connection[Any],
    erasure: ErasureInProgress,
    files: list[tuple[str, str]],
    tally: Tally,
    on_step: OnStep,
) -> None:
    if files:
        from application.erase.archived import erase_archived  # noqa: PLC0415 - a log without an archive needs no Arrow

        erase_archived(connection, erasure, files, tally, on_step)
