"""What the routes of one app share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, cast

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from application.maintain.tokens import TokenHolder
from application.shared.standby import BehindSeconds
from application.shared.store import Store
from application.transition_service import TransitionService
from domain.actor import Actor
from domain.text import storable
from domain.waits_for import WaitsFor
from infrastructure.database.settings import HttpSettings
from interfaces.http.access import Authorizer
from interfaces.http.deadline import Deadlines
from interfaces.http.feed import Feed
from interfaces.http.metrics import Metrics
from interfaces.http.models import MoveBody, ReportBody
from interfaces.http.read_throttle import ReadThrottle
from interfaces.http.readiness import Readiness
from interfaces.http.report_batcher import ReportBatcher

COMPONENT = "http"
"""The component of a report whose body has no `actor`."""


@dataclass(frozen=True)
class Api:
    """The service beneath an app, and the parts that live as long as the app."""

    service: TransitionService
    settings: HttpSettings
    authorizer: Authorizer
    feed: Feed
    batcher: ReportBatcher
    metrics: Metrics
    read_throttle: ReadThrottle
    readiness: Readiness
    deadlines: Deadlines
    reader: TransitionService
    """The service that reading routes ask: `service`, or one on a standby."""
    behind: BehindSeconds | None = None
    """How far the standby is behind that reading routes ask, if they ask one."""

    @property
    def store(self) -> Store:
        """Return the store beneath, for reading."""
        return self.service.store


class ReportFields(TypedDict):
    """The arguments that every reporting method of the service takes."""

    actor: Actor
    reason: str | None
    occurred_at: datetime | None


class MoveFields(ReportFields):
    """The arguments that every method of the service takes that lets entities enter a status."""

    waits_for: WaitsFor | None


def get_api(request: Request) -> Api:
    """Return the Api of the app that serves a request."""
    return cast("Api", request.app.state.api)


def build_actor(request: Request, component: str | None) -> Actor:
    """Return the actor of a request: the component that its body names, the client's host, the token's name."""
    holder: TokenHolder | None = request.scope.get("holder")
    return Actor.model_construct(
        component=storable(component or COMPONENT),
        host=request.client.host if request.client else None,
        pid=None,
        user=holder.name if holder else None,
    )


def report_fields(request: Request, body: ReportBody) -> ReportFields:
    """Return who reports, why, and when it happened, as a request states it."""
    return {"actor": build_actor(request, body.actor), "reason": body.reason, "occurred_at": body.occurred_at}


def move_fields(request: Request, body: MoveBody) -> MoveFields:
    """Return what `report_fields` does, and what the entities wait for."""
    return {**report_fields(request, body), "waits_for": body.waits_for}


def answer_json(document: Any, headers: dict[str, str] | None = None) -> Response:
    """Return `document` as the commands print it with --json."""
    return Response(to_json(document), headers=headers, media_type="application/json")
