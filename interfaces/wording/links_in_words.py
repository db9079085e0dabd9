"""The links of a task in words: what it is a part of, and what it waits for."""

from collections.abc import Mapping, Sequence
from typing import Any

NAMED = 3
"""The number of upstream tasks that a sentence names."""


def links_in_words(fields: Mapping[str, Any]) -> str:
    """Return the links of a registration or an addition: `a part of run, waits for align, sort and 2 more`."""
    parts = []
    if parent := fields.get("parent"):
        parts.append(f"a part of {parent}")
    if upstream := fields.get("upstream"):
        parts.append(f"waits for {list_some(upstream)}")
    return ", ".join(parts)


def list_some(task_ids: Sequence[str]) -> str:
    """Return the first of some ids, and the number of the others."""
    first, others = ", ".join(task_ids[:NAMED]), len(task_ids) - NAMED
    return f"{first} and {others:,} more" if others > 0 else first
