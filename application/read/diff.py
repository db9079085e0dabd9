"""What changed between two times: the statuses of tasks and task instances before and after."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict, cast

from psycopg.rows import dict_row

from application.read.audit import BATCH
from application.shared.existence import require_workflow
from application.shared.store import Store
from domain.errors import TimesReversed
from infrastructure.sql import query


class Difference(TypedDict):
    """An entity, its status at the one time and at the other (None: it did not exist), and since when it is in that."""

    entity: str
    before: str | None
    after: str
    since: datetime


@contextmanager
def diff(
    store: Store, start: datetime, end: datetime, workflow_id: str | None = None, *, limit: int | None = None
) -> Iterator[Iterator[Difference]]:
    """Every entity that was not at `end` where it was at `start`, tasks first, by id.

    They are read as they are asked for, within the block. Raises TimesReversed, and UnknownEntity where no task is of
    that workflow.
    """
    if end < start:
        raise TimesReversed(start, end)
    wanted = {"from": start, "to": end, "workflow_id": workflow_id, "limit": limit}
    with store.session() as connection, connection.transaction():
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        with connection.cursor("diff", row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(query("projections", "read/diff"), wanted)
            yield cast("Iterator[Difference]", iter(cursor))
