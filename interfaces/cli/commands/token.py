"""`sojourn token`: control access to the HTTP API."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from interfaces.cli import connect
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from rich.console import Console

    from application.maintain.tokens import Token

app = typer.Typer(name="token", no_args_is_help=True, help="Create, list and revoke the tokens of the HTTP API.")

TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Name the token's user.")]


@app.command()
def create(
    ctx: typer.Context,
    name: TokenName,
    scope: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="Grant read, write (also reports) or admin (also tokens)."),
    ] = "read",
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and show it once: the database keeps only its hash."""
    from application.maintain.tokens import Scope, create_token

    with connect.service(ctx, dsn) as service:
        secret = create_token(service.store, name, Scope.of(scope))
    document = {"name": name, "scope": scope, "token": secret}
    render(document, as_json=as_json, human=lambda console: console.print(secret))
    messages().print(f"This is the {scope} token of {name!r}; keep it, because it is not shown again.")


@app.command("list", cls=Listing)
def list_tokens(ctx: typer.Context, limit: Limit = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """List tokens. Secret values are never shown."""
    from application.maintain.tokens import list_tokens

    with connect.service(ctx, dsn) as service:
        found = list_tokens(service.store)
    render_first(found, limit, as_json=as_json, human=print_tokens)


@app.command()
def revoke(ctx: typer.Context, name: TokenName, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """Revoke a token; running servers refuse it within a second."""
    from application.maintain.tokens import revoke_token

    with connect.service(ctx, dsn) as service:
        revoked = revoke_token(service.store, name)
    render(revoked, as_json=as_json, human=lambda console: console.print(f"Revoked {name!r}."))


def print_tokens(console: "Console", found: "list[Token]") -> None:
    """Print a line for each token."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    if not found:
        messages().print("there is no token yet; `sojourn token create NAME --scope read|write|admin` creates one")
        return
    shown = table("name", "scope", "created", "revoked")
    for token in found:
        shown.add_row(token["name"], token["scope"], token["created_at"], token["revoked_at"])
    print_table(console, shown)
