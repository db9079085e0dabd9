"""The fields and bodies of requests: ids, times and reports, checked before anything else happens."""

import re
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    FailFast,
    Field,
    RootModel,
    Tag,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
    model_validator,
)
from starlette.convertors import Convertor, register_url_convertor

from application.transition_service import NEXT_REPORT_SECONDS
from domain.entity import MAX_ID_LENGTH
from domain.errors import MAX_ATTEMPTS, MAX_CONCURRENTLY_RUNNING
from domain.report_context import check_reason
from domain.text import MAX_REASON_BYTES, is_storable
from domain.time import MAX_SECONDS, parse_time
from domain.waits_for import LONGEST_DETAIL, WaitKind, WaitsFor

MAX_FIELDS = 100
"""How many fields an object may have, and up to how many entries each wrong one is reported."""


def _integer_to_text(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _kind_to_object(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _check_storable(value: str) -> str:
    if not is_storable(value):
        raise ValueError("a text contains NUL; remove it")
    return value


def _stop_at_first_error(entry: Any) -> BeforeValidator:
    """Return a validator that reports only the first wrong entry of a large object, each of whose values is one."""
    adapters: list[TypeAdapter[Any]] = []

    def check(value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            adapters[:] = adapters or [TypeAdapter(Id), TypeAdapter(entry)]
            for name, part in value.items():
                _check_entry(adapters, name, part)
        return value

    return BeforeValidator(check)


def _check_entry(adapters: "list[TypeAdapter[Any]]", name: str, part: Any) -> None:
    try:
        for adapter, given in zip(adapters, (name, part), strict=True):
            adapter.validate_python(given)
    except ValidationError:
        raise ValueError(f"its entry {name[:MAX_ID_LENGTH]!r} has a wrong name or value") from None


def _parse_time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a time is not a text; write it like 2026-01-31T08:30:00Z")
    # A bare + in a query string arrives as a space, and only a + can stand between a time and its zone.
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
    BeforeValidator(_integer_to_text),
    AfterValidator(_check_storable),
    WithJsonSchema(ID_SCHEMA),
]
"""An id: a text, or an integer that becomes text."""


class IdConvertor(Convertor[str]):
    """Takes any characters of a path for an id: slashes, and line breaks, which the framework's `path` leaves out."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """Return the id."""
        return value

    def to_string(self, value: str) -> str:
        """Return the id as it is in a path."""
        return value


register_url_convertor("id", IdConvertor())

Ids = Annotated[list[Id], FailFast()]
"""Ids, of which the first wrong one is reported: each report takes a kilobyte."""

Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_check_storable)]
"""A status, an actor, the name of a lifecycle."""

Reason = Annotated[str, AfterValidator(check_reason), Field(json_schema_extra={"maxLength": MAX_REASON_BYTES})]
"""Why something is reported."""

EntityName = Annotated[
    str,
    Field(max_length=MAX_ID_LENGTH + len("task_instance:")),
    WithJsonSchema({"type": "string", "pattern": "^(task|ti|task_instance|array|runner):[^\\u0000]{1,255}$"}),
]
"""The name of an entity; parse_entity checks it, so that its error is the one that the commands print."""

Time = Annotated[datetime, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in ISO 8601 with a zone."""


KIND_SCHEMA = {"type": "string", "enum": [str(kind) for kind in WaitKind]}
WAIT_SCHEMA = {
    "anyOf": [
        KIND_SCHEMA,
        {
            "type": "object",
            "properties": {
                "kind": KIND_SCHEMA,
                "detail": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST_DETAIL},
                "holders": {"type": ["array", "null"], "items": {"type": "string"}},
            },
            "required": ["kind"],
            "additionalProperties": False,
        },
    ]
}
StatedWait = Annotated[WaitsFor, BeforeValidator(_kind_to_object), WithJsonSchema(WAIT_SCHEMA)]
"""What an entity waits for: the kind alone, or an object of `kind`, `detail` and `holders`."""


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Return the configuration of a body with an example in its documentation."""
    return ConfigDict(json_schema_extra={"examples": [example]})


@cache
def model_of(shape: Any) -> type[BaseModel]:
    """Return the model of a TypedDict, with which OpenAPI documents an answer."""
    required = shape.__required_keys__
    fields: dict[str, Any] = {
        name: (_type_of(hint), ... if name in required else None) for name, hint in get_type_hints(shape).items()
    }
    return create_model(shape.__name__, __doc__=shape.__doc__, **fields)


def _type_of(hint: Any) -> Any:
    if is_typeddict(hint):
        return model_of(hint)
    if get_origin(hint) is UnionType:
        return Union[tuple(_type_of(part) for part in get_args(hint))]  # noqa: UP007 - of types at run time
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return dict[key, _type_of(value)]  # type: ignore[misc,valid-type]  # at run time
    return list[_type_of(get_args(hint)[0])] if get_origin(hint) is list else hint  # type: ignore[misc]  # at run time


class Body(BaseModel):
    """A set of fields of a request that refuses unknown ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _limit_fields(cls, value: Any) -> Any:
        """Refuse an object of very many fields at once, because the report of each unknown one takes a kilobyte."""
        if isinstance(value, dict) and len(value) > MAX_FIELDS:
            raise ValueError(f"an object of {len(value)} fields is not one of at most {MAX_FIELDS}")
        return value


class TaskToRegister(Body):
    """A task of a workflow."""

    task_id: Id
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] = 3
    template: Id | None = None
    array_id: Id | None = None
    attributes: dict[str, Any] | None = None
    parent: Id | None = None
    upstream: Ids = []
    status: Name | None = None


class ReportBody(Body):
    """Who reports, why, and when it happened."""

    actor: Name | None = None
    reason: Reason | None = None
    occurred_at: Time | None = None


class MoveBody(ReportBody):
    """A report that may also state what the entities wait for in the status that they enter."""

    waits_for: StatedWait | None = None


class TasksToRegister(MoveBody):
    """The tasks of one workflow, under one lifecycle."""

    model_config = with_example(
        {"workflow_id": "my-workflow", "lifecycle": "jobmon", "tasks": [{"task_id": "align", "max_attempts": 3}]}
    )

    workflow_id: Id
    lifecycle: Name = "jobmon"
    tasks: Annotated[list[TaskToRegister], FailFast()]


class UpstreamToAdd(ReportBody):
    """Tasks that have not begun, each with further tasks that it waits for."""

    model_config = with_example({"upstream": {"report": ["align", 17]}})

    upstream: Annotated[dict[Id, Ids], _stop_at_first_error(Ids)]


class TasksToGate(MoveBody):
    """Tasks that ask to pass the gate of their lifecycle."""

    model_config = with_example({"task_ids": ["align", 17]})

    task_ids: Ids


class TasksToTransition(MoveBody):
    """Tasks to move to a status."""

    model_config = with_example({"task_ids": ["align"], "to_status": "QUEUED", "increment_attempts": True})

    task_ids: Ids
    to_status: Name
    increment_attempts: bool = False
    use_skip_locked: bool = False
    runner_id: Id | None = None


class TasksToReset(MoveBody):
    """Tasks of a workflow that resumes."""

    model_config = with_example({"task_ids": ["align"], "reset_if_running": False})

    task_ids: Ids
    reset_if_running: bool = False


class WorkflowAction(ReportBody):
    """The tasks of a workflow to reset or cancel: those in `statuses`, or without them the action's own choice."""

    model_config = with_example({"statuses": ["ERROR_FATAL"], "dry_run": True, "actor": "operator"})

    statuses: list[Name] | None = None
    dry_run: bool = False


class TaskTransition(MoveBody):
    """A status that is proposed for a task."""

    model_config = with_example({"to_status": "QUEUED", "actor": "client", "reason": "asked for"})

    to_status: Name
    runner_id: Id | None = None
    state_name: Name | None = None
    scheduled_time: Time | None = None
    details: dict[str, Any] | None = None


class InstancesToCreate(MoveBody):
    """Task instances to create, each with its task."""

    model_config = with_example({"instances": {"align/1": "align"}})

    instances: Annotated[dict[Id, Id], _stop_at_first_error(Id)]
    status: Name | None = None


class InstancesToTransition(MoveBody):
    """Task instances to move to a status, and their tasks with them."""

    model_config = with_example({"task_instance_ids": ["align/1"], "to_status": "LAUNCHED"})

    task_instance_ids: Ids
    to_status: Name


class InstanceTransition(MoveBody):
    """The reported status of a task instance; `report_by_date` is when its next report is due at the latest."""

    model_config = with_example({"to_status": "RUNNING", "current_ti_status": "LAUNCHED", "actor": "node7"})

    to_status: Name
    current_ti_status: Name | None = None
    report_by_date: Time | None = None


Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RunnerAlive(ReportBody):
    """A runner's heartbeat; without `seconds` it lasts for the shortest `runner_dead_after` of all lifecycles."""

    model_config = with_example({"seconds": 90})

    seconds: Seconds | None = None


class InstancesAlive(ReportBody):
    """The heartbeats of task instances."""

    model_config = with_example({"task_instance_ids": ["align/1"], "next_report_increment": 90})

    task_instance_ids: Ids
    next_report_increment: Seconds = NEXT_REPORT_SECONDS


class DistributorBody(BaseModel):
    """The body of a route that Jobmon's distributors call; it ignores the other fields that they send."""

    model_config = ConfigDict(frozen=True)

    actor: Name | None = None


class ArrayToBind(DistributorBody):
    """The workflow and the task template version of an array, and how many of its instances may run at once."""

    model_config = with_example(
        {"workflow_id": 12, "task_template_version_id": 7, "max_concurrently_running": 50, "name": "align"}
    )

    workflow_id: Id
    task_template_version_id: Id
    max_concurrently_running: Annotated[int, Field(ge=0, le=MAX_CONCURRENTLY_RUNNING)]
    name: Id | None = None


class BatchToQueue(DistributorBody):
    """The tasks of a batch."""

    model_config = with_example({"task_ids": ["align"], "task_resources_id": 3, "workflow_run_id": 1})

    task_ids: Ids
    task_resources_id: Id | None = None
    workflow_run_id: Id | None = None
    waits_for: StatedWait | None = None


class BatchLaunched(DistributorBody):
    """A batch that the cluster has accepted; its instances report within `next_report_increment` seconds."""

    model_config = with_example({"batch_number": 1, "next_report_increment": 90})

    batch_number: Number
    next_report_increment: Seconds
    waits_for: StatedWait | None = None


class BatchKilled(DistributorBody):
    """A batch whose instances in KILL_SELF are gone."""

    model_config = with_example({"batch_number": 1})

    batch_number: Number


class Submission(BaseModel):
    """The cluster's id of an instance, and where its output goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    distributor_id: Id
    stdout: str | None = None
    stderr: str | None = None


class OtherObject(BaseModel):
    """An object that is no submission, such as the log context that Jobmon's clients put into every body."""

    model_config = ConfigDict(extra="allow", frozen=True)


def _tag_of(value: Any) -> str:
    if isinstance(value, dict):
        return "submission" if _has_a_field_of_submissions(value) else "other"
    if isinstance(value, OtherObject):
        return "other"
    return "submission" if isinstance(value, Submission) else "distributor_id"


def _has_a_field_of_submissions(value: dict[str, Any]) -> bool:
    """Return whether an object has a field of a submission, however it is written: a misspelt one is an error."""
    return any(name.replace("_", "").lower() in ("distributorid", "stdout", "stderr") for name in value)


IdOrSubmission = Annotated[
    Annotated[Id, Tag("distributor_id")]
    | Annotated[Submission, Tag("submission")]
    | Annotated[OtherObject, Tag("other")],
    Discriminator(_tag_of),
]
"""Tagged, so that an error is about the shape that the value has."""


class DistributorIds(RootModel[Annotated[dict[Id, IdOrSubmission], _stop_at_first_error(IdOrSubmission)]]):
    """{task instance id: the cluster's id, or an object with that and where the output goes}.

    Any other object is left alone.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"1.1.0": "4711_0", "1.1.1": {"distributor_id": "4711_1", "stdout": "/logs/4711_1.out"}}]
        }
    )

    def submissions(self) -> dict[str, Any]:
        """Return the ids, and the objects that are submissions."""
        return {
            name: sent.model_dump() if isinstance(sent, Submission) else sent
            for name, sent in self.root.items()
            if not isinstance(sent, OtherObject)
        }
