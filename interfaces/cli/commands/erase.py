"""`sojourn erase`: replace what the log and its archives have of a person."""

from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.output import AsJson, Dsn, messages, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.erase.erasure_in_progress import EraseAnswer

app = typer.Typer()

SHOWN = 10
"""The number of workflows and files that people are shown; --json has them all."""


@app.command()
def erase(
    ctx: typer.Context,
    actor: Annotated[str, typer.Option("--actor", metavar="NAME", help="Erase the component or user of that name.")],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="State why; the log keeps it.")],
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="ID", help="Erase only what was reported in this workflow.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be erased, and change nothing.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Replace a person in the log and in its archives.

    Of each event that the actor reported, it replaces the actor by a name such as erased-1, and the reason and the
    paths by "erased". Nothing else changes, and the seals hold. Safe to interrupt and to run again.
    """
    from application.erase.erase import erase_actor, find_nearest_actor

    with connect.service(ctx, dsn) as service, messages().status("Erasing") as status:
        erased = erase_actor(
            service.store, actor, because, workflow, dry_run=dry_run,
            on_step=lambda step: status.update(f"Erasing: {step}"),
        )  # fmt: skip
        nearest = [] if any(erased["by_kind"].values()) else find_nearest_actor(service.store, actor)
    render(erased, as_json=as_json, human=lambda console: print_erased(console, erased, actor, nearest))


def describe_rows(erased: "EraseAnswer") -> list[str]:
    """Return the number of events of each kind, and of what else has the person's text."""
    others = {"command": "commands", "copy": "copies of runners' events"}
    counted = [f"{number:,} {others[kind]}" for kind, number in erased["by_kind"].items() if kind in others]
    kinds = [f"{kind} {number:,}" for kind, number in erased["by_kind"].items() if kind not in others]
    of_kinds = f" ({', '.join(kinds)})" if kinds else ""
    return [f"{count_noun(erased['events'], 'event')}{of_kinds}", *counted]


def print_erased(console: "Console", erased: "EraseAnswer", actor: str, nearest: list[str]) -> None:
    """Print what was erased, or would be."""
    if not erased["by_kind"] and erased["erased_as"] is None:
        meant = f"; did you mean {nearest[0]!r}?" if nearest else "."
        console.print(f"No event has an actor of the name {actor!r}{meant}")
        return
    begins = "Erased" if erased["erased_as"] else "Would erase"
    console.print(f"{begins} {', '.join(describe_rows(erased))}.")
    for what in ("workflows", "files"):
        names: list[str] = erased[what]
        if names:
            more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            console.print(f"{what.capitalize()}: {', '.join(names[:SHOWN])}{more}.")
    if erased["erased_as"]:
        console.print(f"They have {erased['erased_as']} in the place of {actor!r}; log:{erased['erased_as']} has why.")
