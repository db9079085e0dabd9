"""The rules that a lifecycle may name."""

from domain.rules.attempts import OrphanedInstance, Retry, SupersededInstance
from domain.rules.concurrency import ConcurrencySlots
from domain.rules.finished import KeepPersistedResult, PreventDuplicateTransitions
from domain.rules.lifecycle_rule import LifecycleRule
from domain.rules.requeue import RequeueOrphaned
from domain.rules.schedule import CopyScheduledTime, RetryFailed, WaitForScheduledTime

CORE_RULES: dict[str, type[LifecycleRule]] = {
    rule.name: rule
    for rule in (
        OrphanedInstance,
        SupersededInstance,
        Retry,
        RequeueOrphaned,
        PreventDuplicateTransitions,
        KeepPersistedResult,
        CopyScheduledTime,
        WaitForScheduledTime,
        ConcurrencySlots,
        RetryFailed,
    )
}
"""Every rule by its name."""
