"""The findings of a run, told to people as the commands tell them that look for more."""

import os
import shutil
import sys
from collections.abc import Iterator

from rich.console import Console

from application.analyse.time_in_status import TimeInStatus
from application.read.history import HistoryEvent
from domain.entity import TASK, TASK_INSTANCE
from domain.rule_names import ORPHANED_INSTANCE
from interfaces.cli.commands import history, time_in_status, verify
from interfaces.cli.table import print_table, table
from sojourn.demo.findings import Findings
from sojourn.demo.run import Run


def tell(console: Console, findings: Findings) -> None:
    """Print what happened, where the time went, what became of the orphan, and whether the log agrees."""
    counts = findings.counts
    console.print(
        f"{counts.tasks} tasks ran as {counts.task_instances} task instances in workflow {findings.run.workflow_id}: "
        f"{counts.transitions} transitions, {counts.refused} refused."
    )
    title(console, "Where they ended")
    tell_ends(console, findings.stays)
    title(console, "The slowest statuses of task instances")
    time_in_status.print_durations(console, slowest(findings.stays[TASK_INSTANCE]), by=None)
    for events in findings.orphans:
        title(console, f"What became of {events[0]['entity']}, whose worker was killed")
        history.print_history(console, events, full=False)
        console.print(f"\n{moral(events)}")
    title(console, "Do the log and the projections agree?")
    verify.print_verification(console, findings.verification)
    title(console, "Ask for more")
    for command in further(findings.run):
        console.print(command)


def title(console: Console, text: str) -> None:
    """Print the title of a part."""
    console.print(f"\n{text}", style="bold")


def tell_ends(console: Console, stays: dict[str, list[TimeInStatus]]) -> None:
    """Print how many tasks and task instances are in each status."""
    rows = table("status", "tasks>", "task instances>")
    counted = {kind: {stay["status"]: stay["open"] for stay in stays[kind] if stay["open"]} for kind in stays}
    for status in dict.fromkeys([*counted[TASK], *counted[TASK_INSTANCE]]):
        rows.add_row(status, *(str(counted[kind].get(status, "")) for kind in (TASK, TASK_INSTANCE)))
    print_table(console, rows)


def slowest(stays: list[TimeInStatus]) -> list[TimeInStatus]:
    """The stays in statuses that all have left again, the slowest first."""
    return sorted((stay for stay in stays if not stay["open"]), key=lambda stay: stay["mean_seconds"], reverse=True)


def moral(events: list[HistoryEvent]) -> str:
    """What the orphan rule has made of the last report, in a sentence."""
    (decided,) = (event for event in events if event["rule"] == ORPHANED_INSTANCE)
    return (
        f"{decided['reported']} was reported ({decided['reason']}) when another instance had ended the task: "
        f"rule {decided['rule']} applied {decided['status']}, and left the task as it was."
    )


def further(run: Run) -> Iterator[str]:
    """Commands that tell more."""
    sojourn = command_name()
    for name in run.orphans:
        yield f"{sojourn} why ti:{name}"
        yield f"{sojourn} history --full ti:{name}"
        yield f"{sojourn} history task:{name.rpartition('/')[0]}"
    yield f"{sojourn} orphans --decided --workflow {run.workflow_id}"
    yield f"{sojourn} audit --workflow {run.workflow_id}"
    yield f"{sojourn} time-in-status --by template --workflow {run.workflow_id}"


def command_name() -> str:
    """What a person types for this program: its name, or its path where the shell would not find it."""
    if shutil.which("sojourn"):
        return "sojourn"
    return os.path.relpath(sys.argv[0])
