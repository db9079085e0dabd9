"""The history of one entity: every event of its stream, refusals included."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.existence import require_entity
from application.shared.store import Store
from domain.entity import Entity
from domain.rule_names import ResponseName, RuleName
from infrastructure.log.commit_listener import CommitListener
from infrastructure.log.tail import POLL_SECONDS
from infrastructure.sql import query


class HistoryEvent(TypedDict):
    """One event; `cause` is the position of the event that made it happen, `actor` the component that reported it.

    `owner` is the runner that owns the task after the event, `runner_id` the runner that proposed it. `response` and
    `rule_reason` are the answer of the rule or gate that did not accept the proposal, and its reason. `details` has
    the fields that only this kind of event has.
    """

    position: int
    entity: str
    version: int
    name: str
    previous_status: str | None
    status: str
    reported: str | None
    rule: RuleName | None
    occurred_at: datetime | None
    recorded_at: datetime
    actor: str | None
    cause: int | None
    reason: str | None
    entered_at: datetime
    claimed: str | None
    command_id: str | None
    num_attempts: int | None
    report_by_date: datetime | None
    host: str | None
    pid: int | None
    user: str | None
    silent_since: datetime | None
    silent_until: datetime | None
    owner: str | None
    runner_id: str | None
    response: ResponseName | None
    rule_reason: str | None
    delay_seconds: float | None
    state: dict[str, Any] | None
    details: dict[str, Any] | None


def read_history(store: Store, entity: Entity) -> list[HistoryEvent]:
    """Return every event of an entity in the order of their versions.

    Raises:
        UnknownEntity: the log has no event of the entity.
    """
    with store.session() as connection:
        events = _events(connection, entity, after=0)
        if not events:
            require_entity(connection, entity)
        return events


def read_history_page(
    store: Store, entity: Entity, *, after: int | None = None, newest_first: bool = False, limit: int, max_bytes: int
) -> tuple[list[HistoryEvent], str | None]:
    """Return the next events beyond version `after`, and the `after` of the page that follows, None at the end.

    They are at most `limit`, and have about `max_bytes` together, or else there is one.

    Raises:
        UnknownEntity: the log has no event of the entity.
    """
    begin, end = (after or 0, (after or 0) + limit)
    if newest_first:
        end = (after or _last_version(store, entity) + 1) - 1
        begin = max(end - limit, 0)
    with store.session() as connection:
        wanted = {"stream": entity.stream, "after": begin, "until": end}
        reach = _reach(connection, wanted | {"newest_first": newest_first, "max_bytes": max_bytes})
        if reach is not None:
            begin, end = (reach - 1, end) if newest_first else (begin, reach)
        events = _events(connection, entity, after=begin, until=end)
        if not events:
            require_entity(connection, entity)
    if newest_first:
        return events[::-1], str(begin + 1) if begin else None
    return events, str(end) if end < _last_version(store, entity) else None


def _reach(connection: Connection[Any], wanted: dict[str, Any]) -> int | None:
    """Return the last version of a page, in its order, or None where there is no event."""
    row = connection.execute(query("projections", "read/history_extent"), wanted).fetchone()
    return row[0] if row else None


def _last_version(store: Store, entity: Entity) -> int:
    last = store.recorder.select_events(entity.stream, desc=True, limit=1)
    return last[0].logged.version if last else 0


def follow_history(store: Store, entity: Entity, *, poll_seconds: float = POLL_SECONDS) -> Iterator[list[HistoryEvent]]:
    """Yield the history of an entity and then its new events, without end.

    A commit of any service wakes it. It also polls, because a notification can get lost.

    Raises:
        UnknownEntity: the log has no event of the entity.
    """
    with closing(CommitListener(store.database.dsn)) as listener:
        events = read_history(store, entity)
        last = 0
        while True:
            if events:
                yield events
                last = events[-1]["version"]
            listener.wait(poll_seconds)
            with store.session() as connection:
                events = _events(connection, entity, after=last)


def _events(connection: Connection[Any], entity: Entity, *, after: int, until: int | None = None) -> list[HistoryEvent]:
    wanted = {"stream": entity.stream, "after": after, "until": until}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("projections", "read/history"), wanted).fetchall()
    return [cast("HistoryEvent", {"position": row.pop("position"), "entity": str(entity), **row}) for row in rows]
