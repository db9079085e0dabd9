"""The generic format: one JSON object a line, in the order of the log.

    {"entity":"task","id":"t1","event":"registered","at":"...","workflow":"w1","template":"align","max_attempts":3}
    {"entity":"task","id":"t1","to":"QUEUED","at":"..."}
    {"entity":"task_instance","id":"t1/1","event":"created","at":"...","task":"t1"}
    {"entity":"task_instance","id":"t1/1","to":"INSTANTIATED","at":"...","actor":"node7","reason":"..."}

`actor` is a component's name, or an object with `component`, `host`, `pid` and `user`. `workflow` may stand on any
line; where a task is registered without one, it is that of --workflow, or else the name of the file.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from application.imports.local_time import instant
from application.imports.options import Options
from application.imports.proposal import (
    BadLine,
    CreateInstance,
    Line,
    MoveInstance,
    MoveTask,
    NotUnderstood,
    Proposal,
    RegisterTask,
)
from application.registration import TaskSpec
from domain.actor import Actor
from domain.entity import SHORT, TASK, TASK_INSTANCE, check_id
from domain.errors import InvalidTime, SojournError, did_you_mean
from domain.text import is_storable

LIFECYCLE = "jobmon"

MAX_ATTEMPTS = TaskSpec("any").max_attempts
"""How many attempts a task may make where its line does not say."""

REGISTERED, CREATED = "registered", "created"
EVENTS = {TASK: REGISTERED, TASK_INSTANCE: CREATED}
COMMON = frozenset({"entity", "id", "at", "actor", "reason", "workflow"})
KEYS = {
    (TASK, True): COMMON | {"event", "template", "max_attempts"},
    (TASK, False): COMMON | {"to"},
    (TASK_INSTANCE, True): COMMON | {"event", "task"},
    (TASK_INSTANCE, False): COMMON | {"to", "report_by_date"},
}
"""The keys of a line, by its entity and whether it begins that entity."""

Said = dict[str, Any]


def looks_like(line: str) -> bool:
    """Whether a file that begins so may be of this format."""
    return line.startswith("{") and '"entity"' in line


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[Line | BadLine]:
    """What each line proposes."""
    for number, text in lines:
        try:
            yield Line(number, (_proposal(_object(text), options),))
        except SojournError as error:
            yield BadLine(number, str(error))


def _object(text: bytes) -> Said:
    try:
        said = from_json(text)
    except ValueError as error:
        raise NotUnderstood(f"is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise NotUnderstood(f"is no JSON object but {_shown(said)}")
    return said


def _proposal(said: Said, options: Options) -> Proposal:
    kind, begins = _kind(said)
    if not said.keys() <= KEYS[kind, begins]:
        raise _unknown_key(said, kind, begins)
    return _READERS[kind, begins](said, options)


def _register(said: Said, options: Options) -> RegisterTask:
    spec = TaskSpec(check_id("task", said.get("id")), _max_attempts(said), said.get("template"))
    return RegisterTask(
        spec.task_id,
        _workflow(said, options) or check_id("workflow", options.source),
        _time(said, "at", options),
        spec.max_attempts,
        spec.template,
        _actor(said),
        _text(said, "reason"),
    )


def _create(said: Said, options: Options) -> CreateInstance:
    return CreateInstance(
        check_id("task instance", said.get("id")),
        check_id("task", said.get("task")),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
    )


def _move_task(said: Said, options: Options) -> MoveTask:
    return MoveTask(
        check_id("task", said.get("id")),
        _status(said),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
    )


def _move_instance(said: Said, options: Options) -> MoveInstance:
    return MoveInstance(
        check_id("task instance", said.get("id")),
        _status(said),
        _time(said, "at", options),
        _actor(said),
        _text(said, "reason"),
        _told_workflow(said, options),
        _time(said, "report_by_date", options) if "report_by_date" in said else None,
    )


_READERS: dict[tuple[str, bool], Callable[[Said, Options], Proposal]] = {
    (TASK, True): _register,
    (TASK, False): _move_task,
    (TASK_INSTANCE, True): _create,
    (TASK_INSTANCE, False): _move_instance,
}


def _kind(said: Said) -> tuple[str, bool]:
    kind = said.get("entity")
    kind = SHORT.get(kind, kind) if isinstance(kind, str) else kind
    if not isinstance(kind, str) or kind not in EVENTS:
        raise NotUnderstood(f'"entity" is {_shown(kind)}, not "task" or "task_instance"')
    if "event" not in said and "to" not in said:
        raise NotUnderstood(f'says neither "event": "{EVENTS[kind]}" nor "to": a status')
    event = said.get("event", EVENTS[kind])
    if event != EVENTS[kind]:
        raise NotUnderstood(f'"event" of a {kind} is {_shown(event)}, not "{EVENTS[kind]}"')
    return kind, "event" in said


def _unknown_key(said: Said, kind: str, begins: bool) -> NotUnderstood:
    known = KEYS[kind, begins]
    key = next(key for key in said if key not in known)
    if begins and key == "to":
        return NotUnderstood('says both "event" and "to": write two lines')
    where = f"where a {kind} {'begins' if begins else 'goes to a status'}".replace("_", " ")
    return NotUnderstood(f"has no use for the key {key!r} {where}{did_you_mean(get_close_matches(key, known, n=1))}")


def _max_attempts(said: Said) -> int:
    most = said.get("max_attempts", MAX_ATTEMPTS)
    if type(most) is not int:  # True is an int, too
        raise NotUnderstood(f'"max_attempts" is {_shown(most)}, not a whole number')
    return most


def _status(said: Said) -> str:
    status = said["to"]
    if not isinstance(status, str):
        raise NotUnderstood(f'"to" is {_shown(status)}, not the name of a status')
    return status


def _time(said: Said, key: str, options: Options) -> datetime:
    text = said.get(key)
    if not isinstance(text, str):
        raise NotUnderstood(f'has no "{key}"') if text is None else InvalidTime(text, "is no text")
    return instant(text, options.zone)


def _text(said: Said, key: str) -> str | None:
    text = said.get(key)
    if text is not None and not isinstance(text, str):
        raise NotUnderstood(f'"{key}" is {_shown(text)}, not a text')
    return text


def _workflow(said: Said, options: Options) -> str | None:
    workflow = options.workflow or said.get("workflow")
    return None if workflow is None else check_id("workflow", workflow)


def _told_workflow(said: Said, options: Options) -> str | None:
    return None if options.workflow or "workflow" not in said else _workflow(said, options)


def _actor(said: Said) -> Actor | None:
    actor = said.get("actor")
    if actor is None:
        return None
    parts = actor.values() if isinstance(actor, dict) else [actor]
    if not all(is_storable(part) for part in parts if isinstance(part, str)):
        raise NotUnderstood(f'"actor" is {_shown(actor)}, which cannot be stored')
    if isinstance(actor, str):
        return _component(actor)
    try:
        return Actor.model_validate(actor, strict=True)
    except ValidationError as error:
        keys = ", ".join(Actor.model_fields)
        raise NotUnderstood(f'"actor" is {_shown(actor)}, neither a name nor an object of {keys}') from error


@lru_cache(maxsize=10_000)
def _component(name: str) -> Actor:
    return Actor(component=name)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
