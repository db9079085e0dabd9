"""The pages of the documentation, each carried out from top to bottom in a log of its own: they show what happens."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from application.transition_service import TransitionService
from tests.support.command_line import document
from tests.support.own_server import own_server
from tests.support.pages import ROOT, carry_out, is_as_shown

PAGES = {
    "docs/analytics.md": 7,
    "docs/exports.md": 5,
    "docs/imports.md": 5,
    "docs/lists.md": 9,
    "docs/orphans.md": 5,
    "docs/replay.md": 5,
}
"""Pages whose data have the times that the page shows, and how many commands each has at least."""

PAGES_OF_NOW = {
    "docs/archive.md": 3,
    "docs/arrays.md": 4,
    "docs/cases.md": 2,
    "docs/links.md": 4,
    "docs/recovery.md": 6,
    "docs/rules.md": 3,
}
"""Pages whose times, positions and durations are others each time."""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_works_as_written(dsn: str, tmp_path: Path, page: str) -> None:
    steps = carry_out(page, tmp_path, dsn)

    assert len(steps) >= PAGES[page]
    for step in steps:
        assert step.status == 0, step
        assert is_as_shown(step), f"{page}: $ {step.command}\n{step.printed}"


@pytest.mark.parametrize("page", PAGES_OF_NOW)
def test_a_page_works_as_written_at_any_time(dsn: str, tmp_path: Path, page: str) -> None:
    steps = carry_out(page, tmp_path, dsn, without=("sojourn open ",))  # which makes a database

    assert len(steps) == PAGES_OF_NOW[page]
    for step in steps:
        assert step.status == 0, step
        assert not step.shown or masked(step.printed) == masked("\n".join(step.shown)), step


def test_the_page_of_operations_works_as_written(tmp_path: Path) -> None:
    """Given two servers in the places of its hosts, which trust everybody, and an import in the place of `serve`."""

    def on_servers(command: str) -> str:
        writing = command.replace("sojourn serve", "sojourn import jsonl docs/examples/night.jsonl")
        return URI.sub(lambda uri: uri_of(hosts, **uri.groupdict()), writing)

    with own_server() as db, own_server() as new:
        db.run("createdb", "--host", str(db.folder), "--username", "postgres", "--encoding", "UTF8", "jobs")
        hosts = {"db": db.folder, "new": new.folder}
        steps = carry_out("docs/operations.md", tmp_path, db.dsn, without=("export ",), edit=on_servers)

    assert [step.status for step in steps] == [0] * 10, steps
    assert re.match(r"Replayed [1-9]\d* events of .* the log is legal", steps[-1].printed), steps[-1]


URI = re.compile(r"postgresql://(?P<user>\w+)@(?P<host>\w+)/(?P<database>\w+)")


def uri_of(hosts: Mapping[str, Path], user: str, host: str, database: str) -> str:
    """Return the DSN of a database on the server that stands for a page's host; `admin` is its superuser."""
    return f"'postgresql://{'postgres' if user == 'admin' else user}@/{database}?host={hosts[host]}'"


def test_the_first_use_of_the_readme_works_as_written(dsn: str, tmp_path: Path) -> None:
    """Given other times, positions and hosts than the page shows, each of which has a digit."""
    setting_up = ("./scripts/", "pip ", "alias ")
    steps = carry_out("README.md", tmp_path, dsn, without=setting_up)

    assert len(steps) == 4
    for step in steps:
        assert (step.status, masked(step.printed)) == (0, masked("\n".join(step.shown))), step


def masked(text: str) -> list[list[str]]:
    """Return the words of each line, in which a word with a digit is any such word."""
    return [["#" if re.search(r"\d", word) else word for word in line.split()] for line in text.splitlines()]


def test_the_line_of_the_readme_for_slurm_gives_a_file_that_is_imported(
    service: TransitionService, tmp_path: Path
) -> None:
    """Given what sacct prints for the columns that the line names."""
    [line] = re.findall(r"`sacct -a -P --format (\S+) > jobs.txt`", (ROOT / "README.md").read_text("utf-8"))
    values = {
        "JobID": "7", "Cluster": "c", "User": "u", "State": "COMPLETED", "ExitCode": "0:0", "NodeList": "n1",
        "JobName": "align", "Submit": "2026-01-31T08:00:00", "Eligible": "2026-01-31T08:00:00",
        "Start": "2026-01-31T08:01:00", "End": "2026-01-31T08:05:00",
    }  # fmt: skip
    columns = line.split(",")
    jobs = tmp_path / "jobs.txt"
    jobs.write_text("|".join(columns) + "\n" + "|".join(values[column] for column in columns) + "\n")

    answer = document(service, "import", "sacct", str(jobs), "--timezone", "Europe/Berlin")

    assert (answer["tasks"], answer["refused"], answer["bad_lines"]) == (1, {}, [])
    assert document(service, "time-in-status", "--entity", "ti", "--terminal") != []
