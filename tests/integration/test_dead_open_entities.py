"""Open entities of real systems that nobody will end: orphans finds each of them, and none that is not.

The folder of `SOJOURN_SYSTEMS` has what Prefect and Dagster recorded; a small log of the same shapes always runs.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from application.transition_service import TransitionService
from tests.support.importing import imported, jsonl

FOLDER = Path(os.environ.get("SOJOURN_SYSTEMS", "/nonexistent"))
RUNS = {"ENQUEUED": "ENQUEUED", "STARTING": "STARTING", "START": "STARTED", "CANCELING": "CANCELING"}
STEPS = {"STEP_WORKER_STARTING": "STARTING", "STEP_WORKER_STARTED": "STARTED", "STEP_START": "STARTED"}
DAGSTER = """
name = "dagster-trial"
version = 1
[task]
initial = "REGISTERED"
starts_in = ["ENQUEUED", "STARTING", "STARTED", "SKIPPED"]
terminal = ["SUCCESS", "FAILURE", "CANCELED", "SKIPPED"]
failures = ["FAILURE"]
stuck_after = { STARTED = "10m" } # nothing of Dagster reports while a run goes on, and too few end to compare with
"""
OPEN = ("REGISTERED", "ENQUEUED", "STARTING", "STARTED", "CANCELING", "UP_FOR_RETRY")
ENDS = ("SUCCESS", "FAILURE", "CANCELED", "SKIPPED")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def registration(task: str, at: str, parent: str | None = None, status: str | None = None) -> dict[str, Any]:
    line = {"entity": "task", "id": task, "event": "registered", "at": at, "workflow": "w", "max_attempts": 1}
    return line | ({"parent": parent} if parent else {}) | ({"status": status} if status else {})


def prefect(folder: Path) -> Iterator[dict[str, Any]]:
    """Every flow run and task run with its states in the order of their times; a task run is a part of its flow run."""
    parents = {run["id"]: run["flow_run_id"] for run in lines_of(folder / "task_run.jsonl")}
    for kind in ("flow", "task"):
        states = sorted(lines_of(folder / f"{kind}_run_state.jsonl"), key=lambda state: state["timestamp"])
        known = set[str]()
        for state in states:
            run, at = state["state_details"][f"{kind}_run_id"], state["timestamp"].replace(" ", "T") + "Z"
            if run not in known:
                known.add(run)
                yield registration(run, at, parents.get(run) if kind == "task" else None, state["type"])
            else:
                yield {"entity": "task", "id": run, "to": state["type"], "at": at}


def dagster(folder: Path) -> Iterator[dict[str, Any]]:
    """Every run, and every step as a part of its run."""
    known = set[str]()
    for event in sorted(lines_of(folder / "event_logs.jsonl"), key=lambda event: event["timestamp"]):
        kind, run, at = event["dagster_event_type"] or "", event["run_id"], event["timestamp"].replace(" ", "T") + "Z"
        step = f"{run}/{event['step_key']}" if kind.startswith("STEP_") else run
        name = kind.partition("_")[2]
        to = STEPS.get(kind) or RUNS.get(name) if name not in ENDS else name
        to = "UP_FOR_RETRY" if kind == "STEP_UP_FOR_RETRY" else to
        if not kind.startswith(("STEP_", "PIPELINE_")) or to is None:
            continue
        if step not in known:
            known.add(step)
            yield registration(step, at, run if step != run else None, to)
        else:
            yield {"entity": "task", "id": step, "to": to, "at": at}


@pytest.fixture
def dagster_lifecycle(tmp_path: Path) -> str:
    edges = [f"[task.transitions.{name}]" for name in (*OPEN, *ENDS)]
    for number, name in enumerate(OPEN):
        edges[number] += "".join(f'\n{to} = "the run says so"' for to in (*OPEN, *ENDS) if to != name)
    path = tmp_path / "dagster.toml"
    path.write_text(DAGSTER + "\n".join(edges) + "\n")
    return str(path)


def dead(service: TransitionService, **limits: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for orphan in service.orphans(thresholds={"stuck_after": json.dumps(limits)} if limits else None):
        found.setdefault(orphan["task_id"], set()).add(orphan["rule"])
    return found


@pytest.mark.skipif(not (FOLDER / "prefect").is_dir(), reason="SOJOURN_SYSTEMS names no folder with prefect/")
def test_those_of_prefect(service: TransitionService) -> None:
    answer = imported(service, "jsonl", jsonl(prefect(FOLDER / "prefect")), lifecycle="prefect")
    assert answer["bad_lines"] == []
    runs = [run for kind in ("flow", "task") for run in lines_of(FOLDER / f"prefect/{kind}_run.jsonl")]
    still_open = {run["id"] for run in runs if run["state_type"] in ("PENDING", "RUNNING")}

    # Without a limit: of two, enough runs have ended in that status to compare with.
    found = dead(service)

    assert set(found) == still_open
    assert sorted("ended-parent" in rules for rules in found.values()) == [False, False, True, True]
    assert len(still_open) == 4


@pytest.mark.skipif(not (FOLDER / "dagster").is_dir(), reason="SOJOURN_SYSTEMS names no folder with dagster/")
def test_those_of_dagster(service: TransitionService, dagster_lifecycle: str) -> None:
    answer = imported(service, "jsonl", jsonl(dagster(FOLDER / "dagster")), lifecycle=dagster_lifecycle)
    assert answer["bad_lines"] == []
    by_default, found = dead(service, STARTED="100 years"), dead(service)

    assert list(by_default.values()) == [{"ended-parent"}] * 3
    assert sorted("ended-parent" in rules for rules in found.values()) == [False, True, True, True]


def test_a_small_log_of_the_same_shapes(service: TransitionService) -> None:
    parents: dict[str, str | None] = {"crashed": None, "done": None, "forced": None, "waits": None}
    parents |= {"crashed/1": "crashed", "done/1": "done", "done/2": "done"}
    moves = (
        "crashed PENDING", "done PENDING", "crashed RUNNING", "done RUNNING", "crashed/1 PENDING", "done/1 PENDING",
        "done/2 PENDING", "crashed/1 RUNNING", "done/2 RUNNING", "done/2 COMPLETED", "done COMPLETED",
        "crashed CRASHED", "forced PENDING", "forced RUNNING",
    )  # fmt: skip
    lines = [registration(task, "2026-01-31T08:00:00Z", parent) for task, parent in parents.items()]
    for second, move in enumerate(moves, 1):
        task, to = move.split()
        lines.append({"entity": "task", "id": task, "to": to, "at": f"2026-01-31T08:00:{second:02}Z"})
    assert imported(service, "jsonl", jsonl(lines), lifecycle="prefect")["refused"] == {}

    found = dead(service, RUNNING="10 minutes")

    assert found["done/1"] == {"ended-parent"}
    assert found["crashed/1"] == {"ended-parent", "stuck"}
    assert found["forced"] == {"stuck"}
    assert set(found) == {"done/1", "crashed/1", "forced"}
