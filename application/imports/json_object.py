"""A line that is one JSON object."""

from typing import Any

from pydantic_core import from_json

from application.imports.change import InvalidLine
from application.imports.input_file import MAX_LINE_BYTES

JsonObject = dict[str, Any]


def parse_json_object(text: bytes) -> JsonObject:
    """The object that a line is; raises NotUnderstood."""
    try:
        said = from_json(text)
    except ValueError as error:
        if len(text) >= MAX_LINE_BYTES:
            raise InvalidLine(f"is longer than {MAX_LINE_BYTES / 2**20:.0f} MiB, and is read no further") from error
        raise InvalidLine(f"is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise InvalidLine(f"is no JSON object but {show_value(said)}")
    return said


def show_value(value: object) -> str:
    """A value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
