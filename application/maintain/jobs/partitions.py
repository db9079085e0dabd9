"""Keep the log's partitions: add the next ones, drop those whose events are archived, and collect statistics."""

from collections.abc import Callable

from application.shared.store import Store
from infrastructure.database.settings import Settings
from infrastructure.log.partitions import (
    add_partitions,
    collect_statistics,
    drop_empty_partitions,
    list_partitions,
    may_change_partitions,
)


def keep_partitions(store: Store, on_step: Callable[[str], None]) -> int:
    """Return the number of partitions, once those are added and dropped that are due, and statistics are collected.

    Only the owner of the schema may do that; for others the last partition goes on taking the events that come.

    Raises:
        LockTimeout: others use the log, and do not end.
    """
    with store.database.dedicated() as connection:
        if may_change_partitions(connection):
            on_step("adding partitions")
            add_partitions(connection, Settings().partition_events)
            drop_empty_partitions(connection)
            collect_statistics(connection)
        return len(list_partitions(connection))
