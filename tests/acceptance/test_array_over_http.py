"""An array's whole life, over HTTP, by a distributor and workers that have nothing but a plain HTTP client."""

from collections import Counter
from typing import Any

from application.replay.verify import verify_log
from application.transition_service import TransitionService
from tests.support.serving import Serving, serving

TASKS = [f"align-{number:03}" for number in range(200)]
FAILING, KILLED = TASKS[:10], TASKS[10:15]


def test_the_life_of_an_array_over_http(service: TransitionService) -> None:
    """Bind, queue 200, instantiate, launch, run, fail 10 that are tried again, kill 5, done."""
    with serving(service.dsn) as server:
        array = bind(server)
        first = queue(server, array, TASKS)
        instance_of = {member["task_id"]: member["task_instance_id"] for member in first}
        submit(server, array, first)
        run(server, first)

        for task in FAILING:
            answer = report(server, instance_of[task], "ERROR")
            assert (answer["task_status"], answer["error"]) == ("REGISTERING", None)
        for task in KILLED:
            assert report(server, instance_of[task], "KILL_SELF")["ti_updated"]
        server.post(f"{array}/transition_to_killed", {"batch_number": 1})
        for task in TASKS[15:]:
            assert report(server, instance_of[task], "DONE")["task_status"] == "DONE"

        second = queue(server, array, FAILING)
        assert [member["step"] for member in second] == list(range(10))
        submit(server, array, second, batch=2)
        run(server, second)
        for member in second:
            assert report(server, member["task_instance_id"], "DONE")["task_status"] == "DONE"
        assert report(server, instance_of[FAILING[0]], "DONE")["error"] == "invalid_ti_transition"

        statuses = Counter(member["status"] for number in (1, 2) for member in server.get(f"{array}/batch/{number}"))
        assert statuses == {"DONE": 195, "ERROR": 10, "ERROR_FATAL": 5}
        audit = server.get("/audit?workflow_id=12")
        assert Counter(row["new_status"] for row in audit if row["exited_at"] is None) == {
            "DONE": 195,
            "ERROR_FATAL": 5,
        }
        assert server.end() == 0
    assert verify_log(service.store)["mismatches"] == []


def bind(server: Serving) -> str:
    """The path of an array that the tasks are registered for."""
    body = {"workflow_id": 12, "task_template_version_id": 7, "max_concurrently_running": 100, "name": "align"}
    array_id = server.post("/array", body)["array_id"]
    assert server.post("/array", body)["array_id"] == array_id
    tasks = [{"task_id": task, "max_attempts": 3, "array_id": array_id} for task in TASKS]
    assert server.post("/tasks", {"workflow_id": 12, "lifecycle": "jobmon", "tasks": tasks})["registered"] == 200
    return f"/array/{array_id}"


def queue(server: Serving, array: str, tasks: list[str]) -> list[dict[str, Any]]:
    """The instances of a new batch. Sent twice with one key, it is queued once."""
    body = {"task_ids": tasks, "task_resources_id": 3, "workflow_run_id": 1}
    key = {"Idempotency-Key": f"queue {len(tasks)}"}
    queued = server.post(f"{array}/queue_task_batch", body, key)
    assert queued["tasks_by_status"] == {"QUEUED": tasks}
    assert server.post(f"{array}/queue_task_batch", body, key) == queued
    members: list[dict[str, Any]] = server.get(f"{array}/batch/{queued['batch_number']}")
    assert [member["task_id"] for member in members] == tasks
    return members


def submit(server: Serving, array: str, members: list[dict[str, Any]], batch: int = 1) -> None:
    """Instantiate a batch and submit it to the cluster, where the first worker is faster than the distributor."""
    names = [member["task_instance_id"] for member in members]
    moved = server.post("/task_instances/transition", {"task_instance_ids": names, "to_status": "INSTANTIATED"})
    assert moved["transitioned"] == names
    submissions = {
        name: {"distributor_id": f"4711_{step}", "stdout": f"/logs/{step}.out"} for step, name in enumerate(names)
    }
    assert server.post(f"{array}/log_distributor_id", submissions) == {"success": True}
    assert report(server, names[0], "LAUNCHED")["ti_updated"]
    assert report(server, names[0], "RUNNING")["ti_updated"]
    launched = {"batch_number": batch, "next_report_increment": 90}
    assert server.post(f"{array}/transition_to_launched", launched) == {}
    history = server.get(f"/history/ti:{names[0]}")
    assert (history[-1]["status"], history[-1]["rule"]) == ("RUNNING", "untimely-transition")


def run(server: Serving, members: list[dict[str, Any]]) -> None:
    """The other workers say that they run."""
    for member in members[1:]:
        answer = report(server, member["task_instance_id"], "RUNNING")
        assert (answer["ti_updated"], answer["task_status"]) == (True, "RUNNING")


def report(server: Serving, task_instance_id: str, to_status: str) -> Any:
    """What a worker's report is answered with."""
    body = {"to_status": to_status, "actor": "worker"}
    return server.post(f"/task_instance/{task_instance_id}/transition", body)
