"""The shape of an open interval, compared with those of its status that have ended."""

from datetime import timedelta
from typing import NamedTuple


class OpenInterval(NamedTuple):
    """How long an entity has been in its status, and how many intervals of that status have ended.

    `ended` counts those of its lifecycle, of which `shorter` were shorter; `ended_of_template` and
    `shorter_of_template` count those of its template among them. Fewer than `minimum` are too few to compare with.
    Where `may_be_stuck` is false, it has not lasted long enough to be an orphan by the rule `stuck`.
    """

    lifecycle: str
    template: str | None
    status: str
    lasts: timedelta
    minimum: int
    ended: int
    shorter: int
    ended_of_template: int
    shorter_of_template: int
    may_be_stuck: bool = True
