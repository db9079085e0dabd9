"""Attributes of a task, which the rules of its lifecycle read; analytics group by its partition."""

from collections.abc import Mapping
from typing import Any

from domain.entity import check_ids
from domain.errors import InvalidAttributes, SojournError, did_you_mean
from domain.nearest import nearest_names
from domain.printable import short_repr

KNOWN_ATTRIBUTES = ("tags", "retries", "retry_delay_seconds", "partition")
NUMBER_LIMIT = 2**31


def check_attributes(task_id: str, attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the attributes as the log keeps them, each tag once, or None if there are none.

    Raises:
        InvalidAttributes: an attribute is unknown or has a wrong value.
    """
    for name, value in attributes.items():
        if problem := _problem(name, value):
            raise InvalidAttributes(task_id, problem)
    kept = {name: value for name, value in attributes.items() if value is not None}
    if "tags" in kept:
        kept["tags"] = sorted(set(kept["tags"]))
    return kept or None


def _problem(name: str, value: Any) -> str | None:
    if name not in KNOWN_ATTRIBUTES:
        nearest = nearest_names(name, KNOWN_ATTRIBUTES)
        advice = did_you_mean(nearest) or f"; there are {', '.join(KNOWN_ATTRIBUTES)}"
        return f"{short_repr(name)} is not a known attribute{advice}"
    if value is None:
        return None
    if name == "partition":
        return _problem_of_partition(value)
    return _problem_of_tags(value) if name == "tags" else _problem_of_number(name, value)


def _problem_of_partition(partition: Any) -> str | None:
    try:
        check_ids("partition", [partition])
    except SojournError as error:
        return str(error)
    return None


def _problem_of_tags(tags: Any) -> str | None:
    if not isinstance(tags, list | tuple | set | frozenset):
        return f"tags are a list, not {short_repr(tags)}"
    try:
        check_ids("tag", tags)
    except SojournError as error:
        return str(error)
    return None


def _problem_of_number(name: str, value: Any) -> str | None:
    kinds = int if name == "retries" else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < NUMBER_LIMIT:
        kind = "whole number" if name == "retries" else "number"
        return f"{name} is a {kind} from 0 to {NUMBER_LIMIT - 1}, not {short_repr(value)}"
    return None
