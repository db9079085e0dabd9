"""Times without a zone: which instants they may be, in any zone at any time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from application.imports.local_time import possible_instants

ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",  # which is 5:45 ahead
    "Australia/Lord_Howe",  # whose clocks are set by half an hour
    "Pacific/Apia",  # which has left out a day
    "Africa/Monrovia",  # whose offset had seconds
)
HOUR = timedelta(hours=1)
BEFORE_A_CHANGE = datetime(2026, 11, 1, 1, 59, 59, 999_999)  # noqa: DTZ001 - what a clock shows


@given(
    st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2037, 12, 31)),  # noqa: DTZ001
    st.sampled_from(ZONES).map(ZoneInfo),
)
@example(BEFORE_A_CHANGE, ZoneInfo("America/New_York"))
@example(BEFORE_A_CHANGE - HOUR, ZoneInfo("America/New_York"))
@example(datetime(2026, 4, 5, 1, 45), ZoneInfo("Australia/Lord_Howe"))  # noqa: DTZ001
@example(datetime(2026, 4, 5, 1, 15), ZoneInfo("Australia/Lord_Howe"))  # noqa: DTZ001
@example(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia"))  # noqa: DTZ001
def test_a_clock_shows_a_time_at_those_instants(shown: datetime, zone: ZoneInfo) -> None:
    expected = [shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]

    assert list(possible_instants(shown.isoformat(), zone)) == list(dict.fromkeys(expected))


@given(st.sampled_from(ZONES).map(ZoneInfo), st.integers(0, 60 * 24 * 365))
def test_the_instants_of_a_year_are_among_those_that_its_clock_may_mean(zone: ZoneInfo, minutes: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    assert at in possible_instants(at.astimezone(zone).replace(tzinfo=None).isoformat(), zone)
