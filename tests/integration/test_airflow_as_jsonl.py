"""Airflow's states as jsonl, under the lifecycle of the documentation: what each state waits for, and nothing else.

The folder of `SOJOURN_SYSTEMS` has every change of a real run; the documentation's small night always runs.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.agreement import rows
from tests.support.importing import ADDED_NOTHING, audit, imported, jsonl

pytestmark = pytest.mark.one_server

FOLDER = Path(os.environ.get("SOJOURN_SYSTEMS", "/nonexistent")) / "airflow"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LIFECYCLE = str(EXAMPLES / "airflow.toml")
WAITS = {
    "scheduled": {"slot"},
    "queued": {"resources"},
    "up_for_retry": {"retry-delay"},
    "up_for_reschedule": {"schedule"},
    "deferred": {"dependency", "schedule"},
}
"""What a state waits for. What `none` waits for is known where something upstream has not ended."""


def real_run(folder: Path) -> Iterator[dict[str, Any]]:
    """Every change of a state in a whole run, in the order in which it happened."""
    tries: Counter[str] = Counter()
    running = set[str]()
    known = set[str]()
    for change in map(json.loads, (folder / "truth_every_update.jsonl").read_text().splitlines()):
        before, after = change["old_state"] or "none", change["state"] or "none"
        task, at = f"{change['run_id']}/{change['task_id']}[{change['map_index']}]", {"at": change["at"]}
        if change["run_id"] != "run2" or (before == after == "none" and task in known):
            continue
        if task not in known:
            known.add(task)
            yield {"entity": "task", "id": task, "event": "registered", "workflow": "run2", "max_attempts": 9, **at}
        if before == after:
            continue
        wait = {"waits_for": min(WAITS[after])} if after in WAITS else {}
        if after == "scheduled" and task not in running:
            running.add(task)
            tries[task] += 1
            name = {"id": f"{task}/{tries[task]}", "event": "created", "task": task}
            yield {"entity": "task_instance", **name, **at, **wait}
        elif task in running:
            yield {"entity": "task_instance", "id": f"{task}/{tries[task]}", "to": after, **at, **wait}
        else:
            yield {"entity": "task", "id": task, "to": after, **at, **wait}
        if after not in ("scheduled", "queued", "running", "deferred", "up_for_reschedule"):
            running.discard(task)


@pytest.mark.parametrize("source", ["example", "real"])
def test_every_state_of_airflow_that_waits_says_for_what(
    service: TransitionService, connection: psycopg.Connection[Any], source: str
) -> None:
    if source == "real" and not FOLDER.exists():
        pytest.skip("SOJOURN_SYSTEMS names no folder with Airflow's rows")
    text = (EXAMPLES / "airflow.jsonl").read_text() if source == "example" else jsonl(real_run(FOLDER))

    answer = imported(service, "jsonl", text, lifecycle=LIFECYCLE)
    again = imported(service, "jsonl", text, lifecycle=LIFECYCLE)

    assert (answer["refused"], answer["bad"]) == ({}, 0)
    assert again.items() >= ADDED_NOTHING.items()
    waits = rows(connection, "SELECT entity_kind, entity_id, version, status, kind, detail FROM sojourn.wait")
    entered = {(row["kind"], row["id"], row["version"]): row["new_status"] for row in audit(connection)}
    stated = {(row["entity_kind"], row["entity_id"], row["version"]): row["kind"] for row in waits}
    assert {key for key, status in entered.items() if status in WAITS} == stated.keys() - _with_dependencies(waits)
    assert all(kind in WAITS.get(entered[key], {"dependency"}) for key, kind in stated.items())
    counts = rows(connection, "SELECT num_attempts, (SELECT count(*) FROM sojourn.task_instance AS i "
                              "WHERE i.task_id = t.task_id) AS tries FROM sojourn.task AS t")  # fmt: skip
    assert counts
    assert all(row["num_attempts"] == row["tries"] for row in counts)
    assert verify_log(service.store)["mismatches"] == []


def _with_dependencies(waits: list[dict[str, Any]]) -> set[tuple[str, str, int]]:
    return {(row["entity_kind"], row["entity_id"], row["version"]) for row in waits if row["status"] == "none"}
