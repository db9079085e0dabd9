"""Lock storms: eight processes report on the same 20 tasks, one by one and in bulk in any order."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from application.transition_service import TaskSpec, TransitionService
from sojourn.errors import RetriesExhausted
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support import servers

ROOT = Path(__file__).parents[2]
WRITERS, TASKS = 8, 20
SECONDS = 5.0
"""How long the writers of one run go on."""

LEAST_RATIO = 0.5
"""The throughput on shared tasks, as a part of that on tasks of one's own."""

LONGEST_SECONDS = 5.0
"""How long a writer may go without getting anything through."""

BULK = 0.1
"""The chance of a call to be about several tasks."""


def run(plan: Plan) -> Tally:
    """Let writers loose on tasks of their own, and then on shared ones, in each round."""
    tally = Tally()
    ratios, longest = [], 0.0
    with servers.running("embedded") as dsn:
        for number in range(1, plan.rounds + 1):
            own = _storm(dsn, f"own{number}", plan.seed + number, is_shared=False)
            shared = _storm(dsn, f"shared{number}", plan.seed + number, is_shared=True)
            ratios.append(sum(one["through"] for one in shared) / sum(one["through"] for one in own))
            longest = max(longest, *(one["longest"] for one in shared))
            tally.rounds = number
            tally.acknowledged += sum(one["through"] for one in (*own, *shared))
            raised = sum((Counter(one["raised"]) for one in (*own, *shared)), Counter[str]())
            tally.problems += [f"a caller got {name} {count} times" for name, count in raised.items()]
            judge(dsn, None, tally)
            plan.say(f"round {number}: throughput {ratios[-1]:.2f} of the uncontended; {tally}")
            if not tally.is_right:
                break
    figures = f"throughput {median(ratios):.2f} of the uncontended (median), longest wait {longest:.1f} s"
    tally.notes.append(figures)
    if plan.is_timed and (median(ratios) < LEAST_RATIO or longest > LONGEST_SECONDS):
        tally.problems.append(figures)
    return tally


def _storm(dsn: str, name: str, seed: int, *, is_shared: bool) -> list[dict[str, Any]]:
    groups = [f"{name}-{0 if is_shared else writer}" for writer in range(WRITERS)]
    with TransitionService.connect(dsn) as service:
        for group in dict.fromkeys(groups):
            tasks = task_names(group)
            service.register_tasks("faults", [TaskSpec(task, 3) for task in tasks])
            service.gate_tasks_for_queueing(tasks)
            service.create_task_instances({f"{task}/1": task for task in tasks})
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.storms", dsn, group, f"{seed}/{number}"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        for number, group in enumerate(groups)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        return [json.loads(process.communicate(timeout=300)[0]) for process in _all_begun(processes)]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def _all_begun(processes: list["subprocess.Popen[str]"]) -> list["subprocess.Popen[str]"]:
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


def task_names(group: str) -> list[str]:
    """Return the tasks of a group."""
    return [f"{group}-{number}" for number in range(TASKS)]


def write(dsn: str, group: str, random: Random) -> dict[str, Any]:
    """Report on the tasks of a group for some seconds, and return what came of it."""
    through, raised, longest = 0, Counter[str](), 0.0
    with TransitionService.connect(dsn, max_size=1) as service:
        service.status(f"task:{task_names(group)[0]}")
        print("ready", flush=True)
        sys.stdin.readline()
        last = time.monotonic()
        ends = last + SECONDS
        while time.monotonic() < ends:
            try:
                is_through = _report(service, group, random)
            except RetriesExhausted:
                continue
            except Exception as error:
                raised[type(error).__name__] += 1
                continue
            if is_through:
                now = time.monotonic()
                through, longest, last = through + 1, max(longest, now - last), now
    return {"through": through, "raised": raised, "longest": max(longest, time.monotonic() - last)}


def _report(service: TransitionService, group: str, random: Random) -> bool:
    """Make one call, and return whether any of it was carried out."""
    tasks = random.sample(task_names(group), 5)
    if random.random() >= BULK:
        status = random.choice(("LAUNCHED", "RUNNING", "DONE"))
        return service.transition_task_instance(f"{tasks[0]}/1", status)["error"] != "max_retries_exceeded"
    if random.random() < 0.5:
        return len(service.transition_task_instances([f"{task}/1" for task in tasks], "RUNNING")["locked"]) < len(tasks)
    if random.random() < 0.5:
        return len(service.transition_tasks(tasks, "RUNNING")["locked"]) < len(tasks)
    return len(service.gate_tasks_for_queueing(tasks)["locked"]) < len(tasks)


if __name__ == "__main__":
    print(json.dumps(write(sys.argv[1], sys.argv[2], Random(sys.argv[3]))))
