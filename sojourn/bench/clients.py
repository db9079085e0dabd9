"""Client processes: each waits for the others, does its part, and returns the time of every call."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from random import Random
from statistics import median
from typing import Any

from application.transition_service import TransitionService
from infrastructure.database.connect import connect
from sojourn.bench.scratch import TASK_STATUS

LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Span:
    """One client's part of one phase: its begin and end, the seconds of each call, and the counted answers."""

    began: float
    ended: float
    latencies: list[float]
    answers: Counter[str]


def run_clients(target: Callable[..., None], dsn: str, parts: Sequence[Sequence[Any]]) -> list[list[Span]]:
    """Run a client process for each of `parts`, its work. Return each client's spans, one for each phase."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(len(parts)), context.Queue()
    clients = [context.Process(target=target, args=(dsn, part, barrier, queue), daemon=True) for part in parts]
    for client in clients:
        client.start()
    spans = [queue.get(timeout=LIMIT_SECONDS) for _ in clients]
    for client in clients:
        client.join()
    return spans


def compute_rate(spans: Sequence[Span]) -> float:
    """Return the calls of all clients per second in one phase."""
    seconds = max(span.ended for span in spans) - min(span.began for span in spans)
    return sum(len(span.latencies) for span in spans) / seconds


def compute_median_rate(clients: Sequence[Sequence[Span]]) -> float:
    """Return the median over the phases of the calls of all clients per second."""
    return median(compute_rate(phase) for phase in zip(*clients, strict=True))


def collect_latencies(clients: Sequence[Sequence[Span]]) -> list[float]:
    """Return the seconds of every call."""
    return [seconds for spans in clients for span in spans for seconds in span.latencies]


def step_with_floor(dsn: str, instances: Sequence[str], barrier: Barrier, queue: Any) -> None:
    """Move instances step by step through the service, and after each step the floor's by its function."""
    with TransitionService.connect(dsn, max_size=1) as service, connect(dsn) as floor:

        def report(instance: str, status: str) -> str:
            return str(service.transition_task_instance(instance, status)["error"])

        def step_floor(instance: str, status: str) -> str:
            floor.execute("SELECT floor.step(%s, %s, %s)", [instance, status, TASK_STATUS[status]], prepare=True)
            return "None"

        spans = []
        for status in TASK_STATUS:
            for call in (report, step_floor):
                barrier.wait()
                spans.append(time_calls(call, [(instance, status) for instance in instances]))
        queue.put(spans)


def toggle_statuses(dsn: str, part: Sequence[Any], barrier: Barrier, queue: Any) -> None:
    """Toggle instances that every other client toggles too. `part`: a seed, the number of calls, the instances."""
    seed, calls, *instances = part
    random = Random(seed)  # noqa: S311 - no secret
    with TransitionService.connect(dsn, max_size=1) as service:

        def toggle(instance: str, status: str) -> str:
            return str(service.transition_task_instance(instance, status)["error"])

        work = [(random.choice(instances), random.choice(("TRIAGING", "RUNNING"))) for _ in range(calls)]
        barrier.wait()
        queue.put([time_calls(toggle, work)])


def time_calls(call: Callable[[str, str], str], work: Sequence[tuple[str, str]]) -> Span:
    """Make a call for each item of the work. An exception counts as an answer with its name."""
    seconds: list[float] = []
    answers: Counter[str] = Counter()
    began = before = time.perf_counter()
    for arguments in work:
        try:
            answers[call(*arguments)] += 1
        except Exception as error:  # every error that reaches a caller is counted
            answers[type(error).__name__] += 1
        now = time.perf_counter()
        seconds.append(now - before)
        before = now
    return Span(began, before, seconds, answers)
