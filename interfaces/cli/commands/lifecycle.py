"""`sojourn lifecycle`: list, show and check state machines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli import connect
from interfaces.cli.failure import EXIT_FAILURE, fail
from interfaces.cli.limit import FirstRows, Limit
from interfaces.cli.output import AsJson, Dsn, messages, render
from interfaces.cli.presentation import Listing
from interfaces.wording.values import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from domain.lifecycles.lifecycle import Lifecycle
    from domain.lifecycles.machine import Machine
    from domain.lifecycles.recovery import Recovery
    from domain.lifecycles.warnings import LifecycleWarning

app = typer.Typer(name="lifecycle", no_args_is_help=True, help="List, show and check lifecycles.")

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Check a lifecycle in TOML.")]


Log = Annotated[bool, typer.Option("--log", help="List the lifecycles stored in the log, all versions.")]


@app.command("list", cls=Listing)
def list_(ctx: typer.Context, log: Log = False, limit: Limit = None, dsn: Dsn = None, as_json: AsJson = False) -> None:
    """List the shipped lifecycles, or those stored in the log with their number of tasks."""
    from domain.lifecycles import get_lifecycle, shipped

    if log:
        with connect.service(ctx, dsn) as service:
            found: Sequence[tuple[Lifecycle, int | None]] = service.store.lifecycles.stored_lifecycles()
    else:
        found = [(get_lifecycle(name), None) for name in shipped()]
    first = FirstRows(found, limit)
    shown = list(first)
    render([_summary(*one) for one in shown], as_json=as_json, human=lambda console: _print_list(console, shown))
    first.state_end()


@app.command("show", cls=Listing)
def show_(
    ctx: typer.Context,
    lifecycle: Annotated[str, typer.Argument(metavar="NAME|FILE", help="Name a shipped lifecycle, or a TOML file.")],
    log: Annotated[bool, typer.Option("--log", help="Show the newest version stored in the log.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid state diagram.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page in Markdown.")] = False,
    toml: Annotated[bool, typer.Option("--toml", help="Print the TOML file of a shipped lifecycle.")] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Show a lifecycle's statuses, what may follow each, and what causes it."""
    from application.shared.lifecycle_source import find_lifecycle
    from domain.errors import UnknownLifecycle
    from domain.lifecycles import read_definition
    from domain.lifecycles.warnings import lifecycle_warnings
    from interfaces.wording import lifecycle_page

    if toml:
        print(read_definition(lifecycle), end="")  # noqa: T201 - text as it is, to edit and use
        return
    if log:
        with connect.service(ctx, dsn) as service:
            found = service.store.lifecycles.latest(lifecycle)
    else:
        try:
            found = find_lifecycle(lifecycle)
        except UnknownLifecycle as unknown:
            if not unknown.nearest:
                fail(f"{unknown}; --log shows one that is stored in the log")
            raise
    if mermaid and not as_json:
        print(lifecycle_page.mermaid(found))  # noqa: T201 - text as it is, for other programs
    elif markdown and not as_json:
        print(lifecycle_page.markdown(found))  # noqa: T201
    else:
        render(_document(found), as_json=as_json, human=lambda console: _print_lifecycle(console, found))
        _print_warnings(lifecycle_warnings(found))


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Check a lifecycle file: print its errors and warnings."""
    from application.shared.lifecycle_source import LifecycleFileInvalid, read_lifecycle_file
    from domain.lifecycles.warnings import lifecycle_warnings

    try:
        lifecycle = read_lifecycle_file(file)
    except LifecycleFileInvalid as invalid:
        problems, warnings = invalid.problems, invalid.warnings
        document = {"file": str(file), "problems": problems, "warnings": _warnings(warnings)}
        render(document, as_json=as_json, human=lambda console: _print_problems(console, file, problems))
        _print_warnings(warnings)
        raise typer.Exit(EXIT_FAILURE) from None
    render(
        {"file": str(file), "problems": [], **_document(lifecycle)},
        as_json=as_json,
        human=lambda console: console.print(f"{file}: {_in_words(lifecycle)}. {_verdict(lifecycle)}"),
    )
    _print_warnings(lifecycle_warnings(lifecycle))


def _verdict(lifecycle: "Lifecycle") -> str:
    from domain.lifecycles.warnings import lifecycle_warnings

    return "It can be used." if lifecycle_warnings(lifecycle) else "Nothing is wrong."


def _summary(lifecycle: "Lifecycle", tasks: int | None) -> dict[str, Any]:
    counted = {} if tasks is None else {"tasks": tasks}
    return {
        "name": lifecycle.name,
        "version": lifecycle.version,
        "rules": lifecycle.rules,
        "statuses": {name: machine.statuses for name, machine in _machines(lifecycle)},
        **counted,
    }


def _document(lifecycle: "Lifecycle") -> dict[str, Any]:
    from domain.lifecycles.warnings import lifecycle_warnings

    task = _machine_document(lifecycle.task)
    return {
        "name": lifecycle.name,
        "version": lifecycle.version,
        # Most readers need the task's machine, so it also stands at the top.
        "statuses": task["statuses"],
        "transitions": task["transitions"],
        "terminal": task["terminal"],
        "rules": lifecycle.rules,
        "task": task,
        "task_instance": _machine_document(lifecycle.instance) if lifecycle.instance else None,
        "implies": lifecycle.implies,
        "gate": lifecycle.gate,
        "reset": lifecycle.reset,
        "attempt": lifecycle.attempt,
        "recovery": lifecycle.recovery,
        "warnings": _warnings(lifecycle_warnings(lifecycle)),
    }


def _warnings(warnings: "Iterable[LifecycleWarning]") -> list[dict[str, str]]:
    return [
        {"machine": warning.machine, "status": warning.status, "warning": warning.warning, "text": warning.text}
        for warning in warnings
    ]


def _machine_document(machine: "Machine") -> dict[str, Any]:
    from domain.lifecycles.machine import STATUS_SETS
    from interfaces.wording.lifecycle_page import untimely

    def in_order(statuses: frozenset[str]) -> list[str]:
        return [status for status in machine.statuses if status in statuses]

    return {
        "initial": machine.initial,
        "statuses": machine.statuses,
        "transitions": {source: list(targets) for source, targets in machine.transitions.items()},
        "causes": machine.transitions,
        **{flag: in_order(getattr(machine, flag)) for flag in STATUS_SETS},
        "stuck_after": machine.stuck_after,
        "orphaned": machine.orphaned,
        "untimely": untimely(machine),
    }


def _machines(lifecycle: "Lifecycle") -> list[tuple[str, "Machine"]]:
    machines = [("task", lifecycle.task)]
    return [*machines, ("task_instance", lifecycle.instance)] if lifecycle.instance else machines


def _in_words(lifecycle: "Lifecycle") -> str:
    counts = [f"{len(machine.statuses)} {name.replace('_', ' ')} statuses" for name, machine in _machines(lifecycle)]
    return f"lifecycle {lifecycle.name!r}, version {lifecycle.version}, {', '.join(counts)}"


def _print_list(console: "Console", lifecycles: "Sequence[tuple[Lifecycle, int | None]]") -> None:
    from interfaces.cli.columns import prose, table
    from interfaces.cli.table import print_table

    counted = ("tasks>",) if any(tasks is not None for _, tasks in lifecycles) else ()
    shown = table("lifecycle", "version>", *counted, "task statuses>", "instance statuses>", prose("rules"))
    for lifecycle, tasks in lifecycles:
        shown.add_row(
            lifecycle.name,
            str(lifecycle.version),
            *((str(tasks),) if counted else ()),
            str(len(lifecycle.task.statuses)),
            str(len(lifecycle.instance.statuses)) if lifecycle.instance else None,
            ", ".join(lifecycle.rules),
        )
    print_table(console, shown)


def _print_lifecycle(console: "Console", lifecycle: "Lifecycle") -> None:
    console.print(f"Lifecycle {lifecycle.name}, version {lifecycle.version}", style="bold")
    if lifecycle.rules:
        console.print(f"Rules: {', '.join(lifecycle.rules)}")
    for name, machine in _machines(lifecycle):
        console.print()
        _print_machine(console, name.replace("_", " "), machine)
    if lifecycle.implies:
        console.print()
        _print_implied(console, lifecycle)
    if lifecycle.recovery:
        console.print()
        _print_recovery(console, lifecycle.recovery)


def _print_machine(console: "Console", name: str, machine: "Machine") -> None:
    from interfaces.cli.columns import prose, table
    from interfaces.cli.table import print_table
    from interfaces.wording.lifecycle_page import marks, untimely

    shown = table(f"{name} status", prose(""), "may become", prose("when"))
    for source, targets in machine.transitions.items():
        cells = source, ", ".join(marks(machine, source))
        for target, cause in (targets or {"": ""}).items():
            shown.add_row(*cells, target, cause)
            cells = "", ""
    print_table(console, shown)
    pairs = [f"{source} -> {target}" for source, target in untimely(machine)]
    if pairs:
        console.print(f"untimely: {', '.join(pairs)}")


def _print_implied(console: "Console", lifecycle: "Lifecycle") -> None:
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    shown = table("task instance status", "implies task status", "without attempts left", "through")
    for status, implied in lifecycle.implies.items():
        shown.add_row(status, implied.status, implied.exhausted, implied.through)
    print_table(console, shown)


def _print_recovery(console: "Console", recovery: "Recovery") -> None:
    from interfaces.cli.columns import prose, table
    from interfaces.cli.table import print_table

    reasons = {
        "overdue": f"pending for longer than {format_duration(recovery.max_pending_seconds or 0)}",
        "abandoned": f"its runner is silent for longer than {format_duration(recovery.runner_dead_after)}",
        "unfinished": "an earlier recovery stopped here",
    }
    shown = table("recovered from", prose("when"), prose("by way of"))
    for when, reason in reasons.items():
        for status, path in getattr(recovery, when).items():
            shown.add_row(status, reason, ", ".join(path))
    print_table(console, shown)


def _print_problems(console: "Console", file: Path, problems: list[str]) -> None:
    console.print(f"{file} cannot be used:")
    for problem in problems:
        console.print(f"  {problem}")


def _print_warnings(warnings: "Iterable[LifecycleWarning]") -> None:
    for warning in warnings:
        messages().print(f"warning: {warning.text}")
