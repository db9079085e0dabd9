"""`sojourn setup`: the schema, created or brought up to date."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

app = typer.Typer()


@app.command()
def setup(ctx: typer.Context, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Create or update the database's schema; once it is there, nothing changes."""
    from application.shared.store import schema
    from infrastructure.database.migration import migrate
    from infrastructure.database.pool import Database

    database = Database.reach(dsn or ctx.find_root().obj)
    with database.dedicated() as connection:
        connection.add_notice_handler(say)
        applied = migrate(connection, schema())
    render(
        {"applied": applied},
        as_json=as_json,
        human=lambda console: console.print(
            f"Applied {', '.join(applied)}." if applied else "The schema is up to date."
        ),
    )


def say(told: "Diagnostic") -> None:
    """Tell people what the database warns of."""
    if told.severity_nonlocalized == "WARNING":
        messages().print(f"{told.message_primary}")
