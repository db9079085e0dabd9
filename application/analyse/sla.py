"""How long entities may stay in a status: limits from a TOML file.

[[limit]]
status = "RUNNING"
max_duration = "2h"

[[limit]]              # a template's own limit overrides the one for all
status = "RUNNING"
template = "align"
max_duration = "6h"

[[limit]]
entity = "ti"          # of task instances; `task` is the default
status = "LAUNCHED"
max_duration = "10m"
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from psycopg import Connection
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from application.analyse.concurrency import find_statuses
from application.shared.lifecycle_source import explain_mismatch
from application.shared.toml_file import UnreadableToml, first_problems, read_toml
from domain.entity import ALIASES, TASK, TASK_INSTANCE
from domain.errors import SojournError, UnknownName, UnknownStatus, did_you_mean
from domain.lifecycles import get_lifecycle, shipped
from domain.nearest import nearest_names
from domain.time import check_seconds, parse_duration
from infrastructure.sql import query


class SlaInvalid(SojournError):
    """Raised when a file of limits cannot be used.

    Fix: correct every one of `problems`.
    """

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__(f"SLA file {str(path)!r}: {'; '.join(problems)}")


class UnknownTemplate(UnknownName):
    """Raised when no task has the template.

    Fix: use one of `known`.
    """

    kind = "template"


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


class Limit(BaseModel):
    """The time for which an entity of a kind (and template) may stay in a status."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entity: Literal["task", "ti", "task_instance"] = "task"
    status: str
    template: str | None = None
    max_duration: Annotated[
        float,
        Field(strict=True, validation_alias=AliasChoices("max_duration", "at_most")),
        BeforeValidator(_seconds),
        AfterValidator(check_seconds),
    ]
    """The limit in seconds; `at_most` is its old name."""

    @property
    def kind(self) -> str:
        """Return the kind of entity."""
        return ALIASES.get(self.entity, self.entity)


class Sla(BaseModel):
    """The limits of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: tuple[Limit, ...] = ()


def read_sla(path: Path) -> Sla:
    """Return the limits of a TOML file.

    Raises:
        SlaInvalid: the file cannot be read or used; it lists every reason.
    """
    try:
        sla = Sla.model_validate(read_toml(path))
    except UnreadableToml as error:
        raise SlaInvalid(path, [str(error)]) from error
    except ValidationError as error:
        raise SlaInvalid(path, first_problems(map(_sentence, error.errors()))) from error
    if problems := list(_contradictions(sla)):
        raise SlaInvalid(path, problems)
    return sla


def check_sla(connection: Connection[Any], path: Path, sla: Sla) -> None:
    """Check the statuses of the limits, and their templates if the log has any.

    Raises:
        SlaInvalid: a limit names an unknown status or template.
    """
    statuses = {kind: _statuses(connection, kind) for kind in (TASK, TASK_INSTANCE)}
    templates = [row[0] for row in connection.execute(query("projections", "find/known_templates"))]
    problems: list[str] = []
    for number, limit in enumerate(sla.limit, 1):
        if limit.status not in statuses[limit.kind]:
            problems.append(f"limit {number}: {UnknownStatus(limit.status, statuses[limit.kind])}")
        if templates and limit.template is not None and limit.template not in templates:
            problems.append(f"limit {number}: {UnknownTemplate(limit.template, templates)}")
    if problems:
        raise SlaInvalid(path, problems)


def _statuses(connection: Connection[Any], kind: str) -> list[str]:
    """Return the statuses of the lifecycles in the log and of the shipped ones."""
    lifecycles = [get_lifecycle(name) for name in shipped()]
    machines = [lifecycle.task if kind == TASK else lifecycle.instance for lifecycle in lifecycles]
    known = [status for machine in machines if machine for status in machine.statuses]
    return list(dict.fromkeys([*find_statuses(connection, kind), *known]))


def _contradictions(sla: Sla) -> Iterator[str]:
    if not sla.limit:
        yield "has no [[limit]]"
    counts = Counter((limit.kind, limit.status, limit.template) for limit in sla.limit)
    for (kind, status, template), times in counts.items():
        if times > 1:
            whose = f" of template {template!r}" if template else ""
            yield f"has {times} limits for {kind.replace('_', ' ')}s{whose} in {status}"


def _sentence(problem: ErrorDetails) -> str:
    place = _place(problem["loc"])
    reason = problem.get("ctx", {}).get("error")
    if isinstance(reason, SojournError):
        return f"{place}: {reason}"
    if problem["type"] == "extra_forbidden":
        known = list(Limit.model_fields) if len(problem["loc"]) > 1 else ["limit"]
        return f"{place} is not a known key{did_you_mean(nearest_names(problem['loc'][-1], known))}"
    if problem["type"] == "tuple_type":
        return f"{place} is not a list; write [[{place}]]"
    return f"{place} {explain_mismatch(problem)}"


def _place(steps: Sequence[str | int]) -> str:
    """Return a place in the file: `limit 2: status`."""
    return (
        ": ".join(f"limit {step + 1}" if isinstance(step, int) else step for step in steps if step != "limit")
        or "limit"
    )
