"""Freezes: every connection of eight clients stands still for a while, and then goes on or breaks."""

import tempfile
from pathlib import Path
from threading import Event

from application.transition_service import TransitionService
from tests.faults.crew import clients
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support import servers
from tests.support.tcp_proxy import TcpProxy

CLIENTS = 8
STEPS_BETWEEN = 60
FROZEN_SECONDS = 1.0
"""How long nothing passes; it measures nothing, because a client that has not noticed is as right as one that has."""


def run(plan: Plan) -> Tally:
    """Freeze all connections in each round, thaw or cut them, and judge the log."""
    tally = Tally()
    with (
        servers.running("embedded") as dsn,
        TcpProxy.before_database(dsn) as (proxy, proxied),
        tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder,
    ):
        TransitionService.connect(dsn).close()
        with clients(Path(folder), plan.seed, [["--dsn", proxied]] * CLIENTS) as crew:
            for number in range(1, plan.rounds + 1):
                is_cut = number % 2 == 0
                crew.wait_for_steps(STEPS_BETWEEN)
                proxy.freeze()
                Event().wait(FROZEN_SECONDS)
                if is_cut:
                    proxy.cut()
                proxy.thaw()
                crew.wait_for_steps(STEPS_BETWEEN)
                tally.rounds, tally.kills = number, tally.kills + 1
                with crew.held_still():
                    judge(dsn, crew.journals, tally)
                plan.say(f"round {number}: frozen, then {'cut' if is_cut else 'thawed'}; {tally}")
                if not tally.is_right:
                    break
            crew.stop()
            judge(dsn, crew.journals, tally)
    return tally
