"""The names of the rules, as lifecycles, events and answers state them."""

from typing import Final, Literal

INVALID: Final = "invalid-transition"
"""The machine has no edge for the move."""

UNTIMELY: Final = "untimely-transition"
"""The report lost a race that the lifecycle expects (the name is Jobmon's)."""

NOT_OWNER: Final = "ownership"
"""Another runner owns the entity, or the move needs a runner and names none."""

RECOVERY: Final = "recovery"
"""Recovery moved an entity that was stuck."""

RESET: Final = "reset"
"""A reset ended an instance that had no worker yet."""

STALE_REPORT: Final = "stale-report"
"""The report is about a time before the present status was entered, and a step back."""

DECIDED_AGAIN: Final = frozenset({NOT_OWNER, STALE_REPORT})
"""Refusals with an answer that depend on nothing but the report and its task, so that an import decides the same."""

SUPERSEDED_REPORT: Final = "superseded-report"
ORPHANED_INSTANCE: Final = "orphaned-instance"
SUPERSEDED_INSTANCE: Final = "superseded-instance"
RETRY: Final = "retry"
REQUEUE_ORPHANED: Final = "requeue-orphaned"
PREVENT_DUPLICATE_TRANSITIONS: Final = "prevent-duplicate-transitions"
KEEP_PERSISTED_RESULT: Final = "keep-persisted-result"
COPY_SCHEDULED_TIME: Final = "copy-scheduled-time"
WAIT_FOR_SCHEDULED_TIME: Final = "wait-for-scheduled-time"
CONCURRENCY_SLOTS: Final = "concurrency-slots"
RETRY_FAILED: Final = "retry-failed"

RULES = (
    STALE_REPORT,
    SUPERSEDED_REPORT,
    ORPHANED_INSTANCE,
    SUPERSEDED_INSTANCE,
    RETRY,
    REQUEUE_ORPHANED,
    PREVENT_DUPLICATE_TRANSITIONS,
    KEEP_PERSISTED_RESULT,
    COPY_SCHEDULED_TIME,
    WAIT_FOR_SCHEDULED_TIME,
    CONCURRENCY_SLOTS,
    RETRY_FAILED,
)
"""The rules that a lifecycle may name. `domain.rules.core_rules` has a class for each that judges
after the gate; the gate itself judges times, and which instance may move its task."""

SLOT_RULES = frozenset({CONCURRENCY_SLOTS})
"""The rules that take slots, which tasks share."""

RuleName = Literal[
    "invalid-transition",
    "untimely-transition",
    "ownership",
    "recovery",
    "reset",
    "stale-report",
    "superseded-report",
    "orphaned-instance",
    "superseded-instance",
    "retry",
    "requeue-orphaned",
    "prevent-duplicate-transitions",
    "keep-persisted-result",
    "copy-scheduled-time",
    "wait-for-scheduled-time",
    "concurrency-slots",
    "retry-failed",
]
"""Every name above, as a type."""

ResponseName = Literal["ACCEPT", "REJECT", "WAIT", "ABORT"]
"""The names of `domain.rule_outcome.Response`, as answers state them."""
