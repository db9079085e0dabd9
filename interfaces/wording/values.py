"""Durations, shares and times as people read them."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta


def format_duration(duration: timedelta | float | None) -> str:
    """Return a duration as people read it: `3m 12s`, `2d 4h`, `0.25s`, `12ms`; empty for None."""
    if duration is None:
        return ""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 0.1:
        return _milliseconds(seconds * 1000)
    if seconds < 10:
        return f"{seconds:.2f}s".replace(".00s", "s")
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    parts: list[str] = []
    left = round(seconds)
    for name, size in units:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0"))


def _milliseconds(milliseconds: float) -> str:
    if milliseconds == 0:
        return "0s"
    return "<1ms" if milliseconds < 1 else f"{milliseconds:.0f}ms"


def format_share(share: float | None) -> str:
    """Return a share as people read it: `12.5 %`; empty for None."""
    return "" if share is None else f"{share:.1%}".replace("%", " %")


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


def format_second(time: datetime) -> str:
    """Return a time in the local zone without its milliseconds: `2026-01-31 09:30:00+01:00`."""
    return time.astimezone().isoformat(sep=" ", timespec="seconds")
