"""The proof of a case: the sealed log has each of its events, which is checked without the database."""

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.archive.archive import archive_workflows
from application.cases.bundle import bundle_workflow
from application.cases.case_file import CaseFile, CaseLine, InvalidCase, write_case
from application.cases.check_case import CheckedCase, check_case
from application.seals import seal_log as sealing
from application.seals.seal_log import seal_log
from application.seals.verify_seals import Trust
from application.shared.as_of import effective_now
from application.transition_service import TaskSpec, TransitionService
from tests.integration.test_seals import ALICE, KEY, OTHER_KEY, change, last_root, leaves_of, tamper
from tests.support.attempts import attempt, register
from tests.support.command_line import document

Connection = psycopg.Connection[Any]

pytestmark = pytest.mark.one_server


@pytest.fixture
def log(service: TransitionService, monkeypatch: pytest.MonkeyPatch) -> TransitionService:
    """A log with a hole and several signed seals of five events, some of another workflow."""
    monkeypatch.setattr(sealing, "MOST_EVENTS", 5)
    register(service, "t1", "t2")
    service.register_tasks("other", [TaskSpec("o1")])
    with psycopg.connect(service.dsn) as aborted:
        register(service, "t3")
        service.gate_tasks_for_queueing(["t3"], connection=aborted)
        aborted.rollback()
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "ERROR", actor=ALICE, reason="out of memory \u00e9\u2028")
    seal_log(service.store, KEY)
    return service


@pytest.fixture
def case(log: TransitionService, tmp_path: Path) -> Path:
    path = tmp_path / "w.sojourn"
    bundled = bundle_workflow(log.store, "w", path)
    assert bundled["proven"] == bundled["events"] > 8
    return path


def test_every_event_is_proven_by_a_root_or_a_key(case: Path, connection: Connection) -> None:
    assert check(case, root=last_root(connection))["valid"]
    assert check(case, key=KEY.public_key)["valid"]
    assert not check(case, root=bytes(32))["valid"]
    assert check(case, key=OTHER_KEY.public_key)["why"] == "its seals do not lead to the root or the key that was given"
    [(first,)] = connection.execute("SELECT root FROM sojourn.seal WHERE number = 1").fetchall()
    assert "covers events up to position 6, and it has later ones" in str(check(case, root=first)["why"])


def test_no_change_of_an_event_or_of_its_proof_passes(case: Path, connection: Connection) -> None:
    """Given cases that were sealed again as a whole, each with another value in one place."""
    header, lines = read(case)
    root = last_root(connection)
    for place in leaves_of(header["proof"]):
        if not {"signature", "public_key"} & set(place):
            other = copy.deepcopy(header)
            change(other["proof"], place)
            write(case, other, lines)
            assert not check(case, root=root)["valid"], place
    for number, line in enumerate(lines):
        for place in leaves_of(line):
            if value_at(line, place) is not None:
                changed = copy.deepcopy(lines)
                change(changed[number], place)
                write(case, header, changed)
                assert not check(case, root=root)["valid"], place
    write(case, header, lines)
    assert check(case, root=root)["valid"]


def test_no_other_event_hides_behind_one_that_was_sealed(case: Path, connection: Connection) -> None:
    """Given an event that claims the place of another one, before the other one."""
    header, lines = read(case)
    forged = copy.deepcopy(lines[3])
    status = forged["data"]["status"]
    forged["data"]["status"] = "DONE"
    forged["sealed"]["content"] = forged["sealed"]["content"].replace(f'"status": "{status}"', '"status": "DONE"')
    write(case, header | {"events": header["events"] + 1}, [*lines[:3], forged, *lines[3:]])

    assert "two events in the place" in str(check(case, root=last_root(connection))["why"])


def test_what_is_not_sealed_is_not_proven(log: TransitionService, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "w.sojourn"
    register(log, "t9")
    bundled = bundle_workflow(log.store, "w", path)
    assert bundled["proven"] == bundled["events"] - 1
    assert "was not sealed yet" in str(check(path, root=last_root(connection))["why"])

    log.register_tasks("unsealed", [TaskSpec("u1")])
    assert bundle_workflow(log.store, "unsealed", path)["root"] is None
    assert "run `sojourn seal` before `sojourn bundle`" in str(check(path, root=last_root(connection))["why"])
    path.write_bytes(b"no case")
    with pytest.raises(InvalidCase):
        check(path)


def test_a_person_who_was_erased_is_missing_in_a_case_that_is_proven(
    log: TransitionService, connection: Connection, tmp_path: Path
) -> None:
    with connection.transaction():
        connection.execute(
            "SELECT sojourn.forget_salts(array_agg(e), '{reason}') FROM sojourn.event AS e "
            "WHERE e.data ->> 'reason' LIKE 'out%'"
        )
        tamper(
            connection,
            "UPDATE sojourn.event SET data = data || '{\"reason\": \"erased\"}' WHERE data ->> 'reason' LIKE 'out%%'",
        )

    bundle_workflow(log.store, "w", tmp_path / "w.sojourn")

    assert check(tmp_path / "w.sojourn", root=last_root(connection))["valid"]
    assert "out of memory" not in str(read(tmp_path / "w.sojourn"))


def test_a_case_of_an_archived_workflow_is_proven_as_before(
    service: TransitionService, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a runner's events, a number that Python writes otherwise, and a workflow that was never sealed."""
    monkeypatch.setattr(sealing, "MOST_EVENTS", 5)
    end_workflow(service, "unsealed")
    archive_workflows(service.store, effective_now(service.store), tmp_path / "archive", workflows=["unsealed"])
    end_workflow(service, "w")
    service.register_tasks("other", [TaskSpec("o1")])
    seal_log(service.store, KEY)
    bundle_workflow(service.store, "w", tmp_path / "before.sojourn")

    archive_workflows(service.store, effective_now(service.store), tmp_path / "archive")

    bundled = document(service, "bundle", "--workflow", "w", "-o", str(tmp_path / "after.sojourn"))
    assert bundled["proven"] == bundled["events"] > 8
    before, after = read(tmp_path / "before.sojourn"), read(tmp_path / "after.sojourn")
    assert (after[0]["proof"], after[1]) == (before[0]["proof"], before[1])
    assert check(tmp_path / "after.sojourn", root=last_root(connection))["valid"]
    unsealed = document(service, "bundle", "--workflow", "unsealed", "-o", str(tmp_path / "unsealed.sojourn"))
    assert (unsealed["proven"], unsealed["root"]) == (0, None)


def end_workflow(service: TransitionService, workflow: str) -> None:
    """End two tasks that a runner owns."""
    tasks = [TaskSpec(f"{workflow}{number}", attributes={"retry_delay_seconds": 1e-7}) for number in (1, 2)]
    service.register_tasks(workflow, tasks, lifecycle="pynenc")
    for task in tasks:
        for status in ("PENDING", "RUNNING", "SUCCESS"):
            service.transition_task(task.task_id, status, "ann")
    for hours in (9, 10):
        service.heartbeat("ann", occurred_at=datetime(2026, 1, 31, hours, tzinfo=UTC))


def check(path: Path, root: bytes | None = None, key: bytes | None = None) -> CheckedCase:
    return check_case(path, Trust(root, key))


def read(path: Path) -> tuple[CaseLine, list[CaseLine]]:
    """Return the header and the lines of a case."""
    with path.open("rb") as stream:
        case = CaseFile(path, stream)
        return case.header, list(case.lines())


def write(path: Path, header: CaseLine, lines: list[CaseLine]) -> None:
    with path.open("wb") as stream:
        write_case(stream, {key: value for key, value in header.items() if key != "case"}, lines)


def value_at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document
