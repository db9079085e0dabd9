"""Examples in the OpenAPI document. FastAPI leaves every null out of it: here they go in as a mark, and come back."""

from typing import Any

NULL = "\ue000null"


def shown(document: Any) -> dict[str, Any]:
    """A 200 that is documented with an example."""
    return {"content": {"application/json": {"example": marked(document)}}}


def marked(value: Any) -> Any:
    """The example with a mark for each null."""
    return _replaced(value, None, NULL)


def with_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a null for each mark."""
    replaced: dict[str, Any] = _replaced(document, NULL, None)
    return replaced


def _replaced(value: Any, old: str | None, new: str | None) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(part, old, new) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, old, new) for part in value]
    return new if value == old else value
