"""The generic format that `sojourn import jsonl` reads: what was proposed, and nothing of what it caused.

Imported again, every line is decided anew under the same lifecycle, and the audit is the same. Refused reports are
there too, but for those of rules that looked at more than a line says (slots that were taken, a time that had not
come): they moved nothing, and would be decided otherwise now.
"""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from pydantic_core import to_json

from application.exports.log_snapshot import LogSnapshot, ReportedEvent
from domain.auditing.replay import LifecycleOf
from domain.entity import TASK, TASK_INSTANCE
from domain.lifecycles import get_lifecycle, shipped
from domain.rule_names import NOT_OWNER

Said = dict[str, Any]


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of the source; rows are lines."""
    rows = 0
    for line in _lines(source):
        output.write(to_json(line) + b"\n")
        rows += 1
    return rows


def _lines(source: LogSnapshot) -> Iterator[Said]:
    defined: set[tuple[str, int]] = set()
    for proposal in source.reported_events():
        said = _SAID.get(proposal.name)
        if said is not None and not _was_put_off(proposal):
            kind, _, name = proposal.stream.partition(":")
            line = {"entity": kind, "id": name} | said(proposal) | {"at": proposal.effective_at} | _told(proposal.data)
            if said is _registered:
                line |= _defined(proposal.data, source.lifecycle_of, defined)
            yield {key: value for key, value in line.items() if value is not None}


def _defined(data: Said, lifecycle_of: LifecycleOf, defined: set[tuple[str, int]]) -> Said:
    """What else there is to say of a lifecycle that another Sojourn has not: all of it, the first time."""
    key = data["lifecycle"], data["lifecycle_version"]
    if key[0] in shipped() and get_lifecycle(key[0]).key == key:
        return {}
    said: Said = {"lifecycle_version": key[1]}
    if key not in defined:
        defined.add(key)
        said["definition"] = lifecycle_of(*key).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return said


def _registered(proposal: ReportedEvent) -> Said:
    data = proposal.data
    return {
        "event": "registered",
        "workflow": proposal.workflow_id,
        "lifecycle": data["lifecycle"],
        "template": data.get("template"),
        "max_attempts": data["max_attempts"],
        "array": data.get("array_id"),
        "attributes": data.get("attributes"),
    }


def _created(proposal: ReportedEvent) -> Said:
    return {"event": "created", "task": proposal.data["task_id"]}


def _reset(_: ReportedEvent) -> Said:
    return {"event": "reset"}


def _moved(proposal: ReportedEvent) -> Said:
    data = proposal.data
    said = {"to": data.get("reported") or data["status"], "report_by_date": data.get("report_by_date")}
    if "state" in data and data["state"]["type"] == said["to"]:
        said["state"] = {key: value for key, value in data["state"].items() if value}
    return said


def _task_moved(proposal: ReportedEvent) -> Said:
    said = _moved(proposal)
    if proposal.attempts is not None and bool(proposal.attempts) != proposal.starts_attempt(said["to"]):
        said["attempt"] = bool(proposal.attempts)
    return said | {"runner": proposal.data.get("runner_id")}


def _was_put_off(proposal: ReportedEvent) -> bool:
    return "response" in proposal.data and "previous_status" not in proposal.data and proposal.data["rule"] != NOT_OWNER


_SAID: dict[str, Callable[[ReportedEvent], Said]] = {
    f"{TASK}.registered.v1": _registered,
    f"{TASK}.transitioned.v1": _task_moved,
    f"{TASK}.refused.v1": _task_moved,
    f"{TASK}.reset.v1": _reset,
    f"{TASK_INSTANCE}.created.v1": _created,
    f"{TASK_INSTANCE}.transitioned.v1": _moved,
    f"{TASK_INSTANCE}.refused.v1": _moved,
}


def _told(data: Said) -> Said:
    return {"actor": data.get("actor"), "reason": data.get("reason")}
