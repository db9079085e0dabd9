"""Forks: a child has connections of its own, and the parent keeps its own."""

import json
import subprocess
import sys
from typing import Any

import psycopg

from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import rows

CHILDREN, TASKS = 3, 40
FORKING = """
import json, os, signal, sys
from application.transition_service import TransitionService

dsn, children, tasks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def propose(service, who):
    answers = [service.transition_task(f"{who}-{number}", "PENDING", runner_id=str(who)) for number in range(tasks)]
    return [answer["owner"] for answer in answers]


def end(who):
    signal.alarm(240)  # a child that reads another's answers may wait for its own for ever
    status = 1
    try:
        with service:
            status = int(propose(service, who) != [str(who)] * tasks)
    finally:
        os._exit(status)


service = TransitionService.connect(dsn, max_size=2)
service.heartbeat("parent", 60)
children = [(os.fork() or end(who)) for who in range(children)]
own = propose(service, "parent")
ends = [os.waitpid(child, 0)[1] for child in children]
service.heartbeat("parent", 60)
print(json.dumps({"own": own, "ends": ends, "opened": service.store.database.opened}))
"""


def test_children_and_parent_get_the_answers_to_their_own_questions(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    who = ["parent", *map(str, range(CHILDREN))]
    names = [f"{name}-{number}" for name in who for number in range(TASKS)]
    service.register_tasks("w", [TaskSpec(name) for name in names], lifecycle="pynenc")

    run = subprocess.run(
        [sys.executable, "-c", FORKING, service.dsn, str(CHILDREN), str(TASKS)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert (run.returncode, run.stderr) == (0, "")
    answer = json.loads(run.stdout)
    assert answer["own"] == ["parent"] * TASKS
    assert answer["ends"] == [0] * CHILDREN
    assert answer["opened"] == 1  # no child has ended the parent's session
    owners = rows(connection, "SELECT task_id, owner FROM sojourn.current_task")
    assert {row["task_id"]: row["owner"] for row in owners} == {name: name.rpartition("-")[0] for name in names}
