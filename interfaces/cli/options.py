"""Define arguments and options that several commands share."""

from datetime import datetime
from typing import Annotated, Literal

import typer

LARGEST = 2**31 - 1
"""The largest number that an option takes: the largest integer of a database column."""

LARGEST_POSITION = 2**63 - 1

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="Name task:ID, ti:ID, array:ID or runner:ID.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Answer as of a time (ISO 8601 with a zone)."),
]
Workflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Restrict the answer to one workflow.")]

EntityKind = Annotated[
    Literal["task", "ti", "task_instance"], typer.Option("--entity", help="Choose tasks or task instances.")
]


def kind_of(entity: str) -> str:
    """Return the kind of entity that `--entity` names."""
    from domain.entity import ALIASES

    return ALIASES.get(entity, entity)


def time_of(at: str | None) -> datetime | None:
    """Return the time of `--at`, or None without it.

    Raises:
        InvalidTime: the text is not a time with a zone.
    """
    from domain.time import parse_time

    return None if at is None else parse_time(at)


def seconds_of(duration: str | None, *, or_zero: bool = False) -> float | None:
    """Return an option's duration in seconds, or None without it.

    Raises:
        InvalidDuration: the text is not a duration.
    """
    from domain.time import parse_duration

    return None if duration is None else parse_duration(duration, or_zero=or_zero)
