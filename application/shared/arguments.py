"""Check arguments whose mistakes Python would otherwise let through: a text is a sequence of characters."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.entity import check_ids


def require_ids(kind: str, values: Iterable[object]) -> list[str]:
    """Return the ids as a list.

    Raises:
        TypeError: one id was passed instead of a sequence of ids.
        InvalidId: an id is not a text of up to 255 characters.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{values!r} is not a sequence of {kind} ids; pass [{values!r}]")
    return check_ids(kind, values)


def require_mapping(values: object, shape: str) -> Mapping[Any, Any]:
    """Return the mapping itself.

    Raises:
        TypeError: the value is not a mapping; `shape` shows what to pass.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{values!r} is not a mapping; pass {shape}")
    return values
