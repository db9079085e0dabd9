"""Help tests to the command line: run its commands in this process, or find the program to start in another."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import typer
from typer.testing import CliRunner, Result

from application.transition_service import TransitionService
from infrastructure.loggers import PSYCOPG, ROOT
from interfaces.cli.command_line import build_app, main

app = build_app()
"""The application with all its commands."""

SOJOURN = str(Path(sys.executable).with_name("sojourn"))
"""The installed program."""


class Done(NamedTuple):
    """What a run of the program left behind."""

    status: int
    stdout: str
    stderr: str


def run(service: TransitionService, *arguments: str) -> Result:
    """Run a command in this process, and return its exit code and output."""
    return CliRunner().invoke(app, [*arguments, "--dsn", service.dsn])


def document(service: TransitionService, *arguments: str) -> Any:
    """Run a command that must succeed, and return the document that it prints with --json."""
    done = run(service, *arguments, "--json")
    assert done.exit_code == 0, done
    return json.loads(done.stdout)


def run_program(*arguments: str, stdin: bytes = b"", terminal: TextIO | None = None) -> Done:
    """Run the whole program in this process: the command, and what turns its errors into sentences.

    With a `terminal`, the answer is printed there.
    """
    with _streams(stdin) as (stdout, stderr):
        sys.stdout = terminal or stdout
        status = _run_main(arguments)
        for stream in (stdout, stderr):
            stream.flush()
        return Done(status, _text(stdout), _text(stderr))


def run_without_reader(*arguments: str) -> Done:
    """Run the whole program in this process with a pipe as its output whose reader has gone; stdout is empty."""
    reader, writer = os.pipe()
    os.close(reader)
    # Nothing is buffered, so that a failed write leaves nothing to be written again at the end.
    with _streams(b"") as (_, stderr), io.TextIOWrapper(io.FileIO(writer, "w"), "utf-8", write_through=True) as pipe:
        sys.stdout = pipe
        status = _run_main(arguments)
        stderr.flush()
        return Done(status, "", _text(stderr))


def run_on(dsn: str, *arguments: str) -> Done:
    """Run the whole program on a database."""
    return run_program(*arguments, "--dsn", dsn)


def _run_main(arguments: Sequence[str]) -> int:
    before, sys.argv = sys.argv, ["sojourn", *arguments]
    try:
        main()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    finally:
        sys.argv = before
        _stop_logging()
    return 0


def _stop_logging() -> None:
    # `-v` logs for as long as a process lives, which is not over here.
    for logger in (ROOT, PSYCOPG):
        logger.handlers = [handler for handler in logger.handlers if isinstance(handler, logging.NullHandler)]
    ROOT.setLevel(logging.NOTSET)


def command_names() -> Iterator[list[str]]:
    """Yield the words of every command, of every group and of `sojourn` itself."""
    waiting: list[tuple[list[str], object]] = [([], typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        yield words
        waiting += [([*words, name], found) for name, found in getattr(command, "commands", {}).items()]


@contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    before = sys.stdin, sys.stdout, sys.stderr
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))), stdout, stderr
    try:
        yield stdout, stderr
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined,no-any-return]
