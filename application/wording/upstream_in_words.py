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


class SilentAttempt(NamedTuple):
    """Since when an open attempt at a task is silent, `reporter` who reported it last, and since when its runner is."""

    instance: str | None
    since: datetime | None
    reporter: str | None
    runner_since: datetime | None


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
    silent: SilentAttempt | None = None


def describe_root(root: UpstreamRoot) -> str:
    """Return the root and its status, with its attempts, its owner, any silence, and how many other roots there are."""
    place = "upstream" if root.direct else "upstream of what it waits for"
    parts = [f"task:{root.task} ({place}) is {root.status} since {format_utc(root.entered_at)}"]
    if root.num_attempts > 1 or root.failures:
        parts.append(f"in attempt {root.num_attempts} of {root.max_attempts}{_after(root.failures)}")
    parts += _silence(root.silent)
    if root.owner:
        parts.append(f"owned by runner:{root.owner}")
        if root.silent and root.silent.runner_since:
            parts.append(f"which is silent since {format_utc(root.silent.runner_since)}")
    if root.roots > 1:
        parts.append(f"the first of {root.roots} unfinished ones")
    return ", ".join(parts)


def _silence(silent: SilentAttempt | None) -> list[str]:
    if silent is None or silent.instance is None or silent.since is None:
        return []
    reporter = f" and was last reported by {silent.reporter}" if silent.reporter else ""
    return [f"in ti:{silent.instance}, which is silent since {format_utc(silent.since)}{reporter}"]


def _after(failures: Sequence[FailedAttempt]) -> str:
    groups = [
        f"{reason} at {' and '.join(format_utc(one.at) for one in those)}"
        for reason, those in groupby(failures[-3:], key=lambda one: one.reason)
    ]
    return f" after {', '.join(groups)}" if groups else ""
