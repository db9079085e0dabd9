"""Verify the slots of tags: the holder of one runs, and carries the tag."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from application.replay.replay import StreamsSince, find_pinned_lifecycles, ignore_progress, replay_since
from application.replay.wrong_row import name_entity
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import Replay
from domain.entity import TASK
from domain.rules.concurrency import HOLDING
from domain.rules.rulebook import takes_slots
from infrastructure.sql import query


def find_wrong_slots_of_holders(connection: Connection[Any]) -> Iterator[Mismatch]:
    """Yield the mismatches of slots after a replay of their holders."""
    holders = {f"{TASK}:{holder}" for _, holder in connection.execute(query("infrastructure", "slots/every_slot"))}
    replay = Replay(find_pinned_lifecycles(connection))
    if holders:
        for _ in replay_since(connection, replay, 0, StreamsSince(frozenset(holders), frozenset()), ignore_progress):
            pass
    return find_wrong_slots(connection, replay)


def find_wrong_slots(connection: Connection[Any], replay: Replay) -> Iterator[Mismatch]:
    """Yield the slots whose holder is not running or does not carry their tag."""
    for tag, holder in connection.execute(query("infrastructure", "slots/every_slot")):
        task = replay.task(holder)
        if (
            task is None
            or not takes_slots(task)
            or task.status not in HOLDING
            or tag not in (task.attributes or {}).get("tags", ())
        ):
            entity = name_entity(TASK, holder)
            status = task.status if task else None
            text = f"sojourn.slot says that {entity} holds a slot of tag {tag!r}, and it is {status or 'unknown'}"
            yield Mismatch(entity, "slot.extra", None, tag, text)
