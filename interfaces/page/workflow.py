"""One workflow: each of its parts is a page of its own, so that a page reads only what it shows."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from application.page.dependencies import LinkedTask
from application.read.workflow import WorkflowTasks
from domain.entity import TASK, parse_entity
from interfaces.page.colours import StatusColours
from interfaces.page.drawing.bar import draw_bar
from interfaces.page.drawing.graph import CLOSE_ROWS, Edge, Node, draw_graph
from interfaces.page.drawing.stack import draw_stack
from interfaces.page.frame import Span, read_colours, render_page
from interfaces.page.home import mark_place, parse_place
from interfaces.page.orphans import MAX_ORPHANS, describe_causes
from interfaces.page.question import Question

COLUMNS = 500
"""How many columns divide the time of a workflow."""

MAX_GROUPS = 50
"""How many groups of failures are shown at most."""

MAX_ROWS = 500
"""How many links of a critical path, or templates with a status, are shown at most."""

MAX_DRAWN = 300
"""How many tasks are drawn as a graph; more are a list."""

MAX_LISTED = 2_000
"""How many tasks with what they wait for are listed at most."""

MANY_TASKS = 2_000
"""With more tasks than this, parts that read each of them come after the page is shown."""

SLOW = frozenset({"overview", "times", "failures", "orphans", "path"})
"""The parts that read each task or attempt."""

TASKS = 100
"""How many tasks a page of them has."""

FAILURES_BY = ("reason", "template", "actor", "node")

Kind = Literal["task", "ti"]


class Shown(NamedTuple):
    """The workflow whose part is shown, its tasks by status, and the colours of these."""

    workflow_id: str
    counts: WorkflowTasks
    colours: StatusColours


Part = Callable[[Question, Shown], dict[str, Any]]


def show_workflow(question: Question, workflow_id: str) -> str:
    """Return a part of a workflow's page, as `part` of the query states.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    counts = question.service.workflow_tasks(workflow_id, question.at)
    colours = read_colours(question)
    part = question.get("part", "overview")
    if part not in PARTS:
        part = "overview"
    span = Span(counts["first_at"] if counts else question.extent.first_at, workflow_id)
    is_later = counts is not None and counts["tasks"] > MANY_TASKS and part in SLOW and not question.whole
    values = PARTS[part][1](question, Shown(workflow_id, counts, colours)) if counts and not is_later else {}
    return render_page(
        question,
        f"workflow_{'later' if is_later else part}.html" if counts else "workflow_before.html",
        workflow_id,
        span,
        workflow_id=workflow_id,
        counts=counts,
        bar=draw_bar(counts["by_status"], colours) if counts else [],
        colours=colours,
        part=part,
        parts_of=[(name, title) for name, (title, _) in PARTS.items()],
        **values,
    )


def _show_overview(question: Question, shown: Shown) -> dict[str, Any]:
    kind: Kind = "ti" if question.get("of") == "attempts" else "task"
    over_time = question.service.over_time(shown.workflow_id, kind, question.at, columns=COLUMNS)
    stack = draw_stack(over_time, shown.colours, parse_entity(f"{kind}:x").kind) if over_time else None
    return {
        "stack": stack,
        "kind": kind,
        "failures": _failures(question, shown.workflow_id, "reason", 5) if shown.counts["failed"] else [],
    }


def _show_tasks(question: Question, shown: Shown) -> dict[str, Any]:
    status, template = question.get("status") or None, question.get("template") or None
    found = question.service.list_tasks(
        shown.workflow_id, status, template=template, after=parse_place(question.get("after")), limit=TASKS + 1,
        at=question.at,
    )  # fmt: skip
    last = found[TASKS - 1] if len(found) > TASKS else None
    following = mark_place(last["since"], parse_entity(last["entity"]).id) if last else None
    return {"tasks": found[:TASKS], "following": following, "status": status, "template": template}


def _show_times(question: Question, shown: Shown) -> dict[str, Any]:
    kind: Kind = "task" if question.get("of") == "tasks" else "ti"
    rows = question.service.time_in_status(kind, "template", shown.workflow_id, question.at)
    if not rows and kind == "ti":
        kind, rows = "task", question.service.time_in_status("task", "template", shown.workflow_id, question.at)
    longest = max((row["total_seconds"] for row in rows), default=0) or 1
    return {"rows": rows, "longest": longest, "kind": kind, "most": MAX_ROWS}


def _show_failures(question: Question, shown: Shown) -> dict[str, Any]:
    by = question.get("by", "reason")
    by = by if by in FAILURES_BY else "reason"
    groups = _failures(question, shown.workflow_id, by, MAX_GROUPS + 1)
    is_cut = len(groups) > MAX_GROUPS
    return {"groups": groups[:MAX_GROUPS], "by": by, "choices": FAILURES_BY, "is_cut": is_cut, "most": MAX_GROUPS}


def _failures(question: Question, workflow_id: str, by: Any, limit: int) -> list[Any]:
    return list(question.service.failures(workflow_id, by=by, limit=limit, at=question.at))


def _show_orphans(question: Question, shown: Shown) -> dict[str, Any]:
    return describe_causes(question.service.orphan_causes(shown.workflow_id, question.at, True, limit=MAX_ORPHANS))


def _show_path(question: Question, shown: Shown) -> dict[str, Any]:
    return {"path": question.service.critical_path(shown.workflow_id, question.at), "most": MAX_ROWS}


def _show_dependencies(question: Question, shown: Shown) -> dict[str, Any]:
    tasks = question.service.linked_tasks(shown.workflow_id, question.at, limit=MAX_LISTED)
    linked = [task for task in tasks if task["upstream"]]
    drawn = shown.counts["tasks"] <= MAX_DRAWN and linked
    return {"tasks": tasks, "linked": linked, "graph": _draw(question, tasks, shown.colours) if drawn else None}


def _draw(question: Question, tasks: list[LinkedTask], colours: StatusColours) -> Any:
    """Return the drawing of the tasks that wait for another, or that another waits for."""
    known = {task["task_id"] for task in tasks}
    waited_for = {name for task in tasks for name in task["upstream"]}
    shown = [task for task in tasks if task["upstream"] or task["task_id"] in waited_for]
    prefix = _shared_prefix([task["task_id"] for task in shown])
    nodes = [
        Node(
            task["task_id"],
            colours.of(task["status"], TASK).css,
            href=question.link(f"/task/{task['task_id']}"),
            text=task["task_id"][prefix:],
        )
        for task in shown
    ]
    edges = [Edge(name, task["task_id"]) for task in shown for name in task["upstream"] if name in known]
    return draw_graph(nodes, edges, row_height=CLOSE_ROWS)


def _shared_prefix(ids: list[str]) -> int:
    """Return the length of the part that ids share, up to a slash: it tells nothing apart."""
    first, last = min(ids, default=""), max(ids, default="")
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first.rfind("/", 0, shared) + 1


PARTS: dict[str, tuple[str, Part]] = {
    "overview": ("Overview", _show_overview),
    "lanes": ("Lanes", lambda _question, _shown: {}),
    "tasks": ("Tasks", _show_tasks),
    "times": ("Time in status", _show_times),
    "failures": ("Failures", _show_failures),
    "orphans": ("Orphans", _show_orphans),
    "path": ("Critical path", _show_path),
    "dependencies": ("Dependencies", _show_dependencies),
}
"""The parts of a workflow, by the names that addresses have for them."""
