"""The pages of the documentation, each carried out from top to bottom in a log of its own: they show what happens."""

import re
from pathlib import Path

import pytest

from application.transition_service import TransitionService
from tests.support.command_line import document
from tests.support.pages import ROOT, carry_out, is_as_shown

PAGES = {
    "docs/analytics.md": 7,
    "docs/exports.md": 5,
    "docs/lists.md": 9,
    "docs/orphans.md": 5,
    "docs/replay.md": 5,
}
"""Pages whose data have the times that the page shows, and how many commands each has at least."""

PAGES_OF_NOW = {
    "docs/arrays.md": 4,
    "docs/cases.md": 2,
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
