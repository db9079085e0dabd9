"""Reads TOML files of users, within limits: the parser's memory and time grow faster than its text does.

20,000 parts of one dotted key take 1.5 GB, a few kilobytes of brackets its recursion limit. So a file is refused before
it is parsed if it is longer than any lifecycle needs to be, or has a key of many parts.
"""

import re
import tomllib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from domain.lifecycles.machine import MAX_PROBLEMS

MAX_BYTES = 256 * 1024
"""The length of the longest file, fifty times that of the longest lifecycle that ships with Sojourn."""

MAX_KEY_PARTS = 16
"""The number of parts of the longest dotted key."""

PART = r"""(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?:{PART}[ \t]*+\.[ \t]*+){{{MAX_KEY_PARTS}}}")


class UnreadableToml(ValueError):
    """Raised when a file is not TOML that is read; the message says why, without the name of the file."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the document of a TOML file.

    Raises:
        UnreadableToml: the file cannot be read, is not TOML, or exceeds a limit.
    """
    text = _read_text(path)
    if LONG_KEY.search(text):
        raise UnreadableToml(f"has a dotted key of more than {MAX_KEY_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise UnreadableToml("is not valid TOML: it is nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableToml(f"is not valid TOML: {error}") from error
    except ValueError as error:  # Python refuses to convert thousands of digits
        raise UnreadableToml("is not valid TOML: a number has too many digits, or a date does not exist") from error


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableToml(f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a path with NUL
        raise UnreadableToml(f"cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise UnreadableToml(f"is longer than {MAX_BYTES // 1024} KiB")
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableToml("is not UTF-8 text") from error


def first_problems(problems: Iterable[str]) -> list[str]:
    """Return the first problems, and whether there are more."""
    coming = iter(problems)
    first = list(islice(coming, MAX_PROBLEMS))
    return [*first, "and there are more"] if next(coming, None) is not None else first
