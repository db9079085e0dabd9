"""An import whose process is killed in its middle, and run again."""

import json
import subprocess
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from application.imports.importer import LINES_PER_BATCH
from application.imports.time_window import WINDOW
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.command_line import SOJOURN
from tests.support.importing import ADDED_NOTHING, audit, events
from tests.support.waiting import wait_for

STATUSES = ("G", "Q", "I", "O", "R", "D")
STORED = LINES_PER_BATCH + WINDOW
"""The number of lines after which the first batch is stored: those after it wait until they are sorted by time."""

LINES = STORED + 1_000


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Jobmon's audit of tasks that all end."""
    path = tmp_path / "table.csv"
    rows = (
        f"{task},w,{before},{to},2026-01-31T08:{task // 60 % 60:02}:{task % 60:02}.{second}Z"
        for task in range(LINES // 5)
        for second, (before, to) in enumerate(pairwise(STATUSES))
    )
    path.write_text("\n".join(["task_id,workflow_id,previous_status,new_status,entered_at", *rows, ""]))
    return path


def command(dsn: str, file: str) -> list[str]:
    return [SOJOURN, "import", "jobmon", file, "--json", "--dsn", dsn]


def whole(dsn: str, table: Path) -> dict[str, object]:
    done = subprocess.run(command(dsn, str(table)), capture_output=True, text=True, timeout=120, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_it_goes_on_where_it_was_and_ends_as_one_that_was_never_interrupted(
    service: TransitionService, connection: psycopg.Connection, empty_dsn: str, table: Path
) -> None:
    lines = table.read_text().splitlines(keepends=True)
    with subprocess.Popen(command(service.dsn, "-"), stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin
        process.stdin.writelines(lines[: STORED + 500])
        process.stdin.flush()
        wait_for(lambda: process.poll() is not None or events(connection))
        assert process.poll() is None
        process.kill()
    stored = events(connection)

    again = whole(service.dsn, table)
    whole(empty_dsn, table)

    assert 0 < stored < events(connection)
    assert again["duplicates"] == LINES_PER_BATCH
    with psycopg.connect(empty_dsn, autocommit=True) as other:
        assert audit(connection) == audit(other)
    assert whole(service.dsn, table).items() >= (ADDED_NOTHING | {"duplicates": LINES}).items()
    assert verify_log(service.store)["mismatches"] == []
