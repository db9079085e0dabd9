"""`sojourn check-proof`: check a proof against a root or a key, without the database."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.failure import EXIT_FAILURE, fail
from interfaces.cli.output import AsJson, json_text, print_lines, render

if TYPE_CHECKING:
    from rich.console import Console

    from application.cases.check_case import CheckedCase
    from application.seals.check_proof_file import CheckedProof

app = typer.Typer()


@app.command("check-proof")
def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Name the proof, or a case.", show_default=False)],
    root: Annotated[str | None, typer.Option("--root", metavar="ROOT", help="Trust this root of a seal.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Trust this public key: a PEM file or hex digits.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a proof without the database, and print its event.

    Of a case, which `sojourn bundle` writes, every event is checked. The exit status is 1 if the proof does not lead to
    the root or the key that you kept.
    """
    from application.cases.check_case import check_case, is_case
    from application.seals.check_proof_file import check_proof_file, trust_in
    from infrastructure.extras import require_extra

    if root is None and key is None:
        fail("neither --root nor --key is given; name what you kept")
    trust = trust_in(root, key)
    if is_case(file):
        require_extra("zstd", "checking a case")
        case = check_case(file, trust)
        render(case, as_json=as_json, human=lambda console: print_checked_case(console, case))
        raise typer.Exit(0 if case["valid"] else EXIT_FAILURE)
    checked = check_proof_file(file, trust)
    render(checked, as_json=as_json, human=lambda console: print_checked(console, checked))
    if not checked["valid"]:
        raise typer.Exit(EXIT_FAILURE)


def print_checked(console: "Console", checked: "CheckedProof") -> None:
    """Print the event that is proven, or why it is not."""
    if checked["event"] is None:
        console.print(f"The proof is not valid: {checked['why']}.")
        return
    console.print("The proof is valid: the sealed log has this event.")
    print_lines(console, json_text(checked["event"], indent=2).split("\n"))


def print_checked_case(console: "Console", checked: "CheckedCase") -> None:
    """Print that every event of a case is proven, or why not."""
    if checked["valid"]:
        console.print(f"The case is proven: the sealed log has each of its {checked['events']:,} events.")
    else:
        console.print(f"The case is not proven: {checked['why']}.")
