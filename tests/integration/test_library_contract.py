"""The event sourcing library's own cases for recorders, run against the log on a real server."""

from collections.abc import Iterator, Sequence
from typing import Any, cast
from unittest import TestCase
from uuid import uuid4

import pytest
from eventsourcing.persistence import AggregateRecorder, Notification, StoredEvent
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)
from pydantic_core import from_json, to_json

from application.transition_service import TransitionService
from infrastructure.log.recorder import LogRecorder, LogSubscription, NewEvent

SKIPPED = {
    "AggregateRecorderTestCase.test_performance": "it prints a rate and checks nothing",
    "ApplicationRecorderTestCase.test_performance": "it prints a rate and checks nothing",
    "NonInterleavingNotificationIDsBaseCase.test": (
        "appends take no lock of the table, so positions of concurrent ones interleave (docs/decisions 3 and 5)"
    ),
}
PREFIX = "task"
STATE = {"status": "RUNNING", "num_attempts": 0}
MOVE = {"previous_status": "RUNNING"}
"""What the log takes as the first event of a stream at any version but 1, where nothing comes before."""


class OpaqueRecorder(LogRecorder):
    """The recorder for the cases' events: bytes that mean nothing, under any name, with versions from 0.

    The log takes JSON, of an entity of a workflow, with versions from 1. What goes in is wrapped and what comes out is
    unwrapped; everything between is the product's.
    """

    def insert_events(self, stored_events: Sequence[StoredEvent], **more: Any) -> Sequence[int]:
        return super().insert_events([wrapped(event) for event in stored_events], **more)

    def select_events(
        self,
        originator_id: Any,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Any:
        found = super().select_events(
            f"{PREFIX}:{originator_id}",
            gt=None if gt is None else gt + 1,
            lte=None if lte is None else lte + 1,
            desc=desc,
            limit=limit,
        )
        return [StoredEvent(**unwrapped(event)) for event in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Any:
        found = super().select_notifications(
            start, limit, stop, list(map(named, topics)), inclusive_of_start=inclusive_of_start
        )
        return [Notification(**unwrapped(event), id=event.id) for event in found]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        return OpaqueSubscription(self, self._database.dsn, gt, list(map(named, topics)))


class OpaqueSubscription(LogSubscription):
    def __next__(self) -> Any:
        event = super().__next__()
        return Notification(**unwrapped(event), id=event.id)


class WithoutPositions(AggregateRecorder):
    """A recorder of aggregates, which has no positions to answer with."""

    def __init__(self, recorder: OpaqueRecorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **more: Any) -> None:
        self._recorder.insert_events(stored_events, **more)

    def select_events(self, originator_id: Any, **part: Any) -> Any:
        return self._recorder.select_events(originator_id, **part)


def named(topic: str) -> str:
    return f"{PREFIX}.{topic}"


def wrapped(event: StoredEvent) -> NewEvent:
    return NewEvent(
        originator_id=f"{PREFIX}:{event.originator_id}",
        originator_version=event.originator_version + 1,
        topic=named(event.topic),
        state=to_json(STATE | (MOVE if event.originator_version else {}) | {"reason": event.state.decode()}),
        workflow_id="w",
    )


def unwrapped(event: StoredEvent) -> dict[str, Any]:
    return {
        "originator_id": str(event.originator_id).removeprefix(f"{PREFIX}:"),
        "originator_version": event.originator_version - 1,
        "topic": event.topic.removeprefix(f"{PREFIX}."),
        "state": from_json(event.state)["reason"].encode(),
    }


def cases() -> Iterator[Any]:
    for case in (AggregateRecorderTestCase, ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase):
        for method in dir(case):
            if method.startswith(("test", "optional_test")):
                name = f"{case.__name__}.{method}"
                why = SKIPPED.get(name)
                marks = [pytest.mark.skip(reason=why)] if why else []
                yield pytest.param(case, method, id=name, marks=marks)


@pytest.mark.parametrize(("case", "method"), list(cases()))
def test_the_librarys_case(service: TransitionService, case: type[TestCase], method: str) -> None:
    recorder = OpaqueRecorder(service.store.database, service.store.log)

    class OnTheLog(case):  # type: ignore[misc, valid-type]
        def create_recorder(self) -> Any:
            return WithoutPositions(recorder) if issubclass(case, AggregateRecorderTestCase) else recorder

        def new_originator_id(self) -> str:
            return str(uuid4())

    cast("TestCase", OnTheLog(method)).debug()


def test_what_is_skipped_exists() -> None:
    assert set(SKIPPED) <= {param.id for param in cases()}
