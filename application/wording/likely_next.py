"""Which statuses are likely to follow: those that followed most often, or those that lead forward."""

from collections.abc import Sequence, Set
from typing import NamedTuple

from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine

MOST_NAMED = 3
"""How many statuses are named at most."""

FEWEST_COUNTED = 5
"""The number of others from which on they say what is likely."""


class Follower(NamedTuple):
    """A status that followed, and how often it did for others of the same template, and of the same lifecycle."""

    status: str
    of_template: int
    of_lifecycle: int


def write_expectation(lifecycle: Lifecycle, machine: Machine, status: str, followers: Sequence[Follower]) -> str:
    """Return which statuses are likely to follow `status`, why, and how many others may; empty where none may."""
    causes = machine.transitions.get(status, {})
    if not causes:
        return ""
    counts, group = _count(causes.keys(), followers)
    likely = list(counts) or _forward(lifecycle, machine, status)
    named = likely[:MOST_NAMED]
    number = sum(counts.values())
    words = [_describe(to, causes[to], f"{counts[to]:,} of {number:,} times" if counts else "") for to in named]
    others = len(causes) - len(named)
    rest = f"; {others} other{' is' if others == 1 else 's are'} possible" if others else ""
    return f"Expected next{group}: {'; or '.join(words)}{rest}"


def _count(possible: Set[str], followers: Sequence[Follower]) -> tuple[dict[str, int], str]:
    """Return how often each status followed, the most frequent first, and for whom; nothing where few are known."""
    known = [follower for follower in followers if follower.status in possible]
    by_template = {one.status: one.of_template for one in known if one.of_template}
    by_lifecycle = {one.status: one.of_lifecycle for one in known}
    for counts, group in ((by_template, ", as others of its template"), (by_lifecycle, ", as others of its lifecycle")):
        if sum(counts.values()) >= FEWEST_COUNTED:
            return dict(sorted(counts.items(), key=lambda item: -item[1])), group
    return {}, ""


def _forward(lifecycle: Lifecycle, machine: Machine, status: str) -> list[str]:
    """Return the statuses that come later in the definition and are no failure, order to end, or cancellation."""
    possible = list(machine.transitions[status])
    order = machine.statuses.index
    ended_by_others = {lifecycle.cancel_to, lifecycle.reset and lifecycle.reset.kill_instances_with}
    wanted = [to for to in possible if to not in machine.failures and to not in ended_by_others]
    forward = [to for to in wanted if order(to) > order(status)]
    return forward or wanted or possible


def _describe(status: str, cause: str, times: str) -> str:
    details = "; ".join(filter(None, (cause, times)))
    return f"{status} ({details})" if details else status
