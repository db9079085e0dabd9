"""The whole bench, in one run against one scratch database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg

from application.analyse.concurrency import count_concurrency
from application.analyse.time_in_status import measure_time_in_status
from application.read.status import read_status
from application.shared.current_status import database_now
from domain.entity import TASK, Entity
from infrastructure.sql import query
from sojourn.bench import cases
from sojourn.bench.figure import Figure
from sojourn.bench.scratch import Scratch, scratch_database

Told = Callable[[str, int, int], None]
Step = tuple[str, Callable[[], list[Figure]]]


@dataclass(frozen=True)
class Scale:
    """How much of everything a bench does: tasks of each client, calls, sizes of the log, repeats."""

    tasks: int
    contended_calls: int
    chunk_calls: int
    sizes: tuple[int, ...]
    repeats: int


FULL = Scale(tasks=500, contended_calls=300, chunk_calls=6, sizes=(10_000, 100_000, 1_000_000), repeats=3)
QUICK = Scale(tasks=100, contended_calls=100, chunk_calls=2, sizes=(10_000, 50_000), repeats=1)
CHUNKS = (500, 5_000)
WRITING_CASES = 3 + 2 * len(CHUNKS)


def run(dsn: str | None, scale: Scale, told: Told) -> list[Figure]:
    """Every case's figures; `told` hears the case that begins, its number and how many there are."""
    figures: list[Figure] = []
    done = 0
    for part in (_writing, _growing):
        with scratch_database(dsn) as scratch:
            steps = part(scratch, scale)
            for name, step in steps:
                told(name, done, WRITING_CASES + len(scale.sizes) + 3)
                figures += step()
                done += 1
    return figures


def _writing(scratch: Scratch, scale: Scale) -> Iterator[Step]:
    """What writes, in a small log."""
    yield "single", lambda: list(cases.single(scratch, scale.tasks))
    yield "http", lambda: list(cases.http(scratch, scale.tasks))
    yield "contended", lambda: list(cases.contended(scratch, scale.contended_calls))
    for case in (cases.gate, cases.bulk):
        for chunk in CHUNKS:
            yield f"{case.__name__} {chunk}", _one(case, scratch, chunk, scale.chunk_calls)


def _growing(scratch: Scratch, scale: Scale) -> Iterator[Step]:
    """A log that grows, and what reads all of it once it is large."""
    for size in scale.sizes:
        yield f"growth to {size:,} events", _growth(scratch, size, scale.tasks)
    yield "rebuild", _one(cases.rebuilding, scratch, scale.repeats)
    yield "catch-up", _one(cases.catching_up, scratch, scale.repeats)
    yield "queries", lambda: list(_queries(scratch, scale.repeats))


def _one(case: Callable[..., Figure], *arguments: Any) -> Callable[[], list[Figure]]:
    return lambda: [case(*arguments)]


def _growth(scratch: Scratch, size: int, tasks: int) -> Callable[[], list[Figure]]:
    def grow() -> list[Figure]:
        scratch.grown_to(size)
        return [cases.growth(scratch, tasks)]

    return grow


def _queries(scratch: Scratch, repeats: int) -> Iterator[Figure]:
    store = scratch.service.store
    with psycopg.connect(scratch.dsn, autocommit=True) as connection:
        long_ago = database_now(connection) - timedelta(seconds=5)
        tasks = [row[0] for row in connection.execute(query("sojourn.bench", "some_task_ids"))]

        def whole_audit(_: int) -> object:
            return connection.execute(query("sojourn.bench", "whole_audit")).fetchone()

        def every_change(_: int) -> object:
            with count_concurrency(store, TASK, "RUNNING") as changes:
                return sum(1 for _ in changes)

        def status_then(number: int) -> object:
            return read_status(store, Entity(TASK, tasks[number % len(tasks)]), long_ago)

        yield cases.querying(scratch, "time-in-status", lambda _: measure_time_in_status(store), repeats, floor=True)
        yield cases.querying(scratch, "concurrency", every_change, repeats, floor=True)
        yield cases.querying(scratch, "audit", whole_audit, repeats, floor=True)
        yield cases.querying(scratch, "status-at", status_then, 200 * repeats, floor=False)
