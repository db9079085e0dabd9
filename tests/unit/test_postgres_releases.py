"""Which minor releases of PostgreSQL are old."""

import pytest

from infrastructure.database.postgres_releases import NEWEST_MINOR_RELEASES, format_version, newer_release


@pytest.mark.parametrize(("version", "newer"), [(180004, 180007), (180007, None), (180008, None), (150018, 150020)])
def test_a_release_is_old_if_a_newer_one_of_its_major_version_is_known(version: int, newer: int | None) -> None:
    assert newer_release(version) == newer


def test_a_major_version_that_is_not_known_is_not_old() -> None:
    assert newer_release((max(NEWEST_MINOR_RELEASES) + 1) * 10_000) is None


def test_versions_are_written_as_people_write_them() -> None:
    assert [format_version(version) for version in (180004, 150020)] == ["18.4", "15.20"]
