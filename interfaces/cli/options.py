"""Arguments and options that several commands have."""

from datetime import datetime
from typing import Annotated, Literal

import typer

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="task:ID, ti:ID, array:ID or runner:ID")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Answer as of then (ISO 8601 with a zone), not as of now."),
]
Workflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Only what is in that workflow.")]

EntityKind = Annotated[Literal["task", "ti", "task_instance"], typer.Option("--entity", help="Whose statuses.")]


def kind_of(entity: str) -> str:
    """The kind of entity that `--entity` names."""
    from domain.entity import ALIASES

    return ALIASES.get(entity, entity)


def time_of(at: str | None) -> datetime | None:
    """The time that `--at` names, or None where it is not given; raises InvalidTime."""
    from domain.time import parse_time

    return None if at is None else parse_time(at)


def seconds_of(duration: str | None, *, or_zero: bool = False) -> float | None:
    """The seconds that an option's duration is, or None where it is not given; raises InvalidDuration."""
    from domain.time import parse_duration

    return None if duration is None else parse_duration(duration, or_zero=or_zero)
