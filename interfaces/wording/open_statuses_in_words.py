"""Open statuses in words: what the orphan rule `stuck` could not judge, and what has been in its status longest."""

from collections import Counter
from collections.abc import Sequence
from shlex import quote

from application.read.open_statuses import OpenStatus
from application.read.orphans import STUCK
from application.shared.orphan import Orphan
from application.wording.counts import count_noun
from domain.entity import TASK, parse_entity
from interfaces.wording.values import format_duration

MOST_NOT_JUDGED = 5
MOST_LONGEST = 3
"""How many statuses are named at most."""


def describe_not_judged(statuses: Sequence[OpenStatus], orphans: Sequence[Orphan]) -> str | None:
    """Return which entities `stuck` could not judge and how to set a limit for them, or None if it judged all."""
    not_judged = [status for status in _not_yet_found(statuses, orphans) if status.not_judged]
    if not not_judged:
        return None
    named = [
        f"{_count(status, status.not_judged)} ({_ended(status)})" for status in not_judged[:MOST_NOT_JUDGED]
    ] + _and_more(len(not_judged) - MOST_NOT_JUDGED)
    return (
        f"`stuck` could not judge {', '.join(named)}, because it compares with at least {not_judged[0].minimum} "
        f"intervals that have ended; --stuck-after {quote(not_judged[0].status)}=DURATION sets a limit"
    )


def describe_longest(statuses: Sequence[OpenStatus], orphans: Sequence[Orphan]) -> str | None:
    """Return what has been longest in the statuses with the most entities in which nothing is stuck, or None.

    Something that is alone in its status has nothing to be the longest of.
    """
    stuck = {(orphan["lifecycle"], orphan["status"]) for orphan in orphans if orphan["rule"] == STUCK}
    open_statuses = [status for status in _not_yet_found(statuses, orphans) if status.n > 1]
    shown = [status for status in open_statuses if (status.lifecycle, status.status) not in stuck]
    if not shown:
        return None
    named = [
        f"{_count(status, status.n)}, {status.longest} for {format_duration(status.lasts)}"
        for status in shown[:MOST_LONGEST]
    ] + _and_more(len(shown) - MOST_LONGEST)
    explain, limit = f"sojourn why {quote(str(shown[0].longest))}", f"--stuck-after {quote(shown[0].status)}=DURATION"
    return f"longest without an end: {'; '.join(named)}. `{explain}` compares it with the others; {limit} sets a limit"


def _not_yet_found(statuses: Sequence[OpenStatus], orphans: Sequence[Orphan]) -> list[OpenStatus]:
    """Return the statuses in which more is active than the orphans that were found.

    Instances are left out in a status in which tasks are too, because they are mostly the instances of those.
    """
    of_tasks = {(status.lifecycle, status.status) for status in statuses if status.kind == TASK}
    found = Counter((parse_entity(name).kind, *status) for name, *status in {_key(orphan) for orphan in orphans})
    return [
        status
        for status in statuses
        if (status.kind == TASK or (status.lifecycle, status.status) not in of_tasks)
        and status.n > found[status.kind, status.lifecycle, status.status]
    ]


def _key(orphan: Orphan) -> tuple[str, str, str]:
    return orphan["entity"], orphan["lifecycle"], orphan["status"]


def _count(status: OpenStatus, n: int) -> str:
    noun = "task" if status.kind == TASK else "task instance"
    return f"{count_noun(n, noun)} of {status.lifecycle} in {status.status}"


def _ended(status: OpenStatus) -> str:
    return f"{count_noun(status.ended, 'interval')} ended"


def _and_more(number: int) -> list[str]:
    return [count_noun(number, "more status", "more statuses")] if number > 0 else []
