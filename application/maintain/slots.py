"""Concurrency limits: how many runs with a tag may go on at once, and which do."""

from datetime import datetime
from typing import TypedDict

from application.shared.store import Store
from domain.entity import check_id
from domain.errors import InvalidLimit
from infrastructure.sql import query


class Holder(TypedDict):
    """A task that holds a slot, and since when."""

    task_id: str
    since: datetime


class TagSlots(TypedDict):
    """A tag, how many slots it has (None: one for everybody), and which tasks hold one since when."""

    tag: str
    slots: int | None
    holders: list[Holder]


def limit_concurrency(store: Store, tag: str, slots: int | None) -> None:
    """Let at most so many runs with the tag begin (None: any number); those that go on already stay.

    Raises InvalidLimit.
    """
    check_id("tag", tag)
    if slots is not None and not (isinstance(slots, int) and 0 <= slots < 2**31):
        raise InvalidLimit(tag, slots)
    with store.session() as connection:
        if slots is None:
            connection.execute(query("infrastructure", "slots/unlimit"), [tag])
        else:
            connection.execute(query("infrastructure", "slots/limit"), [tag, slots])


def taken_slots(store: Store) -> list[TagSlots]:
    """Every tag that has a limit or a holder."""
    with store.session() as connection:
        rows = connection.execute(query("infrastructure", "slots/by_tag")).fetchall()
    return [
        {
            "tag": tag,
            "slots": slots,
            "holders": [{"task_id": name, "since": since} for name, since in zip(*held, strict=True)],
        }
        for tag, slots, *held in rows
    ]
