"""What a Slurm job waits for, by the reason codes of squeue(1), "JOB REASON CODES"."""

import re
from datetime import datetime

from domain.waits_for import WaitKind, WaitsFor

NO_REASON = frozenset({None, "", "None", "Unknown", "N/A"})

FAILURES = frozenset({
    "BadConstraints", "BootFailure", "DeadLine", "InactiveLimit", "JobLaunchFailure", "NodeDown", "NonZeroExitCode",
    "OutOfMemory", "RaisedSignal", "SystemFailure", "TimeLimit",
})  # fmt: skip
"""Reasons for which a job has ended: it waits for nothing."""

ARRAY_LIMIT = "JobArrayTaskLimit"
"""The limit on an array's tasks at once. Of all limits, it alone keeps a job from being eligible."""

KINDS = {
    "BeginTime": WaitKind.SCHEDULE,
    "Dependency": WaitKind.DEPENDENCY,
    "DependencyNeverSatisfied": WaitKind.DEPENDENCY,
    ARRAY_LIMIT: WaitKind.SLOT,
    "Licenses": WaitKind.SLOT,
}
HOLD = re.compile(r"Job(Held|Hold)|.*Held(Admin|User|Requeue)?$|ReservationDeleted$")
JOBS_AT_ONCE = re.compile(r"(QOS|Assoc).*(Max|Grp)\w*Job")
"""Limits on the number of jobs that run at once, which are slots: `QOSMaxJobsPerUserLimit`, `AssocGrpJobsLimit`."""

NODES = WaitsFor(kind=WaitKind.RESOURCES)
"""What every eligible job waits for, if its record states no more."""


def read_slurm_reason(text: str | None, eligible: datetime | None) -> WaitsFor | None:
    """Return what a reason code means; `eligible` is the time at which a job with a begin time may run."""
    code = re.split(r"[\s,:(]", (text or "").strip().lstrip("("))[0].rstrip(")")
    if code in NO_REASON or code in FAILURES:
        return None
    kind = _kind_of(code)
    if kind == WaitKind.SCHEDULE and eligible:
        return WaitsFor.until(kind, eligible)
    return WaitsFor.of(kind, None if code in ("BeginTime", "Dependency") else code)


def precedes_eligibility(wait: WaitsFor) -> bool:
    """Return whether it keeps a job from being eligible. Everything else a job waits for once it is."""
    return wait.kind in (WaitKind.DEPENDENCY, WaitKind.SCHEDULE, WaitKind.HOLD) or wait.detail == ARRAY_LIMIT


def _kind_of(code: str) -> WaitKind:
    if HOLD.match(code):
        return WaitKind.HOLD
    return KINDS.get(code, WaitKind.SLOT if JOBS_AT_ONCE.match(code) else WaitKind.RESOURCES)
