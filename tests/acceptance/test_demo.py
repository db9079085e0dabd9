"""`sojourn demo` as people run it: processes, a database, and nothing left behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from application.transition_service import TransitionService
from tests.support.agreement import moves, streams_of
from tests.support.command_line import SOJOURN
from tests.support.stays import stays_of
from tests.support.waiting import wait_for

PROCESSES = Path("/proc")
MARK = "SOJOURN_TEST_RUN"


class Demo:
    """A demo process; what it starts is distinguished from others by a mark in the environment."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.mark = f"{MARK}={uuid4()}"
        self._output, self._errors = folder / "output", folder / "errors"
        # Files, not pipes: the end of a pipe would come only when no process that has inherited it is left.
        with self._output.open("w") as output, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [SOJOURN, "demo", "--json", "--dsn", dsn],
                env=os.environ | {MARK: self.mark.partition("=")[2], "TMPDIR": str(self.temporary)},
                stdout=output,
                stderr=errors,
            )

    def finish(self) -> tuple[int, str, str]:
        status = self.process.wait(timeout=60)
        return status, self._output.read_text(), self._errors.read_text()

    def left_over(self) -> list[str]:
        """The command lines of its processes that are still there, and the files."""
        if not PROCESSES.is_dir():
            pytest.skip("processes are looked for in /proc")
        return [*map(str, self.temporary.iterdir()), *self._processes()]

    def _processes(self) -> Iterator[str]:
        for process in PROCESSES.glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                    yield (process / "cmdline").read_text()
            except OSError:
                continue  # it is another user's, or has just ended


@pytest.fixture
def demo(dsn: str, tmp_path: Path) -> Iterator[Demo]:
    started = Demo(dsn, tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def test_it_makes_every_kind_of_end_and_the_log_agrees(demo: Demo, connection: psycopg.Connection) -> None:
    status, output, errors = demo.finish()

    assert (status, errors) == (0, "")
    found = json.loads(output)
    workflow, second = found["workflows"]
    assert workflow == found["workflow"]
    assert found["tasks"] == 63 + 24
    assert found["task_instances"] >= 65 + 23
    assert found["never_started"] == 2
    assert found["orphans"] >= 1
    assert found["verify"] == {"checked": found["events"], "mismatches": 0}
    assert [found["events"], found["refused"]] == one(
        connection,
        "SELECT count(*), count(*) FILTER (WHERE name LIKE '%%.refused.%%') FROM sojourn.event"
        " WHERE workflow_id IN (%s, %s)",
        workflow,
        second,
    )
    assert found["transitions"] == found["events"] - found["refused"]
    assert demo.left_over() == []

    assert tasks(connection, workflow) == {"DONE": 59, "ERROR_FATAL": 1, "REGISTERING": 2, "FAILED": 1}
    assert tasks(connection, second) == {"DONE": 23, "COMPLETED": 1}
    for each in (workflow, second):
        assert_runs_keep_to_links(connection, each)
    assert_comparison_adds_up(connection, workflow, second)
    assert_causes_are_found(connection, workflow)
    for each in (workflow, second):
        assert_path_leads_to_the_end(connection, each)
    assert entered(connection, f"{workflow}/broken") == [
        *("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "ERROR_RECOVERABLE"),
        *("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "ERROR_FATAL"),
    ]
    assert entered(connection, f"{workflow}/hungry") == [
        *("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "ERROR_RECOVERABLE"),
        *("ADJUSTING_RESOURCES", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "DONE"),
    ]
    assert entered(connection, f"{workflow}/crashes-once") == [
        *("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING"),
        *("REGISTERING", "QUEUED", "INSTANTIATING", "LAUNCHED", "RUNNING", "DONE"),
    ]
    lost = f"{workflow}/crashes-once/1"
    assert one(
        connection,
        "SELECT previous_status, new_status, reported, rule FROM sojourn.task_instance_status_audit"
        " WHERE task_instance_id = %s AND rule IS NOT NULL",
        lost,
    ) == ["TRIAGING", "ERROR_FATAL", "UNKNOWN_ERROR", "orphaned-instance"]
    assert workers_of(connection, lost) != workers_of(connection, f"{workflow}/crashes-once/2")


def test_ctrl_c_leaves_nothing_behind(demo: Demo, connection: psycopg.Connection) -> None:
    def is_running() -> bool:
        assert demo.process.poll() is None, demo.finish()
        return bool(one(connection, "SELECT count(*) FROM sojourn.transition WHERE status = %s", "RUNNING")[0])

    wait_for(is_running)
    demo.process.send_signal(signal.SIGINT)
    status, output, errors = demo.finish()

    assert (status, output) == (130, "")
    assert "Traceback" not in errors
    assert demo.left_over() == []
    assert one(connection, "SELECT count(*) FROM sojourn.task WHERE status <> %s", "DONE") != [0]


def assert_comparison_adds_up(connection: psycopg.Connection, a: str, b: str) -> None:
    """What `compare` states is what a few lines make of the raw events, as of one time."""
    (at,) = one(connection, "SELECT clock_timestamp()")
    ends = ("DONE", "ERROR_FATAL", "FAILED", "COMPLETED")
    totals: dict[tuple[str | None, str], list[float]] = {}
    names: list[set[str]] = [set(), set()]
    for stream, events in streams_of(connection).items():
        if stream.startswith("task:"):
            number = [a, b].index(events[0]["workflow_id"])
            names[number].add(stream.removeprefix(f"task:{(a, b)[number]}"))
            for stay in stays_of(events, at):
                if stay.status not in ends:
                    key = events[0].get("template"), stay.status
                    totals.setdefault(key, [0.0, 0.0])[number] += stay.seconds
    with TransitionService.connect(connection.info.dsn) as service:
        found = service.compare(a, b, at, at)

    shown = {(row["template"], row["status"]): [row["total_a"], row["total_b"]] for row in found["by_template"]}
    assert shown.keys() == totals.keys()
    for key, seconds in totals.items():
        assert shown[key] == pytest.approx(seconds, abs=1e-4)
    assert found["only_a"] == sorted(f"{a}{name}" for name in names[0] - names[1])
    assert found["only_b"] == sorted(f"{b}{name}" for name in names[1] - names[0])


def assert_causes_are_found(connection: psycopg.Connection, workflow: str) -> None:
    """What `blocked` and `why` state is what the upstream ids of the raw events lead to."""
    streams = {name: events for name, events in streams_of(connection).items() if name.startswith(f"task:{workflow}/")}
    upstream = {name.partition(":")[2]: events[0].get("upstream") or () for name, events in streams.items()}
    [broken] = [task for task in upstream if entered(connection, task)[-1] == "ERROR_FATAL"]
    behind: set[str] = set()
    while more := {task for task, ids in upstream.items() if {broken, *behind} & set(ids)} - behind:
        behind |= more
    failure = moves(streams[f"task:{broken}"])[-1]
    with TransitionService.connect(connection.info.dsn) as service:
        [row] = service.blocked(workflow)
        chains = [service.why(f"task:{task}")["chain"] for task in behind]

    assert len(behind) == 2
    assert (row["cause"], row["status"], row["since"]) == (f"task:{broken}", "ERROR_FATAL", failure["entered_at"])
    assert (row["blocked"], set(row["examples"])) == (2, behind)
    assert all(failure["position"] in {step["position"] for step in chain} for chain in chains)


def assert_path_leads_to_the_end(connection: psycopg.Connection, workflow: str) -> None:
    """What `critical-path` states is the way back from the last end, each time to what ended last before."""
    streams = streams_of(connection)
    names = [name for name in streams if name.startswith(f"task:{workflow}/")]
    registered = {name[5:]: streams[name][0]["entered_at"] for name in names}
    (at,) = one(connection, "SELECT clock_timestamp()")
    lasts = {name[5:]: moves(streams[name])[-1] for name in names}
    ended = {task: at if last["status"] == "REGISTERING" else last["entered_at"] for task, last in lasts.items()}
    run = f"{workflow}/run"
    # The last part is what the run waited for; what never started is the end itself.
    end = max(ended, key=lambda task: (ended[task], task.endswith("/report")))
    way = [end, max(ended.keys() - {run}, key=ended.__getitem__)] if end == run else [end]
    while upstream := [name for name in streams[f"task:{way[-1]}"][0].get("upstream") or () if ended[name] < at]:
        way.append(max(upstream, key=ended.__getitem__))
    since = [ended[task] for task in way[1:]] + [registered[way[-1]]]
    expected = {task: (ended[task] - begin).total_seconds() for task, begin in zip(way, since, strict=True)}
    before = (registered[way[-1]] - registered[run]).total_seconds()
    expected[run] = expected.get(run, 0.0) + before
    with TransitionService.connect(connection.info.dsn) as service:
        found = service.critical_path(workflow, at)

    seconds = dict.fromkeys(expected, 0.0)
    for link in found["links"]:
        kind, _, entity = link["entity"].partition(":")
        seconds[entity if kind == "task" else entity.rpartition("/")[0]] += link["seconds"]
    assert seconds == pytest.approx(expected, abs=1e-5)
    assert found["seconds"] == pytest.approx((ended[end] - registered[run]).total_seconds(), abs=1e-5)


def assert_runs_keep_to_links(connection: psycopg.Connection, workflow: str) -> None:
    """Every task but the run is a part of it, and no attempt began before all upstream tasks were done."""
    parents = connection.execute(
        "SELECT DISTINCT parent_id FROM sojourn.task WHERE workflow_id = %s AND lifecycle = 'jobmon'", [workflow]
    ).fetchall()
    assert parents == [(f"{workflow}/run",)]
    assert connection.execute(UPSTREAM_DONE, [workflow]).fetchall() == [(True,)]


UPSTREAM_DONE = """
SELECT bool_and(EXISTS (
    SELECT FROM sojourn.task_status_audit AS u
    WHERE u.task_id = d.upstream_id AND u.new_status = 'DONE' AND u.entered_at <= a.entered_at
))
FROM sojourn.dependency AS d JOIN sojourn.task_status_audit AS a ON a.task_id = d.task_id AND a.new_status = 'QUEUED'
WHERE d.workflow_id = %s
"""


def one(connection: psycopg.Connection, statement: str, *parameters: object) -> list[Any]:
    rows = connection.execute(statement.encode(), parameters).fetchall()
    assert len(rows) == 1
    return list(rows[0])


def tasks(connection: psycopg.Connection, workflow: str) -> dict[str, int]:
    rows = connection.execute(
        "SELECT status, count(*) FROM sojourn.current_task WHERE workflow_id = %s GROUP BY status", [workflow]
    )
    return dict(rows.fetchall())


def entered(connection: psycopg.Connection, task_id: str) -> list[str]:
    rows = connection.execute(
        "SELECT new_status FROM sojourn.task_status_audit WHERE task_id = %s ORDER BY version", [task_id]
    )
    return [row[0] for row in rows]


def workers_of(connection: psycopg.Connection, task_instance_id: str) -> set[int]:
    rows = connection.execute(
        "SELECT DISTINCT (data -> 'actor' ->> 'pid')::integer FROM sojourn.event"
        " WHERE stream = %s AND data -> 'actor' ->> 'component' = 'worker'",
        [f"task_instance:{task_instance_id}"],
    )
    return {row[0] for row in rows}
