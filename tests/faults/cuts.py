"""Cuts: the connection to the database breaks at any byte of a call, on the way there or back, also in the commit."""

import tempfile
from pathlib import Path
from random import Random
from typing import Any

from application.transition_service import TransitionService
from tests.faults.client import Client, ThroughService, life
from tests.faults.journal import Journal
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support import servers
from tests.support.tcp_proxy import TcpProxy

TASKS_A_ROUND = 5
CUT = 0.7
"""The chance of a call that the connection is cut in it, or soon after."""

SENT_BYTES, ANSWERED_BYTES = 3000, 1500
"""A call sends and receives about as many bytes at most."""


class CutService(ThroughService):
    """Sends steps through a proxy that is about to cut the connection."""

    def __init__(self, dsn: str, proxy: TcpProxy, random: Random) -> None:
        super().__init__(dsn)
        self._proxy = proxy
        self._random = random

    def send(self, method: str, *arguments: Any, tag: str, command_id: str | None) -> None:
        """Call a method of the service."""
        if self._random.random() < CUT:
            answers = self._random.random() < 0.5
            self._proxy.cut(self._random.randint(1, ANSWERED_BYTES if answers else SENT_BYTES), answers=answers)
        super().send(method, *arguments, tag=tag, command_id=command_id)


def run(plan: Plan) -> Tally:
    """Bring some tasks through their lives in each round, and judge the log."""
    tally = Tally()
    with (
        servers.running("embedded") as dsn,
        TcpProxy.before_database(dsn) as (proxy, proxied),
        tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder,
    ):
        TransitionService.connect(dsn).close()
        for number in range(1, plan.rounds + 1):
            name = f"cut{number}"
            random = plan.random(number)
            with CutService(proxied, proxy, random) as through:
                client = Client(name, random, through, Journal(Path(folder) / f"{name}.journal"))
                for task in range(TASKS_A_ROUND):
                    all(client.carry_out(*step) for step in life(f"{name}-{task}"))
            tally.rounds, tally.kills = number, proxy.broken
            judge(dsn, Path(folder), tally)
            plan.say(f"round {number}: {tally}")
            if not tally.is_right:
                break
    return tally
