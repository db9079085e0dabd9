"""Check what goes on in the database: open transactions, subscriptions, vacuum and statistics."""

from collections.abc import Iterator

from application.doctor.examination import Examination
from application.doctor.finding import Finding, well, wrong
from application.wording.counts import count_noun
from infrastructure.lock_holders import find_lock_holders

DEAD_SHARE = 0.2
"""The share of a table's rows that may be dead."""


def check_transactions(examination: Examination) -> Iterator[Finding]:
    """Check that no transaction has been open for long with locks on the log, because it holds followers back."""
    holders = find_lock_holders(examination.connection, examination.limits.open_seconds)
    if holders:
        advice = "it holds followers and rebuilds back; end it, with SELECT pg_terminate_backend(PID) if need be"
        yield wrong("transactions", "; ".join(map(str, holders)), advice)
    else:
        yield well("transactions", f"none open for {examination.limits.open_seconds:.0f} s")


def check_subscriptions(examination: Examination) -> Iterator[Finding]:
    """Check that every subscription moves on."""
    lags = examination.rows("subscriptions/lags")
    stalled = [
        f"{name}: {count_noun(behind, 'event')} behind, no move for {still:,.0f} s"
        for name, _, behind, age, still in lags
        if behind and min(age, still) > examination.limits.stalled_seconds
    ]
    if stalled:
        advice = "start its consumer again and read its log; DELETE FROM sojourn.checkpoint removes one that is retired"
        yield wrong("subscriptions", "; ".join(stalled), advice)
    else:
        waiting = sum(behind for _, _, behind, _, _ in lags)
        yield well("subscriptions", f"{len(lags)}, {count_noun(waiting, 'event')} behind" if lags else "none")


def check_autovacuum(examination: Examination) -> Iterator[Finding]:
    """Check that autovacuum runs for every table."""
    ((runs, left_out),) = examination.rows("doctor/autovacuum")
    if not runs:
        advice = "tables grow and plans get worse; set autovacuum and track_counts to on, and reload the server"
        yield wrong("autovacuum", "off", advice)
    elif left_out:
        advice = f"run ALTER TABLE sojourn.{left_out[0]} RESET (autovacuum_enabled)"
        yield wrong("autovacuum", f"off for {', '.join(left_out)}", advice)
    else:
        yield well("autovacuum", "on")


def check_tables(examination: Examination) -> Iterator[Finding]:
    """Check that dead rows are removed, and that the planner knows the tables."""
    tables = examination.rows("doctor/table_statistics")
    least = examination.limits.rows
    dead = [f"{name}: {dead:,} of {live + dead:,}" for name, live, dead, *_ in tables if _is_bloated(live, dead, least)]
    if dead:
        advice = "run VACUUM ANALYZE on them, and look for transactions that stay open"
        yield wrong("dead-rows", "; ".join(dead), advice)
    else:
        yield well("dead-rows", f"{sum(row[2] for row in tables):,}")
    unknown = [name for name, _, _, changed, analyzed in tables if changed > least and not analyzed]
    if unknown:
        yield wrong("statistics", f"none of {', '.join(unknown)}", f"run ANALYZE sojourn.{unknown[0]}")
    else:
        yield well("statistics", "known")


def _is_bloated(live: int, dead: int, least: int) -> bool:
    return dead > least and dead > DEAD_SHARE * (live + dead)


CHECKS = (check_transactions, check_subscriptions, check_autovacuum, check_tables)
"""The checks of a database with a schema that this version made."""
