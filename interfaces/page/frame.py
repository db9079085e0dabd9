"""What every page has around its content: where one can go, the time that it answers for, and what is live."""

from datetime import datetime
from typing import Any, NamedTuple

from interfaces.page.colours import StatusColours
from interfaces.page.question import Question
from interfaces.page.templating import render


class Span(NamedTuple):
    """The time that a page can show: of the whole log, or of a workflow; `task_id` and `workflow_id` bound steps."""

    begin: datetime | None
    workflow_id: str | None = None
    task_id: str | None = None


NAVIGATION = (
    ("/", "Workflows"),
    ("/orphans", "Orphans"),
    ("/compare", "Compare"),
    ("/lifecycles", "Lifecycles"),
)


def read_colours(question: Question) -> StatusColours:
    """Return the colours of all statuses that the log may have."""
    return StatusColours(question.service.store.lifecycles.every_lifecycle())


def render_page(question: Question, template: str, title: str, span: Span | None = None, /, **values: Any) -> str:
    """Return a page; without a span it has no choice of time."""
    return render(
        template,
        title=title,
        question=question,
        span=span,
        navigation=NAVIGATION,
        position=question.extent.last_position or 0,
        **values,
    )
