"""Arguments and options that several commands have."""

from typing import Annotated

import typer

EntityName = Annotated[str, typer.Argument(metavar="ENTITY", help="task:ID or ti:ID")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Answer as of then (ISO 8601 with a zone), not as of now."),
]
Workflow = Annotated[str | None, typer.Option("--workflow", metavar="ID", help="Only what is in that workflow.")]
