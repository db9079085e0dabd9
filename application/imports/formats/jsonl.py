"""The generic format: one JSON object a line, in the order of the log.

    {"entity":"task","id":"t1","event":"registered","at":"...","workflow":"w1","template":"align","max_attempts":3}
    {"entity":"task","id":"t1","to":"QUEUED","at":"..."}
    {"entity":"task_instance","id":"t1/1","event":"created","at":"...","task":"t1"}
    {"entity":"task_instance","id":"t1/1","to":"INSTANTIATED","at":"...","actor":"node7","reason":"..."}

What `sojourn export --format jsonl` writes beside that: the `lifecycle`, `array` and `attributes` of a task that is
registered, and of a lifecycle that does not ship with Sojourn its `lifecycle_version` and, the first time, its
`definition`; `attempt` where a task's line begins one, or does not, against what its lifecycle says; the `runner` in
whose name it goes there; the `state` that is more than its status; `{"event":"reset"}` of a resumed workflow's task.

`actor` is a component's name, or an object with `component`, `host`, `pid` and `user`. `workflow` may stand on any
line; where a task is registered without one, it is that of --workflow, or else the name of the file.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache

from pydantic import ValidationError

from application.imports.change import (
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
    ResetTask,
)
from application.imports.json_object import JsonObject, parse_json_object, show_value
from application.imports.local_time import parse_instant
from application.imports.options import Options
from application.write.registration import TaskSpec
from domain.actor import Actor
from domain.entity import ALIASES, TASK, TASK_INSTANCE, check_id
from domain.errors import InvalidTime, SojournError, did_you_mean
from domain.lifecycles.lifecycle import Lifecycle
from domain.state import State
from domain.text import is_storable, storable_json

LIFECYCLE = "jobmon"

MAX_ATTEMPTS = TaskSpec("any").max_attempts
"""How many attempts a task may make where its line does not say."""

REGISTERED, CREATED, RESET = "registered", "created", "reset"
EVENTS = {TASK: REGISTERED, TASK_INSTANCE: CREATED}
COMMON = frozenset({"entity", "id", "at", "actor", "reason", "workflow"})
KEYS = {
    (TASK, REGISTERED): COMMON
    | {"event", "template", "max_attempts", "lifecycle", "lifecycle_version", "definition", "array", "attributes"},
    (TASK, None): COMMON | {"to", "attempt", "runner", "state"},
    (TASK, RESET): COMMON | {"event"},
    (TASK_INSTANCE, CREATED): COMMON | {"event", "task"},
    (TASK_INSTANCE, None): COMMON | {"to", "report_by_date"},
}
"""The keys of a line, by its entity and its event; None: it goes to a status."""

WHERE = {REGISTERED: "begins", CREATED: "begins", RESET: "is reset", None: "goes to a status"}


def looks_like(line: str) -> bool:
    """Whether a file that begins so may be of this format."""
    return line.startswith("{") and '"entity"' in line


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """What each line proposes."""
    for number, text in lines:
        try:
            yield ParsedLine(number, (_proposal(parse_json_object(text), options),))
        except SojournError as error:
            yield BadLine(number, str(error))


def _proposal(said: JsonObject, options: Options) -> Change:
    told = _told(said)
    if not said.keys() <= KEYS[told]:
        raise _unknown_key(said, *told)
    return _READERS[told](said, options)


def _register(said: JsonObject, options: Options) -> RegisterTask:
    spec = TaskSpec(check_id("task", said.get("id")), _max_attempts(said), said.get("template"), said.get("array"))
    return RegisterTask(
        spec.task_id,
        _workflow(said, options) or check_id("workflow", options.file_name),
        _time(said, "at", options),
        spec.max_attempts,
        spec.template,
        _actor(said),
        _text(said, "reason"),
        _lifecycle(said, options),
        spec.array_id,
        _attributes(said),
    )


def _create(said: JsonObject, options: Options) -> CreateInstance:
    return CreateInstance(
        check_id("task instance", said.get("id")),
        check_id("task", said.get("task")),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
    )


def _move_task(said: JsonObject, options: Options) -> MoveTask:
    return MoveTask(
        check_id("task", said.get("id")),
        _status(said),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
        begins_attempt=_flag(said, "attempt"),
        runner_id=_runner(said),
        state=_state(said),
    )


def _reset(said: JsonObject, options: Options) -> ResetTask:
    return ResetTask(
        check_id("task", said.get("id")),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
    )


def _move_instance(said: JsonObject, options: Options) -> MoveInstance:
    return MoveInstance(
        check_id("task instance", said.get("id")),
        _status(said),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
        _time(said, "report_by_date", options) if "report_by_date" in said else None,
    )


_READERS: dict[tuple[str, str | None], Callable[[JsonObject, Options], Change]] = {
    (TASK, REGISTERED): _register,
    (TASK, None): _move_task,
    (TASK, RESET): _reset,
    (TASK_INSTANCE, CREATED): _create,
    (TASK_INSTANCE, None): _move_instance,
}


def _told(said: JsonObject) -> tuple[str, str | None]:
    kind = said.get("entity")
    kind = ALIASES.get(kind, kind) if isinstance(kind, str) else kind
    if not isinstance(kind, str) or kind not in EVENTS:
        raise InvalidLine(f'"entity" is {show_value(kind)}, not "task" or "task_instance"')
    if "event" not in said:
        if "to" not in said:
            raise InvalidLine(f'says neither "event": "{EVENTS[kind]}" nor "to": a status')
        return kind, None
    event = said["event"]
    if not isinstance(event, str) or (kind, event) not in KEYS:
        raise InvalidLine(f'"event" of a {kind} is {show_value(event)}, not "{EVENTS[kind]}"')
    return kind, event


def _unknown_key(said: JsonObject, kind: str, event: str | None) -> InvalidLine:
    known = KEYS[kind, event]
    key = next(key for key in said if key not in known)
    if event and key == "to":
        return InvalidLine('says both "event" and "to": write two lines')
    where = f"where a {kind} {WHERE[event]}".replace("_", " ")
    return InvalidLine(f"has no use for the key {key!r} {where}{did_you_mean(get_close_matches(key, known, n=1))}")


def _lifecycle(said: JsonObject, options: Options) -> Lifecycle | None:
    name, version = _lifecycle_key(said, options)
    if name is None or (name == options.lifecycle.name and version in (None, options.lifecycle.version)):
        return None
    lifecycle = options.lifecycles.get(name, version)
    if lifecycle is None and not options.lifecycle_is_explicit:
        raise InvalidLine(
            f"is of lifecycle {name!r}{f' version {version}' if version else ''}, which neither ships with Sojourn nor "
            "is in the log: give its file, --lifecycle FILE"
        )
    return lifecycle


def _lifecycle_key(said: JsonObject, options: Options) -> tuple[str | None, int | None]:
    definition = _object_in(said, "definition")
    if definition is not None:
        return options.lifecycles.define(definition).key
    return _text(said, "lifecycle"), _whole_number(said, "lifecycle_version") if "lifecycle_version" in said else None


def _state(said: JsonObject) -> State | None:
    told = _object_in(said, "state")
    if told is None:
        return None
    try:
        return State.model_validate({"type": _status(said)} | told)
    except ValidationError as error:
        raise InvalidLine(f'"state" is {show_value(told)}, no object of {", ".join(State.model_fields)}') from error


def _runner(said: JsonObject) -> str | None:
    runner = said.get("runner")
    return None if runner is None else check_id("runner", runner)


def _attributes(said: JsonObject) -> JsonObject | None:
    attributes = _object_in(said, "attributes")
    if attributes is not None and storable_json(attributes) != attributes:
        raise InvalidLine(f'"attributes" is {show_value(attributes)}, which cannot be stored')
    return attributes


def _object_in(said: JsonObject, key: str) -> JsonObject | None:
    value = said.get(key)
    if value is not None and not isinstance(value, dict):
        raise InvalidLine(f'"{key}" is {show_value(value)}, not an object')
    return value


def _flag(said: JsonObject, key: str) -> bool | None:
    value = said.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidLine(f'"{key}" is {show_value(value)}, not true or false')
    return value


def _max_attempts(said: JsonObject) -> int:
    return _whole_number(said, "max_attempts") if "max_attempts" in said else MAX_ATTEMPTS


def _whole_number(said: JsonObject, key: str) -> int:
    number = said[key]
    if type(number) is not int:  # True is an int, too
        raise InvalidLine(f'"{key}" is {show_value(number)}, not a whole number')
    return number


def _status(said: JsonObject) -> str:
    status = said["to"]
    if not isinstance(status, str):
        raise InvalidLine(f'"to" is {show_value(status)}, not the name of a status')
    return status


def _time(said: JsonObject, key: str, options: Options) -> datetime:
    text = said.get(key)
    if not isinstance(text, str):
        raise InvalidLine(f'has no "{key}"') if text is None else InvalidTime(text, "is no text")
    return parse_instant(text, options.zone)


def _text(said: JsonObject, key: str) -> str | None:
    text = said.get(key)
    if text is not None and not isinstance(text, str):
        raise InvalidLine(f'"{key}" is {show_value(text)}, not a text')
    return text


def _workflow(said: JsonObject, options: Options) -> str | None:
    workflow = options.workflow or said.get("workflow")
    return None if workflow is None else check_id("workflow", workflow)


def _told_workflow(said: JsonObject, options: Options) -> str | None:
    return None if options.workflow or "workflow" not in said else _workflow(said, options)


def _actor(said: JsonObject) -> Actor | None:
    actor = said.get("actor")
    if actor is None:
        return None
    parts = actor.values() if isinstance(actor, dict) else [actor]
    if not all(is_storable(part) for part in parts if isinstance(part, str)):
        raise InvalidLine(f'"actor" is {show_value(actor)}, which cannot be stored')
    if isinstance(actor, str):
        return _component(actor)
    try:
        return Actor.model_validate(actor, strict=True)
    except ValidationError as error:
        keys = ", ".join(Actor.model_fields)
        raise InvalidLine(f'"actor" is {show_value(actor)}, neither a name nor an object of {keys}') from error


@lru_cache(maxsize=10_000)
def _component(name: str) -> Actor:
    return Actor(component=name)
