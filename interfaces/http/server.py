"""The process that serves the HTTP API."""

import socket
from collections.abc import Callable
from copy import deepcopy
from types import FrameType
from typing import Any

import uvicorn

from application.maintain.tokens import tokens
from application.shared.store import Store
from application.transition_service import TransitionService
from domain.errors import SojournError
from infrastructure.database.settings import HttpSettings
from interfaces.http.access import is_loopback
from interfaces.http.app import create_app

ENDING_SECONDS = 30
"""How long requests that are under way may still take."""

KEEP_ALIVE_SECONDS = 75


class TokenNeeded(SojournError):
    """An address that others can reach, and no token that would keep them out."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"{host} can be reached by others, and there is no token yet: make one with "
            "`sojourn token create NAME --scope write`, then serve"
        )


class AddressUnusable(SojournError):
    """An address that cannot be served on."""

    def __init__(self, host: str, port: int, why: str) -> None:
        super().__init__(f"cannot serve on {host} port {port} ({why}): choose another with --host and --port")


class Server(uvicorn.Server):
    """Ends its streams and then itself when it is told to, with status 0."""

    def __init__(self, config: uvicorn.Config, began: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._began = began
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and say so."""
        await super().startup(sockets)
        self._began()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: requests that are under way are waited for, streams are not."""
        self._ending()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal handlers are called
        """End after the first signal, at once after another one."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(dsn: str | None, host: str, port: int, *, access_log: bool, began: Callable[[str, bool], None]) -> None:
    """Serve until told to end; `began` hears the URL, and whether it is open to all who can reach it.

    Raises TokenNeeded or AddressUnusable.
    """
    settings = HttpSettings()
    store = Store.reach(dsn, max_size=settings.pool_size, wait_seconds=settings.pool_wait_seconds)
    with TransitionService(store) as service:
        closed = bool(tokens(store))
        local = is_loopback(host)
        if not (closed or local):
            raise TokenNeeded(host)
        app = create_app(service, settings, open_without_token=local)
        with listening_on(host, port) as sock:
            config = uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_level="info" if access_log else "warning",
                access_log=access_log,
                log_config=log_config(),
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=ENDING_SECONDS,
            )
            url = url_of(sock)
            Server(config, lambda: began(url, not closed), app.state.api.feed.close).run(sockets=[sock])


def log_config() -> dict[str, Any]:
    """Uvicorn's own, with everything on stderr: stdout is for the address."""
    config = deepcopy(uvicorn.config.LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    return config


def listening_on(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises AddressUnusable."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise AddressUnusable(host, port, getattr(error, "strerror", None) or str(error)) from error


def url_of(sock: socket.socket) -> str:
    """Where a listening socket is to be found."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
