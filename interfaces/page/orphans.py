"""Orphans on pages: by rule, and each rule's by their cause."""

from collections.abc import Sequence

from application.page.orphan_causes import OrphanCause
from application.shared.orphan import OrphanRule
from interfaces.page.frame import Span, read_colours, render_page
from interfaces.page.question import Question

MAX_ORPHANS = 1_000
"""How many orphans are read at most."""

MEANINGS: dict[OrphanRule, str] = {
    "terminal-parent": "Attempts that go on, although their task has ended.",
    "superseded": "Attempts that go on, although a newer one of their task does too.",
    "missed-heartbeat": "Attempts whose report or heartbeat is overdue.",
    "never-launched": "Attempts that wait for a distributor's id for too long.",
    "dead-runner": "Tasks of a runner that is silent.",
    "stuck": "Tasks and attempts that have been in a status for longer than its limit.",
    "stalled-task": "Tasks that need an active attempt, and whose last one has ended.",
    "ended-parent": "Tasks that go on, although the run that they are a part of has ended.",
    "blocked-upstream": "Tasks that cannot start, because of one that they wait for.",
    "late-report": "Attempts whose failure was reported after their task had ended; their lifecycle has ended them.",
}
"""What each rule finds."""


def show_orphans(question: Question) -> str:
    """Return the page of all orphans, by what makes them orphans."""
    handled = question.get("handled") == "yes"
    found = question.service.orphan_causes(None, question.at, handled, limit=MAX_ORPHANS)
    return render_page(
        question,
        "orphans.html",
        "Orphans",
        Span(question.extent.first_at),
        handled=handled,
        colours=read_colours(question),
        **describe_causes(found),
    )


def describe_causes(found: Sequence[OrphanCause]) -> dict[str, object]:
    """Return what templates show of orphans: the causes by rule, the total, and whether there may be more."""
    total = sum(cause["n"] for cause in found)
    rules: dict[OrphanRule, list[OrphanCause]] = {}
    for cause in found:
        rules.setdefault(cause["rule"], []).append(cause)
    return {"rules": rules, "meanings": MEANINGS, "total": total, "is_cut": total >= MAX_ORPHANS}
