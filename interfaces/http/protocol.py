"""Limits on what a connection may cost before, while and after its requests are handled.

The server parses requests with httptools, which is fast and has no limits. They are set here: on the size of the head
of a request, on the time in which its head and its body arrive, on requests that come before an earlier one is
answered, on clients that do not read, and on the number of connections.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infrastructure.database.settings import HttpSettings
from interfaces.http.connections import Connections
from interfaces.http.problems import MEDIA_TYPE, RETRY_SECONDS, build_problem

SLICE = 4 * 1024
"""How many bytes are parsed at once, so that the number of requests which one read starts is bounded."""

MAX_WAITING_BYTES = 512 * 1024
"""How many bytes of later requests are kept at most; reading pauses at the first ones, and one read is smaller."""

LINGER_SECONDS = 2.0
"""How long a refused client may go on sending; it would miss the answer if its socket closed at once."""


@dataclass(frozen=True)
class Limits:
    """The limits of a server's connections, and the table of them."""

    settings: HttpSettings
    connections: Connections


class Arriving(Enum):
    """The part of a request that is to arrive next."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class RequestTooLarge(Exception):
    """Raised to the parser, so that it stops."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with limits."""

    def __init__(self, *arguments: Any, limits: Limits, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._limits = limits.settings
        self._table = limits.connections
        self._arriving = Arriving.NOTHING
        self._waiting = b""
        self._head_bytes = 0
        self._header_bytes = 0
        self._too_large: HTTPStatus | None = None
        self._refused = False
        self._discarded_bytes = 0
        self._known = False
        self._arrival: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def abort(self) -> None:
        """Close the connection at once, whatever is not yet sent."""
        self.transport.abort()

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the library does
        """Expect a request, or refuse the connection where too many are busy."""
        super().connection_made(transport)
        if self._table.admit(self):
            self._must_arrive_within(self._limits.head_seconds)
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "the server has too many connections; try again later")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._table.remove(self)
        self._must_arrive_within(None)
        self._must_read_within(None)
        self._waiting = b""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, or keep it until earlier requests are answered."""
        if self._refused:
            self._discard(data)
        elif self._waiting or self._is_handling():
            self._keep(data)
        else:
            self._parse(data)

    def pause_writing(self) -> None:
        """Close the connection of a client that does not read, after some time."""
        super().pause_writing()
        self._must_read_within(self._limits.slow_seconds)

    def resume_writing(self) -> None:
        """Go on sending to a client that reads."""
        super().resume_writing()
        self._must_read_within(None)

    def shutdown(self) -> None:
        """Close the connection once its request is answered."""
        super().shutdown()
        if self.transport.is_closing():
            self._must_read_within(LINGER_SECONDS)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Expect the head of a request."""
        self._arriving = Arriving.HEAD
        self._head_bytes = self._header_bytes = self._discarded_bytes = 0
        self._must_arrive_within(self._limits.head_seconds)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the path and query."""
        super().on_url(url)
        if len(self.url) > self._limits.path_bytes:
            self._stop_parsing(HTTPStatus.REQUEST_URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer after the body."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self._limits.header_bytes:
            self._stop_parsing(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request on, and expect its body."""
        self._arriving = Arriving.BODY
        self._must_arrive_within(self._limits.body_seconds)
        self._table.begin(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; read over what comes after the answer, so that the client gets to read it."""
        if self.cycle.response_complete:
            self._discard(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more until the request is answered."""
        self._arriving = Arriving.NOTHING
        self._must_arrive_within(None)
        super().on_message_complete()

    def send_400_response(self, msg: str = "") -> None:  # noqa: ARG002 - the library's sentence
        """Refuse a request that cannot be parsed, or whose parsing was stopped."""
        if self._too_large is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "malformed", "the request is not valid HTTP; check the client")
        else:
            detail = "the head of the request is too large; shorten its path, its query and its headers"
            self._refuse(self._too_large, "too-large", detail)

    # What the answering of a request calls

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        self._known = self._known or bool(self.cycle.scope.get("is_allowed"))
        super().on_response_complete()
        self._unset_keepalive_if_required()  # data that never become a request would undo it
        if self.transport.is_closing():
            self._must_read_within(self._limits.slow_seconds)
        elif self._waiting:
            self.flow.pause_reading()
            self.loop.call_soon(self._parse_waiting)
        elif not self._is_handling():
            self._table.wait(self, known=self._known)
            if self._arriving is Arriving.NOTHING:
                self._must_arrive_within(self._limits.idle_seconds if self._known else self._limits.head_seconds)

    def _is_handling(self) -> bool:
        """Return whether a request that has arrived is not yet answered, so that later ones have to wait."""
        if self.pipeline:
            return True
        arrived = self.cycle is not None and self._arriving is Arriving.NOTHING
        return arrived and not self.cycle.response_complete

    def _discard(self, data: bytes) -> None:
        self._discarded_bytes += len(data)
        if self._discarded_bytes > self._limits.max_body_bytes:
            self.abort()

    def _keep(self, data: bytes) -> None:
        self._waiting += data
        self.flow.pause_reading()
        self._must_arrive_within(None)
        if len(self._waiting) > MAX_WAITING_BYTES:
            self.abort()

    def _parse_waiting(self) -> None:
        if not self._is_handling() and not self.transport.is_closing():
            waiting, self._waiting = self._waiting, b""
            self.flow.resume_reading()
            self._must_arrive_within(self._limits.body_seconds)
            self._parse(waiting)

    def _parse(self, data: bytes) -> None:
        for start in range(0, len(data), SLICE):
            if self._is_handling():
                self._keep(data[start:])
                return
            self._parse_slice(data[start : start + SLICE])
            if self._refused or self.transport.is_closing():
                return

    def _parse_slice(self, data: bytes) -> None:
        super().data_received(data)
        # What is unfinished is in the parser, which does not tell how much it is: a slice may be counted too much.
        if self._arriving is Arriving.HEAD and not self._refused:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.path_bytes + self._limits.header_bytes + SLICE:
                self._too_large = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self.send_400_response()

    def _stop_parsing(self, status: HTTPStatus) -> None:
        self._too_large = status
        raise RequestTooLarge

    def _must_arrive_within(self, seconds: float | None) -> None:
        """Give up on what does not arrive within `seconds`; None: expect nothing."""
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = None if seconds is None else self.loop.call_later(seconds, self._give_up_arrival)

    def _must_read_within(self, seconds: float | None) -> None:
        """Close the connection if the client does not read what it is sent within `seconds`; None: it has."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if seconds is None else self.loop.call_later(seconds, self.abort)

    def _give_up_arrival(self) -> None:
        if self._arriving is Arriving.NOTHING:
            self.abort()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "late", "the request did not arrive in time; send it again")

    def _refuse(self, status: HTTPStatus, kind: str, detail: str) -> None:
        """Answer with a problem, and close the connection."""
        self._refused = True
        self._must_arrive_within(None)
        if self._has_begun_to_answer():
            self.abort()
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_format_problem(status, kind, detail))
        self.transport.write_eof()
        self._must_read_within(LINGER_SECONDS)

    def _has_begun_to_answer(self) -> bool:
        if self.pipeline:
            return True
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete


def _format_problem(status: HTTPStatus, kind: str, detail: str) -> bytes:
    body = to_json(build_problem(status, kind, detail))
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": len(body), "Connection": "close"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = RETRY_SECONDS
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode() + body
