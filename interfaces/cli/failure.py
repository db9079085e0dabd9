"""Print errors as one sentence on stderr with an exit status, never as a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from domain.password import hide_passwords
from domain.printable import printable, printable_lines
from interfaces.cli.standard_streams import STANDARD_OUTPUT, discard_output

EXIT_FAILURE = 1
"""The exit status if the answer is that something is wrong."""

EXIT_USAGE = 2
"""The exit status if the request cannot be carried out."""


LONGEST_SENTENCE = 2_000
"""The length to which an error is printed."""

EXIT_INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells count it."""


@contextmanager
def cli_errors() -> Iterator[None]:
    """Turn an error of the block into a sentence and an exit status."""
    try:
        with _flushed_output():
            yield
    except KeyboardInterrupt:
        fail("interrupted", status=EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader has gone (as with `| head`), so nothing more can be printed.
        discard_output()
        sys.exit(0)
    except Exception as error:
        _exit_if_explained(error)
        fail(_sentence(error), status=EXIT_USAGE)


def fail(sentence: str, *, status: int = EXIT_USAGE) -> None:
    """Print the sentence on stderr, without a password that was given in a wrong place, and exit."""
    shown = _shorten(printable(hide_passwords(sentence)))
    print(f"sojourn: {shown}", file=sys.stderr)  # noqa: T201 - errors are printed here
    sys.exit(status)


def _shorten(sentence: str) -> str:
    # A sentence quotes what was given, which may be a megabyte. Its end says what to do.
    half = LONGEST_SENTENCE // 2
    return sentence if len(sentence) <= LONGEST_SENTENCE else f"{sentence[:half]} ... {sentence[-half:]}"


@contextmanager
def _flushed_output() -> Iterator[None]:
    # What is printed leaves the buffer here, where a failure is still an error and not a warning of the interpreter.
    try:
        yield
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _sentence(error: Exception) -> str:
    import psycopg

    from domain.errors import SojournError

    if isinstance(error, SojournError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"the database refused ({' '.join(str(error).split())})"
    if isinstance(error, OSError) and error.strerror:
        return _explain_system_error(error)
    if isinstance(error, MemoryError):
        return "this machine has no memory left for the answer; ask for less, such as one workflow"
    if os.environ.get("SOJOURN_TRACEBACK"):
        raise error
    return f"unexpected {type(error).__name__}: {error}; SOJOURN_TRACEBACK=1 shows where, for a report of this mistake"


def _explain_system_error(error: OSError) -> str:
    if error.filename == STANDARD_OUTPUT:
        discard_output()
        return f"{STANDARD_OUTPUT} cannot be written: {error.strerror}"
    if error.filename:
        return f"{error.filename!r} cannot be used: {error.strerror}"
    return f"the operating system refused a call: {error.strerror}"


def _exit_if_explained(error: Any) -> None:
    # Typer's own errors have an exit status and mostly a usage; its Exit has no message.
    if hasattr(error, "exit_code"):
        if hasattr(error, "show"):
            _print_usage(error)
        sys.exit(error.exit_code)


def _print_usage(error: Any) -> None:
    usage = StringIO()
    error.show(usage)
    lines = printable_lines(hide_passwords(usage.getvalue()).expandtabs()).split("\n")
    sys.stderr.write("\n".join(map(_shorten, lines)))
