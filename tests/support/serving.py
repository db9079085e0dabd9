"""Help tests to `sojourn serve`: a process, and a plain HTTP client of it."""

import http.client
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import urlsplit

from tests.support.command_line import SOJOURN


@dataclass
class Serving:
    """A server that runs, and where it is."""

    process: "subprocess.Popen[str]"
    errors: IO[str]
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection."""
        place = urlsplit(self.url)
        return http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Send a request, and return the status and the JSON of the answer."""
        connection = self.connection()
        try:
            sent = None if body is None else json.dumps(body)
            all_headers = {"Content-Type": "application/json", **self.headers, **(headers or {})}
            connection.request(method, path, sent, all_headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        """POST under /api/v3, and return the answer, which must be a 200."""
        status, answer = self.ask("POST", f"/api/v3{path}", body, headers)
        assert status == 200, answer
        return answer

    def get(self, path: str) -> Any:
        """GET under /api/v3, and return the answer, which must be a 200."""
        status, answer = self.ask("GET", f"/api/v3{path}")
        assert status == 200, answer
        return answer

    def stderr(self) -> str:
        """Return what it has written to stderr."""
        self.errors.seek(0)
        return self.errors.read()

    def end(self) -> int:
        """Terminate it, wait, and return its exit status."""
        self.process.terminate()
        return self.process.wait(timeout=30)


def end(process: "subprocess.Popen[str]") -> None:
    """End a server, also one that does not react to a signal."""
    process.terminate()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextmanager
def serving(dsn: str | None, *arguments: str) -> Iterator[Serving]:
    """Serve a database on a free port for the length of a block; None: the embedded one."""
    command = [SOJOURN, "serve", "--port", "0", "--json", *(["--dsn", dsn] if dsn else []), *arguments]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ)
        try:
            yield Serving(process, errors, _read_url(process))
        finally:
            end(process)
            if process.stdout:
                process.stdout.close()


def _read_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    printed = ""
    while not printed.endswith("}\n"):
        line = process.stdout.readline()
        assert line, "the server has ended before it printed its address"
        printed += line
    return str(json.loads(printed)["url"])
