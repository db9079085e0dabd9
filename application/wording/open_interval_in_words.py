"""An open interval in words: how long it has lasted, compared with those that have ended."""

from application.shared.open_interval import OpenInterval
from domain.time import format_duration


def describe_open_interval(interval: OpenInterval) -> str | None:
    """Return how long an entity has been in its status compared with others, or None if these are too few."""
    if interval.ended < interval.minimum:
        return None
    if interval.ended_of_template >= interval.minimum:
        compared = _compare(interval.shorter_of_template, interval.ended_of_template)
        kind = f"template {interval.template}"
    else:
        compared = _compare(interval.shorter, interval.ended)
        kind = f"lifecycle {interval.lifecycle}"
    lasts = format_duration(interval.lasts)
    return f"It has been {interval.status} for {lasts}, {compared} intervals of {kind} in that status that have ended."


def _compare(shorter: int, ended: int) -> str:
    if shorter == ended:
        return f"longer than each of the {ended:,}"
    if shorter == 0:
        return f"no longer than any of the {ended:,}"
    return f"longer than {max(1, 100 * shorter // ended)} % of the {ended:,}"
