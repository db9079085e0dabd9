"""The real commands that the demo runs as tasks. Most succeed; the others fail, each in another way."""

import sys
from dataclasses import dataclass
from pathlib import Path

MEMORY_MIB = 512
"""The memory limit of a task's first instance."""

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
    """A command line to run as a task, and the status in which its task should end."""

    task_id: str
    template: str
    argv: tuple[str, ...]
    max_attempts: int = 3
    ends: str = "DONE"


def plan_commands(workflow_id: str, folder: Path) -> list[Command]:
    """Return the demo's commands. A command that fails once leaves a file in `folder`."""

    def command(name: str, *argv: object, max_attempts: int = 3, ends: str = "DONE") -> Command:
        template = name.rstrip("-0123456789")
        return Command(f"{workflow_id}/{name}", template, tuple(map(str, argv)), max_attempts, ends)

    return [
        command("crashes-once", "sh", "-c", KILL_WORKER_ONCE, folder / "crashed"),
        command("hungry", *_python(ALLOCATE), MEMORY_MIB * 5 // 4),
        command("fails-once-1", "sh", "-c", FAIL_ONCE, folder / "failed-1"),
        command("fails-once-2", "sh", "-c", FAIL_ONCE, folder / "failed-2"),
        command("broken", "sh", "-c", FAIL, "S-17", max_attempts=2, ends="ERROR_FATAL"),
        *(command(f"sort-{n}", "sh", "-c", SORT, 20_000 * n) for n in range(1, 16)),
        *(command(f"compress-{n}", *_python(COMPRESS), 400_000 * n) for n in range(1, 15)),
        *(command(f"digest-{n}", *_python(DIGEST), 30_000 * n) for n in range(1, 14)),
        *(command(f"primes-{n}", *_python(PRIMES), 5_000 * n) for n in range(1, 14)),
    ]


def _python(program: str) -> tuple[str, ...]:
    return sys.executable, "-I", "-c", program
