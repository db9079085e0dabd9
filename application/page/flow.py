"""How entities of one lifecycle went from status to status."""

from datetime import datetime
from typing import cast

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.analyse.variants import Edge
from application.shared.store import Store
from domain.entity import TASK


def count_flow(store: Store, lifecycle: str, kind: str = TASK, at: datetime | None = None) -> list[Edge]:
    """Return which statuses came right after which under every version of a lifecycle, as of `at`."""
    with analytics_session(store, at) as connection:
        found = read_rows(connection, "page/flow", {"kind": kind, "lifecycle": lifecycle})
    return [cast("Edge", round_seconds(row)) for row in found]
