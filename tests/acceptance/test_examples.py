"""The examples of the documentation, run as a reader runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from application.analyse.concurrency import count_concurrency
from application.analyse.time_in_status import measure_time_in_status
from application.transition_service import TransitionService
from tests.support.attempts import attempt, register
from tests.support.command_line import app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NOTEBOOK = EXAMPLES / "time_in_status.ipynb"


@pytest.fixture
def ended(service: TransitionService) -> TransitionService:
    """Tasks that all came to an end, one of them at its second attempt."""
    register(service, "a", "b")
    attempt(service, "a", "b")
    service.transition_task_instance("b/1", "DONE")
    service.transition_task_instance("a/1", "ERROR")
    attempt(service, "a")
    service.transition_task_instance("a/2", "DONE")
    return service


def test_duckdb_finds_in_an_export_what_sojourn_finds(
    ended: TransitionService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "--format", "parquet", "-o", "statuses", "--dsn", ended.dsn])
    assert done.exit_code == 0, done

    with duckdb.connect() as connection:
        for statement in duckdb.extract_statements((EXAMPLES / "duckdb.sql").read_text("utf-8")):
            connection.execute(statement).fetchall()
        stays = connection.execute("SELECT status, n, open, total_seconds, p50_seconds FROM time_in_status").fetchall()
        curve = connection.execute("SELECT epoch_us(moment), n FROM concurrency").fetchall()

    assert {row[0]: row[1:] for row in stays} == {
        row["status"]: pytest.approx((row["n"], row["open"], row["total_seconds"], row["p50_seconds"]), abs=1e-6)
        for row in measure_time_in_status(ended.store, "task_instance")
    }
    with count_concurrency(ended.store, "task_instance", "RUNNING") as changes:
        assert curve == [(round(row["at"].timestamp() * 1_000_000), row["n"]) for row in changes]


def test_the_notebook_runs_from_top_to_bottom(ended: TransitionService, tmp_path: Path) -> None:
    output = tmp_path / "executed.ipynb"
    execute = [str(Path(sys.executable).with_name("jupyter-execute")), str(NOTEBOOK), f"--output={output}"]
    environment = os.environ | {
        "SOJOURN_DSN": ended.dsn,
        "IPYTHONDIR": str(tmp_path),
        "JUPYTER_CONFIG_DIR": str(tmp_path),
    }

    done = subprocess.run(execute, capture_output=True, text=True, timeout=120, check=False, env=environment)

    assert done.returncode == 0, done.stderr
    shown = "".join(text for cell in cells(output) for found in cell.get("outputs", []) for text in texts(found))
    assert "<td>INSTANTIATED</td><td>3</td>" in shown
    assert "RUNNING: at most 2 at once" in shown
    assert "flowchart LR" in shown


def test_the_notebook_is_kept_without_what_it_once_printed() -> None:
    code = [cell for cell in cells(NOTEBOOK) if cell["cell_type"] == "code"]

    assert code
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return found


def texts(output: dict[str, Any]) -> list[str]:
    return [line for lines in output.get("data", {}).values() for line in lines]
