"""Help tests to compare the projections with the log: a fold of the raw events, independent of the product's own."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any

import psycopg
from psycopg.rows import dict_row

from domain.rule_names import ORPHANED_INSTANCE, RESET

Row = dict[str, Any]
PREFIXES = {"task": "task:", "task_instance": "task_instance:"}


def assert_agreement(connection: psycopg.Connection[Any]) -> None:
    """Every stream is legal and has no gaps, and every projection row is what its stream makes of it."""
    streams = streams_of(connection)
    definitions = {
        (row["name"], row["version"]): row["definition"] for row in rows(connection, "SELECT * FROM sojourn.lifecycle")
    }
    for stream, events in streams.items():
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))
        kind = stream.partition(":")[0]
        _assert_times(events)
        if kind not in PREFIXES:
            continue  # arrays and runners live under no lifecycle
        task = events[0] if kind == "task" else streams[f"task:{events[0]['task_id']}"][0]
        machine = definitions[task["lifecycle"], task["lifecycle_version"]][kind]
        _assert_legal(events, machine["transitions"])
        if kind == "task":
            _assert_owned(events, machine)
    for kind, prefix in PREFIXES.items():
        logged = {
            stream.removeprefix(prefix): events for stream, events in streams.items() if stream.startswith(prefix)
        }
        _assert_current(connection, kind, logged)
        _assert_audit(connection, kind, logged)
    _assert_arrays(connection, streams)
    _assert_transitions(connection, streams)


def streams_of(connection: psycopg.Connection[Any]) -> dict[str, list[Row]]:
    """Return the events of each stream in the order of the log, each with its columns and the keys of its JSON."""
    streams: dict[str, list[Row]] = defaultdict(list)
    for event in rows(connection, "SELECT * FROM sojourn.event ORDER BY position"):
        streams[event["stream"]].append(event.pop("data") | event)
    return streams


def rows(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> list[Row]:
    """What a statement finds, a dictionary a row."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), parameters or None).fetchall()


def moves(events: list[Row]) -> list[Row]:
    """The events that enter a status."""
    return [event for event in events if event["version"] == 1 or "previous_status" in event]


def _assert_legal(events: list[Row], next_statuses: dict[str, dict[str, str]]) -> None:
    for before, event in pairwise(events):
        if "previous_status" not in event:
            assert event["status"] == before["status"], event
            continue
        assert event["previous_status"] == before["status"], event
        if event["name"] == "task.reset.v1" or event.get("rule") == RESET:
            continue
        entered = event["reported"] if event.get("rule") == ORPHANED_INSTANCE else event["status"]
        assert entered in next_statuses[event["previous_status"]], event


def _assert_owned(events: list[Row], machine: Row) -> None:
    owner = None
    for event in events:
        status, runner = event["status"], event.get("runner_id")
        if event in moves(events):
            if event.get("previous_status") in machine["requires_ownership"] and status not in machine["overrides"]:
                assert runner == owner is not None, event
            if status in machine["releases"]:
                owner = None
            elif status in machine["acquires"]:
                assert runner, event
                owner = runner
            elif status in machine["adopts"] and runner:
                owner = runner
        assert event.get("owner") == owner, event


def _assert_times(events: list[Row]) -> None:
    since: datetime | None = None
    for event in events:
        reported_at = event["occurred_at"] or event["recorded_at"]
        if event["version"] == 1 or "previous_status" in event:
            since = max(reported_at, since or reported_at)
        assert event["entered_at"] == since, event


def _assert_current(connection: psycopg.Connection[Any], kind: str, logged: dict[str, list[Row]]) -> None:
    instances = Counter(row["task_id"] for row in rows(connection, "SELECT task_id FROM sojourn.task_instance"))
    found = {row[f"{kind}_id"]: row for row in rows(connection, f"SELECT * FROM sojourn.{kind}")}
    shown = {row[f"{kind}_id"]: row for row in rows(connection, f"SELECT * FROM sojourn.current_{kind}")}
    assert found.keys() == shown.keys() == logged.keys()
    for name, events in logged.items():
        expected = {f"{kind}_id": name} | _FOLDS[kind](events)
        if kind == "task":
            expected["instances"] = instances[name]
        assert found[name] == expected
        assert shown[name].items() <= expected.items()


def _folded_task(events: list[Row]) -> Row:
    first, last = events[0], events[-1]
    told_once = ("workflow_id", "lifecycle", "lifecycle_version", "max_attempts", "template", "array_id", "attributes")
    told_last = ("status", "num_attempts", "entered_at", "version")
    entered = moves(events)[-1]
    return (
        {key: first.get(key) for key in told_once}
        | {"parent_id": first.get("parent")}
        | {key: last[key] for key in told_last}
        | {key: entered.get(key) for key in ("owner", "state")}
    )


def _folded_task_instance(events: list[Row]) -> Row:
    first, last = events[0], events[-1]
    report_by = last.get("report_by_date")
    return (
        {key: first[key] for key in ("task_id", "workflow_id", "ordinal")}
        | {key: first.get(key) for key in ("array_id", "batch_number", "step")}
        | {key: last[key] for key in ("status", "entered_at", "version")}
        | {
            "report_by_date": datetime.fromisoformat(report_by) if report_by else None,
            "distributor_id": last.get("distributor_id"),
        }
    )


_FOLDS = {"task": _folded_task, "task_instance": _folded_task_instance}


def _assert_audit(connection: psycopg.Connection[Any], kind: str, logged: dict[str, list[Row]]) -> None:
    audit = rows(
        connection,
        f"SELECT {kind}_id AS id, workflow_id, previous_status, new_status, entered_at, exited_at, version "
        f"FROM sojourn.{kind}_status_audit ORDER BY {kind}_id, version",
    )
    assert audit == [interval for name in sorted(logged) for interval in _intervals(name, logged[name])]


def _intervals(name: str, events: list[Row]) -> Iterator[Row]:
    entered = moves(events)
    for event, following in zip(entered, [*entered[1:], None], strict=True):
        exited = following["entered_at"] if following else None
        assert exited is None or exited >= event["entered_at"]
        yield {
            "id": name,
            "workflow_id": event["workflow_id"],
            "previous_status": event.get("previous_status"),
            "new_status": event["status"],
            "entered_at": event["entered_at"],
            "exited_at": exited,
            "version": event["version"],
        }


def _assert_arrays(connection: psycopg.Connection[Any], streams: dict[str, list[Row]]) -> None:
    found = {row.pop("array_id"): row for row in rows(connection, "SELECT * FROM sojourn.array")}
    expected = {}
    for stream, events in streams.items():
        if stream.startswith("array:"):
            first, last = events[0], events[-1]
            told_once = {key: first[key] for key in ("workflow_id", "task_template_version_id", "entered_at")}
            told_last = {key: last[key] for key in ("max_concurrently_running", "version")}
            named = {"name": first.get("array_name"), "last_batch": last["batch_number"]}
            expected[stream.removeprefix("array:")] = told_once | told_last | named
    assert found == expected
    _assert_batches(connection, streams)


def _assert_batches(connection: psycopg.Connection[Any], streams: dict[str, list[Row]]) -> None:
    found = rows(
        connection,
        "SELECT array_id, batch_number, array_agg(step ORDER BY step) AS steps FROM sojourn.task_instance "
        "WHERE array_id IS NOT NULL GROUP BY array_id, batch_number",
    )
    queued = [event for events in streams.values() for event in events if event["name"] == "array.batch_queued.v1"]
    assert {(f"array:{row['array_id']}", row["batch_number"]): row["steps"] for row in found} == {
        (event["stream"], event["batch_number"]): list(range(event["size"])) for event in queued
    }


def _assert_transitions(connection: psycopg.Connection[Any], streams: dict[str, list[Row]]) -> None:
    columns = ("position", "version", "previous_status", "status", "entered_at", "reported", "rule", "workflow_id")
    found = rows(connection, f"SELECT {', '.join(columns)}, entity_kind, entity_id FROM sojourn.transition")
    expected: list[Row] = [
        {column: event.get(column) for column in columns}
        | dict(zip(("entity_kind", "entity_id"), stream.split(":", 1), strict=True))
        for stream, events in streams.items()
        if stream.startswith(tuple(PREFIXES.values()))
        for event in moves(events)
    ]
    assert sorted(found, key=itemgetter("position")) == sorted(expected, key=itemgetter("position"))
