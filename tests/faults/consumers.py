"""Consumers that are killed at every point of a batch, and whose connection breaks at every message."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from application.transition_service import TaskSpec, TransitionService
from infrastructure.log.subscription import Subscription
from sojourn.errors import SojournError
from tests.faults.tally import Plan, Tally
from tests.support import servers
from tests.support.tcp_proxy import TcpProxy

ROOT = Path(__file__).parents[2]
EVENTS, BATCH = 20, 5
POINTS = BATCH + 2
"""Where a consumer is killed in its second batch: at its beginning, after each event, and at its end."""

CUTS_A_ROUND = 20
LONGEST_CUT_BYTES = 6000
TABLE = "CREATE TABLE IF NOT EXISTS public.seen (consumer text, number bigserial, position bigint)"


def run(plan: Plan) -> Tally:
    """Kill a consumer at each point, cut its connection at random bytes, and judge what it wrote in the end."""
    tally = Tally()
    with servers.running("embedded") as dsn, TcpProxy.before_database(dsn) as (proxy, proxied):
        with TransitionService.connect(dsn) as service:
            for number in range(EVENTS):
                service.register_tasks("faults", [TaskSpec(f"t{number}")])
        for number in range(1, plan.rounds + 1):
            random = plan.random(number)
            for point in range(POINTS):
                _run_until_killed(dsn, f"killed{number}", BATCH + 2 + point)
                tally.kills += 1
            for _ in range(CUTS_A_ROUND):
                proxy.cut(random.randint(1, LONGEST_CUT_BYTES), answers=random.random() < 0.5)
                _consume_until_cut(proxied, f"cut{number}")
            proxy.heal()
            for name in (f"killed{number}", f"cut{number}"):
                consume(dsn, name)
                _judge(dsn, name, tally)
            tally.rounds = number
            plan.say(f"round {number}: {tally}")
            if not tally.is_right:
                break
        tally.kills += proxy.broken
    return tally


def consume(dsn: str, name: str, kill_at: int | None = None) -> None:
    """Follow the log to its end, and write down each position; be killed at a point, counted from the beginning."""
    points = 0

    def reach_point() -> None:
        nonlocal points
        points += 1
        if points == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def write_down(connection: psycopg.Connection[Any], events: Any) -> None:
        reach_point()
        for event in events:
            connection.execute("INSERT INTO public.seen (consumer, position) VALUES (%s, %s)", [name, event.position])
            reach_point()
        reach_point()

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(TABLE)
    Subscription(dsn, name, write_down, batch=BATCH).catch_up()


def _run_until_killed(dsn: str, name: str, kill_at: int) -> None:
    command = [sys.executable, "-m", "tests.faults.consumers", dsn, name, str(kill_at)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=300)
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the consumer failed: {done.stderr.decode()[-2000:]}")


def _consume_until_cut(dsn: str, name: str) -> None:
    with suppress(psycopg.OperationalError, SojournError):  # the next one goes on
        consume(dsn, name)


def _judge(dsn: str, name: str, tally: Tally) -> None:
    with psycopg.connect(dsn) as connection:
        log = [row[0] for row in connection.execute("SELECT position FROM sojourn.event ORDER BY position")]
        statement = "SELECT position FROM public.seen WHERE consumer = %s ORDER BY number"
        seen = [row[0] for row in connection.execute(statement, [name])]
    tally.acknowledged += len(seen)
    tally.lost += len(set(log) - set(seen))
    tally.doubled += len(seen) - len(set(seen))
    if seen != sorted(seen):
        tally.problems.append(f"{name} got events out of order")


if __name__ == "__main__":
    consume(sys.argv[1], sys.argv[2], int(sys.argv[3]))
