"""The pages across workflows: a comparison, lifecycles, and what a search finds."""

from collections.abc import Sequence
from typing import Literal

from application.analyse.variants import Edge as Succession
from domain.entity import TASK
from domain.lifecycles.lifecycle import Lifecycle
from interfaces.page.colours import StatusColours
from interfaces.page.drawing.bar import draw_bar
from interfaces.page.drawing.graph import Edge, Graph, Node, draw_graph
from interfaces.page.drawing.stack import Stack, draw_aligned
from interfaces.page.entity import DENSE
from interfaces.page.frame import Span, read_colours, render_page
from interfaces.page.question import Question
from interfaces.wording.values import format_duration

COLUMNS = 300
"""How many columns divide the time of each workflow that is compared."""

FEW_ROWS = 20
"""How many differences a comparison shows at first, those of most time."""

MAX_ROWS = 500
"""How many differences it shows at most."""

MANY_EVENTS = 200_000
"""In a log of more events, who went which way is counted after the machines are shown."""

FOUND = 50
"""How many ids of each kind a search shows at most."""

SEARCHED = 1_000
"""How many reasons are searched at most, those of most failures."""


def show_compare(question: Question) -> str:
    """Return the comparison of two workflows, or the choice of them.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    a, b = question.get("a"), question.get("b")
    found = question.service.compare(a, b, question.at, question.at) if a and b else None
    colours = read_colours(question)
    bars = [draw_bar(found[side], colours) for side in ("by_status_a", "by_status_b")] if found else []
    return render_page(
        question,
        "compare.html",
        "Compare",
        Span(question.extent.first_at),
        a=a,
        b=b,
        compared=found,
        most=MAX_ROWS if question.get("rows") == "all" else FEW_ROWS,
        max_rows=MAX_ROWS,
        bars=bars,
        stacks=_draw_stacks(question, (a, b), colours) if found else [],
        colours=colours,
        workflows=[] if found else question.service.list_workflows(limit=20, at=question.at),
    )


def _draw_stacks(question: Question, workflow_ids: Sequence[str], colours: StatusColours) -> list[Stack]:
    """Return how many tasks of each workflow were in each status; nothing before one of them existed."""
    counted = [question.service.over_time(name, "task", question.at, columns=COLUMNS) for name in workflow_ids]
    return draw_aligned([one for one in counted if one], colours, TASK) if all(counted) else []


def show_lifecycles(question: Question) -> str:
    """Return each machine of the lifecycles that tasks have, with how many are where and how many went where."""
    known = question.service.store.lifecycles.every_lifecycle()
    name = question.get("name") or (known[0].name if known else "")
    chosen = [lifecycle for lifecycle in known if lifecycle.name == name][-1:]
    extent, colours = question.extent, StatusColours(known)
    is_later = (extent.last_position or 0) > MANY_EVENTS and not question.whole
    return render_page(
        question,
        "lifecycles.html",
        "Lifecycles",
        Span(extent.first_at) if known else None,
        lifecycles=known,
        name=name,
        is_later=is_later,
        machines=[
            (lifecycle, title, _draw_machine(question, lifecycle, kind, colours, is_counted=not is_later))
            for lifecycle in chosen
            for kind, title in (("task", "Tasks"), ("ti", "Attempts"))
            if kind == "task" or lifecycle.instance is not None
        ],
    )


def show_search(question: Question) -> str:
    """Return what a search finds: ids that begin with the text, and reasons of failures that contain it."""
    text = question.get("q")
    reasons = question.service.failures(at=question.at, limit=SEARCHED) if text else []
    return render_page(
        question,
        "search.html",
        f"Search for {text}" if text else "Search",
        Span(question.extent.first_at),
        text=text,
        found=question.service.search(text, question.at, limit=FOUND) if text else [],
        reasons=[row for row in reasons if text.lower() in (row["group"] or "").lower()][:FOUND],
        colours=read_colours(question),
        most=FOUND,
        searched=SEARCHED if len(reasons) == SEARCHED else None,
    )


def _draw_machine(
    question: Question, lifecycle: Lifecycle, kind: str, colours: StatusColours, *, is_counted: bool
) -> Graph:
    """Return a machine with who is where and went which way, or before that is counted without them."""
    of: Literal["task", "ti"] = "task" if kind == "task" else "ti"
    flow = question.service.lifecycle_flow(lifecycle.name, of, question.at) if is_counted else []
    return draw_flow(lifecycle, "task" if kind == "task" else "task_instance", flow, colours)


def draw_flow(lifecycle: Lifecycle, kind: str, flow: list[Succession], colours: StatusColours) -> Graph:
    """Return a machine with the number of entities in each status, and how many took each edge after what median."""
    machine = lifecycle.task if kind == "task" else lifecycle.instance_machine
    there = {edge["source"]: edge["n"] for edge in flow if edge["target"] is None}
    moved = {(edge["source"], edge["target"]): edge for edge in flow if edge["source"] and edge["target"]}
    nodes = [
        Node(status, colours.of(status, kind).css, f"{there[status]:,} now" if there.get(status) else "")
        for status in machine.statuses
    ]
    edges = [
        Edge(
            *pair,
            f"{moved[pair]['n']:,}\u00d7 {format_duration(moved[pair]['median_seconds'] or 0)}",
            machine.transitions[pair[0]][pair[1]],
        )
        for pair in sorted(machine.edges & moved.keys())
    ]
    if len(machine.edges) <= DENSE:
        edges += [Edge(*pair, faint=True) for pair in sorted(machine.edges - moved.keys())]
    return draw_graph(nodes, edges, machine.terminal)
