"""Help tests to run the program on a terminal of a size: as a process, or in this one."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread, Timer
from typing import TextIO

from interfaces.cli.output import console, messages
from tests.support.command_line import Done, run_program
from tests.support.waiting import LIMIT_SECONDS

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(
    *arguments: str, columns: int = 80, lines: int = 24, typed: bytes = b"", **environment: str
) -> tuple[int, str]:
    """Run the program as a process on a terminal; return its status, and what the terminal got."""
    ours, theirs = _terminal(columns, lines)
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "LESS", "PAGER")}
    command = [sys.executable, "-m", "sojourn", *arguments]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=inherited | {"TERM": "xterm"} | environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, typed)
        read = b"".join(_pieces(ours))
        os.close(ours)
    return process.returncode, read.decode().replace("\r\n", "\n")


@contextmanager
def program_on_a_terminal(*arguments: str, columns: int) -> Iterator[tuple[subprocess.Popen[bytes], TextIO]]:
    """Yield the program as a process that goes on, and what its terminal gets, line by line."""
    ours, theirs = _terminal(columns, lines=24)
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "sojourn", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=inherited | {"TERM": "xterm"}) as process:
        os.close(theirs)
        limit = Timer(LIMIT_SECONDS, process.kill)  # it only ends a test that would hang
        limit.start()
        try:
            with os.fdopen(ours, encoding="utf-8") as read:
                yield process, read
        finally:
            limit.cancel()
            process.kill()


def printed_on_a_terminal(columns: int, *arguments: str) -> Done:
    """Run the program in this process on a terminal without an end, and return what it printed, without styles."""
    ours, theirs = _terminal(columns, lines=50_000)
    read: list[bytes] = []
    reader = Thread(target=lambda: read.extend(_pieces(ours)))
    reader.start()
    with _environment(COLUMNS=str(columns), LINES="50000", TERM="xterm"), os.fdopen(theirs, "w") as terminal:
        done = run_program(*arguments, terminal=terminal)
    reader.join()
    os.close(ours)
    return Done(done.status, STYLE.sub("", b"".join(read).decode().replace("\r\n", "\n")), done.stderr)


def _terminal(columns: int, lines: int) -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    return ours, theirs


def _pieces(terminal: int) -> Iterator[bytes]:
    try:
        while piece := os.read(terminal, 65_536):
            yield piece
    except OSError:  # Linux reports the end of a terminal so
        return


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    _forget_consoles()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        _forget_consoles()


def _forget_consoles() -> None:
    console.cache_clear()
    messages.cache_clear()
