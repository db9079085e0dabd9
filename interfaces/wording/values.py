"""Durations, shares and times as people read them."""

import re
from collections.abc import Callable
from datetime import datetime

from domain.time import format_duration

__all__ = [
    "UTC_TIME",
    "find_times",
    "format_change",
    "format_duration",
    "format_p_value",
    "format_share",
    "format_time",
    "localize_times",
    "replace_times",
]


def format_share(share: float | None) -> str:
    """Return a share as people read it: `12.5 %`; empty for None."""
    return "" if share is None else f"{share:z.1%}".replace("%", " %")


def format_change(seconds: float) -> str:
    """Return a difference with its sign: `+5m`, `-12s`; empty for none."""
    return f"{'-' if seconds < 0 else '+'}{format_duration(abs(seconds))}" if seconds else ""


def format_p_value(probability: float | None) -> str:
    """Return a probability as tests state it: `0.034`, `<0.001`; empty for None."""
    if probability is None:
        return ""
    return f"{probability:.3f}" if probability >= 0.001 else "<0.001"


UTC_TIME = re.compile(r"(?<= )\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?![^\s,;:.)])")
"""A time as sentences of the database write it."""


def localize_times(sentence: str) -> str:
    """Return the sentence with its times in the local zone."""
    return replace_times(sentence, format_time)


def replace_times(sentence: str, write: Callable[[datetime], str]) -> str:
    """Return the sentence with each of its times as `write` writes it."""
    return UTC_TIME.sub(lambda found: write(datetime.fromisoformat(found[0])), sentence)


def find_times(sentence: str) -> list[datetime]:
    """Return the times of a sentence."""
    return [datetime.fromisoformat(found) for found in UTC_TIME.findall(sentence)]


def format_time(time: datetime | None) -> str:
    """Return a time in the local zone, with its offset: `2026-01-31 09:30:00.250+01:00`."""
    return time.astimezone().isoformat(sep=" ", timespec="milliseconds") if time else ""
