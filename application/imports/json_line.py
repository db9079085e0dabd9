"""A line that is one JSON object."""

from typing import Any

from pydantic_core import from_json

from application.imports.proposal import NotUnderstood
from application.imports.source import LONGEST_LINE

Said = dict[str, Any]


def json_object(text: bytes) -> Said:
    """The object that a line is; raises NotUnderstood."""
    try:
        said = from_json(text)
    except ValueError as error:
        if len(text) >= LONGEST_LINE:
            raise NotUnderstood(f"is longer than {LONGEST_LINE / 2**20:.0f} MiB, and is read no further") from error
        raise NotUnderstood(f"is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise NotUnderstood(f"is no JSON object but {shown(said)}")
    return said


def shown(value: object) -> str:
    """A value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
