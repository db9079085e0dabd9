"""The first page: the workflows, the newest first."""

from datetime import datetime

from application.read.lists import ListedWorkflow
from application.read.sorting import ListPlace
from domain.time import parse_time
from interfaces.page.drawing.bar import draw_bar
from interfaces.page.frame import Span, read_colours, render_page
from interfaces.page.question import Question

PAGE = 50
"""How many workflows a page has."""

SHOWN = ("all", "active", "failed")


def show_home(question: Question) -> str:
    """Return the page of workflows, or what to do first where there is none."""
    first_at = question.extent.first_at
    if first_at is None:
        return render_page(question, "empty.html", "Welcome")
    shown = question.get("show", "all")
    found = question.service.list_workflows(
        failed=shown == "failed",
        active=shown == "active",
        containing=question.get("q") or None,
        after=parse_place(question.get("after")),
        limit=PAGE + 1,
        at=question.at,
    )
    colours = read_colours(question)
    return render_page(
        question,
        "home.html",
        "Workflows",
        Span(first_at),
        workflows=[(workflow, draw_bar(workflow["by_status"], colours)) for workflow in found[:PAGE]],
        following=_mark(found[PAGE - 1]) if len(found) > PAGE else None,
        shown=shown,
        choices=SHOWN,
    )


def parse_place(text: str) -> ListPlace | None:
    """Return where a page of a list begins, as the page before wrote it: TIME,ID.

    Raises:
        InvalidTime: it begins with no time.
    """
    time, _, name = text.partition(",")
    return ListPlace(parse_time(time), name) if text else None


def mark_place(time: datetime, name: str) -> str:
    """Return a place as `parse_place` reads it."""
    return f"{time.isoformat()},{name}"


def _mark(workflow: ListedWorkflow) -> str:
    return mark_place(workflow["last_at"], workflow["workflow_id"])
