"""Help tests to a network that fails: a TCP proxy before a server, which freezes, thaws and cuts its connections.

    with TcpProxy.before_database(dsn) as (proxy, proxied):     # or TcpProxy(("127.0.0.1", 5432)) before any server
        service = TransitionService.connect(proxied)
        proxy.freeze()                                          # every connection stays open, and nothing passes
        proxy.freeze(later=False)                               # connections that are opened from now on work
        proxy.thaw()                                            # what was sent meanwhile arrives
        proxy.cut()                                             # every connection breaks now
        proxy.cut(after_bytes=100)                              # ... once the clients have sent 100 more bytes
        proxy.cut(after_bytes=100, answers=True)                # ... once the server has answered 100 more bytes

A cut breaks the connections that are open at that moment; later ones work.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Address = tuple[str, int] | str
"""A host and a port, or the path of a Unix socket."""

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close send a reset instead of a regular end."""


class TcpProxy:
    """Forwards the connections to a port of 127.0.0.1 to a server, until it is closed."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.host, self.port = self._listener.getsockname()
        self._changed = Condition()
        self._frozen = self._closed = False
        self._left: dict[bool, int | None] = {True: None, False: None}
        self._links: set[_Link] = set()
        self._frozen_links: set[_Link] = set()
        self.accepted = 0
        self.broken = 0
        """How often open connections were cut."""
        self.sent = 0
        """How many bytes have passed to the server."""
        Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    @classmethod
    @contextmanager
    def before_database(cls, dsn: str) -> Iterator[tuple[Self, str]]:
        """Yield a proxy before the database of a DSN, and the DSN that goes through the proxy."""
        place = conninfo_to_dict(dsn)
        host, port = str(place["host"]), int(place.get("port") or 5432)
        server: Address = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        with cls(server) as proxy:
            # Neither sends a request for encryption first, so the first message is the same on every machine.
            yield (
                proxy,
                make_conninfo(dsn, host=proxy.host, port=proxy.port, sslmode="disable", gssencmode="disable"),
            )

    @property
    def open_connections(self) -> int:
        """Return the number of connections that are open."""
        with self._changed:
            return len(self._links)

    def freeze(self, *, later: bool = True) -> None:
        """Let nothing pass in either direction, while every connection stays open and new ones are accepted.

        Without `later`, only the connections that are open now freeze.
        """
        self._change(frozen=later, frozen_links=set(self._links))

    def thaw(self) -> None:
        """Let everything pass again, first what was held back."""
        self._change(frozen=False, frozen_links=set())

    def cut(self, after_bytes: int = 0, *, answers: bool = False) -> None:
        """Break every connection once `after_bytes` more have passed to the server, or with `answers` from it."""
        with self._changed:
            self._left[answers] = after_bytes
            if not after_bytes:
                self._break_all()

    def heal(self) -> None:
        """Cancel the cuts that have not happened yet."""
        with self._changed:
            self._left = {True: None, False: None}

    def close(self) -> None:
        """Break every connection, and accept no more."""
        with self._changed:
            self._closed = True
            self._break_all()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _change(self, *, frozen: bool, frozen_links: "set[_Link]") -> None:
        with self._changed:
            self._frozen, self._frozen_links = frozen, frozen_links
            self._changed.notify_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._closed:
                client, _ = self._listener.accept()
                self.accepted += 1
                Thread(target=self._link, args=[client], daemon=True).start()

    def _link(self, client: socket.socket) -> None:
        self._wait_for_thaw()
        try:
            server = _connect(self._server)
        except OSError:
            client.close()
            return
        link = _Link(client, server)
        with self._changed:
            self._links.add(link)
            if self._closed:
                self._break_all()
        Thread(target=self._forward, args=[link, server, client, True], daemon=True).start()
        self._forward(link, client, server, False)

    def _forward(self, link: "_Link", source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self._wait_for_thaw(link)
                target.sendall(data[: self._allowance(answers, len(data))])
                self._break_if_due(answers)
        with self._changed:
            self._links.discard(link)
        link.end()

    def _wait_for_thaw(self, link: "_Link | None" = None) -> None:
        def may_pass() -> bool:
            return self._closed or not (self._frozen or link in self._frozen_links)

        with self._changed:
            self._changed.wait_for(may_pass)

    def _allowance(self, answers: bool, wanted: int) -> int:
        """Return how many bytes may pass, which count towards the next cut."""
        with self._changed:
            left = self._left[answers]
            self.sent += 0 if answers else wanted
            if left is None:
                return wanted
            self._left[answers] = max(0, left - wanted)
            return min(left, wanted)

    def _break_if_due(self, answers: bool) -> None:
        with self._changed:
            if self._left[answers] == 0:
                self._break_all()

    def _break_all(self) -> None:
        self._left = {True: None, False: None}
        self.broken += bool(self._links)
        for link in self._links:
            link.reset()
        self._links.clear()


class _Link:
    """The two sockets of one connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._sockets = (client, server)

    def reset(self) -> None:
        """Break the connection, as a crashed machine or a firewall does."""
        with suppress(OSError):
            self._sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.end()

    def end(self) -> None:
        """End both sockets. A shutdown wakes the thread that reads, which a close alone does not."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _connect(server: Address) -> socket.socket:
    if isinstance(server, str):
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(server)
        return connected
    return socket.create_connection(server)
