"""The loggers of Sojourn: named `sojourn.*` wherever its modules lie, and silent until the program sets logging up.

They are named for what happens, not for modules, so that a program's settings stay true when files move:

    sojourn.connection  a connection was lost (warning), and found again (info)
    sojourn.embedded    the embedded server started or stopped (info)
    sojourn.feed        the streams of /events cannot read the log, or an event of it (error)
    sojourn.lease       a runner or task instance fell silent, or returned (info)
    sojourn.maintenance  something keeps maintenance from its work (warning)
    sojourn.page        a page failed by a mistake of Sojourn's own (error)
    sojourn.rebuild     a rebuild of the projections began and ended (info)
    sojourn.recovery    a task was recovered or skipped (info), or its recovery failed (warning)
    sojourn.report      a report was refused (info)
    sojourn.retry       others hold what a call needs, so that it waits and tries again (debug)
    sojourn.subscription  another consumer of the same name keeps a subscription waiting (warning)

No message has a DSN, because a DSN may have a password. Ids and reasons are escaped, so that a line end in one of them
forges no line of a log file.
"""

import logging

from domain.printable import printable

ROOT = logging.getLogger("sojourn")
ROOT.addHandler(logging.NullHandler())

PSYCOPG = logging.getLogger("psycopg")
PSYCOPG.addHandler(logging.NullHandler())  # its pool warns of lost connections, which sojourn.connection reports


def get_logger(topic: str) -> logging.Logger:
    """Return the logger `sojourn.<topic>`."""
    logger = ROOT.getChild(topic)
    logger.addFilter(_escape_arguments)
    return logger


def _escape_arguments(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(printable(value) if isinstance(value, str) else value for value in record.args)
    return True
