"""Whether a server can do its work: its database answers, has this version's schema, and takes reports."""

import asyncio

import psycopg
from anyio import CapacityLimiter

from application.shared.store import Store, schema
from domain.errors import SojournError
from infrastructure.schema.migration import check_current
from interfaces.http.cuttable_work import run_cuttable
from interfaces.http.problems import DATABASE_AWAY
from interfaces.http.report_batcher import ReportBatcher

READY_SECONDS = 3.0
"""How long the database may take to answer a server that counts as ready."""


class Readiness:
    """Finds out whether the database answers; requests that ask at the same time share one check."""

    def __init__(self, store: Store, batcher: ReportBatcher) -> None:
        self._store = store
        self._batcher = batcher
        self._checking: asyncio.Task[str | None] | None = None

    async def find_problem(self) -> str | None:
        """Return why the server is not ready, or None."""
        waited = self._batcher.writing_seconds
        if waited > READY_SECONDS:
            return f"reports have waited for {waited:.0f} s for the database to answer"
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check())
        return await asyncio.shield(self._checking)

    async def _check(self) -> str | None:
        try:
            await run_cuttable(_check_schema, self._store, seconds=READY_SECONDS, limiter=CapacityLimiter(1))
        except (SojournError, psycopg.Error) as error:
            return str(error) if isinstance(error, SojournError) else DATABASE_AWAY
        return None


def _check_schema(store: Store) -> None:
    with store.session() as connection:
        check_current(connection, schema())
