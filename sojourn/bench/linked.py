"""The cases about links: two workflows whose tasks wait for each other, and the questions that follow their links."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from random import Random
from statistics import median

from application.transition_service import TransitionService
from application.write.registration import TaskSpec
from sojourn.bench.figure import Figure, make_figure
from sojourn.bench.scratch import STEPS, Scratch

LAYERS = 100
"""The number of layers of a workflow: the tasks of each wait for some of the layer before."""

UPSTREAM = 4
"""The number of tasks for which a task waits."""

REPEATS = 3
"""How often a question is asked."""

ENDED, BLOCKED = "ended", "blocked"
"""A workflow whose tasks are all done, and one in which a task of the first layer failed before another layer began."""


def measure_links(scratch: Scratch, tasks: int, layers: int = LAYERS) -> Iterator[Figure]:
    """Measure the registration of `tasks` tasks with their links, and each question about two such workflows.

    The rate of `links` is that of links; its latency is that of one call for all tasks of a workflow.
    """
    planned = {workflow: plan_layers(workflow, tasks, layers) for workflow in (ENDED, BLOCKED)}
    links = sum(len(spec.upstream) for spec in chain(*planned[ENDED]))
    seconds = [_time(partial(_register, scratch.service, workflow, planned[workflow])) for workflow in planned]
    yield make_figure("links", size=tasks, per_second=links / median(seconds), latencies=seconds)
    for layer in planned[ENDED]:
        _run(scratch.service, layer)
    _run(scratch.service, planned[BLOCKED][0][:1], end="ERROR")
    scratch.execute("VACUUM (ANALYZE)")
    for name, ask in _questions(scratch.service, planned[BLOCKED][-1][-1].task_id).items():
        seconds = [_time(ask) for _ in range(REPEATS)]
        yield make_figure(name, size=tasks, per_second=1 / median(seconds), latencies=seconds)


def plan_layers(workflow_id: str, tasks: int, number: int = LAYERS) -> list[list[TaskSpec]]:
    """Return the tasks of a workflow by layer; each layer has as many, and each task one attempt."""
    random, layers = Random(workflow_id), list[list[TaskSpec]]()  # noqa: S311 - the same one each time
    for layer in range(number):
        before = [spec.task_id for spec in layers[-1]] if layers else []
        names = (f"{workflow_id}/{layer:03}-{place:05}" for place in range(max(1, tasks // number)))
        # The first task of the layer before is among those that each one waits for, so that it can block them all.
        layers.append(
            [
                TaskSpec(
                    name, 1, f"layer-{layer % 10}", upstream=before[:1] + random.sample(before[1:], _others(before))
                )
                for name in names
            ]
        )
    return layers


def _others(before: Sequence[str]) -> int:
    return max(0, min(UPSTREAM, len(before)) - 1)


def _register(service: TransitionService, workflow_id: str, layers: Sequence[Sequence[TaskSpec]]) -> None:
    service.register_tasks(workflow_id, list(chain(*layers)))


def _run(service: TransitionService, layer: Sequence[TaskSpec], end: str = STEPS[-1]) -> None:
    tasks = [spec.task_id for spec in layer]
    service.gate_tasks_for_queueing(tasks)
    instances = {f"{task}/1": task for task in tasks}
    service.create_task_instances(instances)
    for status in (*STEPS[:-1], end):
        service.transition_task_instances(list(instances), status)


def _questions(service: TransitionService, last_task: str) -> dict[str, Callable[[], object]]:
    """Return the questions by the names of their cases."""
    return {
        "critical-path": lambda: service.critical_path(ENDED),
        "compare": lambda: service.compare(ENDED, BLOCKED),
        "why-upstream": lambda: service.why(f"task:{last_task}"),
        "blocked": lambda: service.blocked(BLOCKED),
    }


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
