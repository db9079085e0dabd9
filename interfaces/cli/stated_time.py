"""Read the times of options as people state them: `now`, `yesterday`, `-2h`, `2026-11-28`, `2026-11-28 08:30`."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from domain.errors import InvalidDuration, InvalidTime
from domain.nearest import nearest_names
from domain.time import EPOCH, parse_duration, read_iso, require_in_range, require_past, zoned

if TYPE_CHECKING:
    from application.shared.as_of import Clocks
    from application.shared.store import Store

WORDS = ("now", "today", "yesterday")

EXAMPLES = "2026-01-31T08:30:00Z, 2026-01-31 08:30, 2026-01-31, yesterday, now or -2h"

POSIX_ZONE = re.compile(r":?(<[^<>]+>|[A-Za-z]{3,})[+-]?\d")
"""A value of TZ that states its offset: `CET-1CEST`."""

Moment = Callable[[datetime], datetime]
"""The time that a text means, as a function of the database's time."""


@dataclass(frozen=True)
class StatedTime:
    """A time that an option states; `is_exact` means that the text is the time itself, with its zone."""

    option: str
    moment: Moment
    is_exact: bool = False


def parse_stated_time(option: str, text: str) -> StatedTime:
    """Read the time that an option states.

    Raises:
        InvalidTime: the text is not a time.
        UnknownTimeZone: the time is in the local zone, and TZ does not name a zone.
    """
    stated = text.strip()
    if stated.lower() in WORDS:
        return StatedTime(option, _moment_of_word(stated.lower()))
    if stated.startswith("-"):
        return StatedTime(option, _moment_before(stated))
    given = _read_given(stated)
    if given.tzinfo is not None:
        return StatedTime(option, lambda _: given, is_exact=True)
    _require_known_zone()
    return StatedTime(option, lambda _: localize(given))


def localize(shown: datetime) -> datetime:
    """Return the instant at which a clock of the local zone shows a time.

    Where the clock shows it twice, because it is set back, it is the first one; where the clock leaves it out, the time
    is read with the offset before the change. An import reads the times of a file in the same way.
    """
    # Not shown.astimezone(): that reads a time which clocks leave out with the offset after the change.
    instant = EPOCH + timedelta(seconds=shown.replace(fold=0, microsecond=0).timestamp())
    return instant.replace(microsecond=shown.microsecond).astimezone()


def _moment_of_word(word: str) -> Moment:
    if word == "now":
        return lambda now: now.astimezone()
    _require_known_zone()
    days = 1 if word == "yesterday" else 0
    return lambda now: localize(datetime.combine(now.astimezone().date() - timedelta(days=days), time()))


def _moment_before(text: str) -> Moment:
    try:
        if text[-1].isdigit():  # 2 of which unit?
            raise InvalidDuration(text)
        ago = timedelta(seconds=parse_duration(text[1:]))
    except InvalidDuration as error:
        raise InvalidTime(text, "is not a duration before now", EXAMPLES) from error
    return lambda now: (now - ago).astimezone()


def _read_given(text: str) -> datetime:
    try:
        given = read_iso(text)
    except ValueError as error:
        raise InvalidTime(text, "cannot be read", EXAMPLES, nearest_names(text.lower(), WORDS)) from error
    return require_in_range(given) if given.tzinfo is None else zoned(given)


def _require_known_zone() -> None:
    # The C library takes a name that it does not know for UTC, and says nothing.
    name = os.environ.get("TZ", "").removeprefix(":")
    if name and not name.startswith("/") and not POSIX_ZONE.match(name):
        from application.imports.local_time import find_time_zone

        find_time_zone(name, given_in="TZ")


class StatedTimes:
    """The times of a command's options. They are read at once, and resolved by the database's clock."""

    def __init__(self, **options: str | None) -> None:
        """Read the time of each option that is given; `from_` is `--from`."""
        self._stated: Mapping[str, StatedTime | None] = {
            name: None if text is None else parse_stated_time(f"--{name.rstrip('_').replace('_', '-')}", text)
            for name, text in options.items()
        }

    def resolve(self, store: "Store") -> list[datetime | None]:
        """Return the times, None for each option that is not given; a time that is not exact is printed with its zone.

        Raises:
            FutureTime: a time lies in the future.
        """
        if not any(self._stated.values()):
            return [None] * len(self._stated)
        from application.shared.as_of import read_clocks

        clocks = read_clocks(store)
        return [_resolve(stated, clocks, store.clock_tolerance) if stated else None for stated in self._stated.values()]


def _resolve(stated: StatedTime, clocks: "Clocks", tolerance: timedelta) -> datetime:
    moment = stated.moment(clocks.effective)
    require_past(stated.option, moment, clocks.database, tolerance)
    _print_meaning(stated, moment)
    return moment


def _print_meaning(stated: StatedTime, moment: datetime) -> None:
    if not stated.is_exact:
        from interfaces.cli.output import messages
        from interfaces.wording.values import format_time

        messages().print(f"{stated.option} is {format_time(moment)}")
