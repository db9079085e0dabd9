"""Failures: attempts that ended in a failure status, counted by reason, template, actor or node."""

from datetime import datetime
from typing import Any, Literal, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.store import Store
from domain.errors import check_choice
from infrastructure.sql import query

FailuresBy = Literal["reason", "template", "actor", "node"]
CHOICES: tuple[FailuresBy, ...] = ("reason", "template", "actor", "node")


class Failures(TypedDict):
    """Failed attempts of one group; `example` is the newest, `tasks` how many tasks they belong to.

    An attempt is a task instance, or the task where its lifecycle has no instances. The node is the host that last
    reported that the attempt runs, or else the host that reported last. `group` is None where no reason, template,
    actor or host was recorded.
    """

    group: str | None
    n: int
    tasks: int
    first_at: datetime
    last_at: datetime
    example: str


def count_failures(
    store: Store,
    workflow_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    by: FailuresBy = "reason",
    *,
    limit: int | None = None,
    at: datetime | None = None,
) -> list[Failures]:
    """Return the groups of failures that ended from `since` on and before `until`, the most frequent first.

    All is as of `at` (None: now).

    Raises:
        UnknownEntity: the log has no such workflow.
        UnknownChoice: `by` is not one of its choices.
    """
    check_choice("by", by, CHOICES)
    with as_of(store, at) as connection:
        if workflow_id is not None:
            require_workflow(connection, workflow_id)
        return failures_on(connection, workflow_id, since, until, by, limit)


def failures_on(
    connection: Connection[Any],
    workflow_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    by: FailuresBy = "reason",
    limit: int | None = None,
) -> list[Failures]:
    """Return the groups of failures as of the transaction's time."""
    wanted = {"workflow_id": workflow_id, "since": since, "until": until, "by": by, "limit": limit}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("projections", "read/failures"), wanted, prepare=False).fetchall()
    return cast("list[Failures]", rows)
