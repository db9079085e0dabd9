"""Check the server: its version, settings, connections, role in a replication, clock and disk."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from psycopg.errors import DataError

from application.doctor.examination import Examination
from application.doctor.finding import Finding, well, wrong
from infrastructure.database.postgres_releases import format_version, newer_release
from infrastructure.database.settings import HttpSettings

SETTINGS = {
    "fsync": ({"on"}, "a crash of the machine may destroy the database; turn it on in postgresql.conf"),
    "full_page_writes": ({"on"}, "a crash of the machine may destroy the database; turn it on in postgresql.conf"),
    "synchronous_commit": (
        {"on", "remote_apply", "remote_write", "local"},
        "a crash loses what was acknowledged last; set it to on for the server, the database and the role",
    ),
    "default_transaction_read_only": (
        {"off"},
        "nothing can be reported; set it to off for the database and the role",
    ),
}
"""Settings, the values that they may have, and what to do about any other one."""

BESIDES_THE_POOL = 5
"""How many connections a server of the HTTP API opens outside its pool, for its listeners and for commands."""

MIB = 1024 * 1024
LOCAL_HOSTS = {"", "localhost", "127.0.0.1", "::1"}


def check_version(examination: Examination) -> Iterator[Finding]:
    """Check that the server does not lack the fixes of several minor releases."""
    version = examination.connection.info.server_version
    newer = newer_release(version)
    if newer is None:
        yield well("server-version", format_version(version))
    else:
        advice = f"{format_version(newer)} has further fixes; update the server, or the package that brings it"
        judge = well if newer - version == 1 else wrong
        yield judge("server-version", format_version(version), advice)


def check_settings(examination: Examination) -> Iterator[Finding]:
    """Check the settings on which Sojourn's promises depend."""
    found = dict(examination.rows("doctor/settings", [list(SETTINGS)]))
    for name, (accepted, advice) in SETTINGS.items():
        yield well(name, found[name]) if found[name] in accepted else wrong(name, found[name], advice)


def check_time_zones(examination: Examination) -> Iterator[Finding]:
    """Check that the server knows time zones by their names."""
    try:
        examination.rows("doctor/time_zone")
    except DataError:
        yield wrong("time-zones", "missing", "the server cannot read its time zones; install its package again, whole")
    else:
        yield well("time-zones", "known")


def check_connections(examination: Examination) -> Iterator[Finding]:
    """Check that the server lets the HTTP API open its connections."""
    ((allowed, used),) = examination.rows("doctor/connections")
    needed = HttpSettings().pool_size + BESIDES_THE_POOL
    value = f"{allowed} allowed, {used} in use"
    if allowed >= needed:
        yield well("connections", value)
    else:
        advice = f"`sojourn serve` opens up to {needed}; raise max_connections or lower SOJOURN_HTTP_POOL_SIZE"
        yield wrong("connections", value, advice)


def check_replication(examination: Examination) -> Iterator[Finding]:
    """Check that the server takes writes, and that the standbys are there that its commits wait for."""
    ((is_standby, named, connected, wal_level),) = examination.rows("doctor/replication")
    if is_standby:
        yield wrong("replication", "standby", "it only reads; name the primary, or every host and target_session_attrs")
    elif named and connected == 0:
        advice = "commits wait for a synchronous standby, and none is connected; start one, or name none"
        yield wrong("replication", f"primary; waits for {named}", advice)
    elif wal_level == "minimal":
        advice = "neither a standby nor an archive can follow; set wal_level to replica and restart the server"
        yield wrong("replication", "primary; wal_level minimal", advice)
    else:
        yield well("replication", f"primary; synchronous standbys: {named or 'none'}")


def check_clock(examination: Examination) -> Iterator[Finding]:
    """Check that this machine's clock agrees with the database's."""
    began = monotonic()
    ((there,),) = examination.rows("doctor/clock")
    here, took = datetime.now(UTC), monotonic() - began
    skew = (here - there).total_seconds() - took / 2
    value = f"{skew:+.1f} s"
    if abs(skew) <= examination.limits.skew_seconds:
        yield well("clock", value)
    else:
        yield wrong("clock", value, "this machine's clock and the database's differ; let both follow a time server")


def check_disk(examination: Examination) -> Iterator[Finding]:
    """Check that the disk of the data has room, where the server runs on this machine."""
    ((folder, size),) = examination.rows("doctor/place")
    free = _free_bytes(examination.connection.info.host, folder)
    used = f"the database has {size / MIB:,.0f} MiB"
    if free is None:
        yield well("disk", used, "the disk is on another machine, or closed to this user; look there how much is free")
    elif free < examination.limits.free_bytes:
        yield wrong("disk", f"{free / MIB:,.0f} MiB free; {used}", "make room on the disk of the data, or a larger one")
    else:
        yield well("disk", f"{free / MIB:,.0f} MiB free; {used}")


def _free_bytes(host: str, folder: str) -> int | None:
    if not (host.startswith("/") or host in LOCAL_HOSTS):
        return None
    try:
        return shutil.disk_usage(Path(folder)).free
    except OSError:
        return None


CHECKS = (
    check_version,
    check_settings,
    check_time_zones,
    check_connections,
    check_replication,
    check_clock,
    check_disk,
)
