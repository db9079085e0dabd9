"""The rules of a lifecycle, by what they could have a say in."""

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
    """The rules and transforms that a transition goes through."""

    rules: tuple[type[LifecycleRule], ...]
    transforms: tuple[type[Transform], ...] = ()


Governed = Mapping[tuple[str, str], RuleSet]
"""(from, to) -> what governs it. What is not here, nothing governs."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What governs a lifecycle's reports, what they imply for tasks, and the proposals for tasks themselves.

    `takes_slots`: one of its rules takes slots for the tags that a task carries.
    """

    reports: Governed
    effects: Governed
    requests: Governed
    takes_slots: bool


@cache
def rulebook_of(lifecycle: Lifecycle) -> Rulebook:
    """The rules that the lifecycle names, in its order."""
    return Rulebook(
        reports=_governed(lifecycle, ProposalKind.INSTANCE_REPORT, lifecycle.instance),
        effects=_governed(lifecycle, ProposalKind.TASK_EFFECT, lifecycle.task),
        requests=_governed(lifecycle, ProposalKind.TASK_REQUEST, lifecycle.task),
        takes_slots=not SLOT_RULES.isdisjoint(lifecycle.rules),
    )


def takes_slots(task: Task) -> bool:
    """Return whether a request for `task` may take or free slots, so that it must be decided while `task` is locked."""
    return bool(task.attributes and task.attributes.get("tags")) and rulebook_of(task.lifecycle).takes_slots


def _governed(lifecycle: Lifecycle, kind: ProposalKind, machine: Machine | None) -> Governed:
    named = [CORE_RULES[name] for name in lifecycle.rules if CORE_RULES[name].kind is kind]
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
    return {pair: governance for pair, governance in chosen.items() if any(governance)}
