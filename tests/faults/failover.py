"""Failover: the primary is killed under eight clients, and its synchronous standby takes over."""

import tempfile
from pathlib import Path

from application.transition_service import TransitionService
from tests.faults.crew import clients
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support.own_server import own_server
from tests.support.servers import system_commands

CLIENTS = 8
STEPS_BEFORE, STEPS_AFTER = 150, 150


def missing() -> str | None:
    """Return why this machine cannot make it."""
    return None if system_commands() else "the commands of a PostgreSQL are not installed"


def run(plan: Plan) -> Tally:
    """Have a standby take over in each round, wait until every client goes on, and judge its log."""
    tally = Tally()
    for number in range(1, plan.rounds + 1):
        found = _fail_over(plan.seed + number)
        found.rounds = found.kills = 1
        tally += found
        plan.say(f"round {number}: the standby took over; {tally}")
        if not tally.is_right:
            break
    return tally


def _fail_over(seed: int) -> Tally:
    tally = Tally()
    with (
        own_server("synchronous_standby_names='*'") as primary,
        primary.standby("synchronous_standby_names=''") as standby,
        tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder,
    ):
        TransitionService.connect(primary.dsn).close()
        hosts = f"host={primary.folder},{standby.folder} user=postgres dbname=postgres"
        door = ["--dsn", f"{hosts} target_session_attrs=read-write"]
        with clients(Path(folder), seed, [door] * CLIENTS) as crew:
            crew.wait_for_steps(STEPS_BEFORE)
            primary.stop("immediate")
            standby.promote()
            crew.wait_for_each(STEPS_AFTER // CLIENTS)
            crew.stop()
        judge(standby.dsn, Path(folder), tally)
    return tally
