"""Print errors as one sentence on stderr with an exit status, never as a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_FAILURE = 1
"""The exit status if the answer is that something is wrong."""

EXIT_USAGE = 2
"""The exit status if the request cannot be carried out."""


EXIT_INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells count it."""


@contextmanager
def cli_errors() -> Iterator[None]:
    """Turn an error of the block into a sentence and an exit status."""
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
    """Print the sentence on stderr and exit."""
    print(f"sojourn: {sentence}", file=sys.stderr)  # noqa: T201 - errors are printed here
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
    # Typer's own errors print themselves with their option. Its Exit has no message.
    if hasattr(error, "exit_code"):
        if hasattr(error, "show"):
            error.show()
        sys.exit(error.exit_code)


def _end_quietly() -> None:
    # The reader has gone (as with `| head`), so nothing more can be printed.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
