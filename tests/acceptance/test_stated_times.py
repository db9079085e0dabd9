"""Times as people state them, in every option of every command that takes one."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer

from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import SOJOURN, Done, app, document, run_on
from tests.support.every_command import READING, WRITING, arguments, leaf_commands

TIMES = ("--at", "--at-a", "--at-b", "--since", "--until", "--from", "--to", "--before")
HOUR = timedelta(hours=1)


def time_options() -> Iterator[tuple[str, str]]:
    """Yield each command with each of its options that take a time."""
    for name in sorted(leaf_commands()):
        command: Any = typer.main.get_command(app)
        for word in name.split():
            command = command.commands[word]
        yield from ((name, option) for one in command.params for option in one.opts if one.metavar == "TIME")


@pytest.fixture
def service(service: TransitionService) -> TransitionService:
    now = database_now(service)
    service.register_tasks("w", [TaskSpec("t1")], occurred_at=now - 3 * HOUR)
    service.gate_tasks_for_queueing(["t1"], occurred_at=now - 2 * HOUR)
    service.create_task_instances({"t1/1": "t1"}, occurred_at=now - 2 * HOUR)
    service.transition_task_instance("t1/1", "INSTANTIATED", occurred_at=now - HOUR)
    return service


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local zone of this process to Berlin's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def database_now(service: TransitionService) -> datetime:
    with psycopg.connect(service.dsn) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row
    return row[0].astimezone(UTC)  # type: ignore[no-any-return]


def ask(service: TransitionService, *words: str, zone: str = "Europe/Berlin") -> Done:
    """Run a command in a process in that zone."""
    environment = os.environ | {"TZ": zone, "SOJOURN_DSN": service.dsn}
    done = subprocess.run([SOJOURN, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def replaced(words: list[str], option: str, text: str) -> list[str]:
    """Return the words with another value of an option."""
    if option not in words:
        return [*words, option, text]
    place = words.index(option) + 1
    return [*words[:place], text, *words[place + 1 :]]


def test_every_option_that_takes_a_time_is_tried() -> None:
    assert {option for _, option in time_options()} <= set(TIMES)
    assert len(list(time_options())) > 20


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("command", "option"), list(time_options()))
def test_every_command_takes_times_as_people_state_them(
    service: TransitionService, tmp_path: Path, command: str, option: str
) -> None:
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "QUEUED"\nmax_duration = "1m"\n')
    words = arguments(READING | WRITING, command, tmp_path)
    if command == "diff":
        words = replaced(words, "--to", "now")

    done = run_on(service.dsn, *replaced(words, option, "-1h"))

    assert done.status == 0, done
    assert f"{option} is {(database_now(service) - HOUR).astimezone():%Y}" in done.stderr
    ahead = run_on(service.dsn, *replaced(words, option, "2090-01-31 08:30"))
    assert ahead.status == 2
    assert f"{option} 2090-01-31T08:30:00+01:00 is in the future" in ahead.stderr


def test_a_time_without_a_zone_is_in_the_local_one_and_the_answer_shows_it(service: TransitionService) -> None:
    now = database_now(service)
    then = f"{now.replace(tzinfo=None) - timedelta(hours=1.5):%Y-%m-%d %H:%M:%S}"

    here = ask(service, "status", "task:t1", "--at", then, zone="UTC")
    there = ask(service, "status", "task:t1", "--at", then, zone="Asia/Kathmandu")

    assert (here.status, here.stderr) == (0, f"--at is {then}.000+00:00\n")
    assert here.stdout.startswith("task:t1  QUEUED  since ")
    # There it is 5:45 earlier, before the task was registered.
    assert there.stderr.startswith(f"--at is {then}.000+05:45\ntask 't1' did not exist at {then}.000+05:45;")


def test_lists_choose_by_such_times(service: TransitionService) -> None:
    assert [row["entity"] for row in document(service, "list", "tasks", "--since", "-90m")] == ["task:t1"]
    assert document(service, "list", "tasks", "--since", "-30m") == []
    assert document(service, "list", "tasks", "--until", "-90m") == []
    assert [row["before"] for row in document(service, "diff", "--from", "-150m", "--to", "now")] == [
        "REGISTERING",
        None,
    ]


def test_an_exact_time_is_not_repeated(service: TransitionService) -> None:
    exact = (database_now(service) - HOUR / 2).isoformat()

    assert ask(service, "status", "task:t1", "--at", exact).stderr == ""


def test_a_zone_that_is_none_is_a_sentence(service: TransitionService) -> None:
    done = ask(service, "status", "task:t1", "--at", "2026-01-31 08:30", zone="Europe/Berln")

    assert done == (2, "", "sojourn: TZ: no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?\n")
