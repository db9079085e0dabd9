"""Client processes: each waits for the others, does its part, and answers with the time of every call."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from random import Random
from statistics import median
from typing import Any

import psycopg

from application.transition_service import TransitionService
from sojourn.bench.scratch import TASK_STATUS

LIMIT_SECONDS = 600


@dataclass(frozen=True)
class Span:
    """What one client did in one phase: when it began and ended, how long each call took, what was answered."""

    began: float
    ended: float
    latencies: list[float]
    answers: Counter[str]


def in_processes(target: Callable[..., None], dsn: str, parts: Sequence[Sequence[Any]]) -> list[list[Span]]:
    """The spans of every phase, client by client; `parts` has what each client works on."""
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(len(parts)), context.Queue()
    clients = [context.Process(target=target, args=(dsn, part, barrier, queue), daemon=True) for part in parts]
    for client in clients:
        client.start()
    spans = [queue.get(timeout=LIMIT_SECONDS) for _ in clients]
    for client in clients:
        client.join()
    return spans


def rate(spans: Sequence[Span]) -> float:
    """What all clients did each second in one phase."""
    seconds = max(span.ended for span in spans) - min(span.began for span in spans)
    return sum(len(span.latencies) for span in spans) / seconds


def median_rate(clients: Sequence[Sequence[Span]]) -> float:
    """The median over the phases of what all clients did each second."""
    return median(rate(phase) for phase in zip(*clients, strict=True))


def latencies(clients: Sequence[Sequence[Span]]) -> list[float]:
    """Every call's seconds."""
    return [seconds for spans in clients for span in spans for seconds in span.latencies]


def step_both(dsn: str, instances: Sequence[str], barrier: Barrier, queue: Any) -> None:
    """Take instances step by step through the service, and after each step the floor's through its function."""
    with TransitionService.connect(dsn, max_size=1) as service, psycopg.connect(dsn, autocommit=True) as floor:

        def report(instance: str, status: str) -> str:
            return str(service.transition_task_instance(instance, status)["error"])

        def bare(instance: str, status: str) -> str:
            floor.execute("SELECT floor.step(%s, %s, %s)", [instance, status, TASK_STATUS[status]], prepare=True)
            return "None"

        spans = []
        for status in TASK_STATUS:
            for call in (report, bare):
                barrier.wait()
                spans.append(timed(call, [(instance, status) for instance in instances]))
        queue.put(spans)


def contend(dsn: str, part: Sequence[Any], barrier: Barrier, queue: Any) -> None:
    """Toggle instances that every other client toggles too. `part`: a seed, how many calls, the instances."""
    seed, calls, *instances = part
    dice = Random(seed)  # noqa: S311 - no secret
    with TransitionService.connect(dsn, max_size=1) as service:

        def toggle(instance: str, status: str) -> str:
            return str(service.transition_task_instance(instance, status)["error"])

        work = [(dice.choice(instances), dice.choice(("TRIAGING", "RUNNING"))) for _ in range(calls)]
        barrier.wait()
        queue.put([timed(toggle, work)])


def timed(call: Callable[[str, str], str], work: Sequence[tuple[str, str]]) -> Span:
    """Do the work call by call; an exception counts as an answer of its name."""
    seconds: list[float] = []
    answers: Counter[str] = Counter()
    began = before = time.perf_counter()
    for arguments in work:
        try:
            answers[call(*arguments)] += 1
        except Exception as error:  # what reaches a caller is what is counted
            answers[type(error).__name__] += 1
        now = time.perf_counter()
        seconds.append(now - before)
        before = now
    return Span(began, before, seconds, answers)
