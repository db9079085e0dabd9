"""How many attempts tasks take, and how much time the failed ones cost."""

from datetime import datetime
from typing import Literal, TypedDict, cast, get_args

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.shared.store import Store
from domain.errors import check_choice

By = Literal["workflow", "template"]


class Attempts(TypedDict):
    """The attempts at the tasks of one group; tasks without an attempt do not count.

    `interrupted` attempts were reset, or another began although they had not failed; `open` ones have not ended, and
    their seconds count up to now. `wasted_seconds` are the seconds in attempts that failed, `wasted_share` their part
    of `total_seconds`. `first_try_share` is the share of tasks whose first attempt succeeded, among those whose first
    attempt has ended. A share is None where its whole is 0.
    """

    group: str | None
    tasks: int
    attempts: int
    attempts_per_task: float
    most_attempts: int
    succeeded: int
    failed: int
    interrupted: int
    open: int
    total_seconds: float
    wasted_seconds: float
    wasted_share: float | None
    first_try_share: float | None


def count_attempts(
    store: Store, by: By | None = None, workflow_id: str | None = None, at: datetime | None = None
) -> list[Attempts]:
    """Return the attempts as of `at`, by group.

    Raises:
        UnknownChoice: `by` is not one of its choices.
        UnknownEntity: the log has no such workflow.
    """
    check_choice("by", by, get_args(By))
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/attempts", {"by": by, "workflow_id": workflow_id})
    return [cast("Attempts", round_seconds(row)) for row in found]
