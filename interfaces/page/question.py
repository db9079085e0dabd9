"""What one page is asked for: a path, its query, the time to answer for, and what the viewer may do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import quote, urlencode

from application.page.steps import LogExtent
from application.transition_service import TransitionService

NOT_READ = LogExtent(None, None)


@dataclass(frozen=True)
class Question:
    """One request of a page. `at` is None for now; `may_write` where the viewer's token has scope write.

    `whole` asks for a page with the parts that take long; else a script fetches these after the rest is shown. `extent`
    is how far the log went before the answer was read.
    """

    service: TransitionService
    path: str
    query: Mapping[str, str]
    at: datetime | None = None
    may_write: bool = False
    viewer: str | None = None
    whole: bool = False
    extent: LogExtent = NOT_READ

    def after_log(self) -> Self:
        """Return the question with the extent of the log, which is read before the answer: that has it all, or more."""
        return replace(self, extent=self.service.log_extent())

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter of the query."""
        return self.query.get(name, default).strip()

    def link(self, path: str, /, **query: object) -> str:
        """Return the address of another page as of the same time."""
        stated = {name: str(value) for name, value in query.items() if value not in (None, "", False)}
        if self.at is not None:
            stated.setdefault("at", self.at.isoformat())
        return f"{quote(path)}?{urlencode(stated)}" if stated else quote(path)

    def link_to(self, entity: str) -> str:
        """Return the address of an entity's page: of a task or an instance, or the lists that have the others."""
        kind, _, name = entity.partition(":")
        if kind in ("task", "ti", "task_instance"):
            return self.link(f"/{'task' if kind == 'task' else 'ti'}/{name}")
        return self.link("/search", q=name)

    def live_query(self) -> str:
        """Return the query of this page without its time."""
        return urlencode({name: value for name, value in self.query.items() if name not in ("at", "after") and value})

    def with_query(self, /, **changes: object) -> str:
        """Return the address of this page with changes of its query; None leaves a parameter out."""
        return self.link(self.path, **{**self.query, **changes})
