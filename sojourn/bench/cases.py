"""The cases: each works on the scratch database and answers with its figures."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

import psycopg
from psycopg import Connection

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.subscription import Subscription
from infrastructure.sql import query
from sojourn.bench import clients, served
from sojourn.bench.figure import Figure, figure
from sojourn.bench.scratch import STEPS, Scratch

Row = tuple[Any, ...]

CONTENDED_TASKS = 50
PROCESSES = (1, 4, 8)
HTTP_CLIENTS = (1, 8)


def single(scratch: Scratch, tasks: int) -> Iterator[Figure]:
    """One instance-and-task transition a call, by 1, 4 and 8 processes, each on `tasks` tasks of its own."""
    for processes in PROCESSES:
        instances = scratch.queued(tasks * processes)
        scratch.with_floor()
        parts = [instances[start::processes] for start in range(processes)]
        spans = clients.in_processes(clients.step_both, scratch.dsn, parts)
        ours, floors = [client[::2] for client in spans], [client[1::2] for client in spans]
        yield figure(
            "single",
            clients=processes,
            size=scratch.events,
            per_second=clients.median_rate(ours),
            latencies=clients.latencies(ours),
            floor=clients.median_rate(floors),
        )


def http(scratch: Scratch, tasks: int) -> Iterator[Figure]:
    """One report a request, by 1 and 8 clients of one server; the floor is the same clients without HTTP."""
    with served.server(scratch.dsn) as (host, port):
        for number in HTTP_CLIENTS:
            instances = scratch.queued(tasks * number)
            parts = [(host, port, *instances[start::number]) for start in range(number)]
            spans = clients.in_processes(served.step_served, scratch.dsn, parts)
            over_http, without = [client[::2] for client in spans], [client[1::2] for client in spans]
            yield figure(
                "http",
                clients=number,
                size=scratch.events,
                per_second=clients.median_rate(over_http),
                latencies=clients.latencies(over_http),
                floor=clients.median_rate(without),
            )


def contended(scratch: Scratch, calls: int) -> Iterator[Figure]:
    """Eight processes that toggle the instances of 50 tasks; every accepted report must be in the log once."""
    instances = scratch.queued(CONTENDED_TASKS)
    for status in STEPS[:3]:
        scratch.service.transition_task_instances(instances, status)
    before = _transitions(scratch)
    spans = clients.in_processes(clients.contend, scratch.dsn, [(seed, calls, *instances) for seed in range(8)])
    answers: Counter[str] = sum((span.answers for client in spans for span in client), Counter())
    measured = figure(
        "contended",
        clients=8,
        size=scratch.events,
        per_second=clients.median_rate(spans),
        latencies=clients.latencies(spans),
    )
    measured["refused"] = answers["invalid_ti_transition"] + answers["untimely_transition"]
    measured["errors"] = answers.total() - answers["None"] - measured["refused"]
    lost_or_doubled = abs(_transitions(scratch) - before - answers["None"])
    measured["mismatches"] = lost_or_doubled + len(verify_log(scratch.service.store)["mismatches"])
    yield measured


def gate(scratch: Scratch, chunk: int, calls: int) -> Figure:
    """Tasks through the gate, `chunk` in a call."""
    tasks = scratch.registered(chunk * calls)
    scratch.with_floor()
    ours, bare = [], []
    with psycopg.connect(scratch.dsn, autocommit=True) as connection:
        for ids in _split(tasks, chunk):
            before = scratch.events
            ours.append(_seconds(partial(scratch.service.gate_tasks_for_queueing, ids)))
            bare.append(_bare_seconds(connection, before))
    return _chunked("gate", chunk, chunk, ours, bare)


def bulk(scratch: Scratch, chunk: int, calls: int) -> Figure:
    """Instances and their tasks through each status, `chunk` instances in a call; both count as transitions."""
    instances = scratch.queued(chunk * calls)
    scratch.with_floor()
    ours, bare = [], []
    with psycopg.connect(scratch.dsn, autocommit=True) as connection:
        for ids in _split(instances, chunk):
            for status in STEPS:
                before = scratch.events
                ours.append(_seconds(partial(scratch.service.transition_task_instances, ids, status)))
                bare.append(_bare_seconds(connection, before))
    return _chunked("bulk", chunk, 2 * chunk, ours, bare)


def growth(scratch: Scratch, tasks: int) -> Figure:
    """One transition a call by one process, in a log of its size."""
    instances = scratch.queued(tasks)
    scratch.with_floor()
    size = scratch.events
    spans = clients.in_processes(clients.step_both, scratch.dsn, [instances])
    ours, floors = [client[::2] for client in spans], [client[1::2] for client in spans]
    measured = figure(
        "growth",
        size=size,
        per_second=clients.median_rate(ours),
        latencies=clients.latencies(ours),
        floor=clients.median_rate(floors),
    )
    with psycopg.connect(scratch.dsn) as connection:
        measured["bytes_per_transition"] = round(_one(connection, "bytes_per_transition"), 1)
    return measured


def rebuilding(scratch: Scratch, repeats: int) -> Figure:
    """Every projection made anew; the floor is one sequential read of the log."""
    with psycopg.connect(scratch.dsn, autocommit=True) as connection:
        size = scratch.events
        rates, floors = [], []
        for _ in range(repeats):
            rebuilt = rebuild_projections(scratch.service.store, lambda step: None)  # noqa: ARG005 - nobody is told
            rates.append(rebuilt["events"] / rebuilt["seconds"])
            floors.append(size / _seconds(lambda: _one(connection, "sequential_read_of_events")))
    return figure("rebuild", size=size, per_second=median(rates), floor=median(floors))


def catching_up(scratch: Scratch, repeats: int) -> Figure:
    """A subscription that counts events by status, from the beginning; the floor is one sequential read."""
    with psycopg.connect(scratch.dsn, autocommit=True) as connection:
        rates, floors = [], []
        for number in range(repeats):
            counted: Counter[str] = Counter()

            def count(_: Connection[Any], events: Sequence[LoggedEvent], counted: Counter[str] = counted) -> None:
                counted.update(json.loads(event.data)["status"] for event in events)

            subscription = Subscription(scratch.dsn, f"bench-{number}", count)
            seconds = _seconds(subscription.catch_up)
            rates.append(counted.total() / seconds)
            floors.append(counted.total() / _seconds(lambda: _one(connection, "sequential_read_of_events")))
    return figure("catch-up", size=scratch.events, per_second=median(rates), floor=median(floors))


def querying(scratch: Scratch, case: str, ask: Callable[[int], object], repeats: int, *, floor: bool) -> Figure:
    """A question asked again and again; the floor is one sequential read of the transitions."""
    seconds = [_seconds(lambda number=number: ask(number)) for number in range(repeats)]  # type: ignore[misc]
    bare = None
    if floor:
        with psycopg.connect(scratch.dsn, autocommit=True) as connection:
            reads = [_seconds(lambda: _one(connection, "sequential_read_of_transitions")) for _ in range(repeats)]
            bare = 1 / median(reads)
    return figure(case, size=scratch.events, per_second=1 / median(seconds), latencies=seconds, floor=bare)


def _chunked(case: str, chunk: int, transitions: int, seconds: list[float], bare: list[float]) -> Figure:
    return figure(
        case,
        size=chunk,
        per_second=transitions / median(seconds),
        latencies=seconds,
        floor=transitions / median(bare),
    )


def _bare_seconds(connection: Connection[Any], before: int) -> float:
    """How long a bare COPY and UPDATE take of the very rows that were written since a position."""
    events = connection.execute(query("sojourn.bench", "appended_events"), [before]).fetchall()
    transitions = connection.execute(query("sojourn.bench", "appended_transitions"), [before]).fetchall()
    return _seconds(partial(_write_bare, connection, events, transitions))


def _write_bare(connection: Connection[Any], events: Sequence[Row], transitions: Sequence[Row]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for name, rows in (("floor_copy_events", events), ("floor_copy_transitions", transitions)):
            with cursor.copy(query("sojourn.bench", name)) as copy:
                for row in rows:
                    copy.write_row(row)
        for kind, update in ((TASK, "floor_update_tasks"), (TASK_INSTANCE, "floor_update_task_instances")):
            moved = {row[2]: row[7] for row in transitions if row[1] == kind}
            names, statuses = list(moved), list(moved.values())
            cursor.execute(query("sojourn.bench", update), {"ids": names, "statuses": statuses})


def _split(ids: Sequence[str], chunk: int) -> list[Sequence[str]]:
    return [ids[start : start + chunk] for start in range(0, len(ids), chunk)]


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _transitions(scratch: Scratch) -> int:
    with psycopg.connect(scratch.dsn) as connection:
        return int(_one(connection, "sequential_read_of_transitions"))


def _one(connection: Connection[Any], name: str) -> float:
    row = connection.execute(query("sojourn.bench", name)).fetchone()
    assert row is not None
    return float(row[0])
