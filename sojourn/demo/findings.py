"""The content of the log about a run of the demo."""

from dataclasses import dataclass
from typing import Any

from application.analyse.time_in_status import TimeInStatus, measure_time_in_status
from application.read.history import HistoryEvent, read_history
from application.read.workflow_counts import WorkflowCounts, count_workflow
from application.replay.verify import Verification, verify_log
from application.shared.progress import Progress
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE, Entity
from sojourn.demo.run import Run


@dataclass(frozen=True, slots=True)
class Findings:
    """The content of the log about a run, and whether the projections agree with it.

    `counts` has those of each workflow, the other findings are of the first one.
    """

    run: Run
    counts: dict[str, WorkflowCounts]
    durations: dict[str, list[TimeInStatus]]
    orphans: list[list[HistoryEvent]]
    verification: Verification

    def document(self) -> dict[str, Any]:
        """Return the JSON document of `sojourn demo --json`."""
        mismatches = len(self.verification["mismatches"])
        total = WorkflowCounts(*map(sum, zip(*self.counts.values(), strict=True)))
        return {
            "workflow": self.run.workflow_id,
            "workflows": list(self.counts),
            **total._asdict(),
            "verify": {"checked": self.verification["events"], "mismatches": mismatches},
        }


def read_findings(store: Store, run: Run, progress: Progress) -> Findings:
    """Read what the log has about `run`. Report the position of the whole log's replay to `progress`."""
    return Findings(
        run,
        {workflow_id: count_workflow(store, workflow_id) for workflow_id in run.workflow_ids},
        {
            kind: measure_time_in_status(store, kind, workflow_id=run.workflow_id, terminal=True)
            for kind in (TASK, TASK_INSTANCE)
        },
        [read_history(store, Entity(TASK_INSTANCE, name)) for name in run.orphans],
        verify_log(store, progress),
    )
