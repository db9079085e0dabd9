"""Write Sojourn's log to standard error, for `sojourn -v`."""

import logging
import sys

from infrastructure.loggers import PSYCOPG, ROOT

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr(verbosity: int) -> None:
    """Write messages from info on to standard error; with a verbosity of 2 or more, from debug on.

    Of psycopg's messages only warnings are written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LINE))
    ROOT.addHandler(handler)
    PSYCOPG.addHandler(handler)
    ROOT.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
