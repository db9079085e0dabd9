"""The minor releases of PostgreSQL that this version of Sojourn knows.

PostgreSQL fixes bugs and security holes in a minor release of every supported major version, in February, May, August
and November. Update this table with each release of Sojourn.
"""

NEWEST_MINOR_RELEASES = {15: 20, 16: 16, 17: 12, 18: 7}
"""Major version -> its newest minor release, as of November 2026. (18.5 was never published: August's was 18.6.)"""


def format_version(version: int) -> str:
    """Return a version as people write it: `18.4` for the server's own number 180004."""
    major, minor = divmod(version, 10_000)
    return f"{major}.{minor}"


def newer_release(version: int) -> int | None:
    """Return the newest release of the same major version that is known, or None if `version` is as new."""
    major, minor = divmod(version, 10_000)
    newest = NEWEST_MINOR_RELEASES.get(major, 0)
    return major * 10_000 + newest if minor < newest else None
