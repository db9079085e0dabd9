"""The tables whose rows each come from one event: compare them with the log as it is replayed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.replay.replay import Step
from application.replay.wrong_row import (
    Row,
    compare_row,
    name_entity,
    read_rows,
    state_extra_row,
    state_missing_row,
)
from domain.auditing.mismatch import Mismatch
from domain.entities.events import Event
from domain.entity import TASK
from domain.time import entry_time
from infrastructure.sql import query


class RowsOfEvents:
    """Walks a table whose rows each come from one event along the log: both are in the order of their positions."""

    def __init__(self, table: str, rows: Iterator[Row]) -> None:
        self._table = table
        self._rows = rows
        self._next = next(rows, None)

    def compare(self, step: Step) -> Iterable[Mismatch]:
        """Return the mismatches of the rows up to the event of `step`."""
        rows = list(EXPECTED_ROWS[self._table](step, step.event)) if step.event else []
        if not rows and (self._next is None or self._next["position"] > step.logged.position):
            return ()
        return self._compare_rows(step, {_key(row): row for row in rows})

    def _compare_rows(self, step: Step, expected: dict[tuple[Any, ...], Row]) -> Iterator[Mismatch]:
        for row in self._up_to(step.logged.position):
            if step.event is None and row["position"] == step.logged.position:
                continue  # an event that cannot be read says nothing about its row
            of_event = expected.pop(_key(row), None)
            if of_event is None:
                yield state_extra_row(self._table, _entity_of(row), row["position"])
            else:
                yield from compare_row(self._table, _entity_of(row), of_event, row)
        for row in expected.values():
            yield state_missing_row(self._table, _entity_of(row), row["position"])

    def left_over(self) -> Iterator[Mismatch]:
        """Yield a mismatch for each row after the last event."""
        while (row := self._next) is not None:
            yield state_extra_row(self._table, _entity_of(row), row["position"])
            self._next = next(self._rows, None)

    def _up_to(self, position: int) -> Iterator[Row]:
        while (row := self._next) is not None and row["position"] <= position:
            self._next = next(self._rows, None)
            yield row


def read_rows_of_events(connection: Connection[Any], table: str, after: int) -> Iterator[Row]:
    """Yield the rows of a table that come from events after a position, in their order."""
    statement = SQL(query("projections", "verify/rows_after")).format(table=Identifier(table))
    return read_rows(connection, table, statement, {"after": after})


def _dependency_rows(step: Step, event: Event) -> Iterator[Row]:
    for upstream_id in vars(event).get("upstream") or ():
        yield {
            "position": step.logged.position,
            "task_id": event.stream.partition(":")[2],
            "upstream_id": upstream_id,
            "workflow_id": event.workflow_id,
            "since": _stated_at(step, event),
        }


def _wait_rows(step: Step, event: Event) -> Iterator[Row]:
    if event.waits_for is None:
        return
    holders = event.waits_for.holders
    yield {
        **_of_entity(step, event),
        "since": _stated_at(step, event),
        "kind": event.waits_for.kind.value,
        "detail": event.waits_for.detail,
        "holders": None if holders is None else list(holders),
    }


def _of_entity(step: Step, event: Event) -> dict[str, Any]:
    """Return the columns that say which event of which entity a row comes from, and in which status it leaves it."""
    kind, _, entity_id = event.stream.partition(":")
    return {
        "position": step.logged.position,
        "entity_kind": kind,
        "entity_id": entity_id,
        "version": event.version,
        "task_id": vars(event).get("task_id", entity_id),
        "workflow_id": event.workflow_id,
        "status": event.status,
    }


def _stated_at(step: Step, event: Event) -> datetime | None:
    entered_at = step.entity.entered_at if step.entity else step.logged.entered_at
    return entry_time(event.effective_at, entered_at) if event.effective_at else entered_at


EXPECTED_ROWS: Mapping[str, Callable[[Step, Event], Iterator[Row]]] = {
    "dependency": _dependency_rows,
    "wait": _wait_rows,
}
"""The tables whose rows each come from one event -> the rows that an event accounts for."""


def _key(row: Row) -> tuple[Any, ...]:
    if "upstream_id" in row:
        return row["position"], row["task_id"], row["upstream_id"]
    return row["position"], row["entity_kind"], row["entity_id"], row["version"]


def _entity_of(row: Row) -> str:
    return name_entity(row.get("entity_kind", TASK), row.get("entity_id", row["task_id"]))
