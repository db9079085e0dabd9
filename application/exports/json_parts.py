"""JSON documents that are written in pieces, so any number of items fits in memory."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from pydantic_core import to_json


def write_array(output: BinaryIO, items: Iterable[Any]) -> int:
    """Write a JSON array, one item a line, and return the number of items."""
    number = 0
    for number, item in enumerate(items, 1):
        output.write(b"[\n" if number == 1 else b",\n")
        output.write(to_json(item))
    output.write(b"\n]" if number else b"[]")
    return number
