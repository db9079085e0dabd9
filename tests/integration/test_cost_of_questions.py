"""What questions about one entity or workflow read: as many blocks in a log of a million events as in a small one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg

from application.maintain.maintenance import maintain_once
from application.page.course import read_course
from application.read.workflow import summarize_workflow
from application.read.workflow_counts import count_workflow
from application.report.workflow_report import build_report
from application.transition_service import TaskSpec, TransitionService
from domain.entity import Entity
from tests.support.grown_log import blocks_read, grow

BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
TASKS = [f"flow/{number:02}" for number in range(25)]
LEFT = "flow-7/03"
"""A task whose attempt is left behind; those after it wait for it, at some distance."""

COPIES = 120
"""How many copies make the smaller log, of 30,000 events."""

MILLION = 4_200
"""How many copies make a log of more than a million events."""

APART = timedelta(hours=1)
MARGIN = 150
"""How many more blocks of a table a question may read in the larger log, whose transitions take thousands more."""

PAGES = "SELECT relname, relpages FROM pg_class WHERE relnamespace = 'sojourn'::regnamespace AND relkind = 'r'"

USUAL = "SELECT * FROM sojourn.usual_stays(ARRAY['task_instance'], ARRAY['jobmon'], ARRAY['LAUNCHED'], 1)"


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def fill_workflow(service: TransitionService) -> None:
    """Record a workflow with retries, failures, an attempt left behind, and tasks that wait for them."""
    waits = {20: TASKS[3], 21: TASKS[20], 22: TASKS[5], 23: TASKS[22], 24: TASKS[21]}
    specs = [
        TaskSpec(task, 2, template=f"t{n % 3}", upstream=[waits[n]] if n in waits else ())
        for n, task in enumerate(TASKS)
    ]
    service.register_tasks("flow", specs, occurred_at=at(0))
    for attempt in (1, 2):
        begun = TASKS[:20] if attempt == 1 else TASKS[5:7]
        service.gate_tasks_for_queueing(begun, occurred_at=at(attempt * 10))
        names = [f"{task}/{attempt}" for task in begun]
        service.create_task_instances(dict(zip(names, begun, strict=True)), occurred_at=at(attempt * 10))
        for minute, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING"), attempt * 10 + 1):
            service.transition_task_instances(names, status, occurred_at=at(minute))
        failed = [f"{task}/{attempt}" for task in TASKS[5:7]]
        service.transition_task_instances(failed, "ERROR", occurred_at=at(attempt * 10 + 4))
    done = [f"{task}/1" for task in TASKS[:20] if task not in (TASKS[3], *TASKS[5:7])]
    service.transition_task_instances(done, "DONE", occurred_at=at(15))


def questions(service: TransitionService) -> dict[str, Callable[[], object]]:
    """Return what is asked, by its name."""
    earlier = BEGIN - 7 * APART + timedelta(minutes=14)
    return {
        "why (attempt)": lambda: service.why(f"ti:{LEFT}/1"),
        "why (task)": lambda: service.why(f"task:{LEFT}"),
        "why (waiting)": lambda: service.why("task:flow-7/24"),
        "why (blocked)": lambda: service.why("task:flow-7/23"),
        "orphans --workflow": lambda: service.orphans(workflow_id="flow-7"),
        "workflow": lambda: summarize_workflow(service.store, "flow-7"),
        "counts": lambda: count_workflow(service.store, "flow-7"),
        "report": lambda: build_report(service.store, "flow-7"),
        "page": lambda: service.workflow_tasks("flow-7"),
        "page (chart)": lambda: service.over_time("flow-7"),
        "page (lanes)": lambda: service.lanes("flow-7"),
        "page (attempt)": lambda: read_course(service.store, Entity("task_instance", f"{LEFT}/1"), limit=500),
        "attempts --workflow": lambda: service.attempts(workflow_id="flow-7"),
        "history": lambda: list(service.history(f"task:{LEFT}")),
        "status": lambda: service.status(f"task:{LEFT}", earlier),
        "audit": lambda: list(service.audit(workflow_id="flow-7")),
        "diff --workflow": lambda: list(service.diff(earlier, earlier + timedelta(minutes=10), workflow_id="flow-7")),
    }


def test_a_question_about_one_thing_reads_no_more_of_a_larger_log(
    dsn: str, connection: psycopg.Connection[Any]
) -> None:
    read: list[dict[str, dict[str, int]]] = []
    options = "-c sojourn.exact_below=0 -c sojourn.never_launched_after=100000h"
    with TransitionService.connect(psycopg.conninfo.make_conninfo(dsn, options=options), max_size=1) as service:
        fill_workflow(service)
        for first, last in ((1, COPIES), (COPIES + 1, MILLION)):
            grow(connection, "flow", first, last, APART)
            maintain_once(service.store, lambda _: None)
            for ask in questions(service).values():
                ask()  # so that what the catalog states is known already
            read.append({name: blocks_read(connection, service, ask) for name, ask in questions(service).items()})
    small, large = read
    assert {
        name: {
            table: (small[name][table], n)
            for table, n in tables.items()
            if table != "stay_sketch" and n > small[name][table] * 1.1 + MARGIN  # sketches are of each day
        }
        for name, tables in large.items()
    } == {name: {} for name in large}


def test_orphans_of_all_workflows_are_looked_for_among_what_has_not_ended(
    dsn: str, connection: psycopg.Connection[Any]
) -> None:
    """Given 3,000 tasks that have ended, a few of them after the moment that is asked about.

    Fewer blocks are read than there are tasks, so that neither they nor their attempts are looked up one by one.
    """
    with TransitionService.connect(dsn, max_size=1) as service:
        service.register_tasks("flow", [TaskSpec(task) for task in TASKS], occurred_at=at(0))
        service.gate_tasks_for_queueing(TASKS, occurred_at=at(10))
        attempts = {f"{task}/1": task for task in TASKS}
        service.create_task_instances(attempts, occurred_at=at(10))
        for minute, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE"), 11):
            service.transition_task_instances(list(attempts), status, occurred_at=at(minute))
        grow(connection, "flow", 1, COPIES, APART)
        maintain_once(service.store, lambda _: None)
        asked = {
            (rule, moment): partial(service.orphans, rule=rule, at=moment)
            for rule in ("stalled-task", "dead-runner")
            for moment in (None, at(12))
        }
        for ask in asked.values():
            ask()
        read = {name: blocks_read(connection, service, ask) for name, ask in asked.items()}

    tasks = len(TASKS) * COPIES
    most = {
        name: sum(blocks[table] for table in ("task", "task_instance", "stored_event_1"))
        for name, blocks in read.items()
    }
    assert {name: blocks for name, blocks in most.items() if blocks >= tasks} == {}


def test_what_stays_usually_last_as_of_a_time_is_read_from_its_day_alone(
    dsn: str, connection: psycopg.Connection[Any]
) -> None:
    """One workflow has begun on the day of the moment that is asked about; sketches have the days before."""
    moment = BEGIN - 12 * APART + timedelta(minutes=14)
    options = f"-c sojourn.exact_below=0 -c sojourn.as_of={moment:%Y-%m-%dT%H:%MZ}"
    with TransitionService.connect(psycopg.conninfo.make_conninfo(dsn, options=options), max_size=1) as service:
        fill_workflow(service)

        def ask() -> None:
            with service.store.session() as reader:
                assert len(reader.execute(USUAL).fetchall()) > 1

        grow(connection, "flow", 1, 3 * COPIES, APART)
        maintain_once(service.store, lambda _: None)
        ask()
        read = blocks_read(connection, service, ask)["stored_event_1"]
    assert read < dict(connection.execute(PAGES).fetchall())["stored_event_1"] * 0.22


def test_a_task_that_waits_is_compared_with_others_in_one_reading(
    dsn: str, connection: psycopg.Connection[Any]
) -> None:
    """No upstream explains its wait, and it has not waited for long enough to be stuck."""
    read, pages = list[dict[str, int]](), list[dict[str, int]]()
    with TransitionService.connect(dsn, max_size=1) as service:
        since = datetime.now(UTC) - timedelta(minutes=5)
        service.register_tasks("other", [TaskSpec("waits")], occurred_at=since)
        fill_workflow(service)
        for first, last in ((1, COPIES), (COPIES + 1, 3 * COPIES)):
            grow(connection, "flow", first, last, APART)
            assert "no longer than any of the" in service.why("task:waits")["verdict"]
            read.append(blocks_read(connection, service, lambda: service.why("task:waits")))
            pages.append(dict(connection.execute(PAGES).fetchall()))

    more_read, more = ({table: n - rows[0][table] for table, n in rows[1].items()} for rows in (read, pages))
    assert more["stored_event_1"] > 500
    assert more_read["stored_event_1"] < more["stored_event_1"] * 1.2 + MARGIN
    assert more_read["task"] < more["task"] * 1.2 + MARGIN
