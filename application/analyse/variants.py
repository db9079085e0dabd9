"""Variants: the sequences of statuses that tasks or task instances went through."""

from datetime import datetime
from typing import TypedDict, cast

from application.analyse.analytics_session import analytics_session, read_rows, round_seconds
from application.shared.store import Store
from domain.entity import TASK


class Variant(TypedDict):
    """One sequence of statuses: how many took it, their share of all, and up to three of their ids.

    `median_seconds` is the median time from the first of the statuses to the last if that is terminal, else up to now.
    """

    statuses: list[str]
    n: int
    share: float
    median_seconds: float
    examples: list[str]


class Edge(TypedDict):
    """How often `target` came right after `source`, and the median of the seconds in `source`.

    Where an entity begins, `source` and the seconds are None; `target` is None for those that are still in `source`,
    and the seconds too if that is terminal and no time is asked about.
    """

    source: str | None
    target: str | None
    n: int
    median_seconds: float | None


def count_variants(
    store: Store,
    kind: str = TASK,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    limit: int | None = None,
) -> list[Variant]:
    """Return the distinct sequences as of `at`, the most frequent first.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/variants", {"kind": kind, "workflow_id": workflow_id, "limit": limit})
    return [cast("Variant", round_seconds(row)) for row in found]


def count_successions(
    store: Store, kind: str = TASK, workflow_id: str | None = None, at: datetime | None = None
) -> list[Edge]:
    """Return which statuses came right after which as of `at`.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with analytics_session(store, at, workflow_id) as connection:
        found = read_rows(connection, "analytics/directly_follows", {"kind": kind, "workflow_id": workflow_id})
    return [cast("Edge", round_seconds(row)) for row in found]
