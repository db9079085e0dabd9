"""The rules of a lifecycle by the moves that they can apply to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from domain.entities.task import Task
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.rule_names import SLOT_RULES
from domain.rules.core_rules import CORE_RULES
from domain.rules.engine import Transform
from domain.rules.lifecycle_rule import LifecycleRule, ProposalKind


class RuleSet(NamedTuple):
    """The rules and transforms that a transition passes."""

    rules: tuple[type[LifecycleRule], ...]
    transforms: tuple[type[Transform], ...] = ()


RuleSets = Mapping[tuple[str, str], RuleSet]
"""(from, to) -> the rules for that move. A move that is not here has none."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules for a lifecycle's instance reports, for their effects on tasks, and for requests about tasks.

    `takes_slots`: one of the rules takes slots for a task's tags.
    """

    reports: RuleSets
    effects: RuleSets
    requests: RuleSets
    takes_slots: bool


@cache
def rulebook_of(lifecycle: Lifecycle) -> Rulebook:
    """Return the rules that the lifecycle names, in its order."""
    return Rulebook(
        reports=_rule_sets(lifecycle, ProposalKind.INSTANCE_REPORT, lifecycle.instance),
        effects=_rule_sets(lifecycle, ProposalKind.TASK_EFFECT, lifecycle.task),
        requests=_rule_sets(lifecycle, ProposalKind.TASK_REQUEST, lifecycle.task),
        takes_slots=not SLOT_RULES.isdisjoint(lifecycle.rules),
    )


def takes_slots(task: Task) -> bool:
    """Return whether a request for `task` may take or free slots, so that it must be decided while `task` is locked."""
    return bool(task.attributes and task.attributes.get("tags")) and rulebook_of(task.lifecycle).takes_slots


def reads_clock(task: Task, target: str) -> bool:
    """Return whether a rule about a request that `task` go to `target` reads the time of the request."""
    rule_set = rulebook_of(task.lifecycle).requests.get((task.status, target))
    return rule_set is not None and any(rule.reads_clock for rule in rule_set.rules)


def _rule_sets(lifecycle: Lifecycle, kind: ProposalKind, machine: Machine | None) -> RuleSets:
    named = [rule for name in lifecycle.rules if (rule := CORE_RULES.get(name)) and rule.kind is kind]
    if machine is None or not named:
        return {}
    transforms = tuple(rule.transform for rule in named if rule.transform)
    pairs = ((source, target) for source in machine.statuses for target in machine.statuses)
    chosen = {
        (source, target): RuleSet(
            tuple(rule for rule in named if rule.may_apply(lifecycle, source, target)), transforms
        )
        for source, target in pairs
    }
    return {pair: rule_set for pair, rule_set in chosen.items() if any(rule_set)}
