"""A password in a DSN is never printed: not by a command, not with a traceback, not in the list of processes."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest
from psycopg.conninfo import make_conninfo

from application.transition_service import TransitionService
from sojourn.bench.served import run_server
from sojourn.demo.pool import Pool
from tests.support.attempts import register
from tests.support.command_line import SOJOURN
from tests.support.serving import serving

pytestmark = pytest.mark.security

SECRET = "S3cretPart"
SPLIT = f"postgresql://u:{SECRET}@{SECRET}/x?{SECRET}@127.0.0.1:1/d"
LOOSE = f"host=127.0.0.1 port=1 password={SECRET} {SECRET}"
CLOSED = f"postgresql://u:{SECRET}@127.0.0.1:1/d"

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("audit", "--dsn", SPLIT),
    ("--dsn", LOOSE, "audit"),
    ("-vv", "--dsn", CLOSED, "verify"),
    ("setup", "--dsn", SPLIT),
    ("serve", "--port", "0", "--dsn", LOOSE),
    ("demo", "--dsn", SPLIT),
    ("bench", "--quick", "--dsn", SPLIT),
    ("open", "--list", "--dsn", LOOSE),
    ("audit", SPLIT),
    (SPLIT,),
    ("status", SPLIT),
    ("audit", "--dsn", *LOOSE.split(" ")),
    ("audit", f"--dns={SPLIT}"),
)
"""Commands with a DSN that cannot be read, that names no server, or that stands in a wrong place."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words)[:30].replace(SECRET, ""))
def test_no_command_prints_it(command: tuple[str, ...]) -> None:
    environment = os.environ | {"SOJOURN_TRACEBACK": "1"}
    done = subprocess.run([SOJOURN, *command], capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("dsn", [SPLIT, LOOSE, CLOSED])
def test_no_command_prints_that_of_the_environment(dsn: str) -> None:
    environment = os.environ | {"SOJOURN_DSN": dsn, "SOJOURN_TRACEBACK": "1"}
    done = subprocess.run([SOJOURN, "-vv", "audit"], capture_output=True, text=True, check=False, env=environment)

    assert (done.returncode, done.stdout) == (2, "")
    assert "check --dsn or SOJOURN_DSN" in done.stderr
    assert SECRET not in done.stderr


def test_an_opened_case_is_printed_without_it(service: TransitionService, tmp_path: Path) -> None:
    """Given a server that asks for no password: the one that is given is not printed, and the hint says so."""
    register(service, "t1")
    dsn, file = make_conninfo(service.dsn, password=SECRET), str(tmp_path / "w.sojourn")

    def run(*command: str) -> str:
        done = subprocess.run([SOJOURN, "--dsn", dsn, *command], capture_output=True, text=True, check=True)
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    run("bundle", "--workflow", "w", "-o", file)
    opened = run("open", file)
    name = opened.rpartition("--forget ")[2].partition("`")[0]
    try:
        assert "The password is not printed; set PGPASSWORD" in opened
        assert f"dbname={name}" in opened
        assert f"dbname={name}" in run("open", file, "--json")
        assert "REGISTERING" in run("open", file, "--", "status", "task:t1")
        assert name in run("open", "--list")
        assert f"dbname={name}" in run("open", "--list", "--json")
    finally:
        run("open", "--forget", name)


def test_no_process_of_the_demo_or_the_bench_has_it_among_its_arguments(
    service: TransitionService, tmp_path: Path
) -> None:
    dsn = make_conninfo(service.dsn, password=SECRET)
    with run_server(dsn), Pool(1, dsn, tmp_path) as workers:
        assert list(workers.messages(timeout=60))
        started = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]

    for program in ("-m sojourn serve", "-m sojourn.demo.worker"):
        assert any(program in command for command in started)
    assert SECRET not in "".join(started)


def test_no_answer_of_the_server_has_it(service: TransitionService) -> None:
    with serving(make_conninfo(service.dsn, password=SECRET)) as server:
        answers = [server.ask("GET", path) for path in ("/readyz", "/api/v3/status/task:x", "/api/v3/nothing")]
        assert SECRET not in str(answers)
    assert SECRET not in server.url
