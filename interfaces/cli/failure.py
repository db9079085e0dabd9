"""Errors as a person at a shell sees them: one sentence on stderr and an exit status, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_FAILURE = 1
"""The answer is that something is wrong."""

EXIT_USAGE = 2
"""The request could not be carried out as it stands."""


EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells count it."""


@contextmanager
def cli_errors() -> Iterator[None]:
    """Turn what goes wrong inside into a sentence and an exit status."""
    try:
        yield
    except KeyboardInterrupt:
        fail("interrupted", status=EXIT_INTERRUPTED)
    except BrokenPipeError:
        _end_quietly()
    except Exception as error:
        _explain_usage(error)
        fail(_sentence(error), status=EXIT_USAGE)


def fail(sentence: str, *, status: int = EXIT_USAGE) -> None:
    """Say it on stderr and end."""
    print(f"sojourn: {sentence}", file=sys.stderr)  # noqa: T201 - this is where people are spoken to
    sys.exit(status)


def _sentence(error: Exception) -> str:
    import psycopg

    from domain.errors import SojournError

    if isinstance(error, SojournError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"the database refused ({' '.join(str(error).split())})"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename!r} cannot be used: {error.strerror}"
    if os.environ.get("SOJOURN_TRACEBACK"):
        raise error
    return f"unexpected {type(error).__name__}: {error}; SOJOURN_TRACEBACK=1 shows where, for a report of this mistake"


def _explain_usage(error: Exception) -> None:
    # Typer's own errors know how to show themselves: which option, and what it should be. Its Exit has no words.
    if hasattr(error, "exit_code"):
        if hasattr(error, "show"):
            error.show()
        sys.exit(error.exit_code)


def _end_quietly() -> None:
    # The reader has gone (as with `| head`): nothing more can be said, nor needs to be.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
