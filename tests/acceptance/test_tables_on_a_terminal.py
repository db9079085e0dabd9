"""Tables on a terminal: no command prints a line that is wider, nothing is lost without a word, and a pager helps."""

import json
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.cells import cell_len

from application.maintain.tokens import Scope, create_token
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from tests.support.command_line import run_program
from tests.support.every_command import CREATING, READING, WRITING, arguments
from tests.support.terminal import STYLE, on_a_terminal, printed_on_a_terminal, program_on_a_terminal

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
PREFIX = "nightly-2026-01-31-of-the-second-cluster/"
WIDE = "東京" * 40
LONG = f"{PREFIX}{'very-' * 40}long"
REASON = "its node came back without it, and nobody knows why " * 20
NO_TABLE = {
    "archive", "cancel", "demo", "erase", "serve", "import", "heartbeat", "maintain", "rebuild", "restore",
    "token create", "token revoke", "setup",
}  # fmt: skip
"""Commands that print no table, or the tables of others: of `reset`, which jobmon has, and in the demo of many."""


WITHOUT_A_TABLE = {"bundle", "export", "report", "status", "verify"}


@pytest.fixture
def long_texts(service: TransitionService, tmp_path: Path) -> TransitionService:
    """Given long ids, wide characters, long reasons, an orphan, a silent runner, a failure, a slot and an array."""
    actor = Actor(component="the-distributor-of-the-second-cluster", host="node" * 20, user="somebody")
    names = ["t1", *(f"{PREFIX}sample-{number}" for number in range(4)), LONG, WIDE, f"{PREFIX}{WIDE}"]

    def at(minutes: float) -> dict[str, Any]:
        return {"occurred_at": EIGHT + timedelta(minutes=minutes), "actor": actor, "reason": REASON}

    service.register_tasks("w", [TaskSpec(name, 3, template="align" * 9) for name in names], **at(0))
    service.gate_tasks_for_queueing(names, **at(1))
    service.create_task_instances({f"{name}/1": name for name in names}, **at(2))
    for number, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING")):
        for name in names:
            service.transition_task_instance(f"{name}/1", status, **at(3 + number))
    service.transition_task_instance(f"{LONG}/1", "ERROR", **at(9))
    service.gate_tasks_for_queueing([LONG], **at(10))
    service.create_task_instances({f"{LONG}/2": LONG}, **at(11))
    service.transition_task_instance("t1/1", "LAUNCHED", **at(12))
    service.transition_task_instance(f"{WIDE}/1", "ERROR", **at(13) | {"reason": WIDE})
    service.heartbeat(f"runner-{LONG}", 60, occurred_at=EIGHT)
    service.arrays.bind("w", LONG, 50, name=WIDE)
    service.register_tasks("w", [TaskSpec(f"slot-{LONG}", attributes={"tags": [LONG]})], lifecycle="prefect", **at(1))
    service.limit_concurrency(LONG, 3)
    service.transition_task(f"slot-{LONG}", "PENDING")
    service.transition_task(f"slot-{LONG}", "RUNNING")
    for name in ("reader", "writer"):
        create_token(service.store, name, Scope.READ)
    (tmp_path / "sla.toml").write_text('[[limit]]\nstatus = "RUNNING"\nmax_duration = "1m"\n')
    return service


def commands(folder: Path) -> Iterator[list[str]]:
    """Yield every command that prints a table, and others of their questions."""
    for table in (READING, WRITING, CREATING):
        yield from (arguments(table, name, folder) for name in table if name not in NO_TABLE)
    for name in (f"task:{LONG}", f"ti:{LONG}/1", f"runner:runner-{LONG}", f"ti:{PREFIX}{WIDE}/1"):
        yield from (["history", name], ["history", "--full", name], ["why", name], ["status", name], ["replay", name])
    yield from (["failures", "--by", by] for by in ("template", "actor"))
    yield from (["time-in-status", "--by", by, "--entity", "ti"] for by in ("workflow", "template", "actor", "day"))
    yield from (["time-in-status", "--histogram"], ["concurrency", "--status", "RUNNING", "--by", "template"])
    yield ["diff", "--from", "2026-01-31T08:04:00Z", "--to", "2026-01-31T08:30:00Z"]
    yield from (["attempts", "--by", "template"], ["orphans", "--include-handled"], ["doctor"], ["lifecycle", "list"])
    yield ["replay", "--all", "--lifecycle", "slurm"]
    yield from (["lifecycle", "show", name] for name in ("jobmon", "prefect", "pynenc", "slurm"))


@pytest.mark.fresh_database  # a workflow is reset, and runners are recorded as silent
@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(long_texts: TransitionService, tmp_path: Path, columns: int) -> None:
    for command in commands(tmp_path):
        done = printed_on_a_terminal(columns, *command, "--dsn", long_texts.dsn)

        assert done.status in (0, 1), (command, done)
        assert done.stdout or done.stderr, command
        wide = [line for line in done.stdout.split("\n") if cell_len(line) > columns]
        assert wide == [], command


@pytest.mark.parametrize("name", [*READING, "reset", "recover", "doctor", "open", "slots --limit"])
def test_every_command_with_a_table_has_the_options_of_tables(name: str) -> None:
    help_text = run_program(*name.partition(" --")[0].split(), "--help").stdout

    assert (("--wide" in help_text), ("--no-pager" in help_text)) == (name not in WITHOUT_A_TABLE,) * 2


LIMITED = {
    "attempts": ["--by", "template"],
    "audit": [],
    "breaches": ["--sla", "{folder}/sla.toml"],
    "concurrency": ["--status", "RUNNING"],
    "diff": ["--from", "2026-01-31T08:04:00Z", "--to", "2026-01-31T08:30:00Z"],
    "failures": [],
    "history": ["task:t1"],
    "lifecycle list": ["--log"],
    "list instances": [],
    "list tasks": [],
    "orphans": ["--stuck-after", "RUNNING=1m"],
    "time-in-status": [],
    "token list": [],
    "variants": [],
}
"""Commands with a limit, and questions to which there are several answers."""


FIRST_ROW = "This is the first row; a larger --limit prints more, and without --limit all are printed.\n"


@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_is_stated_where_there_is_more(long_texts: TransitionService, tmp_path: Path, name: str) -> None:
    command = [*arguments(LIMITED, name, tmp_path), "--dsn", long_texts.dsn]
    whole, one = run_program(*command), run_program(*command, "--limit", "1")
    number = len(whole.stdout.splitlines()) - 1

    assert "without --limit" not in whole.stderr
    assert len(one.stdout.splitlines()) == 2
    assert FIRST_ROW in one.stderr
    assert "without --limit" not in run_program(*command, "--limit", str(number)).stderr
    assert len(json.loads(run_program(*command, "--limit", "1", "--json").stdout)) == 1


@pytest.mark.parametrize("option", [(), ("--wide",)])
def test_a_pipe_and_a_wide_table_have_full_values_on_one_line(
    long_texts: TransitionService, option: tuple[str, ...]
) -> None:
    command = ("list", "instances", *option, "--dsn", long_texts.dsn)
    printed = printed_on_a_terminal(80, *command).stdout if option else run_program(*command).stdout

    heading, *lines = printed.splitlines()
    assert heading.split()[:4] == ["entity", "workflow", "template", "status"]
    assert len(lines) == 9
    for text in (LONG, WIDE, PREFIX + WIDE, REASON.strip(), "2026-01-31 08:05:00.000+00:00", "align" * 9):
        assert text in printed


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """A pager that leaves what it got in a file, and prints it."""
    path = tmp_path / "pager"
    path.write_text(f"#!/bin/sh\nexec tee '{tmp_path}/paged'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def long_list(service: TransitionService) -> TransitionService:
    """A list of 30 lines."""
    service.register_tasks("w", [TaskSpec(f"t{number}") for number in range(30)])
    return service


def test_what_does_not_fit_goes_through_the_pager(long_list: TransitionService, pager: Path) -> None:
    status, text = on_a_terminal("list", "tasks", "--dsn", long_list.dsn, PAGER=str(pager))

    assert status == 0
    assert text.count("task:t") == 30
    assert (pager.parent / "paged").read_text() == text


@pytest.mark.parametrize(
    ("options", "lines", "environment"),
    [
        ((), 50, {}),
        (("--no-pager",), 24, {}),
        (("--json",), 24, {}),
        ((), 24, {"SOJOURN_PAGER": ""}),
        ((), 24, {"SOJOURN_PAGER": "cat"}),
        ((), 24, {"SOJOURN_PAGER": "no-such-pager --quiet"}),
        ((), 24, {"SOJOURN_PAGER": "'"}),
        ((), 24, {"TERM": "dumb"}),
    ],
)
def test_nothing_else_starts_it(
    long_list: TransitionService, pager: Path, options: tuple[str, ...], lines: int, environment: dict[str, str]
) -> None:
    settings: Any = {"PAGER": str(pager)} | environment

    status, text = on_a_terminal("list", "tasks", *options, "--dsn", long_list.dsn, lines=lines, **settings)

    assert (status, text.count("task:t")) == (0, 30)
    assert not (pager.parent / "paged").exists()


def test_a_reader_who_quits_early_changes_no_status(long_texts: TransitionService) -> None:
    command = ("orphans", "--include-handled", "--fail", "--dsn", long_texts.dsn)
    whole = on_a_terminal(*command, lines=24, SOJOURN_PAGER="")
    status, text = on_a_terminal(*command, lines=4, SOJOURN_PAGER="head -n 1")

    assert (status, whole[0]) == (1, 1)
    assert text.splitlines()[0] == whole[1].splitlines()[0]
    assert "what is wrong" in whole[1]
    assert "what is wrong" not in text


@pytest.mark.parametrize(
    "question",
    [
        ("list", "tasks"),
        ("list", "workflows"),
        ("audit", "--entity", "task"),
        ("diff", "--from", "2026-01-31T07:00Z", "--to", "2026-01-31T09:00Z"),
    ],
    ids=" ".join,
)
def test_a_reader_who_quits_before_anything_is_shown_gets_no_error(
    service: TransitionService, question: tuple[str, ...]
) -> None:
    """Given more than a pipe holds, so that what is written to a pager that has ended fails."""
    for number in range(700):
        service.register_tasks(f"w{number}-{'very-' * 40}", [TaskSpec(f"t{number}-{'very-' * 40}")], occurred_at=EIGHT)

    done = on_a_terminal(*question, "--wide", "--dsn", service.dsn, SOJOURN_PAGER="true")

    assert done == (0, "")


@pytest.mark.skipif(shutil.which("less") is None, reason="there is no less on this machine")
def test_less_waits_for_its_reader_and_gets_colours(long_list: TransitionService) -> None:
    status, text = on_a_terminal("list", "tasks", "--dsn", long_list.dsn, typed=b"q")

    assert status == 0, text
    assert 0 < text.count("task:t") < 30
    assert "\x1b[1mentity" in text


def test_a_followed_history_fits_the_terminal(long_texts: TransitionService) -> None:
    """Given an event that comes later, wider than what was there."""
    command = ("history", "--follow", "ti:t1/1", "--dsn", long_texts.dsn)
    with program_on_a_terminal(*command, columns=80) as (following, terminal):
        lines = read_until(terminal, "stays")
        long_texts.transition_task_instance("t1/1", "ERROR", reason="reason" * 40)
        lines += read_until(terminal, "ERROR")
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=30) == 0

    assert [line for line in lines if cell_len(line) > 80] == []
    assert "--wide prints everything" in lines[0]


def read_until(terminal: TextIO, text: str) -> list[str]:
    lines: list[str] = []
    for line in terminal:
        lines.append(STYLE.sub("", line.rstrip()))
        if text in lines[-1]:
            return lines
    raise AssertionError(f"{text} never came; {lines}")
