"""docs/http.md and the README: their curl lines run as they stand, and the page lists every route."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.transition_service import TransitionService
from infrastructure.database.settings import HttpSettings
from interfaces.http.app import create_app
from tests.support.serving import serving

PAGES = Path(__file__).parents[2] / "docs"
PAGE = (PAGES / "http.md").read_text("utf-8")
README = (PAGES.parent / "README.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_lines_work_as_they_stand(dsn: str, tmp_path: Path) -> None:
    life, array = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    [expected] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    _use_as_the_readme_does(dsn)
    with serving(dsn) as server:
        answers = _run(life, server.url, tmp_path)
        assert answers[: expected.count("\n")] == [json.loads(line) for line in expected.splitlines()]
        assert answers[-2]["status"] == "RUNNING"
        assert (answers[-1][0]["reported"], answers[-1][0]["rule"]) == ("LAUNCHED", "untimely-transition")

        registered, _, queued, batch = _run(array, server.url, tmp_path)
        assert registered == {"registered": 2, "existing": 0}
        assert queued["tasks_by_status"] == {"QUEUED": ["1", "2"]}
        assert [member["step"] for member in batch] == [0, 1]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_of_the_readme_work_after_its_first_use(
    dsn: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    [script] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    [questions] = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    _use_as_the_readme_does(dsn)
    with serving(dsn) as server:
        serve, lines = script.split("\n", 1)
        assert serve.startswith("sojourn serve ")  # which listens at a free port here
        answers = _run(lines.replace("http://127.0.0.1:8470", server.url), server.url, tmp_path)

    assert answers[-1]["status"] == "INSTANTIATING"

    *settings, question = questions.strip().split("\n")
    for setting in settings:
        connection.execute(setting.encode())
    assert connection.execute(question.encode()).fetchall() == []  # as of a time before the first use
    connection.execute("RESET sojourn.as_of")
    assert {row[0] for row in connection.execute(question.encode())} == {"align", "report", "sort"}


def _use_as_the_readme_does(dsn: str) -> None:
    """Run the README's first use, which a reader of this page has done before."""
    [program] = re.findall(r"```python first_use.py\n(.*?)```", README, re.DOTALL)
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"SOJOURN_DSN": dsn}, check=True, timeout=60)


def test_the_page_lists_every_route(service: TransitionService) -> None:
    paths = create_app(service).openapi()["paths"]
    table = PAGE.replace("`, `.../", "`, `/array/{id}/")

    for path in paths:
        shown = re.sub(r"\{(?!task_template)\w*(_id|_number|entity|name)?\}", "*", path.removeprefix("/api/v3"))
        assert shown in re.sub(r"\{(id|n|entity|name)\}", "*", table), path


def test_the_page_lists_every_limit_with_its_default() -> None:
    for name, field in HttpSettings.model_fields.items():
        assert f"| `SOJOURN_HTTP_{name.upper()}` | {_shown(name, field.default)} |" in PAGE


def _shown(name: str, default: float) -> str:
    """Return a default as the page shows it."""
    if not name.endswith("_bytes"):
        return f"{default:g}"
    return f"{default / 2**20:g} MiB" if default >= 2**20 else f"{default / 2**10:g} KiB"


def _run(script: str, url: str, folder: Path) -> list[Any]:
    done = subprocess.run(
        ["sh", "-eu", "-c", script], env={"API": url, "PATH": "/usr/local/bin:/usr/bin:/bin"}, cwd=folder,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
