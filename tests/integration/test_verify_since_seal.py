"""Verifying since a seal: what came later is judged as by a complete verification, and what is earlier is not read."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.array_service import ArrayService
from application.replay.verify import Verification, verify_log
from application.seals import seal_log as sealing
from application.seals.seal_log import seal_log
from application.transition_service import TaskSpec, TransitionService
from tests.integration.test_seals import last_root, tamper
from tests.integration.test_verify import everything
from tests.support.attempts import attempt, ids, register

Connection = psycopg.Connection[Any]


@pytest.fixture
def log(service: TransitionService, connection: Connection) -> TransitionService:
    """A log whose second attempt of t1, whose t2 and whose t4 came after its seal; t3 has no event since."""
    register(service, "t1", "t2", "t3")
    attempt(service, "t1", "t3")
    service.transition_task_instance("t1/1", "ERROR")
    seal_log(service.store)
    attempt(service, "t1")
    service.register_tasks("w", [TaskSpec("t4", upstream=["t2"])])
    attempt(service, "t2", until="LAUNCHED")
    return service


def test_every_seal_of_a_mixed_log_is_a_place_to_go_on_from(
    service: TransitionService, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given seals of seven events: what follows each of them depends on attempts, arrays and causes before it."""
    monkeypatch.setattr(sealing, "MOST_EVENTS", 7)
    everything(service, connection, tmp_path)
    names, arrays = ids(9, "of-an-array"), ArrayService(service.store)
    register(service, *names)
    arrays.queue_task_batch(arrays.bind("w", "13", 7)["array_id"], names)
    seal_log(service.store)
    events, last = one(connection, "SELECT count(*), max(position) FROM sojourn.event")
    seals = connection.execute("SELECT last_position, root, sum(events) OVER (ORDER BY number) FROM sojourn.seal")

    for position, root, before in seals.fetchall():
        verification = verify_log(service.store, since=root)
        assert verification["mismatches"] == [], position
        assert (verification["since"], verification["sealed_to"]) == (position, last)
        assert verification["events"] == events - before
    assert verification["entities"] < verify_log(service.store)["entities"]


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE sojourn.event SET data = jsonb_set(data, '{status}', '"DONE"') WHERE position = %(last)s""",
        "UPDATE sojourn.event SET entered_at = entered_at - interval '1 h' WHERE position = %(last)s",
        "DELETE FROM sojourn.event WHERE position = %(last)s - 1",
        """UPDATE sojourn.event SET data = data - 'previous_status' WHERE position = %(last)s""",
        "UPDATE sojourn.event SET version = version + 9 WHERE position = %(last)s",
        "DELETE FROM sojourn.dependency WHERE task_id = 't4'",
        "UPDATE sojourn.task SET num_attempts = 7 WHERE task_id = 't1'",
        "UPDATE sojourn.task_instance SET ordinal = 7 WHERE task_instance_id = 't1/2'",
        "INSERT INTO sojourn.slot (tag, holder) VALUES ('gpu', 't3')",
        "INSERT INTO sojourn.checkpoint (subscription, position) VALUES ('s', 1000)",
    ],
)
def test_what_is_wrong_since_is_found_as_by_a_complete_verification(
    log: TransitionService, connection: Connection, statement: str
) -> None:
    assert verify_since(log, connection)["mismatches"] == []
    (last,) = one(connection, "SELECT max(position) FROM sojourn.event")
    tamper(connection, statement, last=last)

    found = verify_since(log, connection)["mismatches"]

    assert found
    assert found == verify_log(log.store)["mismatches"]


def test_later_seals_are_compared_with_their_events(log: TransitionService, connection: Connection) -> None:
    since = last_root(connection)
    seal_log(log.store)
    tamper(connection, "UPDATE sojourn.event SET workflow_id = 'v', data = data || '{\"reason\": \"other\"}' "
                       "WHERE position = (SELECT max(position) FROM sojourn.event)")  # fmt: skip

    assert "seal.events" in {wrong.what for wrong in verify_log(log.store, since=since)["mismatches"]}


def test_what_is_earlier_is_not_read(log: TransitionService, connection: Connection) -> None:
    """So an edit there is left to a complete verification, also that of a row of an entity without later events."""
    tamper(connection, 'UPDATE sojourn.event SET data = data || \'{"reason": "other"}\' WHERE position = 3')
    tamper(connection, "UPDATE sojourn.task SET status = 'DONE' WHERE task_id = 't3'")

    assert verify_since(log, connection)["mismatches"] == []
    assert [wrong.what for wrong in verify_log(log.store)["mismatches"]] == ["task.status", "seal.events"]


def test_a_log_that_was_sealed_again_is_verified_whole(log: TransitionService, connection: Connection) -> None:
    since = last_root(connection)
    for table in ("seal", "seal_seed"):
        tamper(connection, f"DELETE FROM sojourn.{table}")
    tamper(connection, 'UPDATE sojourn.event SET data = data || \'{"reason": "other"}\' WHERE position = 3')
    seal_log(log.store)

    verification = verify_log(log.store, since=since)

    assert [wrong.what for wrong in verification["mismatches"]] == ["seal.trust"]
    assert verification["since"] == 0
    (events,) = one(connection, "SELECT count(*) FROM sojourn.event")
    assert verification["events"] == events


def verify_since(service: TransitionService, connection: Connection) -> Verification:
    """Verify what came after the last seal."""
    return verify_log(service.store, since=last_root(connection))


def one(connection: Connection, statement: str) -> Any:
    return connection.execute(statement.encode()).fetchone()
