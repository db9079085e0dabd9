"""An erasure takes a person out of the log and its archives, and nothing else: the seals of before hold afterwards."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import Connection
from psycopg.errors import InsufficientPrivilege

from application.archive.archive import archive_workflows
from application.archive.archived_event import find_archived_event
from application.archive.errors import ArchivingForbidden
from application.archive.restore import restore_workflow
from application.erase.erase import ErasureWithoutReason
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.seals.check_proof_file import check_proof_file
from application.seals.prove import prove_event
from application.seals.seal_log import LOCK, seal_log
from application.seals.verify_seals import Trust
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.errors import UnknownEntity
from tests.support.agreement import rows
from tests.support.command_line import document
from tests.support.roles import login_role

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
ANN = Actor(component="worker", host="ann-laptop", pid=7, user="ann")
BOB = Actor(component="worker", host="node7", user="bob")
BECAUSE = "she asked for it"
TABLES = {
    "event": "position", "transition": "position", "command": "command_id", "task": "task_id", "wait": "position",
    "task_instance": "task_instance_id", "array": "array_id", "lease": "holder", "slot": "tag, holder",
}  # fmt: skip
UNTOUCHED = [table for table in TABLES if table not in ("event", "transition", "command")]


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """What ann and bob reported in the workflows `night` and `runs`, which have ended, and in `live`, all sealed."""
    for workflow in ("night", "live"):
        task = f"{workflow}1"
        service.register_tasks(workflow, [TaskSpec(task)], occurred_at=NINE, actor=ANN)
        array = service.arrays.bind(workflow, "12", 7, actor=BOB)["array_id"]
        service.arrays.queue_task_batch(array, [task], occurred_at=NINE, actor=BOB)
        paths = {"distributor_id": "4711", "stdout": "/home/ann/out", "stderr": "/home/ann/err"}
        service.arrays.log_distributor_id(array, {_instance(service, task): paths}, actor=ANN)
        for minute, status in enumerate(("INSTANTIATED", "LAUNCHED", "RUNNING")):
            service.transition_task_instance(
                _instance(service, task), status, actor=ANN, reason="ann was ill", command_id=f"{task}{status}",
                occurred_at=NINE + timedelta(minutes=minute),
            )  # fmt: skip
    # Stale by the one clock of both reports: with clocks that may differ, it would be accepted.
    late = NINE + timedelta(seconds=90)
    assert service.transition_task_instance(_instance(service, "live1"), "LAUNCHED", actor=ANN, occurred_at=late)[
        "error"
    ]
    service.transition_task_instance(_instance(service, "night1"), "DONE", actor="ann", reason="é\u2028 ann was ill")
    service.register_tasks("runs", [TaskSpec("r1")], lifecycle="pynenc", occurred_at=NINE, actor=BOB)
    service.transition_task("r1", "PENDING", "node7", actor=BOB)
    refused = service.transition_task("r1", "RUNNING", "node8", actor=ANN, command_id="refused")
    assert refused["reason"]
    for status in ("RUNNING", "SUCCESS"):
        service.transition_task("r1", status, "node7", actor=BOB, reason="bob's text", command_id=f"r1{status}")
    for minutes in (0, 5):
        service.heartbeat("node7", 60, occurred_at=NINE + timedelta(minutes=minutes), actor=ANN)
    seal_log(service.store)
    return service


@pytest.mark.fresh_database
def test_a_person_is_taken_out_and_everything_else_stays(log: TransitionService, connection: Connection[Any]) -> None:
    before, root = dump(connection), last_root(connection)
    replayed = document(log, "replay", "--all")
    planned = log.erase("ann", because=BECAUSE, dry_run=True)
    assert dump(connection) == before

    erased = log.erase("ann", because=BECAUSE, by=BOB)

    assert erased == planned | {"erased_as": "erased-1"}
    assert erased["events"] == len(list(filter(names_ann, before["event"])))
    assert erased["workflows"] == ["live", "night", "runs"]
    after = dump(connection)
    assert after["event"][:-2] == [as_erased(event) for event in before["event"]]
    by_ann = {(event["stream"], event["version"]) for event in before["event"] if names_ann(event)}
    for row, former in zip(after["transition"], before["transition"], strict=True):
        is_ann = (f"{row['entity_kind']}:{row['entity_id']}", row["version"]) in by_ann
        assert row == former | ({"actor": "erased-1"} if is_ann else {})
    assert {table: after[table] for table in UNTOUCHED} == {table: before[table] for table in UNTOUCHED}
    assert_gone(connection)
    begun, ended = (event["data"] for event in after["event"][-2:])
    assert (begun["actor"]["user"], begun["reason"]) == ("bob", BECAUSE)
    assert ended == {
        "previous_status": "ERASING",
        "status": "ERASED",
        "cause": "log:erased-1@1",
        "events": erased["events"],
    }
    assert_proven(log, root)
    assert document(log, "replay", "--all") == replayed | {
        "events": replayed["events"] + 2,
        "entities": replayed["entities"] + 1,
    }
    rebuild_projections(log.store, lambda _: None)
    assert dump(connection) == after
    assert log.erase("ann", because=BECAUSE) == {
        "erased_as": None, "events": 0, "by_kind": {}, "workflows": [], "files": []
    }  # fmt: skip
    assert dump(connection) == after


def test_a_command_whose_reason_is_erased_is_answered_as_before(
    log: TransitionService, connection: Connection[Any]
) -> None:
    def repeat(command_id: str, reason: str) -> Any:
        return log.transition_task("r1", "SUCCESS", "node7", actor=BOB, reason=reason, command_id=command_id)

    log.erase("bob", because=BECAUSE)
    before = dump(connection)

    assert repeat("r1SUCCESS", "bob's text")["status"] == "SUCCESS"
    assert repeat("r1SUCCESS", "another, which nobody can tell from it now")["status"] == "SUCCESS"
    assert dump(connection) == before


def test_only_one_workflow_is_changed_and_only_its_record_names_who_erased(
    log: TransitionService, connection: Connection[Any]
) -> None:
    before = dump(connection)
    with pytest.raises(UnknownEntity):
        log.erase("ann", because=BECAUSE, workflow_id="nigth")
    with pytest.raises(ErasureWithoutReason):
        log.erase("ann", because=" ")

    erased = log.erase("ann", because=BECAUSE, workflow_id="night", by=ANN)

    assert erased["workflows"] == ["night"]
    after = dump(connection)
    assert after["event"][:-2] == [
        as_erased(event) if event["workflow_id"] == "night" else event for event in before["event"]
    ]
    begun = after["event"][-2]["data"]
    assert (begun["actor"], begun["only_workflow"]) == ({"component": "erased-1"}, "night")
    assert log.erase("ann", because=BECAUSE)["erased_as"] == "erased-2"
    assert_gone(connection)
    assert clean(log)


@pytest.mark.fresh_database
def test_the_log_changes_only_as_an_erasure_states(log: TransitionService, connection: Connection[Any]) -> None:
    before = dump(connection)
    begin = """
        INSERT INTO sojourn.erasure (number, actor, workflow_id, written_by)
        VALUES (1, 'ann', 'night', pg_current_xact_id())
    """
    erase, as_another, in_part = (
        f"""
        UPDATE sojourn.stored_event AS e
        SET actor = n.actor, actor_host = n.actor_host, actor_user = n.actor_user, actor_pid = n.actor_pid,
            reason = {reason}, rest = n.rest, position = e.position {{more}}
        FROM sojourn.stored_event AS s CROSS JOIN LATERAL sojourn.erase_stored(s, '{name}') AS n
        WHERE s.position = e.position
        """
        for name, reason in (("erased-1", "n.reason"), ("erased-2", "n.reason"), ("erased-1", "NULL"))
    )
    by_ann = "AND 'ann' IN (e.actor, e.actor_user)"
    of_ann = f"{by_ann} AND e.workflow_id = 'night'"
    for statements in (
        [erase.format(more="") + of_ann],
        [begin, erase.format(more="")],
        [begin, erase.format(more="") + by_ann],
        [begin, erase.format(more=", event_type = coalesce(e.event_type, '') || 'x'") + of_ann],
        [begin, erase.format(more="+ 1000") + of_ann],
        [begin, as_another.format(more="") + of_ann],
        [begin, erase.format(more=", status = 'X'") + of_ann],
        [begin, in_part.format(more="") + of_ann],
        [begin, f"DELETE FROM sojourn.stored_event AS e WHERE true {of_ann}"],
        [begin, erase.format(more="").replace("UPDATE sojourn.stored_event", "UPDATE sojourn.stored_event_1") + of_ann],
        [begin, "UPDATE sojourn.event SET data = sojourn.erase_fields(data, 'erased-1') WHERE workflow_id = 'night'"],
        [begin, "SELECT * FROM sojourn.erase_events(1, '{1}')"],  # the log has no record of it
    ):
        with pytest.raises(psycopg.Error) as refused:
            execute_together(connection, statements)
        assert refused.value.sqlstate == "SJ002", statements
    assert dump(connection) == before
    with login_role(log.dsn, "sojourn_writer") as writing, TransitionService.connect(writing) as service:
        with pytest.raises(ArchivingForbidden):
            service.erase("ann", because=BECAUSE)
        with service.store.session() as session, pytest.raises(InsufficientPrivilege):
            session.execute("UPDATE sojourn.event SET data = data")
    assert dump(connection) == before


def test_what_is_archived_is_erased_and_comes_back_erased(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before, root = dump(connection)["event"], last_root(connection)
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    archive_workflows(log.store, now(connection), tmp_path, workflows=["runs"])
    planned = log.erase("ann", because=BECAUSE, dry_run=True)
    assert planned["files"] == sorted(map(str, (tmp_path / "event").rglob("*.parquet")))

    erased = log.erase("ann", because=BECAUSE)

    assert erased | {"files": []} == planned | {"erased_as": "erased-1", "files": []}
    assert erased["files"] == sorted(map(str, (tmp_path / "event").rglob("*.parquet")))
    assert erased["events"] == len(list(filter(names_ann, before)))
    assert_gone(connection, tmp_path)
    assert_proven(log, root)
    [position] = [event["position"] for event in before if event["stream"] == "task:night1" and event["version"] == 1]
    prove_event(log.store, position, tmp_path / "proof.json", find_archived_event)
    proven = check_proof_file(tmp_path / "proof.json", Trust(root=root))
    assert proven["event"] is not None, proven
    assert (proven["event"]["data"]["actor"], proven["event"]["data"]["status"]) == ("erased", "REGISTERING")
    seal_log(log.store)
    for workflow in ("night", "runs"):
        restore_workflow(log.store, tmp_path, workflow)
    assert dump(connection)["event"][:-2] == [as_erased(event) for event in before]
    assert_proven(log, root)


KILLED = """
import os, signal, sys
from application.erase.erase import erase_actor
from application.shared.store import Store

for line in sys.stdin:
    child = os.fork()
    if not child:
        def step(name):
            if name.startswith(line.strip()):
                os.kill(os.getpid(), signal.SIGKILL)
        erase_actor(Store.reach(sys.argv[1]), "ann", "she asked for it", on_step=step)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)
"""
STEPS = ("erasing from the log", "reading", "comparing", "committing", "publishing", "ending")


@pytest.mark.one_server
def test_a_kill_at_any_step_loses_nothing_and_the_next_call_ends_it(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before, root = dump(connection)["event"], last_root(connection)
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    command = [sys.executable, "-c", KILLED, log.dsn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killer:
        for step in STEPS:
            assert killer.stdin
            assert killer.stdout
            print(step, file=killer.stdin, flush=True)
            assert killer.stdout.readline() == f"{int(signal.SIGKILL)}\n"
            found = {event["position"]: event for event in everywhere(connection, tmp_path)}
            assert all(found[event["position"]] in (event, as_erased(event)) for event in before)
            assert clean(log)
        killer.communicate()

    assert log.erase("ann", because=BECAUSE) == {
        "erased_as": "erased-1", "events": 0, "by_kind": {}, "workflows": [], "files": []
    }  # fmt: skip
    assert_gone(connection, tmp_path)
    assert len(list(tmp_path.rglob("*.parquet*"))) == len(list(tmp_path.rglob("*.parquet")))
    erasures = "SELECT number, actor, ended_at IS NULL AS goes_on FROM sojourn.erasure"
    assert rows(connection, erasures) == [{"number": 1, "actor": None, "goes_on": False}]
    restore_workflow(log.store, tmp_path, "night")
    assert dump(connection)["event"][:-2] == [as_erased(event) for event in before]
    assert_proven(log, root)


def test_writers_go_on_meanwhile_and_nothing_is_sealed(log: TransitionService, connection: Connection[Any]) -> None:
    with psycopg.connect(log.dsn) as writing:
        log.transition_task_instance(_instance(log, "live1"), "ERROR", actor=BOB, connection=writing)
        log.erase("ann", because=BECAUSE)
        writing.commit()
    assert clean(log)
    connection.execute("UPDATE sojourn.erasure SET actor = 'bob', ended_at = NULL")
    with psycopg.connect(log.dsn) as erasing:
        erasing.execute("SELECT sojourn.erase_events(1, ARRAY(SELECT position FROM sojourn.event))")
        assert connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (False,)
        erasing.commit()
    seal_log(log.store)
    assert clean(log)


def _instance(service: TransitionService, task_id: str) -> str:
    with service.store.session() as connection:
        row = connection.execute("SELECT task_instance_id FROM sojourn.task_instance WHERE task_id = %s", [task_id])
        return str(row.fetchall()[0][0])


def execute_together(connection: Connection[Any], statements: list[str]) -> None:
    with connection.transaction():
        for statement in statements:
            connection.execute(statement.encode())


def names_ann(event: dict[str, Any]) -> bool:
    return "ann" in ((event["data"].get("actor") or {}).get(key) for key in ("component", "user"))


def as_erased(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event of before as the erasure of ann leaves it."""
    if not names_ann(event):
        return event
    replaced = {name: "erased" for name in ("reason", "rule_reason", "stdout", "stderr") if name in event["data"]}
    return event | {"data": event["data"] | {"actor": {"component": "erased-1"}} | replaced}


def assert_gone(connection: Connection[Any], folder: Path | None = None) -> None:
    """Check that no table and no file of the archive has a text of ann's."""
    found = json.dumps([dump(connection), rows(connection, "TABLE sojourn.command")], default=str, ensure_ascii=False)
    for path in folder.rglob("*.parquet*") if folder else ():
        found += str(pq.read_table(path, partitioning=None).to_pylist())
    assert "ann" not in found
    assert "node8" in found, "a runner is the name of a machine, and stays"


def assert_proven(service: TransitionService, root: bytes) -> None:
    """Check that the log is, up to the seal with that root, what was sealed."""
    verification = verify_log(service.store, trust=Trust(root=root))
    assert verification["mismatches"] == []
    with service.store.session() as connection:
        sealed_to = connection.execute("SELECT last_position FROM sojourn.seal WHERE root = %s", [root]).fetchone()
    assert (verification["trusted_to"],) == sealed_to


def clean(service: TransitionService) -> bool:
    return verify_log(service.store)["mismatches"] == []


def everywhere(connection: Connection[Any], folder: Path) -> list[dict[str, Any]]:
    """Return the events of the log and those of the archive's files that tombstones name."""
    found = dump(connection)["event"]
    for (file,) in connection.execute("SELECT DISTINCT file FROM sojourn.archived_workflow").fetchall():
        [path] = [path for suffix in ("", ".draft") if (path := folder / "event" / f"{file}{suffix}").exists()]
        found += [
            {**row, "data": json.loads(row["data"])} for row in pq.read_table(path, partitioning=None).to_pylist()
        ]
    return found


def dump(connection: Connection[Any]) -> dict[str, list[Any]]:
    found = {table: rows(connection, f"SELECT * FROM sojourn.{table} ORDER BY {key}") for table, key in TABLES.items()}
    for row in found["event"]:
        for computed in ("is_transition", "entity_kind", "entity_id"):
            del row[computed]
    return found


def last_root(connection: Connection[Any]) -> bytes:
    [(root,)] = connection.execute("SELECT root FROM sojourn.seal ORDER BY number DESC LIMIT 1").fetchall()
    return bytes(root)


def now(connection: Connection[Any]) -> datetime:
    [(moment,)] = connection.execute("SELECT clock_timestamp()").fetchall()
    return moment  # type: ignore[no-any-return]
