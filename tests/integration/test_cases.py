"""A case answers what its original answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from application.cases.bundle import bundle_workflow
from application.cases.case_file import CaseFile, InvalidCase, write_case
from application.cases.opened_case import (
    OpenedCase,
    OpeningForbidden,
    UnknownCase,
    forget_case,
    list_opened_cases,
    open_case,
)
from application.read.history import read_history
from application.read.orphans import find_orphans
from application.read.status import read_status
from application.read.why import explain_entity
from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.shared.output_file import OutputExists
from application.transition_service import TaskSpec, TransitionService
from domain.entity import Entity, parse_entity
from domain.errors import UnknownEntity
from infrastructure.database.pool import Database
from infrastructure.errors import DatabaseReadOnly
from tests.integration.test_verify import NINE, everything, one
from tests.support.agreement import rows

pytestmark = pytest.mark.one_server

VIEWS = {
    "current_task": "task_id",
    "current_task_instance": "task_instance_id",
    "task_status_audit": "task_id, version",
    "task_instance_status_audit": "task_instance_id, version",
    "silence": "entity_id, since",
    "lease": "holder",
    "runner": "runner_id",
}
OF_IT = dict.fromkeys(VIEWS, "workflow_id = 'w'") | {
    "silence": "workflow_id = 'w' OR entity_id = 'ann'",
    "lease": "workflow_id = 'w' OR holder = 'runner:ann'",
    "runner": "runner_id = 'ann'",
}
"""What of each view is in a case of workflow w, one of whose tasks belongs to ann."""
EVENTS = "SELECT * FROM sojourn.event WHERE workflow_id = 'w' OR stream = 'runner:ann' ORDER BY position"


@pytest.fixture
def log(service: TransitionService, connection: Connection[Any], tmp_path: Path) -> TransitionService:
    everything(service, connection, tmp_path)
    (name,) = one(connection, "SELECT current_database()")
    connection.execute(SQL("ALTER DATABASE {} SET sojourn.never_launched_after = '7 min'").format(Identifier(name)))
    service.heartbeat_task_instances({"t2/1": NINE, "o/2": NINE}, occurred_at=NINE)
    service.register_tasks("w", [TaskSpec("owned")], lifecycle="pynenc", occurred_at=NINE)
    for minutes, status_ in enumerate(("PENDING", "RUNNING")):
        service.transition_task("owned", status_, "ann", occurred_at=NINE + timedelta(minutes=minutes))
    for runner in ("ann", "bob"):
        for hours in (0, 1, 5):
            service.heartbeat(runner, occurred_at=NINE + timedelta(hours=hours))
    return service


@pytest.fixture
def case(log: TransitionService, tmp_path: Path) -> Path:
    file = tmp_path / "case.sojourn"
    bundle_workflow(log.store, "w", file)
    return file


@pytest.fixture
def home(log: TransitionService) -> Iterator[Database]:
    """Where cases are opened, and dropped again."""
    database = log.store.database
    before = {opened["database"] for opened in list_opened_cases(database)}
    yield database
    for opened in list_opened_cases(database):
        if opened["database"] not in before:
            forget_case(database, opened["database"])


@pytest.fixture
def opened(home: Database, case: Path) -> OpenedCase:
    return open_case(home, case)


def test_its_events_are_those_of_the_workflow_and_of_the_runners_of_its_tasks(
    opened: OpenedCase, connection: Connection[Any]
) -> None:
    (lapses,) = one(connection, "SELECT count(*) FROM sojourn.event WHERE stream = 'runner:ann'")
    assert lapses > 0
    with psycopg.connect(opened["dsn"]) as there:
        assert rows(there, "SELECT * FROM sojourn.event ORDER BY position") == rows(connection, EVENTS)


def test_its_views_and_leases_answer_as_the_originals_do_at_any_time(
    opened: OpenedCase, connection: Connection[Any]
) -> None:
    entered = {row["entered_at"] for row in rows(connection, EVENTS)}
    times: list[object] = [*entered, opened["until"], min(entered) - timedelta(days=1)]
    with psycopg.connect(opened["dsn"], autocommit=True) as there:
        for view, key in VIEWS.items():
            asked = f"SELECT * FROM sojourn.{view} WHERE {OF_IT[view]} ORDER BY {key}"
            # Unless another time is passed, a case answers as of its end, after which it knows nothing.
            assert rows(there, asked) == as_of(connection, opened["until"], asked) != []
            for time in times:
                assert as_of(there, time, asked) == as_of(connection, time, asked)


def as_of(connection: Connection[Any], time: object, statement: str) -> list[dict[str, Any]]:
    with connection.transaction():
        connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [str(time)])
        return rows(connection, statement)


def test_the_use_cases_answer_alike(opened: OpenedCase, log: TransitionService) -> None:
    with TransitionService.connect(opened["dsn"]) as there:
        for entity in (
            Entity("task", "t3"),
            Entity("task_instance", "t3/1"),
            Entity("task_instance", "o/1"),
            Entity("task", "owned"),
        ):
            assert read_status(there.store, entity) == read_status(log.store, entity)
            assert read_history(there.store, entity) == read_history(log.store, entity)
        with pytest.raises(UnknownEntity):
            read_status(there.store, Entity("task", "p"))
        verification = verify_log(there.store)
        assert (verification["entities"], verification["events"]) == (opened["entities"], opened["events"])
        assert verification["mismatches"] == []
        assert try_history(there.store, None, diverged=print)[:2] == (opened["entities"], opened["events"])


def test_its_sessions_ask_as_those_of_the_original(opened: OpenedCase) -> None:
    with psycopg.connect(opened["dsn"]) as there:
        assert one(there, "SELECT current_setting('sojourn.never_launched_after')") == ("7 min",)


def test_orphans_and_their_explanations_are_those_of_the_original(opened: OpenedCase, log: TransitionService) -> None:
    until = datetime.fromisoformat(opened["until"])
    with TransitionService.connect(opened["dsn"]) as there:
        found = find_orphans(there.store, decided=True)
        assert found == find_orphans(log.store, decided=True, at=until, workflow_id="w") != []
        for orphan in found:
            entity = parse_entity(orphan["entity"])
            assert explain_entity(there.store, entity) == explain_entity(log.store, entity, at=until)


def test_nothing_can_be_written_there(opened: OpenedCase) -> None:
    with TransitionService.connect(opened["dsn"]) as there, pytest.raises(DatabaseReadOnly):
        there.transition_task_instance("t3/1", "DONE")


def test_a_case_is_loaded_once(home: Database, case: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: open_case(home, case), range(2)))
    again = open_case(home, case)

    assert again["loaded"] is False
    assert {opened["database"] for opened in both} == {again["database"]}
    assert again["database"] in {opened["database"] for opened in list_opened_cases(home)}
    forget_case(home, again["database"])
    assert open_case(home, case) == again | {"loaded": True}


def test_what_another_version_has_opened_is_opened_anew(home: Database, case: Path) -> None:
    opened = open_case(home, case)
    with psycopg.connect(opened["dsn"]) as there:
        there.execute("SET TRANSACTION READ WRITE")
        there.execute("UPDATE sojourn.migration SET checksum = 'of another version' WHERE name = 'objects'")

    assert open_case(home, case)["loaded"] is True


def test_a_case_that_does_not_fit_is_not_loaded(home: Database, case: Path) -> None:
    before = list_opened_cases(home)
    case.write_bytes(case.read_bytes()[:-40])

    with pytest.raises(InvalidCase):
        open_case(home, case)
    assert list_opened_cases(home) == before


@pytest.mark.parametrize(
    ("nonsense", "cause"),
    [
        ({}, "the field 'version' is missing"),
        ({"version": "first"}, "an event has data that no version of Sojourn writes"),
        ({"version": 1, "position": "first"}, "the database refuses its content"),
    ],
)
def test_a_sealed_case_with_invalid_content_is_not_loaded(
    home: Database, case: Path, nonsense: dict[str, object], cause: str
) -> None:
    before = list_opened_cases(home)
    with case.open("rb") as stream:
        whole = CaseFile(case, stream)
        first, *others = whole.lines()
    del first["version"], whole.header["case"]
    with case.open("wb") as stream:
        write_case(stream, whole.header, [first | nonsense, *others])

    with pytest.raises(InvalidCase, match=f"is not a valid case file: {cause}"):
        open_case(home, case)
    assert list_opened_cases(home) == before


def test_opening_without_the_right_to_create_a_database_is_refused(
    dsn: str, home: Database, case: Path, connection: Connection[Any]
) -> None:
    connection.execute("DROP ROLE IF EXISTS sojourn_test_reader")
    connection.execute("CREATE ROLE sojourn_test_reader")
    try:
        with pytest.raises(
            OpeningForbidden, match="may not create the database for it; leave --dsn and SOJOURN_DSN out"
        ):
            open_case(Database(make_conninfo(dsn, options="-c role=sojourn_test_reader")), case)
    finally:
        connection.execute("DROP ROLE sojourn_test_reader")
    assert list_opened_cases(home) == []


def test_a_workflow_that_is_not_there_leaves_the_file_as_it_was(log: TransitionService, case: Path) -> None:
    before = case.read_bytes()
    files = set(case.parent.iterdir())

    with pytest.raises(UnknownEntity, match="no workflow 'w3'"):
        bundle_workflow(log.store, "w3", case)
    with pytest.raises(OutputExists, match="is a folder"):
        bundle_workflow(log.store, "w", case.parent)
    assert case.read_bytes() == before
    assert set(case.parent.iterdir()) == files


def test_a_case_that_was_never_opened(home: Database) -> None:
    with pytest.raises(UnknownCase, match="no opened case 'postgres'"):
        forget_case(home, "postgres")
