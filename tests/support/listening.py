"""Help tests to listen to /events, and to the stream of a page."""

import http.client
import json
import sys
import time
from typing import Any, Self

from tests.support.serving import Serving

PATIENCE_SECONDS = 60


class Listener:
    """A listener of /events with a query, or of another stream: `place` is the query or the whole address."""

    def __init__(self, server: Serving, place: str = "", last: str | None = None) -> None:
        self.connection = server.connection()
        headers = {**server.headers, **({"Last-Event-ID": last} if last else {})}
        self.connection.request("GET", place if place.startswith("/") else f"/events{place}", headers=headers)
        self.response: http.client.HTTPResponse = self.connection.getresponse()
        assert self.response.status == 200
        assert self.response.headers["content-type"].startswith("text/event-stream")
        self.last = last

    def take(self, number: int) -> list[Any]:
        """Return that number of transitions or pages, or fewer if the stream ends."""
        taken: list[Any] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(taken) < number and (line := self.response.readline()):
            assert time.monotonic() < deadline, f"{len(taken)} of {number} have arrived"
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                self.last = value
            if name == "data":
                taken.append(json.loads(value))
                deadline = time.monotonic() + PATIENCE_SECONDS
        return taken

    def wait_for_end(self) -> list[dict[str, Any]]:
        """Return the transitions that still come before the server ends the stream, which it must."""
        return self.take(sys.maxsize)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.response.close()
        self.connection.close()
