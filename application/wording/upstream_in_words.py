"""What a task waits for before it begins, in words: the upstream task at the root, and what it has been through."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from application.wording.event_in_words import format_utc


class FailedAttempt(NamedTuple):
    """Why and when an attempt failed."""

    reason: str
    at: datetime


class UpstreamRoot(NamedTuple):
    """The unfinished upstream task at the root; `roots` is how many there are, `direct` whether nothing is between."""

    task: str
    status: str
    entered_at: datetime
    num_attempts: int
    max_attempts: int
    owner: str | None
    roots: int
    direct: bool
    failures: Sequence[FailedAttempt] = ()


def describe_root(root: UpstreamRoot) -> str:
    """Return the root and its status, with its attempts, its owner and how many other roots there are."""
    place = "upstream" if root.direct else "upstream of what it waits for"
    parts = [f"task:{root.task} ({place}) is {root.status} since {format_utc(root.entered_at)}"]
    if root.num_attempts > 1 or root.failures:
        parts.append(f"in attempt {root.num_attempts} of {root.max_attempts}{_after(root.failures)}")
    if root.owner:
        parts.append(f"owned by runner:{root.owner}")
    if root.roots > 1:
        parts.append(f"the first of {root.roots} unfinished ones")
    return ", ".join(parts)


def _after(failures: Sequence[FailedAttempt]) -> str:
    groups = [
        f"{reason} at {' and '.join(format_utc(one.at) for one in those)}"
        for reason, those in groupby(failures[-3:], key=lambda one: one.reason)
    ]
    return f" after {', '.join(groups)}" if groups else ""
