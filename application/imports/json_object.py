"""Lines that are one JSON object each."""

from typing import Any

from pydantic_core import from_json

from application.imports.change import InvalidLine
from application.imports.input_file import MAX_LINE_BYTES

JsonObject = dict[str, Any]


def parse_json_object(text: bytes) -> JsonObject:
    """Return the object that a line is.

    Raises:
        InvalidLine: the line is not a JSON object.
    """
    try:
        value = from_json(text)
    except ValueError as error:
        if len(text) >= MAX_LINE_BYTES:
            raise InvalidLine(f"is longer than {MAX_LINE_BYTES / 2**20:.0f} MiB; the rest was not read") from error
        raise InvalidLine(f"is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidLine(f"is not a JSON object but {show_value(value)}")
    return value


def show_value(value: object) -> str:
    """Return a value as an error shows it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
