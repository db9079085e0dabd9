"""The whole bench: each part runs in a scratch database of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from application.analyse.concurrency import count_concurrency
from application.analyse.time_in_status import measure_time_in_status
from application.read.status import read_status
from application.shared.current_status import database_now
from domain.entity import TASK, Entity
from infrastructure.database.connect import connect
from infrastructure.sql import query
from sojourn.bench import cases, linked
from sojourn.bench.figure import Figure
from sojourn.bench.scratch import Scratch, scratch_database

ReportCase = Callable[[str, int, int], None]
"""Receive the case that begins, the number of finished ones, and the number of all."""

Step = tuple[str, Callable[[], list[Figure]]]


@dataclass(frozen=True)
class Scale:
    """The amount of work: tasks of each client, calls, sizes of the log, repeats, tasks of a workflow with links."""

    tasks: int
    contended_calls: int
    chunk_calls: int
    sizes: tuple[int, ...]
    repeats: int
    linked_tasks: int


FULL = Scale(tasks=500, contended_calls=300, chunk_calls=6, sizes=(10_000, 100_000, 1_000_000), repeats=3,
             linked_tasks=50_000)  # fmt: skip
QUICK = Scale(tasks=100, contended_calls=100, chunk_calls=2, sizes=(10_000, 50_000), repeats=1, linked_tasks=2_000)
CHUNKS = (500, 5_000)
WRITING_CASES = 3 + 2 * len(CHUNKS)


def run_bench(dsn: str | None, scale: Scale, report_case: ReportCase) -> list[Figure]:
    """Run every case and return its figures. Call `report_case` as each one begins."""
    figures: list[Figure] = []
    done = 0
    for part in (_writing_cases, _growing_cases, _linked_cases):
        with scratch_database(dsn) as scratch:
            for name, step in part(scratch, scale):
                report_case(name, done, WRITING_CASES + len(scale.sizes) + 4)
                figures += step()
                done += 1
    return figures


def _writing_cases(scratch: Scratch, scale: Scale) -> Iterator[Step]:
    """Yield the cases that write, in a small log."""
    yield "single", lambda: list(cases.measure_single(scratch, scale.tasks))
    yield "http", lambda: list(cases.measure_http(scratch, scale.tasks))
    yield "contended", lambda: list(cases.measure_contended(scratch, scale.contended_calls))
    for name, case in (("gate", cases.measure_gate), ("bulk", cases.measure_bulk)):
        for chunk in CHUNKS:
            yield f"{name} {chunk}", _one(case, scratch, chunk, scale.chunk_calls)


def _growing_cases(scratch: Scratch, scale: Scale) -> Iterator[Step]:
    """Yield the cases of a log that grows, then those that read all of it once it is large."""
    for size in scale.sizes:
        yield f"growth to {size:,} events", _growth(scratch, size, scale.tasks)
    yield "rebuild", _one(cases.measure_rebuild, scratch, scale.repeats)
    yield "catch-up", _one(cases.measure_catch_up, scratch, scale.repeats)
    yield "queries", lambda: list(_queries(scratch, scale.repeats))


def _linked_cases(scratch: Scratch, scale: Scale) -> Iterator[Step]:
    """Yield the cases of a log in which tasks wait for each other."""
    yield "links", lambda: list(linked.measure_links(scratch, scale.linked_tasks))


def _one(case: Callable[..., Figure], *arguments: Any) -> Callable[[], list[Figure]]:
    return lambda: [case(*arguments)]


def _growth(scratch: Scratch, size: int, tasks: int) -> Callable[[], list[Figure]]:
    def grow() -> list[Figure]:
        scratch.grow_log(size)
        return [cases.measure_growth(scratch, tasks)]

    return grow


def _queries(scratch: Scratch, repeats: int) -> Iterator[Figure]:
    store = scratch.service.store
    with connect(scratch.dsn) as connection:
        long_ago = database_now(connection) - timedelta(seconds=5)
        tasks = [row[0] for row in connection.execute(query("sojourn.bench", "some_task_ids"))]

        def read_audit(_: int) -> object:
            return connection.execute(query("sojourn.bench", "whole_audit")).fetchone()

        def count_every_change(_: int) -> object:
            with count_concurrency(store, TASK, "RUNNING") as changes:
                return sum(1 for _ in changes)

        def read_one_status(number: int) -> object:
            return read_status(store, Entity(TASK, tasks[number % len(tasks)]), long_ago)

        yield cases.measure_query(
            scratch, "time-in-status", lambda _: measure_time_in_status(store), repeats, floor=True
        )
        yield cases.measure_query(scratch, "concurrency", count_every_change, repeats, floor=True)
        yield cases.measure_query(scratch, "audit", read_audit, repeats, floor=True)
        yield cases.measure_query(scratch, "status-at", read_one_status, 200 * repeats, floor=False)
