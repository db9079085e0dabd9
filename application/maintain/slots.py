"""Concurrency limits: how many tasks with a tag may run at once, and which tasks do."""

from datetime import datetime
from typing import TypedDict

from application.shared.store import Store
from domain.entity import check_id
from domain.errors import InvalidLimit
from infrastructure.lock_timeout import naming_lock_holders
from infrastructure.sql import query


class SlotHolder(TypedDict):
    """A task that holds a slot, and since when."""

    task_id: str
    since: datetime


class TagSlots(TypedDict):
    """A tag, the number of its slots (None: no limit), and the tasks that hold one."""

    tag: str
    slots: int | None
    holders: list[SlotHolder]


def limit_concurrency(store: Store, tag: str, slots: int | None) -> None:
    """Let up to `slots` tasks with the tag run at once (None: any number); tasks that run already go on.

    Raises:
        InvalidLimit: `slots` is not a whole number from 0 to 2,147,483,647.
        LockTimeout: others are taking slots of the tag, and do not end their transactions.
    """
    check_id("tag", tag)
    if slots is not None and not (isinstance(slots, int) and 0 <= slots < 2**31):
        raise InvalidLimit(tag, slots)
    with store.session() as connection, naming_lock_holders(connection, f"the limit of tag {tag!r}"):
        if slots is None:
            connection.execute(query("infrastructure", "slots/unlimit"), [tag])
        else:
            connection.execute(query("infrastructure", "slots/limit"), [tag, slots])


def list_slots(store: Store) -> list[TagSlots]:
    """Return every tag that has a limit or a holder."""
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
