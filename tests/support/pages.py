"""Help tests to carry out a page of the documentation from top to bottom, as its reader does."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w*)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DUCKDB = """duckdb() { python -c 'import sys, duckdb; print(duckdb.sql(sys.argv[2]))' "$@"; }"""
"""DuckDB's program by its Python package, which the tests have."""

ELISION = "..."
"""A line of an output that stands for any lines."""


class Step(NamedTuple):
    """A command of a page, and the lines that the page shows for it; `status` and `printed` are what it came to."""

    command: str
    shown: list[str]
    status: int = 0
    printed: str = ""


def carry_out(
    page: str, folder: Path, dsn: str, without: tuple[str, ...] = (), edit: Callable[[str], str] = str
) -> list[Step]:
    """Run each command of a page's console blocks in one shell, in a folder with the page's files, in UTC.

    Commands that begin with one of `without` are left out; `edit` returns a command as this machine can run it.
    """
    text = (ROOT / page).read_text("utf-8")
    for _, name, content in BLOCK.findall(text):
        if name:
            (folder / name).write_text(content)
    (folder / "docs").symlink_to(ROOT / "docs")
    steps = [step._replace(command=edit(step.command)) for step in _steps(text) if not step.command.startswith(without)]
    marked = (f"echo '>>> {number}'\n{step.command}\necho \"<<< $?\"" for number, step in enumerate(steps))
    environment = os.environ | {
        "SOJOURN_DSN": dsn, "TZ": "UTC", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", "\n".join(["exec 2>&1", DUCKDB, *marked])],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    outputs = re.split(r"^>>> \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    return [_ended(step, output) for step, output in zip(steps, outputs, strict=True)]


def _steps(text: str) -> Iterator[Step]:
    for language, _, content in BLOCK.findall(text):
        if language == "console":
            for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                command, *lines = part.splitlines()
                yield Step(command, lines)


def _ended(step: Step, output: str) -> Step:
    printed, _, status = output.rpartition("<<< ")
    return step._replace(printed=printed, status=int(status))


def is_as_shown(step: Step) -> bool:
    """Return whether a command printed what the page shows for it.

    Blanks between columns are as many as it takes, `…` stands for anything in a line, `...` for any lines, and a page
    that shows nothing leaves the output to the reader.
    """
    printed = "".join(f"{' '.join(line.split())}\n" for line in step.printed.splitlines())
    return not step.shown or re.fullmatch("".join(map(_pattern, step.shown)), printed) is not None


def _pattern(line: str) -> str:
    if line.strip() == ELISION:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(" ".join(part.split())) for part in line.split("…")) + r"\n"
