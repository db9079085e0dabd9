"""The HTTP API as one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from application.shared.retry import on_retry
from application.shared.standby import BehindSeconds
from application.transition_service import TransitionService
from infrastructure.database.settings import HttpSettings
from interfaces.http import (
    arrays,
    events,
    health,
    heartbeats,
    lists,
    metrics,
    pages,
    queries,
    task_instances,
    tasks,
    tokens,
)
from interfaces.http.access import AuthorizationMiddleware, Authorizer
from interfaces.http.api import Api, answer_json
from interfaces.http.behind import BehindMiddleware
from interfaces.http.body_limit import BodyLimitMiddleware
from interfaces.http.deadline import DeadlineMiddleware, Deadlines
from interfaces.http.examples import restore_nulls
from interfaces.http.feed import Feed
from interfaces.http.known_parameters import refuse_unknown_parameters
from interfaces.http.metrics import CountingLog, Metrics, SubscriptionLags
from interfaces.http.problems import Problem, add_problem_handlers
from interfaces.http.read_throttle import ReadThrottle
from interfaces.http.readiness import Readiness
from interfaces.http.report_batcher import ReportBatcher
from interfaces.http.shared_answers import SharedAnswers
from interfaces.http.warm_up import warm_up

PREFIX = "/api/v3"
DESCRIPTION = (
    "Record and read every status that a task and its attempts have been through: what happened, when, for how long, "
    "and why. Ids are text; integers become text, and come back as text. Errors are problem+json (RFC 9457)."
)


def create_app(
    service: TransitionService,
    settings: HttpSettings | None = None,
    *,
    open_without_token: bool = True,
    reader: TransitionService | None = None,
) -> FastAPI:
    """Return the app on a service. With `open_without_token` it is open to all until the first token is created.

    Reading routes ask the service `reader`, if there is one, and state how far its database is behind.
    """
    settings = settings or HttpSettings()
    counted = Metrics()
    counted.registry.register(SubscriptionLags(service.store))
    service.store.log = CountingLog(counted, service.store.clock_tolerance)
    authorizer = Authorizer(service.store, open_without=open_without_token)
    feed = Feed(service.store, settings.database_seconds)
    counted.add_gauge("listeners", "Listeners of /events.", lambda: feed.listeners)
    app = FastAPI(
        title="Sojourn",
        version=version("sojourn"),
        description=DESCRIPTION,
        dependencies=[Depends(refuse_unknown_parameters)],
        openapi_url=None,  # a route of our own serves it, which refuses unknown parameters too
        docs_url=None,  # these pages load scripts from another host
        redoc_url=None,
        lifespan=_warm_then_close,
    )
    batcher = ReportBatcher(service.store, settings.database_seconds)
    readiness, deadlines = Readiness(service.store, batcher), Deadlines(settings)
    app.state.api = Api(
        service, settings, authorizer, feed, batcher, counted, ReadThrottle(settings), readiness, deadlines,
        reader or service, BehindSeconds(reader.store) if reader else None,
    )  # fmt: skip
    app.state.shared_answers = SharedAnswers()
    app.state.live_pages = pages.build_live_pages(app.state.api)
    app.add_middleware(AuthorizationMiddleware, authorizer=authorizer, show=pages.show_denial)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_body_bytes, max_bytes_of_all=settings.bodies_bytes)
    app.add_middleware(RetryCountingMiddleware, metrics=counted)
    app.add_middleware(BehindMiddleware)
    app.add_middleware(DeadlineMiddleware, deadlines=deadlines)
    add_problem_handlers(app)
    _add_routes(app)
    _complete_openapi(app)
    return app


class RetryCountingMiddleware:
    """Counts the retries of each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        on_retry.set(self._metrics.lock_retries.inc)
        await self._app(scope, receive, send)


def _add_routes(app: FastAPI) -> None:
    # A request is compared with the routes in this order, so the busiest route comes first.
    for part in (task_instances, tasks, arrays, heartbeats, queries, lists, events, tokens):
        app.include_router(part.router, prefix=PREFIX)
    # Monitors and browsers look for these without the prefix.
    for part in (health, metrics, events):
        app.include_router(part.router)
    app.router.routes += pages.build_routes()


def _complete_openapi(app: FastAPI) -> None:
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(restore_nulls(_with_security(FastAPI.openapi(app))))
        return made

    def describe() -> Response:
        return answer_json(openapi())

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it
    app.add_api_route("/openapi.json", describe, include_in_schema=False)


def _with_security(document: dict[str, Any]) -> dict[str, Any]:
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]
    return document


@asynccontextmanager
async def _warm_then_close(app: FastAPI) -> AsyncIterator[None]:
    await warm_up(app)
    yield
    app.state.api.feed.close()
