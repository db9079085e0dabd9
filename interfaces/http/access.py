"""Who may: a token's scope against what a request needs, before anything else is made of it."""

import asyncio
import time
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import psycopg
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Request

from application.maintain.tokens import Holder, Scope, holder_of, holders
from application.shared.store import Store
from domain.errors import SojournError
from interfaces.http.problems import problem

FRESH_SECONDS = 1.0
"""For how long what is known of tokens counts: a revoked one is refused at the latest after that."""

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""What needs no token: it tells nothing of what is in the log."""

ADMINISTRATION = "/api/v3/tokens"
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Access:
    """Knows whose tokens there are. Without any it is open to all, where `open_without` says so."""

    def __init__(self, store: Store, *, open_without: bool) -> None:
        self._store = store
        self._open_without = open_without
        self._known: list[Holder] | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refusal(self, request: Request) -> Response | None:
        """Why a request may not pass; None where it may: then the request has its holder, if it has one."""
        if request["path"] in OPEN:
            return None
        known = await self._fresh()
        if known is None:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "the database is busy or away: try again")
        if not known and self._open_without:
            return None if names_loopback(Headers(scope=request).get("host", "")) else _elsewhere()
        holder = holder_of(_secret(request), known)
        if holder is None:
            return _nobody()
        request["holder"] = holder
        needed = needed_scope(request["method"], request["path"])
        return None if holder.scope >= needed else _too_little(holder, needed)

    async def _fresh(self) -> list[Holder] | None:
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            async with self._reading:
                if time.monotonic() - self._read_at > FRESH_SECONDS:
                    await self._read()
        return self._known

    async def _read(self) -> None:
        """Read whose tokens there are. Where that fails, it fails for all who ask within a second: none waits anew."""
        asked_at = time.monotonic()
        try:
            self._known = await to_thread.run_sync(holders, self._store)
            self._read_at = asked_at
        except (SojournError, psycopg.Error):
            self._known = None
            self._read_at = time.monotonic()


class AccessMiddleware:
    """Lets through what Access lets through."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """One request."""
        refusal = await self._access.refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)


def names_loopback(host: str) -> bool:
    """Whether a Host header names this machine to itself: a page under any other name came from elsewhere."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def needed_scope(method: str, path: str) -> Scope:
    """What a token must let its holder do for a request."""
    if path == ADMINISTRATION or path.startswith(f"{ADMINISTRATION}/"):
        return Scope.ADMIN
    return Scope.READ if method in READING else Scope.WRITE


def _secret(request: Request) -> str:
    kind, _, secret = Headers(scope=request).get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def _nobody() -> Response:
    detail = "this needs a token that is not revoked: send `Authorization: Bearer TOKEN`"
    return problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def _elsewhere() -> Response:
    detail = "as long as there is no token, this is served on 127.0.0.1 and localhost only: ask under such a name"
    return problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def _too_little(holder: Holder, needed: Scope) -> Response:
    further: dict[str, Any] = {"scope": str(holder.scope), "needs": str(needed)}
    detail = f"token {holder.name!r} has scope {holder.scope}, this needs {needed}"
    return problem(HTTPStatus.FORBIDDEN, "forbidden", detail, further)
