"""What the routes of one app share."""

from dataclasses import dataclass
from typing import Any, cast

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from application.maintain.tokens import Holder
from application.shared.store import Store
from application.transition_service import TransitionService
from domain.actor import Actor
from domain.text import storable
from interfaces.http.access import Access
from interfaces.http.feed import Feed
from interfaces.http.metrics import Metrics
from interfaces.http.read_throttle import Readers
from interfaces.http.report_batcher import ReportBatcher

COMPONENT = "http"
"""The component of a report whose sender does not say what it is."""


@dataclass(frozen=True)
class Api:
    """The service beneath an app, and what it keeps while it runs."""

    service: TransitionService
    access: Access
    feed: Feed
    group: ReportBatcher
    metrics: Metrics
    readers: Readers

    @property
    def store(self) -> Store:
        """The store beneath, for reading."""
        return self.service.store


def api(request: Request) -> Api:
    """The Api of the app that a request is for."""
    return cast("Api", request.app.state.api)


def actor(request: Request, component: str | None) -> Actor:
    """Who reports: the component that it says it is, the host that it calls from, whose token it has."""
    holder: Holder | None = request.scope.get("holder")
    return Actor.model_construct(
        component=storable(component or COMPONENT),
        host=request.client.host if request.client else None,
        pid=None,
        user=holder.name if holder else None,
    )


def answer(document: Any, headers: dict[str, str] | None = None) -> Response:
    """The document as the commands print it with --json."""
    return Response(to_json(document), headers=headers, media_type="application/json")
