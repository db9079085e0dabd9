"""What requests carry: ids, times and bodies, checked at the edge."""

from datetime import datetime
from typing import Annotated, Any, get_type_hints

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model

from domain.entity import LONGEST_ID
from domain.errors import MOST_ATTEMPTS
from domain.text import is_storable
from domain.time import parse_time


def _text(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("may not contain NUL")
    return value


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a text like 2026-01-31T08:30:00Z")
    return parse_time(value)


ID_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": r"^[^\u0000]+$"},
        {"type": "integer"},
    ]
}
Id = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_ID),
    BeforeValidator(_text),
    AfterValidator(_storable),
    WithJsonSchema(ID_SCHEMA),
]
"""An id: text, or an integer that is taken as text."""

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(_storable)]
"""A status, an actor, the name of a lifecycle."""

EntityName = Annotated[
    str,
    Field(max_length=LONGEST_ID + len("task_instance:")),
    WithJsonSchema({"type": "string", "pattern": "^(task|ti|task_instance):[^\\u0000]{1,255}$"}),
]
"""An entity as people name it; parse_entity says what is wrong with one."""

Time = Annotated[datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in ISO 8601 with a zone."""


def example(shown: dict[str, Any]) -> ConfigDict:
    """The configuration of a body that is documented with an example."""
    return ConfigDict(json_schema_extra={"examples": [shown]})


def model_of(shape: Any) -> type[BaseModel]:
    """An answer's shape as OpenAPI documents it: the model of a TypedDict."""
    fields: dict[str, Any] = {name: (hint, ...) for name, hint in get_type_hints(shape).items()}
    return create_model(shape.__name__, __doc__=shape.__doc__, **fields)


class Body(BaseModel):
    """A request's body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskToRegister(Body):
    """A task of a workflow."""

    task_id: Id
    max_attempts: Annotated[int, Field(ge=1, le=MOST_ATTEMPTS)] = 3
    template: Id | None = None
    array_id: Id | None = None


class Proposal(Body):
    """Who says something, why, and when it happened as far as they know."""

    actor: Name | None = None
    reason: str | None = None
    occurred_at: Time | None = None


class TasksToRegister(Proposal):
    """The tasks of one workflow, under one lifecycle."""

    model_config = example(
        {"workflow_id": "my-workflow", "lifecycle": "jobmon", "tasks": [{"task_id": "align", "max_attempts": 3}]}
    )

    workflow_id: Id
    lifecycle: Name = "jobmon"
    tasks: list[TaskToRegister]


class TasksToGate(Proposal):
    """Tasks that are to pass the gate of their lifecycle."""

    model_config = example({"task_ids": ["align", 17]})

    task_ids: list[Id]


class TasksToTransition(Proposal):
    """Tasks that are to go to a status."""

    model_config = example({"task_ids": ["align"], "to_status": "QUEUED", "increment_attempts": True})

    task_ids: list[Id]
    to_status: Name
    increment_attempts: bool = False
    use_skip_locked: bool = False


class TasksToReset(Proposal):
    """Tasks of a workflow that is resumed."""

    model_config = example({"task_ids": ["align"], "reset_if_running": False})

    task_ids: list[Id]
    reset_if_running: bool = False


class TaskTransition(Proposal):
    """A status that a task is proposed to go to."""

    model_config = example({"to_status": "QUEUED", "actor": "client", "reason": "asked for"})

    to_status: Name
    runner_id: Id | None = None
    state_name: Name | None = None


class InstancesToCreate(Proposal):
    """Task instances, each with its task."""

    model_config = example({"instances": {"align/1": "align"}})

    instances: dict[Id, Id]


class InstancesToTransition(Proposal):
    """Task instances that are to go to a status, and their tasks with them."""

    model_config = example({"task_instance_ids": ["align/1"], "to_status": "LAUNCHED"})

    task_instance_ids: list[Id]
    to_status: Name


class InstanceTransition(Proposal):
    """What a task instance is reported to be in; `report_by_date` is until when it must be heard of again."""

    model_config = example({"to_status": "RUNNING", "current_ti_status": "LAUNCHED", "actor": "node7"})

    to_status: Name
    current_ti_status: Name | None = None
    report_by_date: Time | None = None
