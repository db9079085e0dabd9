"""One task or attempt: where it is, the way that it took, why, and each of its events."""

from collections.abc import Collection, Sequence

from application.page.course import Step, read_course
from domain.entity import TASK, Entity
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from interfaces.page.colours import StatusColours
from interfaces.page.drawing.graph import Edge, Graph, Node, draw_graph
from interfaces.page.frame import Span, read_colours, render_page
from interfaces.page.question import Question
from interfaces.wording.values import format_duration

MAX_EVENTS = 500
"""How many events are shown at most, the newest ones."""

DENSE = 40
"""With more edges than this, a machine is drawn without those that were not taken."""


def show_entity(question: Question, entity: Entity) -> str:
    """Return the page of a task or an attempt.

    Raises:
        UnknownEntity: the log has no such entity.
    """
    service, name = question.service, str(entity)
    status = service.status(name, question.at)
    course = read_course(service.store, entity, question.at, limit=MAX_EVENTS)
    task_id, lifecycle = course.task_id, course.lifecycle
    why, colours = service.why(name, question.at), read_colours(question)
    return render_page(
        question,
        "entity.html",
        entity.id,
        Span(course.first_at, task_id=task_id),
        entity=entity,
        name=name,
        status=status,
        task_id=task_id,
        workflow_id=course.workflow_id,
        why=why,
        known={name, f"{TASK}:{task_id}", *(link["entity"] for link in why["chain"])},
        positions={link["position"]: link["entity"] for link in why["chain"]},
        events=course.events,
        omitted=course.omitted,
        graph=draw_way(lifecycle, entity.kind, course.steps, status["status"], colours),
        colours=colours,
        lifecycle=lifecycle,
        ends=list_ends(lifecycle, entity.kind, status["status"]),
    )


def list_ends(lifecycle: Lifecycle, kind: str, status: str | None) -> list[str]:
    """Return the statuses by which an entity can end right after its own, failures first."""
    machine = lifecycle.task if kind == TASK else lifecycle.instance
    if machine is None or status is None or machine.is_terminal(status):
        return []
    ends = [target for target in machine.transitions.get(status, ()) if target in machine.terminal]
    return sorted(ends, key=lambda target: target not in machine.failures)


def draw_way(
    lifecycle: Lifecycle, kind: str, steps: Sequence[Step], current: str | None, colours: StatusColours
) -> Graph | None:
    """Return the machine of an entity with the steps that it took: how often, and how long it had stayed before."""
    machine = lifecycle.task if kind == TASK else lifecycle.instance
    if machine is None:
        return None
    visited = {step["target"] for step in steps}
    nodes = [
        Node(status, f"{colours.of(status, kind).css}{_mark(status, visited, current)}") for status in machine.statuses
    ]
    return draw_graph(nodes, _edges(machine, steps), machine.terminal)


def _mark(status: str, visited: Collection[str], current: str | None) -> str:
    return " current" if status == current else "" if status in visited else " unvisited"


def _edges(machine: Machine, steps: Sequence[Step]) -> list[Edge]:
    taken = {(step["source"], step["target"]): step for step in steps if step["source"] is not None}
    edges = [
        Edge(
            source,
            target,
            f"{step['n']}\u00d7 {format_duration(step['seconds'])}",
            machine.transitions.get(source, {}).get(target, ""),
        )
        for (source, target), step in taken.items()
        if source is not None
    ]
    if len(machine.edges) <= DENSE:
        edges += [Edge(*edge, faint=True) for edge in sorted(machine.edges - taken.keys())]
    return edges
