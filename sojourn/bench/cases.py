"""The cases: each works on the scratch database and returns its figures."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

from psycopg import Connection

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.database.connect import connect
from infrastructure.log.logged_event import LoggedEvent
from infrastructure.log.subscription import Subscription
from infrastructure.sql import query
from sojourn.bench import clients, served
from sojourn.bench.figure import Figure, make_figure
from sojourn.bench.scratch import STEPS, Scratch

Row = tuple[Any, ...]

CONTENDED_TASKS = 50
PROCESSES = (1, 4, 8)
HTTP_CLIENTS = (1, 8)


def measure_single(scratch: Scratch, tasks: int) -> Iterator[Figure]:
    """Measure one instance-and-task transition a call, by 1, 4 and 8 processes with `tasks` tasks each."""
    for processes in PROCESSES:
        instances = scratch.queue_instances(tasks * processes)
        scratch.fill_floor()
        parts = [instances[start::processes] for start in range(processes)]
        spans = clients.run_clients(clients.step_with_floor, scratch.dsn, parts)
        ours, floors = [client[::2] for client in spans], [client[1::2] for client in spans]
        yield make_figure(
            "single",
            clients=processes,
            size=scratch.events,
            per_second=clients.compute_median_rate(ours),
            latencies=clients.collect_latencies(ours),
            floor=clients.compute_median_rate(floors),
        )


def measure_http(scratch: Scratch, tasks: int) -> Iterator[Figure]:
    """Measure one report a request, by 1 and 8 clients of one server. The floor is the same without HTTP."""
    with served.run_server(scratch.dsn) as (host, port):
        for number in HTTP_CLIENTS:
            instances = scratch.queue_instances(tasks * number)
            parts = [(host, port, *instances[start::number]) for start in range(number)]
            spans = clients.run_clients(served.step_over_http, scratch.dsn, parts)
            over_http, without = [client[::2] for client in spans], [client[1::2] for client in spans]
            yield make_figure(
                "http",
                clients=number,
                size=scratch.events,
                per_second=clients.compute_median_rate(over_http),
                latencies=clients.collect_latencies(over_http),
                floor=clients.compute_median_rate(without),
            )


def measure_contended(scratch: Scratch, calls: int) -> Iterator[Figure]:
    """Measure eight processes that toggle the same instances, and check that the log has each accepted report once."""
    instances = scratch.queue_instances(CONTENDED_TASKS)
    for status in STEPS[:3]:
        scratch.service.transition_task_instances(instances, status)
    before = _transitions(scratch)
    spans = clients.run_clients(clients.toggle_statuses, scratch.dsn, [(seed, calls, *instances) for seed in range(8)])
    answers: Counter[str] = sum((span.answers for client in spans for span in client), Counter())
    measured = make_figure(
        "contended",
        clients=8,
        size=scratch.events,
        per_second=clients.compute_median_rate(spans),
        latencies=clients.collect_latencies(spans),
    )
    measured["refused"] = answers["invalid_ti_transition"] + answers["untimely_transition"]
    measured["errors"] = answers.total() - answers["None"] - measured["refused"]
    lost_or_doubled = abs(_transitions(scratch) - before - answers["None"])
    measured["mismatches"] = lost_or_doubled + len(verify_log(scratch.service.store)["mismatches"])
    yield measured


def measure_gate(scratch: Scratch, chunk: int, calls: int) -> Figure:
    """Measure the gating of `chunk` tasks a call."""
    tasks = scratch.register_tasks(chunk * calls)
    scratch.fill_floor()
    ours, bare = [], []
    with connect(scratch.dsn) as connection:
        for ids in _split(tasks, chunk):
            before = scratch.events
            ours.append(_time(partial(scratch.service.gate_tasks_for_queueing, ids)))
            bare.append(_time_bare(connection, before))
    return _chunked("gate", chunk, chunk, ours, bare)


def measure_bulk(scratch: Scratch, chunk: int, calls: int) -> Figure:
    """Measure each transition of `chunk` instances a call. Those of their tasks count as transitions too."""
    instances = scratch.queue_instances(chunk * calls)
    scratch.fill_floor()
    ours, bare = [], []
    with connect(scratch.dsn) as connection:
        for ids in _split(instances, chunk):
            for status in STEPS:
                before = scratch.events
                ours.append(_time(partial(scratch.service.transition_task_instances, ids, status)))
                bare.append(_time_bare(connection, before))
    return _chunked("bulk", chunk, 2 * chunk, ours, bare)


def measure_growth(scratch: Scratch, tasks: int) -> Figure:
    """Measure one transition a call by one process, in a log of the size that it has."""
    instances = scratch.queue_instances(tasks)
    scratch.fill_floor()
    size = scratch.events
    spans = clients.run_clients(clients.step_with_floor, scratch.dsn, [instances])
    ours, floors = [client[::2] for client in spans], [client[1::2] for client in spans]
    measured = make_figure(
        "growth",
        size=size,
        per_second=clients.compute_median_rate(ours),
        latencies=clients.collect_latencies(ours),
        floor=clients.compute_median_rate(floors),
    )
    with connect(scratch.dsn) as connection:
        measured["bytes_per_transition"] = round(_one(connection, "bytes_per_transition"), 1)
    return measured


def measure_rebuild(scratch: Scratch, repeats: int) -> Figure:
    """Measure a rebuild of every projection. The floor is one sequential read of the log."""
    with connect(scratch.dsn) as connection:
        size = scratch.events
        rates, floors = [], []
        for _ in range(repeats):
            rebuilt = rebuild_projections(scratch.service.store, lambda step: None)  # noqa: ARG005 - without progress
            rates.append(rebuilt["events"] / rebuilt["seconds"])
            floors.append(size / _time(lambda: _one(connection, "sequential_read_of_events")))
    return make_figure("rebuild", size=size, per_second=median(rates), floor=median(floors))


def measure_catch_up(scratch: Scratch, repeats: int) -> Figure:
    """Measure a subscription that counts events by status from the beginning. The floor is one sequential read."""
    with connect(scratch.dsn) as connection:
        rates, floors = [], []
        for number in range(repeats):
            counted: Counter[str] = Counter()

            def count(_: Connection[Any], events: Sequence[LoggedEvent], counted: Counter[str] = counted) -> None:
                counted.update(json.loads(event.data)["status"] for event in events)

            subscription = Subscription(scratch.dsn, f"bench-{number}", count)
            seconds = _time(subscription.catch_up)
            rates.append(counted.total() / seconds)
            floors.append(counted.total() / _time(lambda: _one(connection, "sequential_read_of_events")))
    return make_figure("catch-up", size=scratch.events, per_second=median(rates), floor=median(floors))


def measure_query(
    scratch: Scratch, case: str, run_query: Callable[[int], object], repeats: int, *, floor: bool
) -> Figure:
    """Measure a repeated query. The floor, if any, is one sequential read of the transitions."""
    seconds = [_time(lambda number=number: run_query(number)) for number in range(repeats)]  # type: ignore[misc]
    bare = None
    if floor:
        with connect(scratch.dsn) as connection:
            reads = [_time(lambda: _one(connection, "sequential_read_of_transitions")) for _ in range(repeats)]
            bare = 1 / median(reads)
    return make_figure(case, size=scratch.events, per_second=1 / median(seconds), latencies=seconds, floor=bare)


def _chunked(case: str, chunk: int, transitions: int, seconds: list[float], bare: list[float]) -> Figure:
    return make_figure(
        case,
        size=chunk,
        per_second=transitions / median(seconds),
        latencies=seconds,
        floor=transitions / median(bare),
    )


def _time_bare(connection: Connection[Any], before: int) -> float:
    """Return the seconds of a bare COPY and UPDATE with the rows that were written after the position `before`."""
    events = connection.execute(query("sojourn.bench", "appended_events"), [before]).fetchall()
    return _time(partial(_write_bare, connection, events))


def _write_bare(connection: Connection[Any], events: Sequence[Row]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(query("sojourn.bench", "floor_copy_events")) as copy:
            for row in events:
                copy.write_row(row[3:])
        for kind, update in ((TASK, "floor_update_tasks"), (TASK_INSTANCE, "floor_update_task_instances")):
            moved = {row[1]: row[2] for row in events if row[0] == kind}
            names, statuses = list(moved), list(moved.values())
            cursor.execute(query("sojourn.bench", update), {"ids": names, "statuses": statuses})


def _split(ids: Sequence[str], chunk: int) -> list[Sequence[str]]:
    return [ids[start : start + chunk] for start in range(0, len(ids), chunk)]


def _time(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _transitions(scratch: Scratch) -> int:
    with connect(scratch.dsn) as connection:
        return int(_one(connection, "sequential_read_of_transitions"))


def _one(connection: Connection[Any], name: str) -> float:
    row = connection.execute(query("sojourn.bench", name)).fetchone()
    assert row is not None
    return float(row[0])
