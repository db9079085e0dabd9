"""The findings of a run of the demo, printed by the commands that show more of them."""

import os
import shutil
import sys
from collections.abc import Iterator

from rich.console import Console

from application.analyse.time_in_status import TimeInStatus
from application.read.history import HistoryEvent
from domain.entity import TASK, TASK_INSTANCE
from domain.rule_names import ORPHANED_INSTANCE
from interfaces.cli.columns import table
from interfaces.cli.commands import history, time_in_status, verify
from interfaces.cli.output import print_lines
from interfaces.cli.table import print_table
from sojourn.demo.findings import Findings
from sojourn.demo.run import Run


def print_findings(console: Console, findings: Findings) -> None:
    """Print the counts, the slowest statuses, the history of each orphan, and whether the log agrees."""
    for workflow_id, counts in findings.counts.items():
        console.print(
            f"{counts.tasks - counts.never_started} tasks ran as {counts.task_instances} task instances"
            f"{f', and {counts.never_started} never started' if counts.never_started else ''} "
            f"in workflow {workflow_id}: {counts.transitions} transitions, {counts.refused} refused."
        )
    print_title(console, "Final statuses")
    print_ends(console, findings.durations)
    print_title(console, "The slowest statuses of task instances")
    time_in_status.print_durations(console, select_slowest(findings.durations[TASK_INSTANCE]), by=None)
    for events in findings.orphans:
        print_title(console, f"The history of {events[0]['entity']}, whose worker was killed")
        history.print_history(console, events, full=False)
        print_lines(console, ["", explain_orphan(events)])
    print_title(console, "Do the log and the projections agree?")
    verify.print_verification(console, findings.verification)
    print_title(console, "Commands that show more")
    for command in suggest_commands(findings.run):
        console.print(command)


def print_title(console: Console, text: str) -> None:
    """Print the title of a section."""
    print_lines(console, ["", text], style="bold")


def print_ends(console: Console, durations: dict[str, list[TimeInStatus]]) -> None:
    """Print the number of tasks and task instances in each status."""
    rows = table("status", "tasks>", "task instances>")
    counted = {kind: {row["status"]: row["open"] for row in durations[kind] if row["open"]} for kind in durations}
    for status in dict.fromkeys([*counted[TASK], *counted[TASK_INSTANCE]]):
        rows.add_row(status, *(str(counted[kind].get(status, "")) for kind in (TASK, TASK_INSTANCE)))
    print_table(console, rows)


def select_slowest(durations: list[TimeInStatus]) -> list[TimeInStatus]:
    """Return the statuses that all entities have left, the slowest first."""
    return sorted((row for row in durations if not row["open"]), key=lambda row: row["mean_seconds"] or 0, reverse=True)


def explain_orphan(events: list[HistoryEvent]) -> str:
    """Return a sentence that explains what the orphan rule did with the last report."""
    (report,) = (event for event in events if event["rule"] == ORPHANED_INSTANCE)
    return (
        f"{report['reported']} was reported ({report['reason']}) when another instance had ended the task: "
        f"rule {report['rule']} applied {report['status']}, and left the task as it was."
    )


def suggest_commands(run: Run) -> Iterator[str]:
    """Yield commands that show more."""
    sojourn = command_name()
    for name in run.orphans:
        yield f"{sojourn} why ti:{name}"
        yield f"{sojourn} history --full ti:{name}"
        yield f"{sojourn} history task:{name.rpartition('/')[0]}"
    yield f"{sojourn} orphans --include-handled --workflow {run.workflow_id}"
    yield f"{sojourn} blocked --workflow {run.workflow_id}"
    yield f"{sojourn} critical-path {run.workflow_id}"
    if run.second_workflow_id:
        yield f"{sojourn} compare {run.workflow_id} {run.second_workflow_id}"
    yield f"{sojourn} audit --workflow {run.workflow_id}"
    yield f"{sojourn} time-in-status --by template --workflow {run.workflow_id}"


def command_name() -> str:
    """Return what a user types for this program: its name, or its path if the shell does not find it."""
    if shutil.which("sojourn"):
        return "sojourn"
    return os.path.relpath(sys.argv[0])
