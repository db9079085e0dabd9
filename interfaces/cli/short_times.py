"""Times in a table on a terminal: what they have in common, the date or the year, is left out and stated once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from interfaces.wording.values import replace_times

CLOSE = timedelta(minutes=1)
"""The time within which whole seconds do not distinguish enough."""


DAY_AND_TIME = "%d %b %H:%M:%S"


def format_short_time(time: datetime) -> str:
    """Return a time in the local zone where those that follow are not known yet: `31 Jan 08:30:00`."""
    return time.astimezone().strftime(DAY_AND_TIME)


class ShortTimes:
    """Write times in the local zone, as short as the other times of a table allow."""

    def __init__(self, times: Iterable[datetime]) -> None:
        local = [time.astimezone() for time in times]
        self._format, of = _common_format(local)
        close = bool(local) and max(local) - min(local) < CLOSE
        self._with_milliseconds = close and any(time.microsecond for time in local)
        offsets = sorted({time.isoformat(timespec="minutes")[16:] for time in local})
        self.note = f"Times are local ({' and '.join(offsets)}){of}." if local else None

    def format(self, time: datetime) -> str:
        """Return a time: `08:30:00`, `31 Jan 08:30:00` or `2026-01-31 08:30`."""
        local = time.astimezone()
        text = local.strftime(self._format)
        return f"{text}.{local.microsecond // 1000:03}" if self._with_milliseconds else text

    def localize(self, sentence: str) -> str:
        """Return a sentence of the database with its times as the table has them."""
        return replace_times(sentence, self.format)


def _common_format(local: list[datetime]) -> tuple[str, str]:
    """Return the format of the times, and of which day or year they all are."""
    days = {time.date() for time in local}
    if len(days) == 1:
        return "%H:%M:%S", f" of {days.pop()}"
    years = {day.year for day in days}
    if len(years) == 1:
        return DAY_AND_TIME, f" of {years.pop()}"
    return "%Y-%m-%d %H:%M", ""
