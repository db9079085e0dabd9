"""The generic format that `sojourn import jsonl` reads: reported events, without the events that they caused.

An import decides every line again under the same lifecycle, so the audit is the same. It would decide otherwise where a
rule refused a proposal because of more than the line states (taken slots, the time at which it is due). Such a line is
of a kind of its own, which states what the rule answered.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from pydantic_core import to_json

from application.exports.log_snapshot import LogSnapshot, ReportedEvent
from domain.auditing.replay import LifecycleOf
from domain.entity import TASK, TASK_INSTANCE
from domain.lifecycles import get_lifecycle, ships
from domain.lifecycles.machine import Machine
from domain.rule_names import DECIDED_AGAIN, STALE_REPORT

Fields = dict[str, Any]


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of lines."""
    rows = 0
    for line in _lines(source):
        output.write(to_json(line) + b"\n")
        rows += 1
    return rows


def _lines(source: LogSnapshot) -> Iterator[Fields]:
    defined: set[tuple[str, int]] = set()
    elsewhere = source.tasks_linked_elsewhere()
    for event in source.reported_events():
        describe = _describe_refusal if _depended_on_more(event) else _DESCRIPTIONS.get(event.name)
        if describe is not None:
            kind, _, name = event.stream.partition(":")
            line: Fields = {"entity": kind, "id": name} | describe(event) | _times(event) | _context(event.data)
            if describe is _describe_registration:
                line |= _describe_lifecycle(event.data, source.lifecycle_of, defined)
                lifecycle = source.lifecycle_of(event.data["lifecycle"], event.data["lifecycle_version"])
                line["status"] = _other_start(event.data["status"], lifecycle.task)
            if elsewhere and "upstream" in line and not _keep_links(line, elsewhere):
                continue
            yield {key: value for key, value in line.items() if value is not None}


def _keep_links(line: Fields, elsewhere: set[str]) -> bool:
    """Leave out links to tasks that are not exported, for which the line would wait; return whether a line is left."""
    line["upstream"] = [task_id for task_id in line["upstream"] or () if task_id not in elsewhere] or None
    if line.get("parent") in elsewhere:
        line["parent"] = None
    return line["event"] == "registered" or line["upstream"] is not None


def _describe_lifecycle(data: Fields, lifecycle_of: LifecycleOf, defined: set[tuple[str, int]]) -> Fields:
    """Return the version of a lifecycle that is not the newest shipped one, and what does not ship the first time."""
    key = data["lifecycle"], data["lifecycle_version"]
    if ships(*key) and get_lifecycle(key[0]).key == key:
        return {}
    fields: Fields = {"lifecycle_version": key[1]}
    if key not in defined and not ships(*key):
        defined.add(key)
        fields["definition"] = lifecycle_of(*key).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return fields


def _describe_registration(event: ReportedEvent) -> Fields:
    data = event.data
    return {
        "event": "registered",
        "workflow": event.workflow_id,
        "lifecycle": data["lifecycle"],
        "template": data.get("template"),
        "max_attempts": data["max_attempts"],
        "array": data.get("array_id"),
        "attributes": data.get("attributes"),
        "parent": data.get("parent"),
        "upstream": data.get("upstream"),
    }


def _describe_upstream(event: ReportedEvent) -> Fields:
    return {"event": "upstream_added", "upstream": event.data["upstream"]}


def _describe_creation(event: ReportedEvent) -> Fields:
    machine = event.lifecycle.instance if event.lifecycle else None
    return {"event": "created", "task": event.data["task_id"], "status": _other_start(event.data["status"], machine)}


def _other_start(status: str, machine: Machine | None) -> str | None:
    """Return the status in which an entity began, if that is not the initial one."""
    return None if machine is None or status == machine.initial else status


def _describe_reset(_: ReportedEvent) -> Fields:
    return {"event": "reset"}


def _describe_refusal(event: ReportedEvent) -> Fields:
    data = event.data
    return {
        "event": "refused",
        "to": data["reported"],
        "response": data["response"],
        "rule": data["rule"],
        "rule_reason": data.get("rule_reason"),
        "delay_seconds": data.get("delay_seconds"),
        "runner": data.get("runner_id"),
    }


def _describe_transition(event: ReportedEvent) -> Fields:
    data = event.data
    fields = {"to": data.get("reported") or data["status"], "report_by_date": data.get("report_by_date")}
    if "state" in data and data["state"]["type"] == fields["to"]:
        fields["state"] = {key: value for key, value in data["state"].items() if value}
    return fields


def _describe_task_transition(event: ReportedEvent) -> Fields:
    fields = _describe_transition(event)
    begins = _begins_attempt(event)
    if begins is not None and begins != event.starts_attempt(fields["to"]):
        fields["attempt"] = begins
    return fields | {"runner": event.data.get("runner_id")}


def _begins_attempt(event: ReportedEvent) -> bool | None:
    """Return whether the proposal was to begin an attempt, where that is known or decides about it.

    A proposal that begins one is never stale.
    """
    if event.attempts is None:
        return event.data["rule"] != STALE_REPORT if event.is_late else None
    return bool(event.attempts)


def _depended_on_more(event: ReportedEvent) -> bool:
    """Return whether a rule refused the report because of more than the report states."""
    by_more = "response" in event.data and "previous_status" not in event.data
    return by_more and event.data["rule"] not in DECIDED_AGAIN


_DESCRIPTIONS: dict[str, Callable[[ReportedEvent], Fields]] = {
    f"{TASK}.registered.v1": _describe_registration,
    f"{TASK}.transitioned.v1": _describe_task_transition,
    f"{TASK}.refused.v1": _describe_task_transition,
    f"{TASK}.reset.v1": _describe_reset,
    f"{TASK}.upstream_added.v1": _describe_upstream,
    f"{TASK_INSTANCE}.created.v1": _describe_creation,
    f"{TASK_INSTANCE}.transitioned.v1": _describe_transition,
    f"{TASK_INSTANCE}.refused.v1": _describe_transition,
}


def _times(event: ReportedEvent) -> Fields:
    """Return the time of the report, and that of the entry where it is another one."""
    return {"at": event.stated_at} | ({"entered_at": event.entered_at} if event.is_late else {})


def _context(data: Fields) -> Fields:
    # What a rule makes an entity wait for as it enters a status, the rule states again at the import.
    by_rule = "response" in data and "previous_status" in data
    waits_for = None if by_rule else data.get("waits_for")
    return {"actor": data.get("actor"), "reason": data.get("reason"), "waits_for": waits_for}
