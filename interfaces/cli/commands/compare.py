"""`sojourn compare`: print how two workflows differ."""

from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli import connect
from interfaces.cli.empty_answer import explain_empty
from interfaces.cli.limit import FirstRows, Limit
from interfaces.cli.options import EntityKind, kind_of
from interfaces.cli.output import AsJson, Dsn, render
from interfaces.cli.presentation import Listing
from interfaces.cli.stated_time import StatedTimes
from interfaces.wording.paths_side_by_side import name_link, pair_links
from interfaces.wording.values import format_change, format_duration, format_p_value, format_share, format_time

if TYPE_CHECKING:
    from rich.console import Console

    from application.analyse.compare import ComparedLinks, ComparedStatus, Comparison, FirstFailure
    from application.analyse.critical_path import PathLink

app = typer.Typer()

SHOWN_IDS = 5
"""The number of tasks in one workflow only that are named."""


@app.command(cls=Listing)
def compare(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Name the workflow to compare with.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Name the other one, or the same.", show_default=False)],
    at_a: Annotated[str | None, typer.Option("--at-a", metavar="TIME", help="Take A as of a time.")] = None,
    at_b: Annotated[str | None, typer.Option("--at-b", metavar="TIME", help="Take B as of a time.")] = None,
    entity: EntityKind = "task",
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print how two workflows differ, or one as of two times.

    Rows are by template and status; the largest difference of the total comes first. Percentiles count an open interval
    up to now, or to --at-a and --at-b. p is the log-rank test's, for which an open interval lasts at least that long: a
    small p means that chance does not explain the difference. A task is in one workflow only if the other has none of
    its name: its ID without the ID of its workflow. The critical paths are the attempts and waits that decided when
    each workflow ended; their changes add up to the change of its time.
    """
    from application.analyse.compare import compare_workflows as read
    from domain.entity import TASK

    stated = StatedTimes(at_a=at_a, at_b=at_b)
    with connect.service(ctx, dsn) as service:
        time_a, time_b = stated.resolve(service.store)
        found = read(service.store, a, b, time_a, time_b, kind_of(entity))
        for workflow_id, time, seconds in ((a, time_a, found["seconds_a"]), (b, time_b, found["seconds_b"])):
            if seconds is None:
                explain_empty(service.store, TASK, workflow_id, time)
    first = FirstRows(found["by_template"], limit)
    found["by_template"] = list(first)
    render(found, as_json=as_json, human=lambda console: print_comparison(console, found))
    first.state_end()


def print_comparison(console: "Console", found: "Comparison") -> None:
    """Print both workflows, what takes longer in one of them, and what is in one only."""
    print_workflows(console, found)
    print_statuses(console, found["by_template"])
    print_sums(console, found["critical_path_by_template"])
    print_paths(console, found)
    for name, ids in (("A", found["only_a"]), ("B", found["only_b"])):
        if ids:
            more = f" and {len(ids) - SHOWN_IDS:,} more" if len(ids) > SHOWN_IDS else ""
            console.print(f"Only in {name}: {', '.join(ids[:SHOWN_IDS])}{more}")
    for name, failure in (("A", found["first_failure_a"]), ("B", found["first_failure_b"])):
        if failure:
            console.print(f"First failure of {name}: {failure_in_words(failure)}")


def print_workflows(console: "Console", found: "Comparison") -> None:
    """Print how long each workflow took, and its tasks by status."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    shown = table("", "workflow", "time>", "tasks")
    sides = (
        ("A", found["a"], found["seconds_a"], found["by_status_a"]),
        ("B", found["b"], found["seconds_b"], found["by_status_b"]),
    )
    for name, workflow_id, seconds, by_status in sides:
        statuses = sorted(by_status.items(), key=lambda item: (-item[1], item[0]))
        counts = ", ".join(f"{status} {n}" for status, n in statuses)
        shown.add_row(name, workflow_id, format_duration(seconds), counts)
    print_table(console, shown)


def print_statuses(console: "Console", rows: "list[ComparedStatus]") -> None:
    """Print a row for each status of each template."""
    from interfaces.cli.columns import detail, table
    from interfaces.cli.table import print_table

    if not rows:
        return
    shown = table(
        "template", "status", detail("n A>"), detail("n B>"), detail("p50 A>"), detail("p50 B>"), detail("p90 A>"),
        detail("p90 B>"), "total A>", "total B>", "change>", "share>", "p>",
    )  # fmt: skip
    for row in rows:
        durations = (row[name] for name in ("p50_a", "p50_b", "p90_a", "p90_b", "total_a", "total_b"))
        shown.add_row(
            row["template"] or "",
            row["status"],
            str(row["n_a"]),
            str(row["n_b"]),
            *map(format_duration, durations),
            format_change(row["difference_seconds"]),
            format_share(row["difference_share"] or None),
            format_p_value(row["p_value"]),
        )
    print_table(console, shown)


def print_sums(console: "Console", rows: "list[ComparedLinks]") -> None:
    """Print how the critical paths differ, by template and kind."""
    from interfaces.cli.columns import detail, table
    from interfaces.cli.table import print_table

    if not rows:
        return
    console.print("Critical paths, by template and kind of link:")
    shown = table("template", "link", detail("n A>"), detail("n B>"), "A>", "B>", "change>")
    for row in rows:
        shown.add_row(
            row["template"] or "",
            row["kind"],
            str(row["n_a"]),
            str(row["n_b"]),
            format_duration(row["seconds_a"]),
            format_duration(row["seconds_b"]),
            format_change(row["difference_seconds"]),
        )
    print_table(console, shown)


def print_paths(console: "Console", found: "Comparison") -> None:
    """Print both critical paths side by side, or which command prints each where they are long."""
    from interfaces.cli.columns import apart, entity, table
    from interfaces.cli.table import print_table

    pairs = pair_links(found["critical_path_a"], found["critical_path_b"])
    if pairs:
        shown = table(apart(entity("link of A")), "for>", apart(entity("link of B")), "for>")
        for a, b in pairs:
            shown.add_row(name_link(a), format_link_duration(a), name_link(b), format_link_duration(b))
        print_table(console, shown)
    elif found["critical_path_a"] or found["critical_path_b"]:
        links = f"{len(found['critical_path_a']):,} and {len(found['critical_path_b']):,} links"
        console.print(f"The paths have {links}: `sojourn critical-path` prints each.")


def format_link_duration(link: "PathLink | None") -> str:
    """Return how long a link took, or nothing where a path has no such link."""
    return format_duration(link["seconds"]) if link else ""


def failure_in_words(failure: "FirstFailure") -> str:
    """Return an attempt that failed, when, who reported it and why."""
    by = f", reported by {failure['actor']}" if failure["actor"] else ""
    why = f": {failure['reason']}" if failure["reason"] else ""
    return f"{failure['entity']} {failure['status']} at {format_time(failure['at'])}{by}{why}"
