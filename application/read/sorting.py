"""The orders of lists, and where a page of one ends."""

from typing import Any, NamedTuple

from psycopg.sql import SQL, Composed

from domain.errors import check_choice

NEWEST = "newest"


class ListPlace(NamedTuple):
    """The sorted value and the id of a row of a list, after which the next page begins."""

    at: Any
    id: str


class Order(NamedTuple):
    """What a list is sorted by: an expression, its type, and whether the largest comes first."""

    expression: str
    type: str
    largest_first: bool = False


def by_time(expression: str) -> dict[str, Order]:
    """Return the orders by when a row last changed."""
    return {
        NEWEST: Order(expression, "timestamptz", largest_first=True),
        "oldest": Order(expression, "timestamptz"),
    }


ENTITIES = {
    "status": Order("{row}.status", "text"),
    "workflow": Order("{row}.workflow_id", "text"),
    "template": Order("coalesce(t.template, '')", "text"),
}


def _entities(row: str, identity: str, attempts: str) -> dict[str, Order]:
    return {
        **by_time(f"{row}.entered_at"),
        "entity": Order(identity, "text"),
        **{name: order._replace(expression=order.expression.format(row=row)) for name, order in ENTITIES.items()},
        "attempts": Order(attempts, "bigint", largest_first=True),
    }


ORDERS: dict[str, dict[str, Order]] = {
    "read/list_workflows": {
        **by_time("greatest(s.last_at, i.last_at)"),
        "workflow": Order("s.workflow_id", "text"),
        **{name: Order(f"s.{name}", "bigint", largest_first=True) for name in ("tasks", "failed", "active")},
    },
    "read/list_tasks": _entities("t", "t.task_id", "t.num_attempts"),
    "read/list_task_instances": _entities("i", "i.task_instance_id", "i.ordinal"),
    "read/list_runners": {**by_time("l.since"), "entity": Order("l.runner_id", "text")},
    "read/list_arrays": {**by_time("a.entered_at"), "entity": Order("a.array_id", "text")},
}
"""The orders of each list, by name."""


def sort_query(name: str, text: str, sort: str) -> Composed:
    """Return the text of a list's query in an order.

    Raises:
        UnknownChoice: the list has no such order.
    """
    check_choice("sort", sort, ORDERS[name])
    order = ORDERS[name][sort]
    return SQL(text).format(
        key=SQL(order.expression),
        type=SQL(order.type),
        beyond=SQL("<" if order.largest_first else ">"),
        direction=SQL("DESC" if order.largest_first else "ASC"),
    )
