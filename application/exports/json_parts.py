"""JSON documents that are written piece by piece, so that any number of them fits in memory."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from pydantic_core import to_json


def write_array(output: BinaryIO, items: Iterable[Any]) -> int:
    """Write a JSON array, one item a line; the answer is how many there were."""
    number = 0
    for number, item in enumerate(items, 1):
        output.write(b"[\n" if number == 1 else b",\n")
        output.write(to_json(item))
    output.write(b"\n]" if number else b"[]")
    return number
