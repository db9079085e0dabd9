"""An ended workflow leaves the log whole, leaves a tombstone, and comes back byte for byte."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from application.archive.archive import archive_workflows
from application.archive.archived_event import find_archived_event
from application.archive.change_archive import change_archive
from application.archive.errors import (
    ArchiveDamaged,
    ArchivingForbidden,
    ForeignArchive,
    NotArchivable,
    NotArchived,
    SealedWithout,
)
from application.archive.opened_archive import open_archived
from application.archive.restore import restore_workflow
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.seals.check_proof_file import check_proof_file, trust_in
from application.seals.prove import NotSealed, prove_event
from application.seals.seal_log import seal_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import Archived, UnknownEntity
from infrastructure.log.subscription import Subscription
from tests.support.agreement import rows
from tests.support.attempts import attempt
from tests.support.importing import imported, jsonl
from tests.support.roles import login_role
from tests.support.waiting import wait_for

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)

TABLES = {
    "event": "position", "transition": "position", "task": "task_id", "task_instance": "task_instance_id",
    "array": "array_id", "dependency": "task_id, upstream_id", "wait": "position", "lease": "holder",
    "command": "command_id", "lifecycle": "name, version", "slot": "tag, holder",
}  # fmt: skip
MOVED = [table for table in TABLES if table not in ("lifecycle", "slot")]


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """Ended are night, with all that one can have, runs, which gets into its file, and day, which links to eve."""
    service.register_tasks("night", [TaskSpec("n1"), TaskSpec("n2", upstream=["n1"])], occurred_at=NINE)
    batch = service.arrays
    batch.queue_task_batch(batch.bind("night", "12", 7)["array_id"], ["n1"])
    for status in ("INSTANTIATED", "LAUNCHED", "RUNNING"):
        service.transition_task_instance(_instance(service, "n1"), status, command_id=f"c{status}")
    service.heartbeat_task_instances([_instance(service, "n1")])
    service.transition_task_instance(_instance(service, "n1"), "DONE", reason="é\u2028 done", actor="worker")
    attempt(service, "n2")
    service.transition_task_instance("n2/1", "DONE", waits_for={"kind": "slot", "detail": "a", "holders": ["b"]})
    service.transition_task_instance("n2/1", "ERROR")  # refused
    service.register_tasks("runs", [TaskSpec("o1")], lifecycle="pynenc", occurred_at=NINE)
    for status in ("PENDING", "RUNNING", "SUCCESS"):
        service.transition_task("o1", status, "ann")
    for minutes in (0, 1):
        service.heartbeat("ann", occurred_at=NINE + timedelta(minutes=minutes))
    service.register_tasks("eve", [TaskSpec("e1")], lifecycle="pynenc")
    service.register_tasks("day", [TaskSpec("d1", upstream=["e1"])], lifecycle="pynenc")
    for task in ("e1", "d1"):
        for status in ("PENDING", "RUNNING", "SUCCESS"):
            service.transition_task(task, status, "bob")
    service.register_tasks("live", [TaskSpec("l1"), TaskSpec("l2")])
    attempt(service, "l1")
    assert verify_log(service.store)["mismatches"] == []
    return service


def _instance(service: TransitionService, task_id: str) -> str:
    with service.store.session() as connection:
        row = connection.execute("SELECT task_instance_id FROM sojourn.task_instance WHERE task_id = %s", [task_id])
        return str(row.fetchall()[0][0])


@pytest.mark.fresh_database
def test_an_ended_workflow_goes_whole_and_comes_back_byte_for_byte(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before = dump(connection)

    moved = archive_workflows(log.store, now(connection), tmp_path / "archive")

    assert (moved["workflows"], moved["events"]) == (4, removed(before, connection))
    assert moved["bytes"] == sum(path.stat().st_size for path in (tmp_path / "archive").rglob("*.parquet"))
    assert moved["files"] == len(list((tmp_path / "archive").rglob("*.parquet")))
    # What stays is what was there of the workflow that goes on, and of runners.
    left = dump(connection)
    assert left == {
        table: [row for row in found if stays(row) or table in ("lifecycle", "slot")] for table, found in before.items()
    }
    assert all(len(left[table]) < len(before[table]) for table in MOVED)
    assert clean(log)
    rebuild_projections(log.store, lambda _: None)
    assert dump(connection) == left

    restored = [restore_workflow(log.store, tmp_path / "archive", name) for name in ("night", "day")]

    assert [answer["workflows"] for answer in restored] == [1, 2]  # eve comes with day
    assert clean(log)
    archived = {name for (name,) in connection.execute("SELECT workflow_id FROM sojourn.archived_workflow")}
    assert archived == {"runs"}
    restore_workflow(log.store, tmp_path / "archive", "runs")
    assert dump(connection) == before
    assert not list((tmp_path / "archive").rglob("*.parquet"))
    assert connection.execute("SELECT count(*) FROM sojourn.archived_entity").fetchone() == (0,)
    assert clean(log)


def test_what_is_archived_is_refused_and_says_where_it_is(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    instance = _instance(log, "n1")
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    left = dump(connection)

    calls: dict[str, Callable[[], object]] = {
        "report": lambda: log.transition_task_instance(instance, "DONE"),
        "repeated report": lambda: log.transition_task_instance(instance, "RUNNING", command_id="cRUNNING"),
        "reports": lambda: log.transition_task_instances([instance, "l1/1"], "DONE"),
        "task": lambda: log.transition_task("n1", "QUEUED"),
        "tasks": lambda: log.transition_tasks(["l2", "n1"], "QUEUED"),
        "gate": lambda: log.gate_tasks_for_queueing(["n1"]),
        "reset": lambda: log.reset_tasks(["n1"]),
        "same task": lambda: log.register_tasks("night", [TaskSpec("n1")]),
        "same task elsewhere": lambda: log.register_tasks("other", [TaskSpec("n1")]),
        "new task": lambda: log.register_tasks("night", [TaskSpec("n3")]),
        "upstream": lambda: log.register_tasks("other", [TaskSpec("x", upstream=["n1"])]),
        "attempt": lambda: log.create_task_instances({"x": "n1"}),
        "same attempt": lambda: log.create_task_instances({instance: "l2"}),
        "array": lambda: log.arrays.bind("night", "13", 7),
        "workflow": lambda: log.reset_workflow("night", ["DONE"]),
        "bundle": lambda: archive_workflows(log.store, now(connection), tmp_path, workflows=["night"]),
    }
    for name, call in calls.items():
        with pytest.raises(Archived) as refused:
            call()
        assert (refused.value.workflow, refused.value.folder) == ("night", str(tmp_path)), name
    assert dump(connection) == left
    with pytest.raises(NotArchived):
        restore_workflow(log.store, tmp_path, "live")
    with pytest.raises(UnknownEntity):
        restore_workflow(log.store, tmp_path, "nothing")


def test_lines_about_what_is_archived_are_bad_and_the_others_are_imported(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    instance = _instance(log, "n1")
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    at = {"at": NINE.isoformat()}
    archived: list[dict[str, Any]] = [
        {"entity": "task", "id": "n1", "event": "registered", "workflow": "night"},
        {"entity": "task", "id": "n1", "event": "registered", "workflow": "other"},
        {"entity": "task", "id": "n9", "event": "registered", "workflow": "night"},
        {"entity": "task", "id": "n1", "to": "QUEUED"},
        {"entity": "task_instance", "id": "n9/1", "event": "created", "task": "n1"},
        {"entity": "task_instance", "id": instance, "event": "created", "task": "l2"},
        {"entity": "task_instance", "id": instance, "to": "DONE"},
        {"entity": "task", "id": "m2", "event": "registered", "workflow": "morning", "upstream": ["n1"]},
        {"entity": "task", "id": "m3", "event": "registered", "workflow": "morning", "parent": "n1"},
    ]
    others: list[dict[str, Any]] = [{"entity": "task", "id": "m1", "event": "registered", "workflow": "morning"}]

    answer = imported(log, "jsonl", jsonl([line | at for line in (*archived, *others)]))

    assert (answer["bad"], answer["transitions"]) == (len(archived), len(others))
    assert all(f"is in the archive {str(tmp_path)!r}" in bad["error"] for bad in answer["bad_lines"]), answer
    assert clean(log)


def test_what_goes_on_what_is_kept_and_what_is_unread_stays(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    def why(**choice: Any) -> str:
        with pytest.raises(NotArchivable) as refused:
            archive_workflows(log.store, choice.pop("before", now(connection)), tmp_path, **choice)
        return refused.value.why

    assert "had not ended" in why(workflows=["live"])
    assert "had not ended" in why(workflows=["night"], before=NINE)
    assert "'day' stays, because --keep names it" in why(workflows=["eve"], keep=["day"])
    log.register_tasks("later", [TaskSpec("x", upstream=["n2"])])
    assert "'later' had not ended" in why(workflows=["night"])
    connection.execute("INSERT INTO sojourn.checkpoint (subscription, position) VALUES ('slow', 3)")
    assert "'slow' has not read all of it; run it, or delete its row in sojourn.checkpoint" in why(workflows=["runs"])
    stayed = archive_workflows(log.store, now(connection), tmp_path, keep=["runs"])
    assert stayed["workflows"] == 0
    [held] = stayed["held_back"]
    assert held["workflows"] == 3  # night, eve and day
    assert "'slow' has not read all of it" in held["why"]

    Subscription(log.dsn, "slow", lambda _connection, _events: None).catch_up()

    assert archive_workflows(log.store, now(connection), tmp_path, keep=["eve"])["workflows"] == 1  # runs
    assert clean(log)


def test_the_log_lets_nothing_go_that_the_archive_does_not_have(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before = dump(connection)
    tombstone = """
        INSERT INTO sojourn.archived_workflow
            (workflow_id, unit, folder, file, entities, events, first_position, last_position, digest)
        SELECT
            'night', 'night', 'f', 'f', count(DISTINCT e.stream), count(*), min(e.position), max(e.position),
            sha256(string_agg(sojourn.digest_event(e), '' ORDER BY e.position))
        FROM sojourn.event AS e WHERE e.workflow_id = 'night'
    """
    for statement in (
        "DELETE FROM sojourn.stored_event",
        "DELETE FROM sojourn.stored_event WHERE workflow_id IN ('night', 'runs')",
        "DELETE FROM sojourn.stored_event WHERE workflow_id = 'night' AND version > 1",
        "UPDATE sojourn.stored_event SET event_type = event_type",
        "TRUNCATE sojourn.stored_event CASCADE",
    ):
        with pytest.raises(psycopg.Error, match="append-only"):
            execute_together(connection, tombstone, statement)
    connection.execute(tombstone)
    with pytest.raises(psycopg.Error, match="append-only"):  # a tombstone of another transaction lets nothing go
        connection.execute("DELETE FROM sojourn.stored_event WHERE workflow_id = 'night'")
    assert dump(connection) == before


def test_seals_hold_while_what_they_state_is_archived(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    archive_workflows(log.store, now(connection), tmp_path, workflows=["runs"])
    seal_log(log.store)
    with pytest.raises(SealedWithout):
        restore_workflow(log.store, tmp_path, "runs")
    log.transition_task_instance("n2/1", "ERROR")  # refused
    with pytest.raises(NotArchivable, match="not sealed yet"):
        archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    seal_log(log.store)
    before = dump(connection)

    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])

    assert clean(log)
    log.transition_task_instance("l1/1", "DONE")
    seal_log(log.store)
    assert clean(log)
    connection.execute("UPDATE sojourn.archived_leaf SET leaf = sha256(leaf) WHERE position = 1")
    assert not clean(log)
    connection.execute("DELETE FROM sojourn.archived_leaf WHERE position = 2")
    assert not clean(log)
    restore_workflow(log.store, tmp_path, "night")
    assert clean(log)
    assert dump(connection)["event"][: len(before["event"])] == before["event"]


def test_every_archived_event_has_a_proof(log: TransitionService, connection: Connection[Any], tmp_path: Path) -> None:
    """Given the same proof before and after; an archive with another event, and one that left unsealed, have none."""
    archive, proof = tmp_path / "archive", tmp_path / "proof.json"
    archive_workflows(log.store, now(connection), archive, workflows=["runs"])
    [(unsealed, _)] = connection.execute("SELECT first_position, 0 FROM sojourn.archived_workflow").fetchall()
    root = seal_log(log.store)["root"]
    positions = [row[0] for row in connection.execute("SELECT position FROM sojourn.event WHERE workflow_id = 'night'")]
    before = {position: prove(log, position, proof) for position in positions}
    archive_workflows(log.store, now(connection), archive, workflows=["night"])

    assert {position: prove(log, position, proof) for position in positions} == before
    assert check_proof_file(proof, trust_in(root))["valid"]
    with pytest.raises(NotSealed, match="left before the first seal"):
        prove(log, unsealed, proof)
    for path in (archive / "event").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        data = [text.as_py().replace("worker", "nobody") for text in table.column("data")]
        pq.write_table(table.set_column(8, "data", [data]), path)
    with pytest.raises(NotSealed, match="its archive has another event"):
        [prove(log, position, proof) for position in positions]


def prove(service: TransitionService, position: int, proof: Path) -> str:
    prove_event(service.store, position, proof, find_archived_event)
    return proof.read_text()


@pytest.mark.fresh_database
def test_only_the_owner_of_the_log_archives(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before = dump(connection)
    with (
        login_role(log.dsn, "sojourn_writer") as writing,
        TransitionService.connect(writing) as service,
        pytest.raises(ArchivingForbidden),
    ):
        archive_workflows(service.store, now(connection), tmp_path)
    assert dump(connection) == before


def test_a_file_that_was_changed_is_not_restored(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    left = dump(connection)
    [path] = (tmp_path / "event").rglob("*.parquet")
    table = pq.read_table(path)
    changed = table.set_column(8, "data", [[text.as_py().replace("worker", "nobody") for text in table.column("data")]])
    pq.write_table(changed, path)

    with pytest.raises(ArchiveDamaged, match="does not match its checksum"):
        restore_workflow(log.store, tmp_path, "night")
    (tmp_path / "manifest.json").write_text('{"archive": 1, "log": "another"}')
    with pytest.raises(ForeignArchive):
        restore_workflow(log.store, tmp_path, "night")
    assert dump(connection) == left


@pytest.mark.one_server
def test_files_and_their_folders_are_on_the_disk_before_the_log_loses_anything(
    log: TransitionService, connection: Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a database that does not wait for its disk."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
    on_disk: list[Path] = []
    sync = os.fsync

    def note(number: int) -> None:
        on_disk.append(Path(f"/proc/self/fd/{number}").readlink())
        sync(number)

    def look(step: str) -> None:
        if step.startswith("removing"):
            written = list(folder.rglob("*.parquet.draft"))
            assert len(written) > 1
            assert {*written, *(path.parent for path in written), folder, tmp_path} <= set(on_disk)

    folder = tmp_path / "archive"
    monkeypatch.setattr(os, "fsync", note)
    archive_workflows(log.store, now(connection), folder, on_step=look)

    with change_archive(log.store) as changing:
        assert changing.execute("SHOW synchronous_commit").fetchone() == ("on",)


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from application.archive.archive import archive_workflows
from application.archive.restore import restore_workflow
from application.shared.store import Store

dsn, folder, before = sys.argv[1:]
steps = 0

def step(_):
    global steps
    steps -= 1
    if not steps:
        os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    what, wanted = line.split()
    child = os.fork()
    if not child:
        steps = int(wanted)
        store = Store.reach(dsn)
        if what == "archive":
            time = datetime.fromisoformat(before)
            archive_workflows(store, time, Path(folder), workflows=["night", "runs"], on_step=step)
        else:
            restore_workflow(store, Path(folder), "night", step)
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.one_server
def test_a_kill_between_two_steps_loses_and_doubles_nothing(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    before = dump(connection)
    command = [sys.executable, "-c", KILLED, log.dsn, str(tmp_path), now(connection).isoformat()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killer:

        def kill_at_each_step(what: str, steps: int) -> None:
            """Kill a command at each of its steps: what it was about is in the log and the archive once, together."""
            for number in range(1, steps + 1):
                assert killer.stdin
                assert killer.stdout
                print(what, number, file=killer.stdin, flush=True)
                assert killer.stdout.readline() == f"{int(signal.SIGKILL)}\n"
                assert everywhere(connection, tmp_path) == before["event"]

        kill_at_each_step("archive", 4)  # the last one is after the commit
        assert connection.execute("SELECT count(*) FROM sojourn.archived_workflow").fetchone() == (2,)
        kill_at_each_step("restore", 3)
        assert connection.execute("SELECT count(*) FROM sojourn.archived_workflow").fetchone() == (1,)
        killer.communicate()
    assert clean(log)
    restore_workflow(log.store, tmp_path, "runs")
    assert dump(connection) == before
    assert not list(tmp_path.rglob("*.parquet"))


OPENED = """
import sys
from application.archive.opened_archive import open_archived
from application.shared.store import Store

with open_archived(Store.reach(sys.argv[1]), "night") as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


@pytest.mark.one_server
def test_the_database_of_a_killed_question_is_dropped_by_the_next_one(
    log: TransitionService, connection: Connection[Any], tmp_path: Path
) -> None:
    archive_workflows(log.store, now(connection), tmp_path, workflows=["night"])
    command = [sys.executable, "-c", OPENED, log.dsn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout
        left = conninfo_to_dict(asking.stdout.readline())["dbname"]
        with open_archived(log.store, "night"):
            assert left in databases(connection)  # somebody uses it
        asking.kill()
        asking.wait()
    still_there = "SELECT FROM pg_stat_activity WHERE datname = %s"
    wait_for(lambda: not connection.execute(still_there, [left]).fetchone())  # its server process notices

    with open_archived(log.store, "night"):
        assert left not in databases(connection)


def databases(connection: Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def execute_together(connection: Connection[Any], *statements: str) -> None:
    with connection.transaction():
        for statement in statements:
            connection.execute(statement.encode())


def everywhere(connection: Connection[Any], folder: Path) -> list[Any]:
    """Return the events of the log and those of the archive's files that tombstones name, by position."""
    found = dump(connection)["event"]
    for file, *names in connection.execute(
        "SELECT file, workflow_id FROM sojourn.archived_workflow ORDER BY 1, 2"
    ).fetchall():
        [path] = [path for suffix in ("", ".draft") if (path := folder / "event" / f"{file}{suffix}").exists()]
        rows = pq.read_table(path, partitioning=None).to_pylist()
        found += [{**row, "data": json.loads(row["data"])} for row in rows if row["workflow_id"] in names]
    return sorted(found, key=lambda row: row["position"])


def dump(connection: Connection[Any]) -> dict[str, list[Any]]:
    """Return every row of every table that an archive touches."""
    found = {
        table: rows(connection, f"SELECT * FROM sojourn.{table} ORDER BY {order}") for table, order in TABLES.items()
    }
    for row in found["event"]:
        for computed in ("is_transition", "entity_kind", "entity_id"):
            del row[computed]
    return found


def removed(before: dict[str, list[Any]], connection: Connection[Any]) -> int:
    return len(before["event"]) - len(dump(connection)["event"])


def stays(row: dict[str, Any]) -> bool:
    """Return whether a row is of the workflow that goes on, or of a runner, or of a call about several entities."""
    return row.get("workflow_id") == "live" or str(row.get("stream", row.get("holder"))).startswith("runner:")


def now(connection: Connection[Any]) -> datetime:
    [(moment,)] = connection.execute("SELECT clock_timestamp()").fetchall()
    return moment  # type: ignore[no-any-return]


def clean(service: TransitionService) -> bool:
    return verify_log(service.store)["mismatches"] == []
