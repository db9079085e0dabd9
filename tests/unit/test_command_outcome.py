"""What the demo's worker makes of the way in which a command has ended."""

import signal

import pytest

from sojourn.demo.worker import classify_exit


@pytest.mark.parametrize(
    ("exit_status", "errors", "expected"),
    [
        (0, "a warning\n", ("DONE", None)),
        (2, "no such sample: S-17\n", ("ERROR", "exit status 2: no such sample: S-17")),
        (3, "", ("ERROR", "exit status 3")),
        (-signal.SIGSEGV, "", ("ERROR", "exit status -11")),
        (1, "Traceback:\n  ...\nMemoryError\n", ("RESOURCE_ERROR", "out of memory with a limit of 512 MiB")),
        (-signal.SIGKILL, "", ("RESOURCE_ERROR", "out of memory with a limit of 512 MiB")),
    ],
)
def test_what_a_command_ends_in(exit_status: int, errors: str, expected: tuple[str, str | None]) -> None:
    assert classify_exit(exit_status, errors, memory_mib=512) == expected
