"""A rebuild and a setup that are killed at each of their steps, and then run again."""

import subprocess

import psycopg

from application.transition_service import TransitionService
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support import servers
from tests.support.attempts import attempt, register
from tests.support.catalog import catalog
from tests.support.command_line import SOJOURN
from tests.support.databases import Server
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_for

TASKS = 200
RELATIONS = "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relname !~ '^pg_' ORDER BY 1"


def run(plan: Plan) -> Tally:
    """Kill one rebuild and one setup in each round, each round a little later, and judge what the next run makes."""
    tally = Tally()
    with servers.running("embedded") as dsn:
        server = Server(dsn, "template0")
        worked = server.create("worked", "template0")
        with TransitionService.connect(worked) as service:
            names = [f"t{number}" for number in range(TASKS)]
            register(service, *names, workflow_id="faults")
            attempt(service, *names)
        relations = _relations(worked)
        tally.acknowledged = _events(worked)
        setup_bytes = _bytes_of(server.create("undisturbed", "template0"), "setup")
        expected = _schema(server.database("undisturbed"))
        rebuild_bytes = _bytes_of(worked, "rebuild")
        for number in range(1, plan.rounds + 1):
            part = (number - 0.5) / plan.rounds
            _spoil(worked)
            _kill_within(worked, "rebuild", int(rebuild_bytes * part))
            _run(worked, "rebuild")
            judge(worked, None, tally)
            if _relations(worked) != relations:
                tally.problems.append(f"a rebuild killed at {part:.0%} left tables behind")
            tally.lost += tally.acknowledged - _events(worked)
            fresh = server.create("fresh", "template0")
            _kill_within(fresh, "setup", int(setup_bytes * part))
            _run(fresh, "setup")
            if _schema(fresh) != expected:
                tally.problems.append(f"a setup killed at {part:.0%} left another schema")
            tally.rounds, tally.kills = number, tally.kills + 2
            plan.say(f"round {number}: both killed at {part:.0%}; {tally}")
            if not tally.is_right:
                break
    return tally


def _bytes_of(dsn: str, command: str) -> int:
    """Run a command, and return how many bytes it sends to the database."""
    with TcpProxy.before_database(dsn) as (proxy, proxied):
        _run(proxied, command)
        return proxy.sent


def _kill_within(dsn: str, command: str, after_bytes: int) -> None:
    """Kill a command, and its connections, once it has sent a number of bytes to the database."""
    with TcpProxy.before_database(dsn) as (proxy, proxied):
        proxy.cut(max(1, after_bytes))
        process = subprocess.Popen([SOJOURN, command, "--dsn", proxied], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(lambda: proxy.broken or process.poll() is not None)
        process.kill()
        process.communicate()
    wait_for(lambda: _is_alone(dsn))


def _run(dsn: str, command: str) -> None:
    done = subprocess.run([SOJOURN, command, "--dsn", dsn], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise AssertionError(f"sojourn {command}: {done.stderr}")


def _is_alone(dsn: str) -> bool:
    """Return whether no session of a killed command is left in the database."""
    others = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(dsn) as connection:
        return not connection.execute(f"{others} AND backend_type = 'client backend'".encode()).fetchall()


def _spoil(dsn: str) -> None:
    """Make a projection wrong, so that only a rebuild makes it right."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM sojourn.task_instance WHERE ordinal = 1")


def _schema(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        return catalog(connection)


def _relations(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute(RELATIONS)]


def _events(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM sojourn.event").fetchone()
    assert row is not None
    return int(row[0])
