"""The findings of a run, told to people."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from application.history import HistoryEvent
from application.time_in_status import TimeInStatus
from domain.entity import TASK, TASK_INSTANCE
from domain.lifecycle import ORPHANED_INSTANCE
from interfaces.commands.verify import tell as tell_verification
from interfaces.demo.findings import Findings
from interfaces.demo.run import Run
from interfaces.output import in_words, local
from interfaces.table import table


def tell(console: Console, findings: Findings) -> None:
    """Print what happened, where the time went, what became of the orphan, and whether the log agrees."""
    counts = findings.counts
    console.print(
        f"{counts.tasks} tasks ran as {counts.task_instances} task instances in workflow {findings.run.workflow_id}: "
        f"{counts.transitions} transitions, {counts.refused} refused."
    )
    under(console, "Where they ended", ends(findings.stays))
    under(console, "The slowest statuses of task instances", slowest(findings.stays[TASK_INSTANCE]))
    for events in findings.orphans:
        under(console, f"What became of {events[0]['entity']}, whose worker was killed", orphan(events))
        console.print(f"\n{moral(events)}")
    console.print()
    tell_verification(console, findings.verification)
    under(console, "Ask the log yourself", *further(findings.run))


def under(console: Console, title: str, *parts: str | Table) -> None:
    """Print parts under a title."""
    console.print(f"\n{title}", style="bold")
    for part in parts:
        console.print(part)


def ends(stays: dict[str, list[TimeInStatus]]) -> Table:
    """How many tasks and task instances are in each status."""
    rows = table("status", "tasks>", "task instances>")
    counted = {kind: {stay["status"]: stay["open"] for stay in stays[kind] if stay["open"]} for kind in stays}
    for status in dict.fromkeys([*counted[TASK], *counted[TASK_INSTANCE]]):
        rows.add_row(status, *(str(counted[kind].get(status, "")) for kind in (TASK, TASK_INSTANCE)))
    return rows


def slowest(stays: list[TimeInStatus]) -> Table:
    """The statuses that task instances have left again, the slowest first."""
    rows = table("status", "n>", "mean>", "p90>", "total>")
    for stay in sorted(stays, key=lambda stay: stay["mean_seconds"], reverse=True):
        if not stay["open"]:
            durations = stay["mean_seconds"], stay["p90_seconds"], stay["total_seconds"]
            rows.add_row(stay["status"], str(stay["n"]), *map(in_words, durations))
    return rows


def orphan(events: list[HistoryEvent]) -> Table:
    """The history of an orphan: what was reported, and what was applied."""
    rows = table("at", "reported", "applied", "by", "reason")
    for event in events:
        at = local(event["entered_at"]).partition(" ")[2]
        by = f"{event['actor']}[{event['pid']}]"
        rows.add_row(at, event["reported"], event["status"], by, event["reason"])
    return rows


def moral(events: list[HistoryEvent]) -> str:
    """What the orphan rule has made of the last report, in a sentence."""
    (decided,) = (event for event in events if event["rule"] == ORPHANED_INSTANCE)
    return (
        f"Another instance had ended its task by then: so rule {decided['rule']} applied {decided['status']} where "
        f"{decided['reported']} was reported, and left the task as it was."
    )


def further(run: Run) -> Iterator[str]:
    """Commands that ask more."""
    for name in run.orphans:
        yield f"sojourn history ti:{name}"
    yield f"sojourn audit --workflow {run.workflow_id}"
    yield f"sojourn time-in-status --by template --workflow {run.workflow_id}"
