"""The lanes of a workflow as the browser draws them: what is equal is stated once, because there may be 50,000."""

from collections.abc import Mapping
from typing import Any

from application.page.lanes import MAX_LANES, Lanes
from domain.entity import TASK, Entity, parse_entity
from interfaces.page.colours import StatusColours
from interfaces.page.question import Question

GROUPS = {"template": "template", "task": "task_id", "node": "node", "worker": "worker"}
"""What lanes can be grouped by, and the field that has it."""


def describe_lanes(question: Question, workflow_id: str) -> dict[str, Any]:
    """Return lanes of a workflow, as of the question's time, grouped as its query states: `n` of them from `from` on.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    lifecycles = question.service.store.lifecycles.every_lifecycle()
    colours, by = StatusColours(lifecycles), question.get("by")
    running = {
        status
        for lifecycle in lifecycles
        for machine in (lifecycle.task, lifecycle.instance)
        if machine
        for status in machine.statuses
        if machine.class_of(status) == "running"
    }
    found = question.service.lanes(
        workflow_id, question.at, running=sorted(running), actors=by in ("node", "worker"),
        offset=_read_number(question, "from", 0), limit=_read_number(question, "n", MAX_LANES),
    )  # fmt: skip
    if found is None:
        return {"begin": None, "lanes": []}
    path = _find_path(question, workflow_id, found) if question.get("path") else []
    return describe(found, colours, GROUPS.get(by, "")) | {"path": path}


def _read_number(question: Question, name: str, default: int) -> int:
    """Return a number of lanes that the query states, at most as many as are read at all."""
    text = question.get(name)
    return min(int(text), MAX_LANES) if text.isascii() and text.isdigit() and len(text) < 10 else default


def describe(found: Lanes, colours: StatusColours, field: str = "") -> dict[str, Any]:
    """Return lanes as the browser draws them; `field` is what they are grouped by."""
    numbers: dict[str, int] = {}
    lanes = [
        [
            lane["entity_id"],
            [numbers.setdefault(status, len(numbers)) for status in lane["statuses"]],
            lane["times"],
            lane.get(field) if field else None,
        ]
        for lane in found["lanes"]
    ]
    return {
        "kind": "task" if found["kind"] == TASK else "ti",
        "begin": found["begin"],
        "end": found["end"],
        "from": found["offset"],
        "total": min(found["total"], MAX_LANES),
        "statuses": [_describe(status, colours, found["kind"]) for status in numbers],
        "lanes": lanes,
        "is_cut": found["total"] > MAX_LANES,
        "path": [],
    }


def _describe(status: str, colours: StatusColours, kind: str) -> dict[str, Any]:
    colour = colours.of(status, kind)
    return {"name": status, "css": colour.css, "ends": colour.name in ("done", "failed", "cancelled")}


def _find_path(question: Question, workflow_id: str, found: Lanes) -> list[list[Any]]:
    """Return the links of the critical path: on which lane, from when to when.

    A wait of a task is drawn on the lane of its first attempt; one that has no attempt has no lane.
    """
    first_of = {lane["task_id"]: lane["entity_id"] for lane in reversed(found["lanes"])}
    links = question.service.critical_path(workflow_id, question.at)["links"]
    drawn = [(_find_lane(parse_entity(link["entity"]), first_of), link) for link in links]
    return [[lane, link["from"], link["to"]] for lane, link in drawn if lane]


def _find_lane(entity: Entity, first_of: Mapping[str, str]) -> str | None:
    return first_of.get(entity.id) if entity.kind == TASK else entity.id
