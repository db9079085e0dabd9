"""Reads the generic format: one JSON object a line, in the order of the log.

    {"entity":"task","id":"t1","event":"registered","at":"...","workflow":"w1","template":"align","max_attempts":3}
    {"entity":"task","id":"t1","to":"QUEUED","at":"..."}
    {"entity":"task_instance","id":"t1/1","event":"created","at":"...","task":"t1"}
    {"entity":"task_instance","id":"t1/1","to":"INSTANTIATED","at":"...","actor":"node7","reason":"..."}

`sojourn export --format jsonl` also writes: a new task's `lifecycle`, `array` and `attributes`, and for a lifecycle
that does not ship with Sojourn its `lifecycle_version` and, the first time, its `definition`; `attempt` (true or false)
where a move begins an attempt although its lifecycle says otherwise, or the reverse; the `runner` that moves a task; a
`state` with more than the status; `entered_at` with a move of an earlier time, since when the entity was in its status
after it; and `{"event":"reset"}` for a task of a resumed workflow.

`{"event":"refused","to":"RUNNING","response":"WAIT","rule":"concurrency-slots"}` is a proposal that a rule refused or
delayed because of more than the line states, such as taken slots. It is recorded as it is and moves nothing; it may
have `rule_reason`, `delay_seconds` and `waits_for`.

A registration may state the `parent`, the id of the task that it is a part of, and `upstream`, a list of ids of those
that it waits for; `{"event":"upstream_added","upstream":[...]}` adds further ones before the first attempt.
A registration or creation states the `status` in which its entity begins, where that is not the initial one.

A line by which an entity enters a status may state what it waits for there: `"waits_for": "resources"`, or an object of
`kind`, `detail` and `holders`.

`actor` is a component's name, or an object with `component`, `host`, `pid` and `user`. `workflow` can be on any line; a
new task without one is in that of --workflow, or else in one with the name of the file.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from application.imports.change import (
    AddUpstream,
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RecordRefusal,
    RegisterTask,
    ResetTask,
)
from application.imports.json_object import JsonObject, parse_json_object
from application.imports.local_time import parse_instant
from application.imports.options import Options
from application.imports.parsing import parse_lines
from application.write.registration import TaskSpec
from domain.actor import Actor
from domain.entity import ALIASES, MAX_ID_LENGTH, TASK, TASK_INSTANCE, check_id, check_ids
from domain.errors import InvalidTime, UnknownChoice, did_you_mean
from domain.lifecycles.lifecycle import MAX_VERSION, Lifecycle
from domain.nearest import nearest_names
from domain.printable import short_repr
from domain.rule_outcome import Response, RuleOutcome
from domain.state import State
from domain.text import cut_reason, is_storable, storable, storable_json
from domain.waits_for import WaitsFor, read_waits_for

LIFECYCLE = "jobmon"

IN_LOG_ORDER = True
"""The lines are those of a log: each was decided before the next one, whenever it happened."""

MAX_ATTEMPTS = TaskSpec("any").max_attempts
"""The number of attempts of a task whose line does not state it."""

REGISTERED, CREATED, RESET, UPSTREAM_ADDED, REFUSED = "registered", "created", "reset", "upstream_added", "refused"
EVENTS = {TASK: REGISTERED, TASK_INSTANCE: CREATED}
COMMON = frozenset({"entity", "id", "at", "actor", "reason", "workflow"})
KEYS = {
    (TASK, REGISTERED): COMMON
    | {"event", "template", "max_attempts", "lifecycle", "lifecycle_version", "definition", "array", "attributes"}
    | {"parent", "upstream", "status", "waits_for"},
    (TASK, UPSTREAM_ADDED): COMMON | {"event", "upstream"},
    (TASK, None): COMMON | {"to", "attempt", "runner", "state", "entered_at", "waits_for"},
    (TASK, RESET): COMMON | {"event", "entered_at", "waits_for"},
    (TASK, REFUSED): COMMON
    | {"event", "to", "response", "rule", "rule_reason", "delay_seconds", "runner", "entered_at", "waits_for"},
    (TASK_INSTANCE, CREATED): COMMON | {"event", "task", "status", "waits_for"},
    (TASK_INSTANCE, None): COMMON | {"to", "report_by_date", "entered_at", "waits_for"},
}
"""The keys of a line, by its entity and its event (None: a move to a status)."""

REFUSALS = (Response.WAIT, Response.REJECT, Response.ABORT)
"""The answers of a rule that does not let a proposal pass."""

LINE_KINDS = {
    REGISTERED: "registers",
    CREATED: "creates",
    RESET: "resets",
    UPSTREAM_ADDED: "adds upstream tasks of",
    REFUSED: "refuses a status of",
    None: "moves",
}
"""What a line does with its entity, by its event."""


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be in this format."""
    return line.startswith("{") and '"entity"' in line


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the change of each line."""

    def parse(number: int, text: bytes) -> ParsedLine:
        line = parse_json_object(text, allow_inf_nan=False)
        return ParsedLine(number, (_change(line, options),), size=len(text))

    return parse_lines(lines, parse)


def _change(line: JsonObject, options: Options) -> Change:
    kind = _line_kind(line)
    if not line.keys() <= KEYS[kind]:
        raise _unknown_key(line, *kind)
    return _READERS[kind](line, options)


def _register(line: JsonObject, options: Options) -> RegisterTask:
    spec = TaskSpec(
        check_id("task", line.get("id")),
        _max_attempts(line),
        line.get("template"),
        line.get("array"),
        parent=line.get("parent"),
        upstream=_ids(line, "upstream") if "upstream" in line else (),
    )
    return RegisterTask(
        spec.task_id,
        _workflow(line, options) or check_id("workflow", options.file_name),
        _time(line, "at", options),
        spec.max_attempts,
        spec.template,
        _actor(line),
        _text(line, "reason"),
        _lifecycle(line, options),
        spec.array_id,
        _attributes(line),
        spec.parent,
        tuple(spec.upstream),
        _text(line, "status"),
        _waits_for(line),
    )


def _add_upstream(line: JsonObject, options: Options) -> AddUpstream:
    upstream = tuple(dict.fromkeys(_ids(line, "upstream")))
    return AddUpstream(check_id("task", line.get("id")), upstream, **_report_fields(line, options))


def _create(line: JsonObject, options: Options) -> CreateInstance:
    instance = check_id("task instance", line.get("id"))
    task_id, fields = check_id("task", line.get("task")), _report_fields(line, options)
    return CreateInstance(instance, task_id, **fields, status=_text(line, "status"), waits_for=_waits_for(line))


def _move_task(line: JsonObject, options: Options) -> MoveTask:
    return MoveTask(
        check_id("task", line.get("id")),
        _status(line),
        **_report_fields(line, options),
        begins_attempt=_flag(line, "attempt"),
        runner_id=_runner(line),
        state=_state(line),
        entered_at=_entered_at(line, options),
        waits_for=_waits_for(line),
    )


def _reset(line: JsonObject, options: Options) -> ResetTask:
    return ResetTask(
        check_id("task", line.get("id")),
        **_report_fields(line, options),
        entered_at=_entered_at(line, options),
        waits_for=_waits_for(line),
    )


def _refuse(line: JsonObject, options: Options) -> RecordRefusal:
    return RecordRefusal(
        check_id("task", line.get("id")),
        _status(line),
        outcome=RuleOutcome(_rule(line), _response(line), _rule_reason(line), _delay_seconds(line), _waits_for(line)),
        **_report_fields(line, options),
        runner_id=_runner(line),
        entered_at=_entered_at(line, options),
    )


def _move_instance(line: JsonObject, options: Options) -> MoveInstance:
    return MoveInstance(
        check_id("task instance", line.get("id")),
        _status(line),
        **_report_fields(line, options),
        report_by_date=_time(line, "report_by_date", options) if "report_by_date" in line else None,
        entered_at=_entered_at(line, options),
        waits_for=_waits_for(line),
    )


def _report_fields(line: JsonObject, options: Options) -> dict[str, Any]:
    return {
        "at": _time(line, "at", options),
        "actor": _actor(line),
        "reason": _text(line, "reason"),
        "workflow_id": _stated_workflow(line, options),
    }


_READERS: dict[tuple[str, str | None], Callable[[JsonObject, Options], Change]] = {
    (TASK, REGISTERED): _register,
    (TASK, None): _move_task,
    (TASK, RESET): _reset,
    (TASK, UPSTREAM_ADDED): _add_upstream,
    (TASK, REFUSED): _refuse,
    (TASK_INSTANCE, CREATED): _create,
    (TASK_INSTANCE, None): _move_instance,
}


def _line_kind(line: JsonObject) -> tuple[str, str | None]:
    kind = line.get("entity")
    kind = ALIASES.get(kind, kind) if isinstance(kind, str) else kind
    if not isinstance(kind, str) or kind not in EVENTS:
        raise InvalidLine(f'"entity" is {short_repr(kind)}, not "task" or "task_instance"')
    if "event" not in line:
        if "to" not in line:
            raise InvalidLine(f'has neither "event": "{EVENTS[kind]}" nor "to": a status')
        return kind, None
    event = line["event"]
    if not isinstance(event, str) or (kind, event) not in KEYS:
        raise _unknown_event(kind, event)
    return kind, event


def _unknown_event(kind: str, event: object) -> InvalidLine:
    known = [event for of, event in KEYS if of == kind and event is not None]
    listed = ", ".join(f'"{name}"' for name in known)
    meant = did_you_mean(nearest_names(event, known)) if isinstance(event, str) else ""
    words = f"one of {listed}" if len(known) > 1 else listed
    return InvalidLine(f'"event" of a {kind} is {short_repr(event)}, not {words}{meant}')


def _unknown_key(line: JsonObject, kind: str, event: str | None) -> InvalidLine:
    known = KEYS[kind, event]
    key = next(key for key in line if key not in known)
    if event and key == "to":
        return InvalidLine('has both "event" and "to"; write two lines')
    place = f"a line that {LINE_KINDS[event]} a {kind}".replace("_", " ")
    return InvalidLine(f"{key!r} is not a key of {place}{did_you_mean(nearest_names(key, known))}")


def _lifecycle(line: JsonObject, options: Options) -> Lifecycle | None:
    name, version = _lifecycle_key(line, options)
    if name is None or (name == options.lifecycle.name and version in (None, options.lifecycle.version)):
        return None
    lifecycle = options.lifecycles.get(name, version)
    if lifecycle is None and not options.lifecycle_is_explicit:
        stated = f"{name!r} version {version}" if version else repr(name)
        raise InvalidLine(
            f"lifecycle {stated} is not known: it neither ships with Sojourn nor is in the log; "
            "name its file with --lifecycle FILE"
        )
    return lifecycle


def _lifecycle_key(line: JsonObject, options: Options) -> tuple[str | None, int | None]:
    definition = _object_in(line, "definition")
    if definition is not None:
        return options.lifecycles.define(definition).key
    version = _whole_number(line, "lifecycle_version") if "lifecycle_version" in line else None
    if version is not None and not 0 < version <= MAX_VERSION:
        raise InvalidLine(f'"lifecycle_version" is {short_repr(version)}, not a number from 1 to {MAX_VERSION}')
    return _text(line, "lifecycle"), version


def _state(line: JsonObject) -> State | None:
    state = _object_in(line, "state")
    if state is None:
        return None
    try:
        json.dumps(state, allow_nan=False)  # 1e999 is valid JSON, but no number of Python's
        return State.model_validate({"type": _status(line)} | state)
    except (ValidationError, ValueError) as error:
        raise InvalidLine(
            f'"state" is {short_repr(state)}, not an object of {", ".join(State.model_fields)}'
        ) from error


def _waits_for(line: JsonObject) -> WaitsFor | None:
    stated = line.get("waits_for")
    return None if stated is None else read_waits_for(stated)


def _runner(line: JsonObject) -> str | None:
    runner = line.get("runner")
    return None if runner is None else check_id("runner", runner)


def _rule(line: JsonObject) -> str:
    rule = _text(line, "rule")
    if not rule or len(rule) > MAX_ID_LENGTH:
        raise InvalidLine(f'"rule" is {short_repr(rule)}, not the name of the rule that refused the proposal')
    return storable(rule)


def _rule_reason(line: JsonObject) -> str | None:
    reason = _text(line, "rule_reason")
    return None if reason is None else cut_reason(reason)


def _response(line: JsonObject) -> Response:
    response = line.get("response")
    known = [str(each) for each in REFUSALS]
    if response not in known:
        raise UnknownChoice("response", response if isinstance(response, str) else short_repr(response), known)
    return Response(response)


def _delay_seconds(line: JsonObject) -> float | None:
    seconds = line.get("delay_seconds")
    if seconds is None:
        return None
    # True is a number, too, and 1e999 is valid JSON, but no number of Python's.
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        raise InvalidLine(f'"delay_seconds" is {short_repr(seconds)}, not a number of seconds')
    return float(seconds)


def _attributes(line: JsonObject) -> JsonObject | None:
    attributes = _object_in(line, "attributes")
    if attributes is not None and storable_json(attributes) != attributes:
        raise InvalidLine(f'"attributes" is {short_repr(attributes)}, which cannot be stored')
    return attributes


def _object_in(line: JsonObject, key: str) -> JsonObject | None:
    value = line.get(key)
    if value is not None and not isinstance(value, dict):
        raise InvalidLine(f'"{key}" is {short_repr(value)}, not an object')
    return value


def _ids(line: JsonObject, key: str) -> list[str]:
    value = line.get(key)
    if not isinstance(value, list):
        raise InvalidLine(f'"{key}" is {short_repr(value)}, not a list of ids')
    return check_ids("task", value)


def _flag(line: JsonObject, key: str) -> bool | None:
    value = line.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidLine(f'"{key}" is {short_repr(value)}, not true or false')
    return value


def _max_attempts(line: JsonObject) -> int:
    return _whole_number(line, "max_attempts") if "max_attempts" in line else MAX_ATTEMPTS


def _whole_number(line: JsonObject, key: str) -> int:
    number = line[key]
    if type(number) is not int:  # True is an int, too
        raise InvalidLine(f'"{key}" is {short_repr(number)}, not a whole number')
    return number


def _status(line: JsonObject) -> str:
    status = line.get("to")
    if not isinstance(status, str):
        raise InvalidLine(f'"to" is {short_repr(status)}, not the name of a status')
    return status


def _time(line: JsonObject, key: str, options: Options) -> datetime:
    text = line.get(key)
    if not isinstance(text, str):
        raise InvalidLine(f'has no "{key}"') if text is None else InvalidTime(text, "is not a text")
    return parse_instant(text, options.zone)


def _entered_at(line: JsonObject, options: Options) -> datetime | None:
    return _time(line, "entered_at", options) if "entered_at" in line else None


def _text(line: JsonObject, key: str) -> str | None:
    text = line.get(key)
    if text is not None and not isinstance(text, str):
        raise InvalidLine(f'"{key}" is {short_repr(text)}, not a text')
    return text


def _workflow(line: JsonObject, options: Options) -> str | None:
    workflow = options.workflow or line.get("workflow")
    return None if workflow is None else check_id("workflow", workflow)


def _stated_workflow(line: JsonObject, options: Options) -> str | None:
    return None if options.workflow or "workflow" not in line else _workflow(line, options)


def _actor(line: JsonObject) -> Actor | None:
    actor = line.get("actor")
    if actor is None:
        return None
    parts = actor.values() if isinstance(actor, dict) else [actor]
    if not all(is_storable(part) for part in parts if isinstance(part, str)):
        raise InvalidLine(f'"actor" is {short_repr(actor)}, which cannot be stored')
    if isinstance(actor, str):
        return _component(actor)
    try:
        return Actor.model_validate(actor, strict=True)
    except ValidationError as error:
        keys = ", ".join(Actor.model_fields)
        raise InvalidLine(f'"actor" is {short_repr(actor)}, neither a name nor an object of {keys}') from error


@lru_cache(maxsize=10_000)
def _component(name: str) -> Actor:
    return Actor(component=name)
