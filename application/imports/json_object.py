"""Lines that are one JSON object each."""

from typing import Any

from pydantic_core import from_json

from application.imports.change import InvalidLine
from application.imports.input_file import MAX_LINE_BYTES
from domain.printable import short_repr

JsonObject = dict[str, Any]


def parse_json_object(text: bytes, *, allow_inf_nan: bool = True) -> JsonObject:
    """Return the object that a line is. Some programs write NaN and Infinity, which JSON lacks.

    Raises:
        InvalidLine: the line is not a JSON object.
    """
    try:
        value = from_json(text, allow_inf_nan=allow_inf_nan)
    except ValueError as error:
        if len(text) >= MAX_LINE_BYTES:
            raise InvalidLine(f"is longer than {MAX_LINE_BYTES / 2**20:.0f} MiB; the rest was not read") from error
        raise InvalidLine(f"is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidLine(f"is not a JSON object but {short_repr(value)}")
    return value
