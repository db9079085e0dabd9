"""What the checks share: a connection, and from when on a figure is wrong."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from infrastructure.sql import query


@dataclass(frozen=True)
class Limits:
    """The figures from which on something is wrong."""

    open_seconds: float = 60
    """How long a transaction may hold locks on the log."""

    stalled_seconds: float = 60
    """How long a subscription may stand still while events wait."""

    skew_seconds: float = 2
    """How far this machine's clock may be from the database's."""

    rows: int = 10_000
    """How many dead rows a table may have, and how many that the planner has no statistics of."""

    free_bytes: int = 1024**3
    """How much of the disk must be free."""


@dataclass(frozen=True)
class Examination:
    """A connection to the database that is examined, and the limits."""

    connection: Connection[Any]
    limits: Limits

    def rows(self, name: str, parameters: Any = None) -> list[Any]:
        """Return the rows of a query about the database."""
        return self.connection.execute(query("infrastructure", name), parameters).fetchall()

    def column(self, name: str) -> list[Any]:
        """Return the first column of a query's rows."""
        return [row[0] for row in self.rows(name)]
