"""The rules that lifecycles may name."""

from domain.core_rules.attempts import OrphanedInstance, Retry, SupersededInstance
from domain.core_rules.concurrency import ConcurrencySlots
from domain.core_rules.finished import KeepPersistedResult, PreventDuplicateTransitions
from domain.core_rules.lifecycle_rule import LifecycleRule, Proposal
from domain.core_rules.requeue import RequeueOrphaned
from domain.core_rules.schedule import CopyScheduledTime, RetryFailed, WaitForScheduledTime

__all__ = ["CORE_RULES", "LifecycleRule", "OrphanedInstance", "Proposal", "Retry", "SupersededInstance"]

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
