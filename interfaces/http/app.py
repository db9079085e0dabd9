"""The HTTP API as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from application.shared.retry import on_retry
from application.transition_service import TransitionService
from infrastructure.database.settings import HttpSettings
from interfaces.http import arrays, events, health, heartbeats, metrics, queries, task_instances, tasks, tokens
from interfaces.http.access import Access, AccessMiddleware
from interfaces.http.api import Api
from interfaces.http.body_limit import BodyLimitMiddleware
from interfaces.http.deadline import DeadlineMiddleware
from interfaces.http.examples import with_nulls
from interfaces.http.feed import Feed
from interfaces.http.metrics import CountingLog, Lags, Metrics
from interfaces.http.problems import Problem, answer_with_problems
from interfaces.http.read_throttle import Readers
from interfaces.http.report_batcher import ReportBatcher

PREFIX = "/api/v3"
DESCRIPTION = (
    "Every status that a task and its attempts have been through: what happened, when, for how long, and why. "
    "Ids are text; integers are taken as text, and come back as text. Errors are problem+json (RFC 9457)."
)


def create_app(
    service: TransitionService, settings: HttpSettings | None = None, *, open_without_token: bool = True
) -> FastAPI:
    """The app on a service. Where no token was ever made it is open to all, if it may be."""
    settings = settings or HttpSettings()
    counted = Metrics()
    counted.registry.register(Lags(service.store))
    service.store.log = CountingLog(counted)
    access = Access(service.store, open_without=open_without_token)
    feed = Feed(service.store)
    counted.gauge("listeners", "Who listens to /events.", lambda: feed.listeners)
    app = FastAPI(
        title="Sojourn",
        version=version("sojourn"),
        description=DESCRIPTION,
        docs_url=None,  # its page is loaded from elsewhere
        redoc_url=None,
        lifespan=_closing(feed),
    )
    app.state.api = Api(service, access, feed, ReportBatcher(service.store), counted, Readers(settings))
    app.add_middleware(AccessMiddleware, access=access)
    app.add_middleware(BodyLimitMiddleware, most=settings.max_body_bytes)
    app.add_middleware(CountingMiddleware, metrics=counted)
    app.add_middleware(DeadlineMiddleware, seconds=settings.answer_seconds)
    answer_with_problems(app)
    _route(app)
    return app


class CountingMiddleware:
    """Has the retries of a request counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        on_retry.set(self._metrics.lock_retries.inc)
        await self._app(scope, receive, send)


def _route(app: FastAPI) -> None:
    # The route that is asked for most stands first: each request is held against them in their order.
    for part in (task_instances, tasks, arrays, heartbeats, queries, events, tokens):
        app.include_router(part.router, prefix=PREFIX)
    # Also without the prefix, where one looks for them.
    for part in (health, metrics, events):
        app.include_router(part.router)
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(with_nulls(_with_security(FastAPI.openapi(app))))
        return made

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _with_security(document: dict[str, Any]) -> dict[str, Any]:
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]
    return document


def _closing(feed: Feed) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        feed.close()

    return lifespan
