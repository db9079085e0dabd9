"""A server process for the bench, and a minimal client, so the bench measures the server and not the client."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from typing import Any
from urllib.parse import urlsplit

from application.transition_service import TransitionService
from sojourn.bench.clients import Span, time_calls
from sojourn.bench.scratch import STEPS

REQUEST = (
    "POST /api/v3/task_instance/{id}/transition HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\n\r\n{body}"
)


@contextmanager
def run_server(dsn: str) -> Iterator[tuple[str, int]]:
    """Run a server on the database during the block. Yield its host and port."""
    command = [sys.executable, "-m", "sojourn", "serve", "--port", "0", "--json"]
    with subprocess.Popen(  # noqa: S603 - our own
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"SOJOURN_DSN": dsn},  # everybody could read a password on the command line
    ) as process:
        try:
            assert process.stdout is not None
            url = urlsplit(json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")["url"])
            assert url.hostname is not None
            assert url.port is not None
            yield url.hostname, url.port
        finally:
            process.terminate()


class Reporter:
    """Reports over one persistent connection."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

    def report(self, instance: str, status: str) -> str:
        """Report a status. Return the `error` of the answer, or the status line if it is not 200."""
        body = json.dumps({"to_status": status})
        self._socket.sendall(REQUEST.format(id=instance, host=self._host, length=len(body), body=body).encode())
        status_line, length = self._answers.readline(), 0
        while (header := self._answers.readline()) != b"\r\n":
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        answer = self._answers.read(length)
        return str(json.loads(answer)["error"]) if b" 200 " in status_line else status_line.decode().strip()

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._socket.close()


def step_over_http(dsn: str, part: Sequence[Any], barrier: Barrier, queue: Any) -> None:
    """Move instances by HTTP and by the service in turns. `part`: the host, the port, the instances."""
    host, port, *instances = part
    reporter = Reporter(host, port)
    spans: list[Span] = []
    with TransitionService.connect(dsn, max_size=1) as service:

        def report_directly(instance: str, status: str) -> str:
            return str(service.transition_task_instance(instance, status)["error"])

        for status, call in zip(STEPS, (reporter.report, report_directly) * (len(STEPS) // 2), strict=True):
            barrier.wait()
            spans.append(time_calls(call, [(instance, status) for instance in instances]))
    reporter.close()
    queue.put(spans)
