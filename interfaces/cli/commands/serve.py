"""`sojourn serve`: serve the HTTP API."""

from typing import Annotated

import typer

from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.read_dsn import GIVEN, READ_DSN, ReadDsn, choose_read_dsn

app = typer.Typer()


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Set the address; a public one needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Set the port; 0 takes any free one.")
    ] = 8470,
    access_log: Annotated[bool, typer.Option("--access-log", help="Print each request to stderr.")] = False,
    read_dsn: ReadDsn = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Serve the HTTP API until interrupted.

    /openapi.json describes it.
    """
    import sys

    from infrastructure.extras import require_extra

    require_extra("serve", "`sojourn serve`")
    from interfaces.http.server import serve as run

    def on_start(url: str, is_open: bool) -> None:
        render({"url": url}, as_json=as_json, human=lambda console: console.print(f"Serving on {url}"))
        sys.stdout.flush()
        if is_open:
            messages().print(
                "No token exists yet, so every user of this machine may read and write. "
                "`sojourn token create NAME` creates one."
            )

    given = dsn or ctx.find_root().obj
    ctx.meta[READ_DSN] = read_dsn or ctx.meta.get(GIVEN)
    run(given, host, port, access_log=access_log, on_start=on_start, read_dsn=choose_read_dsn(ctx, given))
