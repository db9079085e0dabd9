"""What an entity waits for, as a part of a sentence: `waits for slot (gpu), held by task:a and 2 more`."""

from collections.abc import Mapping
from typing import Any

NAMED_HOLDERS = 3
"""The number of holders that a sentence names."""


def describe_wait(data: Mapping[str, Any]) -> str | None:
    """Return what an event states that its entity waits for, or None where its other words say it already.

    A rule that lets a task wait gives its reason; that lacks the holders only.
    """
    wait = data.get("waits_for")
    said = data.get("response") and data.get("rule_reason")
    if not wait or (said and not wait.get("holders")):
        return None
    detail = f" ({wait['detail']})" if wait.get("detail") else ""
    return f"waits for {wait['kind']}{detail}{_holders(wait.get('holders') or ())}"


def _holders(holders: "list[str] | tuple[str, ...]") -> str:
    if not holders:
        return ""
    more = len(holders) - NAMED_HOLDERS
    return f", held by {', '.join(holders[:NAMED_HOLDERS])}" + (f" and {more} more" if more > 0 else "")
