"""docs/investigation.md, carried out: its programs, its commands, and what it says that they print."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from application.cases.opened_case import forget_case, list_opened_cases
from infrastructure.database.pool import Database

PAGE = Path(__file__).parents[2] / "docs" / "investigation.md"
PROGRAM = re.compile(r"```python (\S+)\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
SHELL = "exec 2>&1"


@pytest.fixture
def folder(dsn: str, tmp_path: Path) -> Iterator[Path]:
    """The folder of the page's programs; what is opened from there is forgotten."""
    for name, text in PROGRAM.findall(PAGE.read_text("utf-8")):
        (tmp_path / name).write_text(text)
    yield tmp_path
    database = Database(dsn)
    for case in list_opened_cases(database):
        if case["workflow"] == "night":
            forget_case(database, case["database"])
    for pid in tmp_path.glob("*.pid"):
        subprocess.run(["kill", "-KILL", pid.read_text()], check=False, capture_output=True)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the page, and the lines that the page shows for it."""
    for block in CONSOLE.findall(PAGE.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, lines


def test_the_page_says_what_happens(dsn: str, folder: Path) -> None:
    environment = os.environ | {"SOJOURN_DSN": dsn, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    expected = list(commands())
    # One shell for them all, as a reader has one; a mark tells where the output of each begins.
    script = "\n".join([SHELL, *(f"echo '>>> {number}'\n{command}" for number, (command, _) in enumerate(expected))])

    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    printed = re.split(r"^>>> \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(printed) == len(expected) > 10
    for (command, lines), output in zip(expected, printed, strict=True):
        assert matches(lines, output), f"$ {command}\n{output}"
    assert not (folder / "align-2.pid").exists()


def matches(lines: list[str], output: str) -> bool:
    """Whether the output has those lines; blanks between columns are as many as it takes, and … is anything."""
    found = [" ".join(line.split()) for line in output.splitlines() if "Killed" not in line]
    patterns = [".*".join(re.escape(" ".join(part.split())) for part in line.split("…")) for line in lines]
    return len(found) == len(patterns) and all(
        re.fullmatch(pattern, line) for pattern, line in zip(patterns, found, strict=True)
    )
