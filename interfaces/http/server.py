"""The process that serves the HTTP API."""

import socket
from collections.abc import Callable
from copy import deepcopy
from types import FrameType
from typing import Any

import uvicorn

from application.maintain.tokens import list_tokens
from application.shared.store import Store
from application.transition_service import TransitionService
from domain.errors import SojournError
from infrastructure.database.settings import HttpSettings
from interfaces.http.access import is_loopback_address
from interfaces.http.app import create_app

SHUTDOWN_SECONDS = 30
"""How long open requests may take after the signal to end."""

KEEP_ALIVE_SECONDS = 75


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

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None], on_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self._on_shutdown = on_shutdown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call `on_start`."""
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Call `on_shutdown`, then wait for open requests."""
        self._on_shutdown()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of signal handlers
        """Shut down after the first signal, and exit at once after another one."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(dsn: str | None, host: str, port: int, *, access_log: bool, on_start: Callable[[str, bool], None]) -> None:
    """Serve until a signal; call `on_start` with the URL, and whether the API is open to all who can reach it.

    Raises:
        TokenNeeded: the address is not a loopback address, and no token exists.
        AddressUnusable: the address cannot be used.
    """
    settings = HttpSettings()
    store = Store.reach(dsn, max_size=settings.pool_size, wait_seconds=settings.pool_wait_seconds)
    with TransitionService(store) as service:
        has_tokens = bool(list_tokens(store))
        local = is_loopback_address(host)
        if not (has_tokens or local):
            raise TokenNeeded(host)
        app = create_app(service, settings, open_without_token=local)
        with open_listener(host, port) as sock:
            config = uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_level="info" if access_log else "warning",
                access_log=access_log,
                log_config=build_log_config(),
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
            url = format_url(sock)
            Server(config, lambda: on_start(url, not has_tokens), app.state.api.feed.close).run(sockets=[sock])


def build_log_config() -> dict[str, Any]:
    """Return uvicorn's logging configuration with everything on stderr, because stdout is for the address."""
    config = deepcopy(uvicorn.config.LOGGING_CONFIG)
    for handler in config["handlers"].values():
        handler["stream"] = "ext://sys.stderr"
    return config


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
