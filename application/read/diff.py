"""What changed between two times: the statuses of tasks and task instances before and after."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict, cast

from psycopg.rows import dict_row

from application.read.audit import BATCH
from application.shared.as_of import READ
from application.shared.current_status import database_now
from application.shared.existence import require_workflow
from application.shared.store import Store
from domain.errors import TimesReversed
from domain.time import require_past
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.sql import query


class Difference(TypedDict):
    """An entity with its status before (None: it did not exist) and after, and since when it has the latter."""

    entity: str
    before: str | None
    after: str
    since: datetime


@contextmanager
def find_differences(
    store: Store, start: datetime, end: datetime, workflow_id: str | None = None, *, limit: int | None = None
) -> Iterator[Iterator[Difference]]:
    """Open the entities whose status at `end` differs from that at `start`, tasks first, by id.

    Rows are read as they are asked for, within the block.

    Raises:
        TimesReversed: `end` lies before `start`.
        FutureTime: one of them lies in the future.
        UnknownEntity: the log has no such workflow.
    """
    if end < start:
        raise TimesReversed(start, end)
    wanted = {"from": start, "to": end, "workflow_id": workflow_id, "limit": limit}
    with store.session() as connection, naming_lock_holders(connection, READ), connection.transaction():
        now = database_now(connection)
        for name, time in (("from", start), ("to", end)):
            require_past(name, time, now, store.clock_tolerance)
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        with connection.cursor("diff", row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(query("projections", "read/diff"), wanted)
            yield cast("Iterator[Difference]", iter(cursor))
