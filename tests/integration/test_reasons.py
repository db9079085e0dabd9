"""Reasons that are too long: a report with one is refused, and an import cuts them with a mark."""

import json
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from application.transition_service import TransitionService
from domain.text import MAX_REASON_BYTES
from interfaces.http.app import create_app
from sojourn.errors import ReasonTooLong
from tests.support.agreement import assert_agreement, rows
from tests.support.attempts import attempt, register
from tests.support.importing import imported
from tests.support.writing_calls import CALLS, Call, begin

TOO_LONG = "é" * (MAX_REASON_BYTES // 2) + "x"
LONGEST = TOO_LONG[1:] + "x"
LINES = [
    {"entity": "task", "id": "t1", "event": "registered", "at": "2026-01-31T08:00:00Z", "workflow": "w"},
    {"entity": "task", "id": "t2", "event": "registered", "at": "2026-01-31T08:00:00Z", "workflow": "w"},
    {"entity": "task", "id": "t1", "to": "QUEUED", "at": "2026-01-31T08:01:00Z", "reason": TOO_LONG},
    {"entity": "task", "id": "t2", "to": "QUEUED", "at": "2026-01-31T08:01:00Z", "reason": TOO_LONG},
    {"entity": "task", "id": "t1", "to": "DONE", "at": "2026-01-31T08:02:00Z", "reason": TOO_LONG},
]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_method_refuses_it_and_stores_nothing(
    service: TransitionService, connection: psycopg.Connection[Any], call: Call
) -> None:
    begin(service)
    before = rows(connection, "SELECT count(*) FROM sojourn.event")

    with pytest.raises(ReasonTooLong, match="a reason of 65537 bytes is not a text of at most 65536 bytes"):
        call(service, reason=TOO_LONG)

    assert rows(connection, "SELECT count(*) FROM sojourn.event") == before


def test_the_longest_reason_is_kept_whole(service: TransitionService) -> None:
    register(service, "t1")
    attempt(service, "t1")

    service.transition_task_instance("t1/1", "ERROR", reason=LONGEST)

    assert service.history("ti:t1/1")[-1]["reason"] == LONGEST


def test_over_http_it_is_a_422_and_nothing_is_stored(service: TransitionService) -> None:
    register(service, "t1")
    attempt(service, "t1")
    with TestClient(create_app(service), "http://127.0.0.1") as client:
        path = "/api/v3/task_instance/t1/1/transition"
        response = client.post(path, json={"to_status": "ERROR", "reason": TOO_LONG})
        accepted = client.post(path, json={"to_status": "ERROR", "reason": LONGEST})

    assert response.status_code == 422
    assert response.json()["fields"][0]["field"] == "body.reason"
    assert "is not a text of at most 65536 bytes" in response.json()["detail"]
    assert accepted.json()["ti_updated"] is True


def test_an_import_cuts_it_with_a_mark_and_adds_nothing_the_second_time(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = "\n".join(map(json.dumps, LINES))

    first, second = imported(service, "jsonl", text), imported(service, "jsonl", text)

    assert (first["bad_lines"], first["transitions"], second["transitions"]) == ([], 4, 0)
    reasons = rows(connection, "SELECT data ->> 'reason' AS reason FROM sojourn.event WHERE data ? 'reason'")
    assert [len(row["reason"].encode()) for row in reasons] == [MAX_REASON_BYTES] * 3
    assert all(row["reason"].endswith("é [cut: the reason has 65537 bytes]") for row in reasons)
    assert_agreement(connection)
