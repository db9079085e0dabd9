"""Help tests to every question that the command line can ask, with everything that it writes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import typer
from typer.core import TyperGroup

from application.cases.case_file import CaseFile
from application.transition_service import TaskSpec, TransitionService
from tests.support.command_line import app, run

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
WHEN = ("--at", (EIGHT + timedelta(hours=1)).isoformat())
MINUTES = ("--from", (EIGHT + timedelta(minutes=1)).isoformat(), "--to", (EIGHT + timedelta(minutes=6)).isoformat())
FILES = ("csv", "jsonl", "ocel2", "otlp", "parquet", "perfetto", "xes")
SLA = '[[limit]]\nstatus = "REGISTERING"\nmax_duration = "1m"\n'

QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("status", "task:t", *WHEN),
    ("status", "ti:t/1"),
    ("history", "task:t"),
    ("history", "ti:t/1"),
    ("why", "task:t", *WHEN),
    ("why", "ti:d/1", *WHEN),
    ("audit", *WHEN),
    ("audit", "--entity", "ti", "--workflow", "w", *WHEN),
    ("orphans", "--include-handled", *WHEN),
    ("orphans", "--stuck-factor", "0.001", *WHEN),
    ("time-in-status", "--terminal", *WHEN),
    ("time-in-status", "--entity", "ti", "--by", "actor", *WHEN),
    ("concurrency", "--status", "QUEUED", *WHEN),
    ("concurrency", "--status", "RUNNING", "--entity", "ti", "--by", "template", "--bucket", "5m", *WHEN),
    ("attempts", "--by", "template", *WHEN),
    ("breaches", "--sla", "{folder}/sla.toml", *WHEN),
    ("variants", "--entity", "ti", *WHEN),
    ("variants", "--graph", "mermaid", *WHEN),
    ("queue-wait", "--by", "template", "--per", "hour", *WHEN),
    ("critical-path", "w", *WHEN),
    ("compare", "w", "w", "--at-a", (EIGHT + timedelta(minutes=7)).isoformat(), "--at-b", *WHEN[1:]),
    ("blocked", *WHEN),
    ("diff", *MINUTES, "--workflow", "w"),
    ("list", "workflows"),
    ("workflow", "w", *WHEN),
    ("failures", "--by", "actor"),
    ("list", "tasks", "--failed"),
    ("list", "instances", "--status", "ERROR"),
    ("list", "runners"),
    ("list", "arrays"),
    ("replay", "--all"),
    ("replay", "task:t", "--lifecycle", "jobmon"),
    ("slots",),
    ("token", "list"),
    ("lifecycle", "list", "--log"),
    ("lifecycle", "show", "own", "--log"),
    ("verify",),
    ("report", "--workflow", "w", "-o", "{folder}/report.html", "--compare", "w", *WHEN),
    ("bundle", "--workflow", "w", "-o", "{folder}/w.sojourn"),
    *(("export", "--format", name, "-o", f"{{folder}}/{name}") for name in FILES),
)
"""Commands that only read. `{folder}` is where they write."""

OTHERS = frozenset(
    {
        "archive",
        "bench",
        "cancel",
        "check-proof",
        "db",
        "demo",
        "erase",
        "heartbeat",
        "import",
        "maintain",
        "open",
        "prove",
        "rebuild",
        "recover",
        "reset",
        "restore",
        "seal",
        "serve",
        "setup",
        "doctor",
    }
)
"""The commands that write, that are about the server, or that need a seal."""

OWN = """
name = "own"
version = 1
[task]
initial = "NEW"
terminal = ["DONE"]
[task.transitions]
NEW = ["DONE"]
DONE = []
"""


def fill(service: TransitionService, folder: Path) -> None:
    """Write what the questions are about: a failed attempt, a late report, a runner, an own lifecycle, slots."""

    def minute(number: int) -> datetime:
        return EIGHT + timedelta(minutes=number)

    (folder / "own.toml").write_text(OWN)
    service.register_tasks("w", [TaskSpec("t", template="align"), TaskSpec("d")], occurred_at=minute(0))
    service.register_tasks("w", [TaskSpec("o")], lifecycle=str(folder / "own.toml"), occurred_at=minute(0))
    service.gate_tasks_for_queueing(["t", "d"], occurred_at=minute(1))
    service.create_task_instances({"t/1": "t", "d/1": "d", "d/2": "d"}, occurred_at=minute(2))
    for number, status in ((4, "INSTANTIATED"), (5, "LAUNCHED"), (6, "RUNNING"), (7, "ERROR")):
        service.transition_task_instance("t/1", status, occurred_at=minute(number), actor="node7", reason="exit 3: ä")
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
        service.transition_task_instances(["d/1", "d/2"], status, occurred_at=minute(5))
    service.transition_task_instance("d/2", "DONE", occurred_at=minute(8), actor="node8")
    service.transition_task_instance("d/1", "ERROR", occurred_at=minute(9))
    service.limit_concurrency("gpu", 2)


def ask_everything(service: TransitionService, folder: Path) -> dict[str, str]:
    """Return what each question prints, and each file that it writes, by its name."""
    folder.mkdir(exist_ok=True)
    (folder / "sla.toml").write_text(SLA)
    answers = {}
    for words in QUESTIONS:
        command = [word.format(folder=folder) for word in words]
        done = run(service, *command, "--json")
        assert done.exit_code == 0, (command, done.output, done.exception)
        if command[0] != "bundle":
            answers[" ".join(words)] = done.stdout.replace(str(folder), "")
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return answers | {str(path.relative_to(folder)): _content(path) for path in files}


def _content(path: Path) -> str:
    """Return what a file has; of a case its lines without the header, which has the present as its end."""
    if path.suffix != ".sojourn":
        return path.read_bytes().hex()
    with path.open("rb") as stream:
        return json.dumps(list(CaseFile(path, stream).lines()))


def command_names() -> set[str]:
    """Return the names of all commands."""
    return set(cast("TyperGroup", typer.main.get_command(app)).commands)
