"""What requests carry: ids, times and bodies, checked at the edge."""

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    WithJsonSchema,
    create_model,
)

from application.transition_service import NEXT_REPORT_SECONDS
from domain.entity import MAX_ID_LENGTH
from domain.errors import MAX_ATTEMPTS, MAX_CONCURRENTLY_RUNNING
from domain.text import is_storable
from domain.time import MAX_SECONDS, parse_time


def _text(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("may not contain NUL")
    return value


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a text like 2026-01-31T08:30:00Z")
    # In a query a bare + is a space: what else could stand between a time and its zone?
    return parse_time(re.sub(r"(T.+) (\d\d:?\d\d)$", r"\1+\2", value))


ID_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": r"^[^\u0000]+$"},
        {"type": "integer"},
    ]
}
Id = Annotated[
    str,
    Field(min_length=1, max_length=MAX_ID_LENGTH),
    BeforeValidator(_text),
    AfterValidator(_storable),
    WithJsonSchema(ID_SCHEMA),
]
"""An id: text, or an integer that is taken as text."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_storable)]
"""A status, an actor, the name of a lifecycle."""

EntityName = Annotated[
    str,
    Field(max_length=MAX_ID_LENGTH + len("task_instance:")),
    WithJsonSchema({"type": "string", "pattern": "^(task|ti|task_instance|array|runner):[^\\u0000]{1,255}$"}),
]
"""An entity as people name it; parse_entity says what is wrong with one."""

Time = Annotated[datetime, BeforeValidator(_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in ISO 8601 with a zone."""


def example(shown: dict[str, Any]) -> ConfigDict:
    """The configuration of a body that is documented with an example."""
    return ConfigDict(json_schema_extra={"examples": [shown]})


@cache
def model_of(shape: Any) -> type[BaseModel]:
    """An answer's shape as OpenAPI documents it: the model of a TypedDict."""
    required = shape.__required_keys__
    fields: dict[str, Any] = {
        name: (_modelled(hint), ... if name in required else None) for name, hint in get_type_hints(shape).items()
    }
    return create_model(shape.__name__, __doc__=shape.__doc__, **fields)


def _modelled(hint: Any) -> Any:
    if is_typeddict(hint):
        return model_of(hint)
    return list[_modelled(get_args(hint)[0])] if get_origin(hint) is list else hint  # type: ignore[misc]  # at run time


class Body(BaseModel):
    """A request's body: what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskToRegister(Body):
    """A task of a workflow."""

    task_id: Id
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = 3
    template: Id | None = None
    array_id: Id | None = None
    attributes: dict[str, Any] | None = None


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
    runner_id: Id | None = None


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
    scheduled_time: Time | None = None
    details: dict[str, Any] | None = None


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


Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RunnerAlive(Proposal):
    """A runner's word that it is there; without `seconds`, for as long as the most impatient lifecycle waits."""

    model_config = example({"seconds": 90})

    seconds: Seconds | None = None


class InstancesAlive(Proposal):
    """The word of task instances that they go on."""

    model_config = example({"task_instance_ids": ["align/1"], "next_report_increment": 90})

    task_instance_ids: list[Id]
    next_report_increment: Seconds = NEXT_REPORT_SECONDS


class OfDistributor(BaseModel):
    """The body of a route that Jobmon's distributors know: what else they send is left alone."""

    model_config = ConfigDict(frozen=True)

    actor: Name | None = None


class ArrayToBind(OfDistributor):
    """The workflow and the task template version that an array is of."""

    model_config = example(
        {"workflow_id": 12, "task_template_version_id": 7, "max_concurrently_running": 50, "name": "align"}
    )

    workflow_id: Id
    task_template_version_id: Id
    max_concurrently_running: Annotated[int, Field(ge=0, le=MAX_CONCURRENTLY_RUNNING)]
    name: Id | None = None


class BatchToQueue(OfDistributor):
    """The tasks of a batch."""

    model_config = example({"task_ids": ["align"], "task_resources_id": 3, "workflow_run_id": 1})

    task_ids: list[Id]
    task_resources_id: Id | None = None
    workflow_run_id: Id | None = None


class BatchLaunched(OfDistributor):
    """A batch that the cluster has accepted; its instances are heard of again within so many seconds."""

    model_config = example({"batch_number": 1, "next_report_increment": 90})

    batch_number: Number
    next_report_increment: Seconds


class BatchKilled(OfDistributor):
    """A batch in which what was told to kill itself is gone."""

    model_config = example({"batch_number": 1})

    batch_number: Number


class Submission(BaseModel):
    """What the cluster calls an instance, and where its output goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    distributor_id: Id
    stdout: str | None = None
    stderr: str | None = None


def _shape(told: Any) -> str:
    return "submission" if isinstance(told, dict | Submission) else "distributor_id"


Told = Annotated[
    Annotated[Id, Tag("distributor_id")] | Annotated[Submission, Tag("submission")],
    Discriminator(_shape),
]
"""Tagged, so that what is wrong with one is told of the shape that it has."""


class DistributorIds(RootModel[dict[Id, Told]]):
    """{task instance id: what the cluster calls it, or that and where its output goes}."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"1.1.0": "4711_0", "1.1.1": {"distributor_id": "4711_1", "stdout": "/logs/4711_1.out"}}]
        }
    )
