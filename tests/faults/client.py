"""A client that brings tasks through their lives, and journals each step before it is sent and after its answer.

`python -m tests.faults.client JOURNAL NAME SEED (--dsn DSN | --url URL)` goes on until SIGTERM. Half of its steps have
a command id: what is in doubt is sent again until it is answered. The others are left where they are in doubt, and the
client goes on with another task.
"""

import argparse
import http.client
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Self
from urllib.parse import quote, urlsplit

from application.transition_service import TaskSpec, TransitionService
from infrastructure.errors import ConnectionLost
from sojourn.errors import SojournError
from tests.faults.journal import Journal

PAUSE_SECONDS = 0.05
"""The wait before a step is sent again."""


class InDoubt(Exception):
    """The step was perhaps carried out."""


class NotCarriedOut(Exception):
    """The step was not carried out and may be sent again."""


class ThroughService:
    """Sends steps by a service."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._service: TransitionService | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._service is not None:
            self._service.close()

    def send(self, method: str, *arguments: Any, tag: str, command_id: str | None) -> None:
        """Call a method of the service."""
        try:
            if self._service is None:
                self._service = TransitionService.connect(self._dsn, max_size=1)
            answer = getattr(self._service, method)(*arguments, reason=tag, command_id=command_id)
        except ConnectionLost as error:
            raise (NotCarriedOut if error.safe_to_retry else InDoubt)(str(error)) from error
        except SojournError as error:
            raise NotCarriedOut(str(error)) from error
        _require_carried_out(answer)


class OverHttp:
    """Sends steps to the HTTP API."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url)

    def send(self, method: str, *arguments: Any, tag: str, command_id: str | None) -> None:
        """POST to the route of a method."""
        path, body = _request(method, *arguments)
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": command_id} if command_id else {})
        try:
            status, answer = self._post(path, body | {"reason": tag}, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise InDoubt(str(error)) from error
        if status == 503:
            raise (NotCarriedOut if answer.get("repeatable") else InDoubt)(str(answer))
        if status != 200:
            raise AssertionError(f"{path} was answered with {status}: {answer}")
        _require_carried_out(answer)

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=120)
        try:
            connection.request("POST", f"/api/v3{path}", json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


def _request(method: str, *arguments: Any) -> tuple[str, dict[str, Any]]:
    """Return the route and the body that do what a method of the service does."""
    if method == "register_tasks":
        workflow, (spec,) = arguments
        tasks = [{"task_id": spec.task_id, "max_attempts": spec.max_attempts}]
        return "/tasks", {"workflow_id": workflow, "lifecycle": "jobmon", "tasks": tasks}
    if method == "gate_tasks_for_queueing":
        return "/tasks/gate", {"task_ids": arguments[0]}
    if method == "create_task_instances":
        return "/task_instances", {"instances": arguments[0]}
    name, status = arguments
    return f"/task_instance/{quote(name, safe='')}/transition", {"to_status": status}


def _require_carried_out(answer: Any) -> None:
    if answer.get("error") in ("max_retries_exceeded", "not_found") or answer.get("locked") or answer.get("not_found"):
        raise NotCarriedOut(str(answer))


class Client:
    """Sends and journals steps."""

    def __init__(self, name: str, random: Random, through: ThroughService | OverHttp, journal: Journal) -> None:
        self._name = name
        self._random = random
        self._through = through
        self._journal = journal
        self._number = 0
        self.is_stopped = False

    def run(self) -> None:
        """Bring one task after the other through its life until stopped."""
        task = 0
        while not self.is_stopped:
            task += 1
            for stream, method, *arguments in life(f"{self._name}-{task}"):
                if self.is_stopped or not self.carry_out(stream, method, *arguments):
                    break

    def carry_out(self, stream: str, method: str, *arguments: Any) -> bool:
        """Send a step until it is carried out; return False where that stays in doubt."""
        self._number += 1
        tag = f"{self._name}.{self._number}"
        command_id = tag if self._random.random() < 0.5 else None
        self._journal.write("SENT", tag, stream)
        while not self.is_stopped:
            try:
                self._through.send(method, *arguments, tag=tag, command_id=command_id)
            except InDoubt:
                if command_id is None:
                    self._journal.write("GONE", tag, stream)
                    return False
            except NotCarriedOut:
                pass
            else:
                self._journal.write("DONE", tag, stream)
                return True
            time.sleep(PAUSE_SECONDS)
        return False


def life(task: str) -> Iterator[tuple[Any, ...]]:
    """Yield the steps of a task: the stream in which each is recorded, the method and its arguments."""
    instance = f"{task}/1"
    yield f"task:{task}", "register_tasks", "faults", [TaskSpec(task, 3)]
    yield f"task:{task}", "gate_tasks_for_queueing", [task]
    yield f"task_instance:{instance}", "create_task_instances", {instance: task}
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING", "DONE", "RUNNING"):  # the last one is refused
        yield f"task_instance:{instance}", "transition_task_instance", instance, status


def main() -> None:
    """Run a client until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("journal", type=Path)
    parser.add_argument("name")
    parser.add_argument("seed")
    parser.add_argument("--dsn")
    parser.add_argument("--url")
    options = parser.parse_args()
    through = ThroughService(options.dsn) if options.dsn else OverHttp(options.url)
    client = Client(options.name, Random(options.seed), through, Journal(options.journal))

    def stop(*_: object) -> None:
        client.is_stopped = True

    signal.signal(signal.SIGTERM, stop)
    client.run()


if __name__ == "__main__":
    main()
