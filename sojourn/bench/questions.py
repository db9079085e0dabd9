"""The questions that a log is asked at each of its sizes, and what they cost."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import timedelta
from functools import partial
from statistics import median
from typing import TypedDict

from application.analyse.concurrency import count_concurrency_by_bucket
from application.replay.verify import verify_log
from application.report.workflow_report import build_report
from application.shared.current_status import database_now
from application.shared.store import Store
from domain.entity import TASK
from infrastructure.database.connect import connect
from sojourn.bench.grown_log import EVERY, TASKS, WRITERS, GrownLog
from sojourn.bench.scratch import EVENTS_OF_A_TASK, STEPS, scratch_database

REPEATS = 3
"""How often a question is asked."""

PATIENCE_SECONDS = 20.0
"""After how many seconds a question is not asked again."""

TRANSITIONS = 200
"""The number of instances whose single transitions are measured."""

ReportQuestion = Callable[[str, int, int], None]
"""Receives what is done, how far it has come, and how far it goes."""


class Cost(TypedDict):
    """The median seconds of a question at a size of the log, and its ratio to those at the first size.

    `mismatches` are those that `verify` has found, and None for other questions.
    """

    question: str
    size: int
    seconds: float
    ratio: float
    mismatches: int | None


def run_scale(
    dsn: str | None, sizes: Sequence[int], report: ReportQuestion, *, workflow_tasks: int = TASKS
) -> Generator[Cost]:
    """Grow a log to each of the sizes, and yield what each question costs there as soon as it is known."""
    costs: list[Cost] = []
    workflows = max(sizes) // (workflow_tasks * EVENTS_OF_A_TASK) + 3 + WRITERS
    with scratch_database(dsn) as scratch:
        with connect(scratch.dsn) as connection:
            begin = database_now(connection) - workflows * EVERY - timedelta(hours=3)
        log = GrownLog(scratch, begin, workflow_tasks)
        for size in sorted(sizes):
            log.grow(size, partial(report, f"Growing to {size:,} events"))
            for cost in _ask_all(log, tuple(costs), report):
                costs.append(cost)
                yield cost


def _ask_all(log: GrownLog, before: Sequence[Cost], report: ReportQuestion) -> Iterator[Cost]:
    size, questions = log.scratch.events, _questions(log)
    for number, (name, ask) in enumerate(questions.items()):
        report(f"{name} at {size:,} events", number, len(questions) + 2)
        yield _cost(name, size, _median_seconds(ask), before)
    report(f"transitions at {size:,} events", len(questions), len(questions) + 2)
    yield _cost("transition", size, _measure_transitions(log), before)
    report(f"verify at {size:,} events", len(questions) + 1, len(questions) + 2)
    began = time.perf_counter()
    found = verify_log(log.scratch.service.store)
    yield _cost("verify", size, time.perf_counter() - began, before, len(found["mismatches"]) + found["left_out"])


def _questions(log: GrownLog) -> dict[str, Callable[[], object]]:
    """Return the questions by their names, in the order of the table."""
    service, workflow = log.scratch.service, log.last_workflow
    since, until = log.days
    return {
        "why (attempt)": lambda: service.why(f"ti:{log.left_behind}"),
        "orphans": service.orphans,
        "orphans --workflow": lambda: service.orphans(workflow_id=workflow),
        "orphans --at": lambda: service.orphans(at=until),
        "report --workflow": lambda: build_report(service.store, workflow),
        "attempts": service.attempts,
        "concurrency --bucket": lambda: _read_buckets(service.store),
        "diff (a day)": lambda: service.diff(since, until),
        "time-in-status": service.time_in_status,
    }


def _read_buckets(store: Store) -> int:
    """Read how many tasks were running at once in each hour, and return the number of hours."""
    with count_concurrency_by_bucket(store, TASK, "RUNNING", timedelta(hours=1)) as found:
        return sum(1 for _ in found)


def _measure_transitions(log: GrownLog) -> float:
    """Return the median seconds of one instance-and-task transition a call."""
    service, seconds = log.scratch.service, []
    for instance in log.scratch.queue_instances(TRANSITIONS):
        for status in STEPS:
            began = time.perf_counter()
            service.transition_task_instance(instance, status)
            seconds.append(time.perf_counter() - began)
    return median(seconds)


def _median_seconds(ask: Callable[[], object]) -> float:
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < PATIENCE_SECONDS:
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _cost(name: str, size: int, seconds: float, before: Sequence[Cost], mismatches: int | None = None) -> Cost:
    first = next((cost["seconds"] for cost in before if cost["question"] == name), seconds)
    return {
        "question": name,
        "size": size,
        "seconds": round(seconds, 6),
        "ratio": round(seconds / first, 3),
        "mismatches": mismatches,
    }
