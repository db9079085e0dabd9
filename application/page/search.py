"""Find workflows, tasks and instances by the beginning of their ids."""

from datetime import datetime
from typing import TypedDict, cast

from application.analyse.analytics_session import read_rows
from application.shared.as_of import as_of
from application.shared.store import Store


class FoundId(TypedDict):
    """What an id belongs to: `kind` is workflow, task or task_instance; a workflow has no status."""

    kind: str
    id: str
    status: str | None


def search_ids(store: Store, text: str, at: datetime | None = None, *, limit: int) -> list[FoundId]:
    """Return at most `limit` workflows, tasks and instances each whose ids begin with `text`, as of `at`."""
    with as_of(store, at) as connection:
        rows = read_rows(connection, "page/search", {"text": text, "limit": limit})
    return [cast("FoundId", row) for row in rows]
