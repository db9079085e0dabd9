"""The process that serves the HTTP API."""

import asyncio
import logging
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from copy import deepcopy
from functools import partial
from math import ceil
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.logging import DefaultFormatter

from application.maintain.maintenance import maintained
from application.maintain.tokens import list_tokens
from application.shared.store import Store
from application.transition_service import TransitionService
from domain.errors import SojournError
from domain.printable import printable
from infrastructure.database.settings import HttpSettings
from infrastructure.loggers import ROOT
from interfaces.http.access import is_loopback_address
from interfaces.http.api import Api
from interfaces.http.app import create_app
from interfaces.http.connections import Connections
from interfaces.http.protocol import BoundedProtocol, Limits

CUT_SECONDS = 5
"""How long requests may take to end once their connections to the database were cut."""

CLOSE_SECONDS = 4
"""How long closing the service may take after that; then the process ends, whatever still holds it."""

LEAVE_SECONDS = 1
"""How long threads may take that still wait for the database once the service is closed."""

FILES = 100
"""How many files a server has open besides its connections to clients."""


class TokenNeeded(SojournError):
    """Raised when the server would be reachable from outside without any token.

    Fix: create a token first, or serve on 127.0.0.1.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"{host} is not a loopback address, and no token exists yet; create one with "
            "`sojourn token create NAME --scope write`, then serve"
        )


class AddressUnusable(SojournError):
    """Raised when the server cannot listen on an address.

    Fix: choose another one.
    """

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"cannot serve on {host} port {port}: {why}; choose another with --host and --port")


class Server(uvicorn.Server):
    """A server that ends its streams before it shuts down, and exits with status 0."""

    def __init__(self, config: uvicorn.Config, api: Api, finish_seconds: float, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._api = api
        self._finish_seconds = finish_seconds
        self._on_start = on_start
        self.is_ended_by_signal = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call `on_start`."""
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then wait for open requests."""
        self._api.feed.close()
        asyncio.get_running_loop().call_later(self._finish_seconds, self._api.deadlines.cut_all)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of signal handlers
        """Shut down after the first signal, and exit at once after another one."""
        self.force_exit = self.should_exit
        self.is_ended_by_signal = True
        if not self.should_exit:
            end_later(self._finish_seconds + CUT_SECONDS + CLOSE_SECONDS)
        self.should_exit = True


def serve(
    dsn: str | None,
    host: str,
    port: int,
    *,
    access_log: bool,
    on_start: Callable[[str, bool], None],
    read_dsn: str | None = None,
) -> None:
    """Serve until a signal; call `on_start` with the URL, and whether the API is open to all who can reach it.

    Reading routes ask the database of `read_dsn`, if it is set.

    Raises:
        TokenNeeded: the address is not a loopback address, and no token exists.
        AddressUnusable: the address cannot be used.
    """
    settings = HttpSettings()
    store = Store.reach(dsn, max_size=settings.pool_size, wait_seconds=settings.pool_wait_seconds)
    with TransitionService(store) as service, ExitStack() as opened:
        reader = opened.enter_context(TransitionService(_reach_reader(read_dsn, settings))) if read_dsn else None
        has_tokens = bool(list_tokens(store))
        local = is_loopback_address(host)
        if not (has_tokens or local):
            raise TokenNeeded(host)
        app = create_app(service, settings, open_without_token=local, reader=reader)
        limits = Limits(settings, Connections(settings.connections))
        allow_open_files(settings.connections + FILES)
        with open_listener(host, port) as sock:
            config = uvicorn.Config(
                app,
                loop="uvloop",
                http=cast("type[asyncio.Protocol]", partial(BoundedProtocol, limits=limits)),
                ws="none",
                lifespan="on",
                log_level="info" if access_log else "error",  # it warns of each request that is not HTTP
                access_log=access_log,
                log_config=build_log_config(),
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=ceil(settings.finish_seconds) + CUT_SECONDS,
            )
            url = format_url(sock)
            server = Server(config, app.state.api, settings.finish_seconds, lambda: on_start(url, not has_tokens))
            with maintained(store):
                server.run([sock])
    if server.is_ended_by_signal:
        end_later(LEAVE_SECONDS, status=0)


def _reach_reader(read_dsn: str, settings: HttpSettings) -> Store:
    return Store.reach(read_dsn, create=False, max_size=settings.pool_size, wait_seconds=settings.pool_wait_seconds)


def end_later(seconds: float, status: int = 1) -> None:
    """End the process after some seconds, unless it has ended by then: a thread may wait for what never comes."""

    def end() -> None:
        if status:
            sys.stderr.write(f"sojourn: the server has not ended within {seconds:g} s, so it is ended now\n")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def build_log_config() -> dict[str, Any]:
    """Return uvicorn's logging configuration, with Sojourn's own warnings unless `-v` shows these already.

    Everything goes to stderr, because stdout is for the address.
    """
    config = deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["formatters"]["default"]["()"] = LineFormatter
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    if not ROOT.isEnabledFor(logging.INFO):
        config["loggers"][ROOT.name] = {"handlers": ["default"], "level": "WARNING", "propagate": False}
    return config


class LineFormatter(DefaultFormatter):
    """Formats a message as one line, whatever texts of others it quotes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line of a record."""
        record.message = printable(record.message.rstrip())
        return super().formatMessage(record)


def allow_open_files(number: int) -> None:
    """Raise this process's limit of open files to `number`, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        AddressUnusable: the address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:
        why = "the name is not one of a host" if isinstance(error, UnicodeError) else None
        raise AddressUnusable(host, port, why or getattr(error, "strerror", None) or str(error)) from error


def format_url(sock: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
