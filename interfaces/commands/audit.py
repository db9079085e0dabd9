"""`sojourn audit`: every status that tasks have been in, from when to when."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces import connect
from interfaces.beginning import say_entity_begins, say_why_nothing
from interfaces.options import At, Workflow, time_of
from interfaces.output import AsJson, Dsn, console, in_words, local, messages, show_rows

if TYPE_CHECKING:
    from datetime import datetime

    from application.audit import AuditRow
    from application.store import Store

app = typer.Typer()

SHOWN = 500
"""How many rows people are shown."""


@app.command()
def audit(
    ctx: typer.Context,
    task: Annotated[str | None, typer.Option(metavar="ID", help="Only that task.")] = None,
    workflow: Workflow = None,
    at: At = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """The statuses of tasks, from when to when.

    People are shown the first rows; JSON has them all.
    """
    from application.audit import audit as read

    time = time_of(at)
    with connect.service(ctx, dsn) as service:
        with read(service.store, task, workflow, time, limit=None if as_json else SHOWN + 1) as rows:
            number = show_rows(rows) if as_json else tell(list(rows))
        if not number:
            say_why_none(service.store, task, workflow, time)


def tell(rows: "list[AuditRow]") -> int:
    """What people read: the first rows, and whether there are more; the answer is how many there are."""
    from interfaces.table import print_table, table

    shown = table("task", "workflow", "from", "to", "entered", "exited", "for>")
    for row in rows[:SHOWN]:
        shown.add_row(
            row["task_id"],
            row["workflow_id"],
            row["previous_status"],
            row["new_status"],
            local(row["entered_at"]),
            local(row["exited_at"]),
            in_words(row["duration_seconds"]),
        )
    if rows:
        print_table(console(), shown)
    if len(rows) > SHOWN:
        messages().print(f"These are the first {SHOWN} rows: --json has them all, --task or --workflow fewer.")
    return len(rows)


def say_why_none(store: "Store", task: str | None, workflow: str | None, at: "datetime | None") -> None:
    """Tell people why there is no row."""
    from domain.entity import TASK, Entity

    if task is not None and at is not None:
        say_entity_begins(store, Entity(TASK, task), at)
    else:
        say_why_nothing(store, TASK, workflow, at)
