"""Kills: eight clients work, four by a service and four over HTTP, while processes are killed under them."""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from application.transition_service import TransitionService
from infrastructure.database.embedded import EmbeddedServer
from sojourn.errors import SojournError
from tests.faults.crew import Crew, clients
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support.command_line import SOJOURN
from tests.support.waiting import wait_for

CLIENTS = 8
STEPS_BETWEEN = 100
"""How many steps are acknowledged between two kills."""

VICTIMS = ("a client", "a backend", "a backend process", "the postmaster", "the API server")


class ApiServer:
    """`sojourn serve` on a port that stays the same when it is killed and started again."""

    def __init__(self, dsn: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [SOJOURN, "serve", "--port", str(self.port), "--dsn", dsn]
        self._process = self._begin()

    def kill(self) -> None:
        """Kill it at once, and start another one."""
        self._process.kill()
        self._process.wait()
        self._process = self._begin()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _begin(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )


def run(plan: Plan) -> Tally:
    """Kill one of them in each round, and judge the log."""
    tally = Tally()
    with _scene(plan.seed) as (server, api, crew):
        for number in range(1, plan.rounds + 1):
            random = plan.random(number)
            victim = VICTIMS[(number - 1) % len(VICTIMS)] if number <= len(VICTIMS) else random.choice(VICTIMS)
            crew.wait_for_steps(STEPS_BETWEEN + random.randrange(STEPS_BETWEEN))
            _kill(victim, random.randrange(CLIENTS), server, api, crew)
            tally.rounds, tally.kills = number, tally.kills + 1
            with crew.held_still():
                judge(server.start(), crew.journals, tally)
            plan.say(f"round {number}: killed {victim}; {tally}")
            if not tally.is_right:
                return tally
        crew.wait_for_steps(STEPS_BETWEEN)
        crew.stop()
        judge(server.start(), crew.journals, tally)
    return tally


@contextmanager
def _scene(seed: int) -> Iterator[tuple[EmbeddedServer, ApiServer, Crew]]:
    with tempfile.TemporaryDirectory(prefix="sojourn-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "home")
        try:
            dsn = server.start()
            TransitionService.connect(dsn).close()
            api = ApiServer(dsn)
            journals = Path(folder) / "journals"
            journals.mkdir()
            doors = [["--dsn", dsn] if number % 2 else ["--url", api.url] for number in range(CLIENTS)]
            try:
                with clients(journals, seed, doors) as crew:
                    yield server, api, crew
            finally:
                api.end()
        finally:
            server.stop()


def _kill(victim: str, chance: int, server: EmbeddedServer, api: ApiServer, crew: Crew) -> None:
    if victim == "a client":
        crew.kill(chance)
    elif victim == "the API server":
        api.kill()
    elif victim == "the postmaster":
        process = _postmaster(server)
        process.kill()
        wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    else:
        _kill_backend(server, chance, process=victim == "a backend process")


def _postmaster(server: EmbeddedServer) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))


def _kill_backend(server: EmbeddedServer, chance: int, *, process: bool) -> None:
    """End a client's backend: by a signal that it obeys, or at once, which makes the server restart all of them."""
    try:
        with psycopg.connect(server.start(), autocommit=True) as connection:
            backends = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                "ORDER BY state = 'active' DESC, pid"
            ).fetchall()
            if not backends:
                return
            (pid,) = backends[chance % len(backends)]
            if not process:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])
                return
        os.kill(pid, signal.SIGKILL)
        # A server that has not noticed still answers, and ends all connections once it has: its child is gone then.
        wait_for(lambda: not psutil.pid_exists(pid))
        wait_for(lambda: _answers_again(server))
    except (psycopg.OperationalError, ProcessLookupError):
        pass  # it has ended by itself


def _answers_again(server: EmbeddedServer) -> bool:
    try:
        with psycopg.connect(server.start()):
            return True
    except (psycopg.OperationalError, SojournError):
        return False
