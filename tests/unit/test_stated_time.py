"""The times of options as people state them, in any local zone."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time
from hypothesis import example, given
from hypothesis import strategies as st

from application.imports.local_time import UnknownTimeZone, parse_instant
from domain.errors import InvalidTime
from interfaces.cli.stated_time import parse_stated_time
from tests.unit.test_local_time import ZONES

NOW = "2026-11-28 08:30:15"
"""What the clock shows in UTC."""

UseZone = Callable[[str], None]


@pytest.fixture
def use_zone() -> Iterator[UseZone]:
    """Set the local zone of this process until the test ends."""
    before = os.environ.get("TZ")
    yield set_zone
    set_zone(before)


def set_zone(name: str | None) -> None:
    if name is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = name
    time.tzset()


def at(frozen: str) -> datetime:
    """Return a frozen time. The freeze ends before it is used, because it also replaces the local zone."""
    with freeze_time(frozen):
        now = time.time()
    return datetime.fromtimestamp(now, UTC)


def meant_by(text: str, now: datetime) -> str:
    """Return the instant that a text means at a time, in UTC."""
    return parse_stated_time("--at", text).moment(now).astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("zone", "text", "meant"),
    [
        ("UTC", "now", "2026-11-28T08:30:15+00:00"),
        ("UTC", "today", "2026-11-28T00:00:00+00:00"),
        ("UTC", "Yesterday", "2026-11-27T00:00:00+00:00"),
        ("Europe/Berlin", "today", "2026-11-27T23:00:00+00:00"),
        ("Europe/Berlin", "yesterday", "2026-11-26T23:00:00+00:00"),
        ("Pacific/Auckland", "today", "2026-11-27T11:00:00+00:00"),
        ("America/Los_Angeles", "now", "2026-11-28T08:30:15+00:00"),
        ("America/Los_Angeles", "today", "2026-11-28T08:00:00+00:00"),
        ("Europe/Berlin", "-90s", "2026-11-28T08:28:45+00:00"),
        ("Europe/Berlin", "-30m", "2026-11-28T08:00:15+00:00"),
        ("Europe/Berlin", "-2h", "2026-11-28T06:30:15+00:00"),
        ("Europe/Berlin", "-1h 30m", "2026-11-28T07:00:15+00:00"),
        ("Europe/Berlin", "-7d", "2026-11-21T08:30:15+00:00"),
        ("Europe/Berlin", "2026-11-28", "2026-11-27T23:00:00+00:00"),
        ("Europe/Berlin", "2026-11-28 08:30", "2026-11-28T07:30:00+00:00"),
        ("Europe/Berlin", "2026-11-28T08:30:15.250", "2026-11-28T07:30:15.250000+00:00"),
        ("Europe/Berlin", "2026-11-28 08:30z", "2026-11-28T08:30:00+00:00"),
        ("Europe/Berlin", "2026-11-28T08:30:00+05:45", "2026-11-28T02:45:00+00:00"),
        ("CET-1CEST", "2026-11-28 08:30", "2026-11-28T07:30:00+00:00"),
        ("", "2026-11-28 08:30", "2026-11-28T08:30:00+00:00"),
    ],
)
def test_what_a_text_means(use_zone: UseZone, zone: str, text: str, meant: str) -> None:
    use_zone(zone)

    assert meant_by(text, at(NOW)) == meant


@pytest.mark.parametrize(
    ("zone", "text", "meant"),
    [
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00+00:00"),  # twice: the first one
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00+00:00"),  # never: an hour after 01:30
        ("America/Havana", "2026-03-08", "2026-03-08T05:00:00+00:00"),  # the day begins at 01:00
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00+00:00"),  # its first hour comes twice
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00+00:00"),  # a day that was left out
    ],
)
def test_a_time_that_clocks_show_twice_or_never(use_zone: UseZone, zone: str, text: str, meant: str) -> None:
    use_zone(zone)

    assert meant_by(text, at(NOW)) == meant


@pytest.mark.parametrize(
    ("now", "text", "meant"),
    [
        ("2026-10-25 23:30", "today", "2026-10-25T23:00:00+00:00"),  # the 26th began at 23:00 UTC
        ("2026-10-25 22:30", "today", "2026-10-24T22:00:00+00:00"),  # this day has 25 hours
        ("2026-10-26 00:30", "yesterday", "2026-10-24T22:00:00+00:00"),
        ("2026-10-25 02:30", "-2h", "2026-10-25T00:30:00+00:00"),  # hours that passed, not those on the clock
        ("2026-03-30 06:00", "-1d", "2026-03-29T06:00:00+00:00"),
    ],
)
def test_days_and_durations_when_clocks_change(use_zone: UseZone, now: str, text: str, meant: str) -> None:
    use_zone("Europe/Berlin")

    assert meant_by(text, at(now)) == meant


@given(
    st.sampled_from(ZONES),
    st.datetimes(min_value=datetime(1972, 1, 1), max_value=datetime(2037, 12, 31)),  # noqa: DTZ001 - what a clock shows
)
@example("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45))  # noqa: DTZ001
@example("America/New_York", datetime(2026, 3, 8, 2, 30))  # noqa: DTZ001
def test_a_local_time_means_what_an_import_takes_it_for(use_zone: UseZone, zone: str, shown: datetime) -> None:
    use_zone(zone)

    meant = meant_by(str(shown), at(NOW))

    assert meant == parse_instant(str(shown), ZoneInfo(zone)).isoformat()


@given(st.sampled_from(ZONES), st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_yesterday_today_and_now_follow_each_other(use_zone: UseZone, zone: str, now: datetime) -> None:
    use_zone(zone)

    yesterday, today, present = (parse_stated_time("--at", text).moment(now) for text in ("yesterday", "today", "now"))

    assert yesterday < today <= present == now
    assert present - today < timedelta(hours=26)
    assert today.astimezone(ZoneInfo(zone)).date() == now.astimezone(ZoneInfo(zone)).date()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("soon", "time 'soon' cannot be read; write it like 2026-01-31T08:30:00Z, 2026-01-31 08:30, 2026-01-31, "
                 "yesterday, now or -2h"),
        ("yesterdy", "or -2h; did you mean 'yesterday'?"),
        ("", "time '' cannot be read"),
        ("-", "time '-' is not a duration before now; write it like"),
        ("-2", "time '-2' is not a duration before now"),
        ("-2 weeks", "is not a duration before now"),
        ("-999999d", "is not a duration before now"),
        ("2026-02-30", "time '2026-02-30' cannot be read"),
        ("2026-11-28 25:00", "cannot be read"),
        ("0001-01-01", "is out of range"),
        ("9999-12-31", "is out of range"),
        ("2026-01-31T08:30:00+20:00", "is in a zone that no place has"),
    ],
)  # fmt: skip
def test_other_texts_are_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(InvalidTime) as refused:
        parse_stated_time("--at", text)

    assert why in str(refused.value)


def test_an_unknown_zone_is_refused_where_it_would_matter(use_zone: UseZone) -> None:
    use_zone("Europe/Berln")

    with pytest.raises(UnknownTimeZone, match="TZ: no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'"):
        parse_stated_time("--at", "2026-11-28 08:30")
    assert parse_stated_time("--at", "2026-11-28 08:30z").is_exact
    assert parse_stated_time("--at", "-2h")


@pytest.mark.parametrize("text", ["0002-01-01", "9998-12-31 23:59"])
def test_the_first_and_the_last_year_can_be_stated(use_zone: UseZone, text: str) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        use_zone(zone)
        assert meant_by(text, at(NOW))
