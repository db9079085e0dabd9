"""Help tests to calls and to processes that begin at the same moment."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Answer = TypeVar("Answer")

HANGS_AFTER_SECONDS = 300
"""When a process counts as one that never ends; a loaded machine may need a minute for three new servers."""


def at_once(calls: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Make each call in a thread of its own, and return the answers in the order of the calls.

    What a call raises is raised.
    """
    start = Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        start.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [outcome.result(timeout=60) for outcome in [threads.submit(run, call) for call in calls]]


def processes_at_once(
    program: str, arguments: Sequence[Sequence[str]], *, before: Callable[[], object] = lambda: None
) -> list[str]:
    """Run a Python program in a process for each list of arguments, and return what the processes print.

    The program prints "ready" and reads a line before it goes on; it must succeed and write no error. `before` is
    called when all of them are ready.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, *own],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for own in arguments
    ]  # fmt: skip
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    before()
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=HANGS_AFTER_SECONDS) for process in processes]
    assert [(process.returncode, error) for process, (_, error) in zip(processes, printed, strict=True)] == (
        [(0, "")] * len(processes)
    )
    return [output for output, _ in printed]
