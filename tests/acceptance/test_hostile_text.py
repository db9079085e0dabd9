"""Text from others cannot act on a terminal: no command prints a control, bidi or invisible character of it."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from application.cases.opened_case import forget_case, list_opened_cases
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from tests.support.command_line import Done, command_names, run_program
from tests.support.serving import serving

pytestmark = pytest.mark.security

EVIL = "\x1b[2J\x07\x7f\x85\x9b31m\t\r\n\u202e\u2066\u2028\u2029\u200b\ufeff\U000e0041"
"""Escapes, C1 controls, a bell, line ends, bidi controls, invisible characters and a tag."""

TASK, WORKFLOW, OWNED, TAGGED = f"t{EVIL}", f"w{EVIL}", f"owned{EVIL}", f"tagged{EVIL}"
LONG_AGO = datetime(2026, 1, 31, 8, tzinfo=UTC)
WITHOUT_TEXT_FROM_OTHERS = {"demo", "bench", "db stop", "db url"}
"""They read no log but their own, or start a server that other tests would share."""


def in_toml(text: str) -> str:
    """Return a text in TOML's quotes, every character as a number."""
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


LIFECYCLE = f"""
name = {in_toml("evil" + EVIL)}
version = 1
[task]
initial = {in_toml("NEW" + EVIL)}
terminal = []
[task.transitions.{in_toml("NEW" + EVIL)}]
{in_toml("ODD" + EVIL)} = {in_toml("a cause" + EVIL)}
[task.transitions.{in_toml("ODD" + EVIL)}]
"""


@pytest.fixture
def hostile(service: TransitionService, tmp_path: Path) -> Iterator[TransitionService]:
    """Ids, reasons, actors, templates, runners, tags, tokens and a lifecycle, all of them hostile."""
    actor = Actor(component=f"worker{EVIL}", host=f"node{EVIL}", user=f"user{EVIL}")
    said: dict[str, Any] = {"actor": actor, "reason": f"because{EVIL}"}

    def at(minutes: int) -> datetime:
        return LONG_AGO + timedelta(minutes=minutes)

    service.register_tasks(WORKFLOW, [TaskSpec(TASK, 3, f"align{EVIL}")], occurred_at=at(0), **said)
    service.gate_tasks_for_queueing([TASK], occurred_at=at(1), **said)
    for number in (1, 2):
        name = f"{TASK}/{number}"
        service.create_task_instances({name: TASK}, occurred_at=at(2), **said)
        for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
            service.transition_task_instance(name, status, occurred_at=at(3), **said)
    for number, status in ((2, "DONE"), (1, "ERROR"), (2, "LAUNCHED")):
        service.transition_task_instance(f"{TASK}/{number}", status, occurred_at=at(9), **said)
    service.register_tasks(WORKFLOW, [TaskSpec(OWNED)], lifecycle="pynenc", occurred_at=at(0), **said)
    service.heartbeat(f"runner{EVIL}", 600, occurred_at=at(0))
    for status in ("PENDING", "RUNNING"):
        service.transition_task(OWNED, status, runner_id=f"runner{EVIL}", occurred_at=at(1), **said)
    tagged = TaskSpec(TAGGED, attributes={"tags": [f"gpu{EVIL}"]})
    service.register_tasks(WORKFLOW, [tagged], lifecycle="prefect")
    service.transition_task(TAGGED, "RUNNING", state_name=f"Going{EVIL}", **said)
    (tmp_path / "evil.toml").write_text(LIFECYCLE, "utf-8")
    service.register_tasks(WORKFLOW, [TaskSpec(f"own{EVIL}")], lifecycle=tmp_path / "evil.toml", **said)
    yield service
    for case in list_opened_cases(service.store.database):
        forget_case(service.store.database, case["database"])


def commands(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield commands that print what is hostile, and commands that fail on it."""
    lifecycle = f"evil{EVIL}"
    for entity in (f"task:{TASK}", f"ti:{TASK}/1", f"task:{OWNED}", f"runner:runner{EVIL}", f"task:none{EVIL}"):
        yield from (("history", entity), ("history", "--full", entity), ("status", entity), ("why", entity))
        yield ("replay", entity)
    for workflow in (WORKFLOW, f"none{EVIL}"):
        named = ("--workflow", workflow)
        yield from (("audit", *named), ("orphans", "--include-handled", *named), ("replay", *named))
        yield ("report", *named, "-o", str(folder / f"page{EVIL}.html"))
        yield ("export", "--format", "perfetto", *named, "-o", str(folder / f"trace{EVIL}.json"))
        yield ("bundle", *named, "-o", str(folder / f"case{EVIL}.sojourn"))
        yield ("diff", "--from", "2026-01-30T00:00:00Z", "--to", "2026-02-01T00:00:00Z", *named)
        yield from (("blocked", *named), ("queue-wait", "--by", "template", *named), ("critical-path", workflow))
        yield ("compare", WORKFLOW, workflow)
    for kind in ("workflows", "tasks", "instances", "runners", "arrays"):
        yield ("list", kind)
    yield from (("list", "tasks", "--status", EVIL), ("list", "tasks", "--actor", EVIL), ("list", "arrays", EVIL))
    yield from (("failures", "--by", by) for by in ("reason", "template", "actor", "node"))
    yield from (("workflow", WORKFLOW), ("workflow", f"none{EVIL}"), ("doctor",))
    for verb in ("reset", "cancel"):
        yield (verb, "--workflow", WORKFLOW, "--dry-run")
        yield (verb, "--workflow", WORKFLOW, "--reason", EVIL)
        yield (verb, "--workflow", f"none{EVIL}", "--status", EVIL)
    yield from (("orphans",), ("concurrency", "--status", "RUNNING"), ("variants",), ("attempts",), ("breaches",))
    yield from (("variants", "--graph", "mermaid"), ("variants", "--graph", "dot"), ("time-in-status", "--histogram"))
    yield from (("time-in-status", "--by", by) for by in ("workflow", "template", "actor"))
    yield ("replay", "--all", "--lifecycle", str(folder / "evil.toml"))
    yield from (("audit", "--task", TASK), ("audit", "--task", f"none{EVIL}"))
    yield ("open", str(folder / f"case{EVIL}.sojourn"))
    yield ("open", str(folder / f"case{EVIL}.sojourn"), "--", "history", f"task:{TASK}")
    yield from (("open", "--list"), ("open", "--forget", EVIL), ("open", str(folder / f"none{EVIL}")))
    yield ("maintain", "--once")
    proof = str(folder / f"proof{EVIL}.json")
    yield from (("seal",), ("prove", "1", "-o", proof), ("prove", "9999", "-o", proof))
    yield from (("check-proof", proof, "--root", "0" * 64), ("check-proof", proof, "--root", EVIL))
    yield from (
        ("verify",),
        ("verify", "--since-seal"),
        ("verify", "--key", f"key{EVIL}"),
        ("rebuild",),
        ("setup",),
        ("db", "status"),
        ("lifecycle", "list", "--log"),
    )
    yield ("erase", "--actor", EVIL, "--because", EVIL, "--workflow", f"none{EVIL}")
    yield ("erase", "--actor", EVIL, "--because", EVIL, "--workflow", WORKFLOW)
    yield ("archive", "--before", "-1h", "--to", str(folder / f"archive{EVIL}"), "--workflow", f"none{EVIL}")
    yield ("archive", "--before", "-1h", "--to", str(folder / f"archive{EVIL}"), "--workflow", WORKFLOW)
    yield ("restore", "--from", str(folder / f"archive{EVIL}"), "--workflow", f"none{EVIL}")
    yield ("restore", "--from", str(folder), "--workflow", WORKFLOW)
    for way in ((), ("--markdown",), ("--mermaid",), ("--toml",)):
        yield ("lifecycle", "show", lifecycle, "--log", *way)
        yield ("lifecycle", "show", str(folder / "evil.toml"), *way)
        yield ("lifecycle", "show", lifecycle, *way)
    yield from (("lifecycle", "check", str(folder / name)) for name in ("evil.toml", "bad.toml", f"none{EVIL}"))
    yield from (("token", "create", f"name{EVIL}"), ("token", "create", f"name{EVIL}"), ("token", "list"))
    yield from (("token", "revoke", f"name{EVIL}"), ("token", "revoke", f"none{EVIL}"))
    yield from (("slots",), ("slots", f"gpu{EVIL}", "--limit", "1"), ("slots", f"gpu{EVIL}", "--limit", f"1{EVIL}"))
    yield from (("recover", "--dry-run"), ("recover",), ("recover", "--max-pending", f"1{EVIL}"))
    yield from (("heartbeat", f"runner{EVIL}"), ("heartbeat", f"runner{EVIL}", "--for", f"1s{EVIL}"))
    yield from (("import", "jsonl", str(folder / f"bad{EVIL}.jsonl")), ("import", f"jsonl{EVIL}", "-"))
    yield ("import", "jsonl", str(folder / f"bad{EVIL}.jsonl"), "--timezone", f"UTC{EVIL}")
    yield from (("serve", "--host", f"host{EVIL}"), ("serve", "--port", f"1{EVIL}"))
    yield from ((f"evil{EVIL}",), (f"--evil{EVIL}",), ("status", "task:t", f"more{EVIL}"), ("-v", "status", "task:t"))
    yield from (("orphans", "--rule", EVIL), ("orphans", "--stuck-after", f"RUNNING=1{EVIL}"))
    yield from (("status", f"task:{TASK}", "--at", EVIL), ("concurrency", "--status", EVIL), ("history", EVIL))


@pytest.mark.fresh_database  # a rebuild replaces the tables
def test_no_command_prints_a_character_that_acts_on_the_terminal(
    hostile: TransitionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_HOME", str(tmp_path / f"home{EVIL}"))
    (tmp_path / "bad.toml").write_text(f"{in_toml(EVIL)} = 1\n{LIFECYCLE}", "utf-8")
    lines = [{"entity": EVIL}, {"entity": "task", "id": TASK, "to": EVIL, "at": "2026-01-31T08:00:00Z"}, {EVIL: 1}]
    (tmp_path / f"bad{EVIL}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    ran: set[str] = set()

    for arguments in commands(tmp_path):
        done = run_program("-v", "--dsn", hostile.dsn, *arguments)
        check(arguments, done)
        if done.status == 0 and "--" not in arguments:
            check(arguments, run_program("--dsn", hostile.dsn, *arguments, "--json"))
        ran.add(" ".join(arguments))
    names = {" ".join(words) for words in command_names()}
    groups = {name for name in names if any(other.startswith(f"{name} ") for other in names)}
    left = {name for name in names - groups - {""} if not any(f"{text} ".startswith(f"{name} ") for text in ran)}
    assert left == WITHOUT_TEXT_FROM_OTHERS, "commands() lists every command that prints text from others"


def test_what_is_escaped_can_be_recognised(hostile: TransitionService) -> None:
    history = run_program("--dsn", hostile.dsn, "history", f"ti:{TASK}/1").stdout
    audit = run_program("--dsn", hostile.dsn, "audit", "--task", TASK, "--json")

    heading, *lines = history.splitlines()
    assert len(lines) == 5
    assert r"because\x1b[2J\x07\x7f\x85\x9b31m\t\r\n\u202e\u2066\u2028\u2029\u200b\ufeff\U000e0041" in lines[-1]
    assert lines[-1].index("because") == heading.index("why"), "columns are as wide as what is printed"
    assert {row["task_id"] for row in json.loads(audit.stdout)} == {TASK}


def test_a_page_shows_them_escaped(hostile: TransitionService, tmp_path: Path) -> None:
    path = tmp_path / "page.html"

    assert run_program("--dsn", hostile.dsn, "report", "--workflow", WORKFLOW, "-o", str(path)).status == 0

    page = path.read_text("utf-8")
    assert [char for char in page if not char.isprintable() and char != "\n"] == []
    assert r"<h1>w\x1b[2J\x07\x7f\x85" in page
    assert "<svg" in page
    assert "&lt;svg" not in page


def test_metrics_show_them_escaped(service: TransitionService) -> None:
    with service.store.transaction() as connection:
        connection.execute("INSERT INTO sojourn.checkpoint (subscription) VALUES (%s)", [f"mail{EVIL}"])

    with serving(service.dsn) as server, urlopen(f"{server.url}/metrics") as answer:
        text = answer.read().decode()

    assert r"""subscription="mail\\x1b[2J\\x07""" in text
    assert acting_characters(Done(0, text, "")) == ""


@pytest.mark.parametrize(
    ("command", "colours"),
    [
        (("history", f"ti:{TASK}/1"), True),
        (("export", "--format", "csv", "-o", "-"), False),
        (("export", "--format", "jsonl", "-o", "-"), False),
    ],
)
def test_a_terminal_gets_colours_and_nothing_else(
    hostile: TransitionService, command: tuple[str, ...], colours: bool
) -> None:
    text = on_a_terminal([sys.executable, "-m", "sojourn", "--dsn", hostile.dsn, *command])

    assert ("\x1b[" in text) == colours
    assert r"\x85" in text or r"\u0085" in text
    assert acting_characters(Done(0, re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r\n", "\n")), "")) == ""


def check(arguments: tuple[str, ...], done: Done) -> None:
    assert done.status in (0, 1, 2), (arguments, done)
    assert acting_characters(done) == "", (arguments, done)
    assert "sojourn: unexpected" not in done.stderr, (arguments, done)


def acting_characters(done: Done) -> str:
    return "".join(char for char in done.stdout + done.stderr if not char.isprintable() and char != "\n")


def on_a_terminal(arguments: list[str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(arguments, stdout=theirs, env=os.environ | {"TERM": "xterm", "COLUMNS": "200"}):
        os.close(theirs)
        read = b""
        try:
            while piece := os.read(ours, 4096):
                read += piece
        except OSError:  # Linux reports the end of a terminal so
            pass
        os.close(ours)
    return read.decode()
