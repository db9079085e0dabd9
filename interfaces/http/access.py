"""Authorization: check a token's scope before a request is handled."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
from anyio import CapacityLimiter
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Request

from application.maintain.tokens import Scope, TokenHolder, authenticate, list_token_holders
from application.shared.store import Store
from domain.errors import SojournError
from interfaces.http.cuttable_work import run_cuttable
from interfaces.http.page_session import find_session_holder
from interfaces.http.problems import DATABASE_AWAY, MEDIA_TYPE, answer_problem

TOKEN_CACHE_SECONDS = 1.0
"""How long loaded tokens are used; a revoked one is refused after this time at the latest."""

LOAD_SECONDS = 5.0
"""How long the database may take to return the tokens; then requests are answered that it is away."""

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/sign-in"})
"""Paths that need no token, because their answers hold nothing from the log."""

SIGN_OUT_PATH = "/sign-out"
STATIC_PATH = "/static/"
"""Where the styles and modules of pages are, which are the same for everybody."""

PROGRAM_PATHS = ("/api/", "/events", "/metrics", "/healthz", "/readyz", "/openapi.json")
"""The beginnings of paths that programs ask; every other path is a page, for which a session is enough."""

TOKENS_PATH = "/api/v3/tokens"
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Authorizer:
    """Decides whether a request may pass. `open_without` opens the API to all as long as no token was ever created."""

    def __init__(self, store: Store, *, open_without: bool) -> None:
        self._store = store
        self._open_without = open_without
        self._holders: list[TokenHolder] | None = None
        self._loaded_at = float("-inf")
        self._loading = asyncio.Lock()

    async def deny_reason(self, request: Request) -> Response | None:
        """Return the problem that denies a request, or None after storing the token's holder in the request."""
        if request["path"] in OPEN_PATHS or request["path"].startswith(STATIC_PATH):
            return None
        known = await self.current_holders()
        if known is None:
            return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", DATABASE_AWAY)
        if not known and self._open_without:
            host = Headers(scope=request).get("host", "")
            return None if is_loopback_host(host) else _deny_host(host)
        holder = authenticate(_bearer_secret(request), known)
        if holder is None and is_page(request["path"]):
            holder = find_session_holder(request, known)
            if holder is None:
                return _lead_to_sign_in(request)
        if holder is None:
            return _deny_unknown_token()
        request["holder"] = holder
        needed = needed_scope(request["method"], request["path"])
        return None if holder.scope >= needed else _deny_scope(holder, needed)

    async def current_holders(self) -> list[TokenHolder] | None:
        """Return the holders of all tokens; None where the database does not answer."""
        if time.monotonic() - self._loaded_at > TOKEN_CACHE_SECONDS:
            async with self._loading:
                if time.monotonic() - self._loaded_at > TOKEN_CACHE_SECONDS:
                    await self._load_tokens()
        return self._holders

    async def _load_tokens(self) -> None:
        """Load the tokens. A failure is cached too, so that not every request queries a broken database."""
        asked_at = time.monotonic()
        try:
            limiter = CapacityLimiter(1)  # requests that wait for the database leave no place in the shared one
            self._holders = await run_cuttable(list_token_holders, self._store, seconds=LOAD_SECONDS, limiter=limiter)
            self._loaded_at = asked_at
        except (SojournError, psycopg.Error):
            self._holders = None
            self._loaded_at = time.monotonic()


class AuthorizationMiddleware:
    """Answers a denied request itself, and passes every other one on. `show` returns a page that states a problem."""

    def __init__(self, app: ASGIApp, authorizer: Authorizer, show: Callable[[Request, int, str], Response]) -> None:
        self._app = app
        self._authorizer = authorizer
        self._show = show

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        denial = await self._authorizer.deny_reason(scope)
        # A connection with an allowed request is not closed for the sake of another that has sent none.
        scope["is_allowed"] = denial is None and scope["path"] not in OPEN_PATHS
        if denial is not None and denial.media_type == MEDIA_TYPE and is_page(scope["path"]):
            denial = self._show(scope, denial.status_code, from_json(bytes(denial.body))["detail"])
        await (denial or self._app)(scope, receive, send)


def is_loopback_host(host: str) -> bool:
    """Return whether a Host header names the loopback; a web page from elsewhere sends another name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback_address(name) or name.endswith(".localhost")


def is_loopback_address(address: str) -> bool:
    """Return whether only this machine can reach `address`."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def needed_scope(method: str, path: str) -> Scope:
    """Return the scope that a request needs."""
    # Not only the path itself: the framework lets a line break follow it.
    if path.startswith(TOKENS_PATH):
        return Scope.ADMIN
    return Scope.READ if method in READ_METHODS or path == SIGN_OUT_PATH else Scope.WRITE


def is_page(path: str) -> bool:
    """Return whether people see what a path answers."""
    return not path.startswith(PROGRAM_PATHS)


def _lead_to_sign_in(request: Request) -> Response:
    """Return the way to the form for a token, and from there back to the page that was asked for."""
    if request["method"] not in READ_METHODS:
        return RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    query = request.get("query_string", b"").decode("latin-1")
    page = request["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/sign-in?{urlencode({'page': page})}", HTTPStatus.SEE_OTHER)


def _bearer_secret(request: Request) -> str:
    kind, _, secret = Headers(scope=request).get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def _deny_unknown_token() -> Response:
    detail = "the request has no valid token; send `Authorization: Bearer TOKEN` with a token that is not revoked"
    return answer_problem(HTTPStatus.UNAUTHORIZED, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def _deny_host(host: str) -> Response:
    detail = (
        f"host {host!r} is not a loopback name, and no token exists yet; "
        "address the server as 127.0.0.1 or localhost, or create a token with `sojourn token create NAME`"
    )
    return answer_problem(HTTPStatus.FORBIDDEN, "forbidden", detail)


def _deny_scope(holder: TokenHolder, needed: Scope) -> Response:
    members: dict[str, Any] = {"scope": str(holder.scope), "needs": str(needed)}
    detail = f"scope {holder.scope} of token {holder.name!r} is not enough; use a token with scope {needed}"
    return answer_problem(HTTPStatus.FORBIDDEN, "forbidden", detail, members)
