"""The real commands that the demo runs as tasks. Most succeed; the others fail, each in another way."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MEMORY_MIB = 512
"""The memory limit of a task's first instance."""

NEVER_STARTED = "REGISTERING"
"""The status of a task that waits for one which failed."""

COMPRESS = "import os, sys, zlib; zlib.compress(os.urandom(int(sys.argv[1])), 9)"
DIGEST = "import hashlib, sys; hashlib.pbkdf2_hmac('sha256', b'sojourn', b'salt', int(sys.argv[1]))"
PRIMES = "import sys; sum(all(n % d for d in range(2, int(n ** 0.5) + 1)) for n in range(2, int(sys.argv[1])))"
ALLOCATE = "import sys; bytearray(int(sys.argv[1]) << 20)"
SORT = 'seq "$0" | sort -r | cksum'
FAIL = 'echo "no such sample: $0" >&2; exit 2'
FAIL_ONCE = '[ -e "$0" ] && exit; : > "$0"; echo "the licence server is busy" >&2; exit 75'
KILL_WORKER_ONCE = '[ -e "$0" ] && exit; : > "$0"; kill -s KILL "$PPID"'


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to run as a task, the tasks that it waits for, and the status in which its task should end."""

    task_id: str
    template: str
    argv: tuple[str, ...]
    max_attempts: int = 3
    ends: str = "DONE"
    upstream: tuple[str, ...] = ()


def plan_commands(workflow_id: str, folder: Path) -> list[Command]:
    """Return the commands of the first workflow. A command that fails once leaves a file in `folder`.

    `report` waits for a command that fails, so it never starts, and neither does what waits for it.
    """
    plan = Plan(workflow_id)
    plan.add("crashes-once", "sh", "-c", KILL_WORKER_ONCE, folder / "crashed")
    plan.add("hungry", *_python(ALLOCATE), MEMORY_MIB * 5 // 4)
    plan.add("fails-once-1", "sh", "-c", FAIL_ONCE, folder / "failed-1")
    plan.add("fails-once-2", "sh", "-c", FAIL_ONCE, folder / "failed-2")
    plan.add("broken", "sh", "-c", FAIL, "S-17", max_attempts=2, ends="ERROR_FATAL")
    plan.add_samples(sorts=15, others=13)
    plan.add_results("broken", ends=NEVER_STARTED)
    return plan.commands


def plan_second_commands(workflow_id: str) -> list[Command]:
    """Return the commands of the second workflow: fewer samples, and nothing that fails, so all of them run."""
    plan = Plan(workflow_id)
    plan.add_samples(sorts=5, others=5)
    plan.add_results("sort-5")
    return plan.commands


class Plan:
    """The commands of a workflow, which are added in an order in which each follows those that it waits for."""

    def __init__(self, workflow_id: str) -> None:
        self._workflow_id = workflow_id
        self.commands: list[Command] = []

    def add(
        self, name: str, *argv: object, upstream: Sequence[str] = (), max_attempts: int = 3, ends: str = "DONE"
    ) -> None:
        """Add a command that waits for those with the names of `upstream`."""
        waits_for = tuple(map(self._task_id, upstream))
        template = name.rstrip("-0123456789")
        command = Command(self._task_id(name), template, tuple(map(str, argv)), max_attempts, ends, waits_for)
        self.commands.append(command)

    def add_samples(self, *, sorts: int, others: int) -> None:
        """Add the commands of numbered samples. Each sample is sorted first; the longest take the most work."""
        for n in range(1, sorts + 1):
            self.add(f"sort-{n}", "sh", "-c", SORT, 20_000 * n)
        for n in range(1, others + 1):
            self.add(f"compress-{n}", *_python(COMPRESS), 400_000 * n, upstream=[f"sort-{n}"])
            self.add(f"digest-{n}", *_python(DIGEST), 30_000 * n, upstream=[f"compress-{n}"])
            self.add(f"primes-{n}", *_python(PRIMES), 5_000 * n, upstream=[f"sort-{n}"])
        results = [f"{kind}-{n}" for n in range(1, others + 1) for kind in ("digest", "primes")]
        self.add("summary", "sh", "-c", SORT, 10_000, upstream=results)

    def add_results(self, last_input: str, *, ends: str = "DONE") -> None:
        """Add the commands that come last: they wait for the summary and for `last_input`."""
        self.add("report", "sh", "-c", SORT, 10_000, upstream=["summary", last_input], ends=ends)
        self.add("publish", "sh", "-c", SORT, 1_000, upstream=["report"], ends=ends)

    def _task_id(self, name: str) -> str:
        return f"{self._workflow_id}/{name}"


def _python(program: str) -> tuple[str, ...]:
    return sys.executable, "-I", "-c", program
