"""`sojourn setup`: create or update the schema."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

app = typer.Typer()


@app.command()
def setup(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Create the schema of the database, or update it."""
    from application.shared.store import schema
    from infrastructure.database.migration import migrate
    from infrastructure.database.pool import Database

    database = Database.reach(dsn or ctx.find_root().obj)
    with database.dedicated() as connection:
        connection.add_notice_handler(print_warning)
        applied = migrate(connection, schema())
    render(
        {"applied": applied},
        as_json=as_json,
        human=lambda console: console.print(
            f"Applied {', '.join(applied)}." if applied else "The schema is up to date."
        ),
    )


def print_warning(notice: "Diagnostic") -> None:
    """Print a notice of the database if it is a warning."""
    if notice.severity_nonlocalized == "WARNING":
        messages().print(f"{notice.message_primary}")
