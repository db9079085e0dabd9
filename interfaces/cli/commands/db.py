"""`sojourn db`: the embedded database."""

from typing import TYPE_CHECKING

import typer

from interfaces.cli.output import AsJson, show

if TYPE_CHECKING:
    from infrastructure.database.embedded import EmbeddedServer

app = typer.Typer(no_args_is_help=True, help="Show, stop and address the embedded database.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Whether the embedded database runs, and where it is kept."""
    server = _server()
    document = {"status": server.status(), "home": str(server.home), "dsn": server.running_dsn()}
    show(
        document,
        as_json=as_json,
        people=lambda console: console.print(f"{document['status']} in {document['home']}"),
    )


@app.command()
def stop(as_json: AsJson = False) -> None:
    """Stop the embedded database; its data stays."""
    stopped = _server().stop()
    show(
        {"stopped": stopped},
        as_json=as_json,
        people=lambda console: console.print("Stopped." if stopped else "It was not running."),
    )


@app.command()
def url(as_json: AsJson = False) -> None:
    """Print the embedded database's DSN, starting the database if it does not run."""
    dsn = _server().start()
    show({"dsn": dsn}, as_json=as_json, people=lambda console: console.print(dsn, soft_wrap=True))


def _server() -> "EmbeddedServer":
    from infrastructure.database.embedded import EmbeddedServer
    from infrastructure.database.settings import Settings

    return EmbeddedServer(Settings().home)
