"""Examples in the OpenAPI document. FastAPI drops every null from the document, so a marker stands in for each."""

from typing import Any

NULL_MARKER = "\ue000null"


def example_response(example: Any) -> dict[str, Any]:
    """Return the documentation of a JSON answer with an example."""
    return {"content": {"application/json": {"example": mark_nulls(example)}}}


def mark_nulls(value: Any) -> Any:
    """Return `value` with a marker for each null."""
    return _replace(value, None, NULL_MARKER)


def restore_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a null for each marker."""
    restored: dict[str, Any] = _replace(document, NULL_MARKER, None)
    return restored


def _replace(value: Any, old: str | None, new: str | None) -> Any:
    if isinstance(value, dict):
        return {key: _replace(part, old, new) for key, part in value.items()}
    if isinstance(value, list):
        return [_replace(part, old, new) for part in value]
    return new if value == old else value
