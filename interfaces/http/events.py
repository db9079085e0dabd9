"""GET /events: new transitions as they are written, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from domain.entity import parse_entity
from interfaces.http.api import api
from interfaces.http.feed import Feed, SseMessage
from interfaces.http.models import Id, Name
from interfaces.http.problems import documented

SLOW_SECONDS = 30.0
"""A listener that takes nothing for so long is cut off; it may resume."""

LAST_POSITION = 2**63 - 1
EXAMPLE = (
    'id: 725\nevent: transition\ndata: {"position":725,"entity":"ti:align/1","workflow_id":"my-workflow",'
    '"version":4,"name":"task_instance.transitioned.v1","previous_status":"LAUNCHED","status":"RUNNING",...}\n\n'
)

router = APIRouter()


class EventStream(StreamingResponse):
    """A stream of events; whoever doesn't take them is cut off."""

    media_type = "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what there is, for as long as the listener takes it."""

        async def in_time(message: object) -> None:
            await asyncio.wait_for(send(message), SLOW_SECONDS)  # type: ignore[arg-type]  # a message, untouched

        await super().__call__(scope, receive, in_time)


@router.get(
    "/events",
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"example": EXAMPLE}}, "description": "Transitions, as they come."},
        **documented(422),
    },
)
async def events(
    request: Request,
    workflow: Annotated[list[Id] | None, Query(description="Only of these workflows.")] = None,
    workflow_id: Annotated[list[Id] | None, Query(description="The same, under the name of the other routes.")] = None,
    entity: Annotated[list[Name] | None, Query(description="Only of these: task:ID, ti:ID.")] = None,
    status: Annotated[list[Name] | None, Query(description="Only into these statuses.")] = None,
    after: Annotated[
        int | None, Query(ge=0, le=LAST_POSITION, description="Begin after that position; else with what is new.")
    ] = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=LAST_POSITION, description="Go on after that position, as browsers do.")
    ] = None,
) -> EventStream:
    """New transitions of tasks and instances as server-sent events, each once, in the order of their positions.

    The id of an event is its position: with it as `Last-Event-ID` (or `after`) a stream goes on where it ended.
    """
    workflows = [*(workflow or ()), *(workflow_id or ())]
    chosen = Choice(workflows, [str(parse_entity(name)) for name in entity] if entity else None, status)
    begin = last_event_id if last_event_id is not None else after
    # The end of the log is read before the answer begins: what is written once it has begun is in the stream.
    stream = _stream(api(request).feed, chosen, begin)
    return EventStream(_begun(stream, await anext(stream)))


class Choice:
    """Which transitions a listener wants: those that are in every list that it gave."""

    def __init__(self, workflows: list[str] | None, entities: list[str] | None, statuses: list[str] | None) -> None:
        self._workflows = frozenset(workflows or ())
        self._entities = frozenset(entities or ())
        self._statuses = frozenset(statuses or ())

    def __call__(self, frame: SseMessage) -> bool:
        """Whether it wants that one."""
        return (
            (not self._workflows or frame.workflow_id in self._workflows)
            and (not self._entities or frame.entity in self._entities)
            and (not self._statuses or frame.status in self._statuses)
        )


async def _begun(stream: AsyncIterator[bytes], first: bytes) -> AsyncIterator[bytes]:
    yield first
    async for part in stream:
        yield part


async def _stream(feed: Feed, chosen: Choice, begin: int | None) -> AsyncIterator[bytes]:
    async with feed.listening() as end:
        position = end if begin is None else begin
        yield _sign_of_life(position)
        while not feed.closed:
            frames, position = await feed.after(position)
            wanted = b"".join(frame.sent for frame in frames if chosen(frame))
            # Where nothing was wanted the listener still learns how far it has come, to resume from there.
            yield wanted or _sign_of_life(position)


def _sign_of_life(position: int) -> bytes:
    return b": \nid: %d\n\n" % position
