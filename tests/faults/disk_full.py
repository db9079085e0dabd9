"""A full disk: the database's file system has no room for a while, and eight clients go on when it has again."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from application.transition_service import TaskSpec, TransitionService
from infrastructure.database.embedded import EmbeddedServer
from sojourn.errors import SojournError
from tests.faults.crew import clients
from tests.faults.tally import Plan, Tally
from tests.faults.verdict import judge
from tests.support.waiting import wait_for

CLIENTS = 8
MEGABYTES = 220
STEPS_BETWEEN = 50
SMALL = ("max_wal_size = '64MB'", "min_wal_size = '32MB'", "shared_buffers = '16MB'")


def missing() -> str | None:
    """Return why this machine cannot make it."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    try:
        with tempfile.TemporaryDirectory() as folder, _small_file_system(Path(folder)):
            return None
    except subprocess.CalledProcessError as error:
        return f"no small file system can be mounted here: {error.stderr.decode().strip()}"


def run(plan: Plan) -> Tally:
    """Fill the disk in each round until a report fails, make room, and judge the log."""
    tally = Tally()
    with _scene() as server, tempfile.TemporaryDirectory(prefix="sojourn-faults-") as folder:
        dsn = server.start()
        filler = server.data / "filler"
        with clients(Path(folder), plan.seed, [["--dsn", dsn]] * CLIENTS) as crew:
            for number in range(1, plan.rounds + 1):
                crew.wait_for_steps(STEPS_BETWEEN)
                _fill(filler)
                wait_for(lambda: _fails(dsn))
                filler.unlink()
                wait_for(lambda: _works_again(server))
                crew.wait_for_each(STEPS_BETWEEN // CLIENTS)
                tally.rounds = number
                with crew.held_still():
                    judge(dsn, crew.journals, tally)
                plan.say(f"round {number}: {tally}")
                if not tally.is_right:
                    break
            crew.stop()
            judge(server.start(), crew.journals, tally)
    return tally


@contextmanager
def _scene() -> Iterator[EmbeddedServer]:
    with tempfile.TemporaryDirectory(prefix="sojourn-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "home")
        server.data.mkdir(parents=True)
        with _small_file_system(server.data):
            try:
                dsn = server.start()
                with psycopg.connect(dsn, autocommit=True) as connection:
                    for option in SMALL:
                        connection.execute(f"ALTER SYSTEM SET {option}".encode())
                server.stop()
                TransitionService.connect(server.start()).close()
                yield server
            finally:
                server.stop()


@contextmanager
def _small_file_system(folder: Path) -> Iterator[None]:
    options = f"size={MEGABYTES}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def _fill(filler: Path) -> None:
    """Take all the room, however much of it the server takes or frees meanwhile."""
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            with suppress(OSError):
                while True:
                    file.write(b"0" * size)


def _fails(dsn: str) -> bool:
    """Return whether a registration fails with one of Sojourn's errors; any other one is raised."""
    try:
        with TransitionService.connect(dsn) as service:
            service.register_tasks("faults", [TaskSpec(f"filler-{os.urandom(4).hex()}-{n}") for n in range(200)])
            return False
    except SojournError:
        return True


def _works_again(server: EmbeddedServer) -> bool:
    try:
        with TransitionService.connect(server.start()) as service:
            service.list_workflows()
            return True
    except SojournError:
        return False
