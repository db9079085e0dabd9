"""Pass an answer that does not fit the terminal on to a pager, as `git` does."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

ENVIRONMENT = {"LESS": "FRX", "LV": "-c"}
"""What pagers need to show colours, and to quit at once where everything fits, unless the user has set it."""


def find_pager() -> list[str] | None:
    """Return the command of SOJOURN_PAGER, else of PAGER, else `less`; None where there is none or none is wanted."""
    chosen = os.environ.get("SOJOURN_PAGER", os.environ.get("PAGER", "less")).strip()
    if chosen in ("", "cat") or os.environ.get("TERM", "dumb") == "dumb":
        return None
    try:
        command = shlex.split(chosen)
    except ValueError:  # a quote is not closed
        return None
    return command if shutil.which(command[0]) else None


@contextmanager
def paged(command: list[str], lines: int, width: int) -> Iterator["PagedOutput"]:
    """Yield a stream for a terminal of that size; what does not fit goes through a pager, until its reader quits."""
    output = PagedOutput(command, lines, width)
    try:
        with suppress(ReaderQuit):
            yield output
    finally:
        output.finish()


class ReaderQuit(BrokenPipeError):
    """The reader has quit the pager, so nothing more of the answer is shown."""


class PagedOutput:
    """A stream that holds its text back while it fits a terminal, and starts a pager for more."""

    def __init__(self, command: list[str], lines: int, width: int) -> None:
        self._command = command
        self._room = lines - 1
        self._width = width
        self._held: list[str] = []
        self._pager: subprocess.Popen[str] | None = None
        self.encoding = sys.stdout.encoding

    def write(self, text: str, /) -> int:
        """Hold the text back, or pass it to the pager.

        Raises:
            ReaderQuit: the reader has quit the pager.
        """
        if self._pager is None:
            self._held.append(text)
            self._room -= text.count("\n") + len(text) // self._width
            if self._room < 0:
                self._start_pager()
        else:
            self._pass_on(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what the pager has not got yet.

        Raises:
            ReaderQuit: the reader has quit the pager.
        """
        if self._pager is not None:
            self._pass_on("", flush=True)

    def finish(self) -> None:
        """Print what was held back, or wait until the reader quits the pager."""
        if self._pager is None:
            sys.stdout.write("".join(self._held))
            sys.stdout.flush()
            return
        with suppress(BrokenPipeError):
            self._pipe.close()
        self._wait(self._pager)

    def _start_pager(self) -> None:
        sys.stdout.flush()
        self._pager = subprocess.Popen(  # noqa: S603 - the user's own command
            self._command,
            stdin=subprocess.PIPE,
            env=ENVIRONMENT | os.environ,
            encoding=self.encoding,
            errors="backslashreplace",
        )
        self._pass_on("".join(self._held))

    def _pass_on(self, text: str, *, flush: bool = False) -> None:
        try:
            self._pipe.write(text)
            if flush:
                self._pipe.flush()
        except BrokenPipeError as error:
            raise ReaderQuit(*error.args) from error

    @property
    def _pipe(self) -> IO[str]:
        assert self._pager is not None
        assert self._pager.stdin is not None
        return self._pager.stdin

    @staticmethod
    def _wait(pager: "subprocess.Popen[str]") -> None:
        while True:
            try:
                pager.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C is the pager's, which goes on
            return
