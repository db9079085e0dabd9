"""The names of the rules, as lifecycles, events and answers state them."""

INVALID = "invalid-transition"
"""The machine has no edge for the move."""

UNTIMELY = "untimely-transition"
"""The report lost a race that the lifecycle expects (the name is Jobmon's)."""

NOT_OWNER = "ownership"
"""Another runner owns the entity, or the move needs a runner and names none."""

RECOVERY = "recovery"
"""Recovery moved an entity that was stuck."""

ORPHANED_INSTANCE = "orphaned-instance"
SUPERSEDED_INSTANCE = "superseded-instance"
RETRY = "retry"
REQUEUE_ORPHANED = "requeue-orphaned"
PREVENT_DUPLICATE_TRANSITIONS = "prevent-duplicate-transitions"
KEEP_PERSISTED_RESULT = "keep-persisted-result"
COPY_SCHEDULED_TIME = "copy-scheduled-time"
WAIT_FOR_SCHEDULED_TIME = "wait-for-scheduled-time"
CONCURRENCY_SLOTS = "concurrency-slots"
RETRY_FAILED = "retry-failed"

RULES = (
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
"""The rules that a lifecycle may name. `domain.rules.core_rules` has a class for each."""

SLOT_RULES = frozenset({CONCURRENCY_SLOTS})
"""The rules that take slots, which tasks share."""
