"""`sojourn serve`: the HTTP API."""

from typing import Annotated

import typer

from interfaces.cli.output import AsJson, Dsn, messages, show

app = typer.Typer()


@app.command()
def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="The address to serve on; one that others can reach needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: any that is free.")] = 8470,
    access_log: Annotated[bool, typer.Option("--access-log", help="Say each request on stderr.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Serve the HTTP API until interrupted; its description is at /openapi.json."""
    import sys

    from infrastructure.extras import require_extra

    require_extra("serve", "`sojourn serve`")
    from interfaces.http.server import serve as run

    def began(url: str, is_open: bool) -> None:
        show({"url": url}, as_json=as_json, people=lambda console: console.print(f"Serving on {url}"))
        sys.stdout.flush()
        if is_open:
            messages().print(
                "No token was made yet: whoever can reach this address from this machine may read and write. "
                "`sojourn token create NAME` makes one."
            )

    run(dsn or ctx.find_root().obj, host, port, access_log=access_log, began=began)
