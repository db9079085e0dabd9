"""Define arguments and options that several commands share."""

from typing import Annotated, Literal

import typer

LARGEST = 2**31 - 1
"""The largest number that an option takes: the largest integer of a database column."""

LARGEST_POSITION = 2**63 - 1

NAME_ENTITY = "Name task:ID, ti:ID, array:ID, runner:ID or a unique ID."

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help=NAME_ENTITY)]
OptionalEntity = Annotated[str | None, typer.Argument(metavar="ENTITY", help=NAME_ENTITY, show_default=False)]
WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Name the workflow.", show_default=False)]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Answer as of a time: -2h, yesterday, 2026-11-28 08:30."),
]
Workflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Restrict the answer to one workflow.")]

EntityKind = Annotated[
    Literal["task", "ti", "task_instance"], typer.Option("--entity", help="Choose tasks or task instances.")
]


def kind_of(entity: str) -> str:
    """Return the kind of entity that `--entity` names."""
    from domain.entity import ALIASES

    return ALIASES.get(entity, entity)


def seconds_of(duration: str | None, *, or_zero: bool = False) -> float | None:
    """Return an option's duration in seconds, or None without it.

    Raises:
        InvalidDuration: the text is not a duration.
    """
    from domain.time import parse_duration

    return None if duration is None else parse_duration(duration, or_zero=or_zero)
