"""Help tests to every command of the command line: each is in a table with arguments that it can work with."""

from collections.abc import Iterator
from typing import Any

import typer

from tests.support.command_line import app

READING = {
    "attempts": [],
    "audit": [],
    "blocked": [],
    "breaches": ["--sla", "{folder}/sla.toml"],
    "bundle": ["--workflow", "w", "-o", "{folder}/w.sojourn"],
    "compare": ["w", "w"],
    "concurrency": ["--status", "RUNNING"],
    "critical-path": ["w"],
    "diff": ["--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"],
    "export": ["--format", "jsonl", "-o", "{folder}/w.jsonl"],
    "failures": [],
    "history": ["task:t1"],
    "lifecycle list": ["--log"],
    "lifecycle show": ["jobmon", "--log"],
    "list arrays": [],
    "list instances": [],
    "list runners": [],
    "list tasks": [],
    "list workflows": [],
    "orphans": [],
    "queue-wait": ["--by", "user", "--per", "day"],
    "replay": ["--all"],
    "report": ["--workflow", "w", "-o", "{folder}/w.html"],
    "slots": [],
    "status": ["task:t1"],
    "time-in-status": [],
    "token list": [],
    "variants": [],
    "verify": [],
    "why": ["ti:t1/1"],
    "workflow": ["w"],
}
"""Commands that only read a database."""

OF_A_SEALED_LOG = {"prove": ["1", "-o", "{folder}/proof.json"]}
"""Commands that only read a database, and fail where nothing is sealed."""

WRITING = {
    "archive": ["--before", "-1h", "--to", "{folder}/archive"],
    "cancel": ["--workflow", "w", "--dry-run"],
    "erase": ["--actor", "nobody", "--because", "asked to"],
    "heartbeat": ["runner"],
    "maintain": ["--once"],
    "rebuild": [],
    "recover": [],
    "reset": ["--workflow", "w"],
    "seal": [],
    "restore": ["--from", "{folder}/archive", "--workflow", "w"],
    "slots --limit": ["tag", "--limit", "2"],
    "token create": ["name"],
    "token revoke": ["name"],
}
"""Commands that write into a database, but do not set one up."""

CREATING = {"demo": [], "import": ["jsonl", "{folder}/w.jsonl"], "serve": ["--port", "0"], "setup": []}
"""Commands that set an empty database up."""

OTHER = {"bench", "check-proof", "db status", "db stop", "db url", "doctor", "lifecycle check", "open"}
"""Commands that use no database, examine any one, or create one of their own on the server."""


def arguments(table: dict[str, list[str]], name: str, folder: object) -> list[str]:
    """Return a command of a table, with its arguments; its files are in a folder."""
    return [*name.partition(" --")[0].split(), *(text.format(folder=folder) for text in table[name])]


def leaf_commands() -> set[str]:
    """Return every command by its full name."""
    return set(_walk(typer.main.get_command(app), ()))


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield " ".join(path)
        return
    for name, inner in command.commands.items():
        yield from _walk(inner, (*path, name))
