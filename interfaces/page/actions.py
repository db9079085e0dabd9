"""The actions of a viewer with scope write: reset, recover, end an entity. Each first shows what it would record."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from uuid import uuid4

from application.page.course import read_course
from application.page.rehearsal import rehearse
from domain.actor import Actor
from domain.entities.events import SILENT
from domain.entity import TASK, TASK_INSTANCE, Entity, parse_entity
from domain.errors import SojournError
from interfaces.page.entity import list_ends
from interfaces.page.frame import read_colours, render_page
from interfaces.page.question import Question

Change = tuple[str, str | None, str | None, str | None]
"""An entity, the statuses that it leaves and enters, and the rule or reason."""

MAX_SHOWN = 200
"""How many changes are shown at most before an action."""


def show_reset(question: Question) -> str:
    """Return what resetting the tasks of a workflow would record.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    workflow_id, status = question.get("workflow"), question.get("status") or None
    planned = question.service.reset_workflow(workflow_id, [status] if status else None, dry_run=True)
    counts = question.service.workflow_tasks(workflow_id)
    rows: list[Change] = [
        (f"task:{name}", moved["from"], moved["to"], None) for name, moved in planned["tasks"].items()
    ]
    rows += [(f"task:{name}", None, None, rule) for name, rule in planned["refused"].items()]
    return _show(
        question, "reset", f"Reset {workflow_id}", rows, fields={"workflow": workflow_id, "status": status},
        choices=list(counts["by_status"]) if counts else [], back=f"/workflow/{workflow_id}",
    )  # fmt: skip


def show_recover(question: Question) -> str:
    """Return what a recovery would record."""
    planned = question.service.recover(dry_run=True)
    rows: list[Change] = [
        (one["entity"], before, after, one["reason"])
        for one in planned["recovered"]
        for before, after in pairwise([one["from"], *one["way"]])
    ]
    rows += [(one["entity"], None, SILENT, "no report or heartbeat came in time") for one in planned["lapsed"]]
    return _show(question, "recover", "Recover", rows, fields={}, back="/orphans")


def show_end(question: Question) -> str:
    """Return what ending an entity in a status would record, or the choice of that status.

    Raises:
        UnknownEntity: the log has no such entity.
    """
    entity = parse_entity(question.get("entity"))
    current, choices = question.service.status(str(entity)), []
    if entity.kind in (TASK, TASK_INSTANCE):
        lifecycle = read_course(question.service.store, entity, limit=1).lifecycle
        choices = list_ends(lifecycle, entity.kind, current["status"])
    status = question.get("status") or (choices[0] if len(choices) == 1 else None)
    rows = _rehearse_end(question, entity, status) if status else []
    fields = {"entity": str(entity), "status": status}
    back = question.link_to(str(entity)).partition("?")[0]
    return _show(question, "end", f"End {entity}", rows, fields=fields, choices=choices, back=back)


def perform(question: Question, action: str, form: Mapping[str, str], actor: Actor) -> str:
    """Carry an action out as its form states it, and return the address of the page that shows the outcome.

    Raises:
        ReasonMissing: the form has no reason.
    """
    service, reason = question.service, form.get("reason", "").strip()
    if not reason:
        raise ReasonMissing(action)
    command_id = form.get("command") or None
    if action == "reset":
        workflow_id, status = form.get("workflow", ""), form.get("status")
        service.reset_workflow(
            workflow_id, [status] if status else None, actor=actor, reason=reason, command_id=command_id
        )
        return question.link(f"/workflow/{workflow_id}")
    if action == "recover":
        service.recover(actor=actor, reason=reason)
        return "/orphans"
    entity = parse_entity(form.get("entity", ""))
    _end(question, entity, form.get("status", ""), actor=actor, reason=reason, command_id=command_id)
    return question.link_to(str(entity))


class ReasonMissing(SojournError):
    """Raised when an action of a page has no reason.

    Fix: state why, because the log keeps it.
    """

    def __init__(self, action: str) -> None:
        super().__init__(f"{action} has no reason; state why, because the log keeps it")


def _show(
    question: Question,
    action: str,
    title: str,
    rows: list[Any],
    *,
    fields: dict[str, Any],
    back: str,
    choices: Any = (),
) -> str:
    moved = [row for row in rows if row[2]]
    kept = [row for row in rows if not row[2]]
    return render_page(
        question,
        "action.html",
        title,
        action=action,
        moved=moved[:MAX_SHOWN],
        kept=kept[:MAX_SHOWN],
        totals=(len(moved), len(kept)),
        fields={name: value for name, value in fields.items() if value},
        choices=choices,
        back=back,
        command=str(uuid4()),
        colours=read_colours(question),
    )


def _rehearse_end(question: Question, entity: Entity, status: str) -> list[Change]:
    task_id = read_course(question.service.store, entity, limit=1).task_id
    with rehearse(question.service.store) as rehearsal:
        _end(question, entity, status, connection=rehearsal.connection)
        events = rehearsal.read_events(task_id)
    return [(_short(event["entity"]), event["previous_status"], event["status"], event["rule"]) for event in events]


def _short(stream: str) -> str:
    kind, _, name = stream.partition(":")
    return f"{'task' if kind == TASK else 'ti'}:{name}"


def _end(question: Question, entity: Entity, status: str, **how: Any) -> None:
    if entity.kind == TASK:
        question.service.transition_tasks([entity.id], status, **how)
    else:
        question.service.transition_task_instance(entity.id, status, **how)
