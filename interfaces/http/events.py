"""GET /events: new transitions as they are written, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from domain.entity import parse_entity
from interfaces.http.access import TOKEN_CACHE_SECONDS
from interfaces.http.api import Api, get_api
from interfaces.http.models import Id, Name
from interfaces.http.problems import document_problems
from interfaces.http.sse_message import SseMessage, format_keepalive

MAX_POSITION = 2**63 - 1
EXAMPLE = (
    'id: 725\nevent: transition\ndata: {"position":725,"entity":"ti:align/1","workflow_id":"my-workflow",'
    '"version":4,"name":"task_instance.transitioned.v1","previous_status":"LAUNCHED","status":"RUNNING",...}\n\n'
)

router = APIRouter()


class EventStream(StreamingResponse):
    """A stream of server-sent events. The server closes the connection of a listener that does not read."""

    media_type = "text/event-stream"


@router.get(
    "/events",
    response_class=EventStream,
    responses={
        200: {"content": {"text/event-stream": {"example": EXAMPLE}}, "description": "Transitions as they come."},
        **document_problems(422),
    },
)
async def stream_events(
    request: Request,
    workflow: Annotated[list[Id] | None, Query(description="Send only transitions of these workflows.")] = None,
    workflow_id: Annotated[list[Id] | None, Query(description="Send only transitions of these workflows, too.")] = None,
    entity: Annotated[list[Name] | None, Query(description="Send only transitions of these: task:ID, ti:ID.")] = None,
    status: Annotated[list[Name] | None, Query(description="Send only transitions into these statuses.")] = None,
    after: Annotated[
        int | None,
        Query(ge=0, le=MAX_POSITION, description="Begin after this position; the default is the end of the log."),
    ] = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=MAX_POSITION, description="Continue after this position, as browsers do.")
    ] = None,
) -> EventStream:
    """Stream new transitions of tasks and instances as server-sent events, each once, in the order of their positions.

    The id of an event is its position: with it as `Last-Event-ID` (or `after`) a stream continues where it ended.
    """
    entities = [str(parse_entity(name)) for name in entity or ()]
    wanted = Filter([*(workflow or ()), *(workflow_id or ())], entities, status or [])
    begin = last_event_id if last_event_id is not None else after
    # The first message waits for the end of the log, so an answer that has begun misses nothing written from then on.
    stream = _stream_messages(get_api(request), request, wanted, begin)
    return EventStream(_prepend(await anext(stream), stream))


class Filter:
    """The transitions that a listener wants: those that match every list that is not empty."""

    def __init__(self, workflows: list[str], entities: list[str], statuses: list[str]) -> None:
        self._workflows = frozenset(workflows)
        self._entities = frozenset(entities)
        self._statuses = frozenset(statuses)

    def matches(self, message: SseMessage) -> bool:
        """Return whether the listener wants that transition."""
        return (
            (not self._workflows or message.workflow_id in self._workflows)
            and (not self._entities or message.entity in self._entities)
            and (not self._statuses or message.status is None or message.status in self._statuses)
        )


async def _prepend(first: bytes, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in stream:
        yield part


async def _stream_messages(api: Api, request: Request, wanted: Filter, begin: int | None) -> AsyncIterator[bytes]:
    feed = api.feed
    async with feed.listen() as beginning:
        position, known = beginning if begin is None else (begin, frozenset())
        yield format_keepalive(position)
        while not feed.closed:
            messages, reached = await feed.read_after(position)
            # A listener without a match still gets its position, so that it can resume from there.
            denial = await api.authorizer.deny_reason(request.scope)
            if denial is None:
                position = reached
                yield _join(messages, wanted, known) or format_keepalive(position)
            elif denial.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                yield format_keepalive(position)  # nothing is delivered while nobody can tell whether it may be
                await asyncio.sleep(TOKEN_CACHE_SECONDS)
            else:
                return


def _join(messages: Sequence[SseMessage], wanted: Filter, known: frozenset[int]) -> bytes:
    return b"".join(one.sent for one in messages if one.position not in known and wanted.matches(one))
