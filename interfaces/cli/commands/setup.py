"""`sojourn setup`: create or update the schema."""

from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.errors import Diagnostic

    from application.shared.progress import Progress

app = typer.Typer()


@app.command()
def setup(
    ctx: typer.Context,
    print_roles: Annotated[
        bool, typer.Option("--print-roles", help="Print the SQL for owner, writer and readers, and exit.")
    ] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Create the schema of the database, or update it.

    Roles that are missing and rights that they lack are created too, after a restore for example.
    """
    from application.shared.store import schema
    from infrastructure.database.pool import Database
    from infrastructure.database.roles import find_missing_rights
    from infrastructure.schema.migration import migrate
    from infrastructure.sql import query
    from interfaces.cli.progress import progress_bars

    if print_roles:
        statements = query("infrastructure", "schema/roles")
        render({"sql": statements}, as_json=as_json, human=lambda _: print(statements, end=""))  # noqa: T201 - for psql
        return
    database = Database.reach(dsn or ctx.find_root().obj)
    with progress_bars() as bar, database.dedicated() as connection:
        connection.add_notice_handler(print_warning)
        before = find_missing_rights(connection)
        applied = migrate(connection, schema(), report_copied=report_with(bar, "Copying the log"))
        after = find_missing_rights(connection)
    done = {
        "applied": applied,
        "roles": [role for role in before.roles if role not in after.roles],
        "grants": [grant for grant in before.grants if grant not in after.grants],
    }
    render(done, as_json=as_json, human=lambda console: console.print(describe_setup(done)))


def report_with(bar: "Callable[[str], Progress]", description: str) -> "Progress":
    """Return a report that starts its bar when it is first called, which an up-to-date schema never does."""
    started = cache(bar)

    def report(reached: int, last: int) -> None:
        started(description)(reached, last)

    return report


def describe_setup(done: dict[str, list[str]]) -> str:
    """Return what a setup has done, in sentences."""
    sentences = []
    if done["applied"]:
        sentences.append(f"Applied {', '.join(done['applied'])}.")
    if done["roles"]:
        them = "it" if len(done["roles"]) == 1 else "them"
        sentences.append(f"Created {' and '.join(done['roles'])}, with the rights that the schema has for {them}.")
    elif done["grants"]:
        sentences.append("Granted the roles what they lacked.")
    return " ".join(sentences) or "The schema is up to date."


def print_warning(notice: "Diagnostic") -> None:
    """Print a notice of the database if it is a warning."""
    if notice.severity_nonlocalized == "WARNING":
        messages().print(f"{notice.message_primary}")
