"""Clocks that jump: the database's own, by hours and days in both directions, under eight clients.

libfaketime puts itself between the server and its clock. What clients state as `occurred_at` is not part of it.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import psycopg

from application.transition_service import TransitionService
from tests.faults.crew import clients
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support.own_server import OwnServer, own_server
from tests.support.servers import system_commands
from tests.support.waiting import wait_for

CLIENTS = 8
STEPS_BETWEEN = 60
JUMPS = (-3 * 86_400, -86_400, -3_600, -60, -1, 0, 1, 60, 3_600, 86_400, 3 * 86_400)
"""How far the server's clock is ahead of the machine's, in seconds."""

LIBRARY = "usr/lib*/**/faketime/libfaketimeMT.so.1"


def missing() -> str | None:
    """Return why this machine cannot make it."""
    if system_commands() is None:
        return "the commands of a PostgreSQL are not installed"
    return None if _library() else "libfaketime is not installed (Debian: apt-get install faketime)"


def run(plan: Plan) -> Tally:
    """Set the server's clock in each round while clients work, and judge the log."""
    tally = Tally()
    with _scene() as (server, clock), tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder:
        TransitionService.connect(server.dsn).close()
        with clients(Path(folder), plan.seed, [["--dsn", server.dsn]] * CLIENTS) as crew:
            for number in range(1, plan.rounds + 1):
                jump = plan.random(number).choice(JUMPS)
                crew.wait_for_steps(STEPS_BETWEEN)
                clock.write_text(f"{jump:+d}\n")
                wait_for(partial(_is_ahead, server, timedelta(seconds=jump)))
                crew.wait_for_steps(STEPS_BETWEEN)
                tally.rounds, tally.kills = number, tally.kills + 1
                with crew.held_still():
                    judge(server.dsn, crew.journals, tally)
                plan.say(f"round {number}: the clock is {jump:+,d} s off; {tally}")
                if not tally.is_right:
                    break
            crew.stop()
            judge(server.dsn, crew.journals, tally)
    return tally


def _is_ahead(server: OwnServer, jump: timedelta) -> bool:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    server_time: datetime = row[0]
    return abs(server_time - datetime.now(UTC) - jump) < timedelta(seconds=30)


@contextmanager
def _scene() -> Iterator[tuple[OwnServer, Path]]:
    with tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder:
        Path(folder).chmod(0o755)
        clock = Path(folder) / "clock"
        clock.write_text("+0\n")
        clock.chmod(0o644)
        environment = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        faked = patch.dict(os.environ, environment)
        faked.start()  # for the server alone, and not for the clients that are begun after it
        try:
            with own_server() as server:
                faked.stop()
                yield server, clock
        finally:
            if "FAKETIME_TIMESTAMP_FILE" in os.environ:
                faked.stop()


def _library() -> Path | None:
    return next(iter(Path("/").glob(LIBRARY)), None)
