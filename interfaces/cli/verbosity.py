"""Write Sojourn's log to standard error, for `sojourn -v`."""

import logging
import sys

from domain.printable import printable
from infrastructure.loggers import PSYCOPG, ROOT


class PrintableFormatter(logging.Formatter):
    """Format a message as one line, whatever ids it quotes; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line of a record."""
        return printable(super().formatMessage(record))


LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(verbosity: int) -> None:
    """Write messages from info on to standard error; with a verbosity of 2 or more, from debug on.

    Of psycopg's messages only warnings are written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter(LINE))
    ROOT.addHandler(handler)
    PSYCOPG.addHandler(handler)
    ROOT.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
