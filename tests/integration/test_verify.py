"""Verifying: a log that only the service wrote is clean, and each thing that is planted is found, and nothing else."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from application.array_service import ArrayService
from application.maintain.rebuild import rebuild_projections
from application.replay.replay import find_pinned_lifecycles, replay_events
from application.replay.verify import verify_log
from application.replay.what_if import try_history
from application.transition_service import TaskSpec, TransitionService
from domain.actor import Actor
from domain.auditing.replay import Replay
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import TaskRequest
from domain.entities.task_instance import TaskInstance
from domain.errors import UnknownEntity
from infrastructure.log.subscription import Subscription
from tests.support.attempts import attempt, register
from tests.support.rewriting import rewrite
from tests.support.waiting import wait_for

Connection = psycopg.Connection[Any]
Found = list[tuple[str, str]]

COLUMNS = {
    "task": (
        "task_id", "workflow_id", "lifecycle", "lifecycle_version", "template", "array_id", "max_attempts",
        "num_attempts", "instances", "status", "entered_at", "version", "owner", "state", "attributes",
        "parent_id",
    ),
    "task_instance": (
        "task_instance_id", "task_id", "workflow_id", "ordinal", "status", "entered_at", "report_by_date",
        "distributor_id", "version", "array_id", "batch_number", "step",
    ),
    "array": (
        "array_id", "workflow_id", "task_template_version_id", "name", "max_concurrently_running", "last_batch",
        "entered_at", "version",
    ),
    "dependency": ("position", "task_id", "upstream_id", "workflow_id", "since"),
    "wait": (
        "position", "entity_kind", "entity_id", "version", "task_id", "workflow_id", "status", "since", "kind",
        "detail", "holders",
    ),
}  # fmt: skip
"""The columns of the projected tables, each of which is planted with another value here."""

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
OTHER_VALUE = {
    "text": "'other'",
    "integer": "{column} + 7",
    "timestamp with time zone": "now() + interval '1 day'",
    "jsonb": "'{{}}'::jsonb",
    "ARRAY": "'{{other}}'::text[]",
}

PLAIN_LIFECYCLE = """
name = "plain"
version = 2
[task]
initial = "new"
terminal = ["gone"]
[task.transitions]
new = ["old"]
old = ["gone", "new"]
gone = []
"""


@pytest.fixture
def log(service: TransitionService) -> TransitionService:
    """A small log: t1 runs its second attempt, t2 is done, t3 waits; t1's first attempt was refused something."""
    service.register_tasks("w", [TaskSpec("t2"), TaskSpec("t3")])
    service.register_tasks("w", [TaskSpec("t1", upstream=["t3"])])
    arrays = ArrayService(service.store)
    arrays.queue_task_batch(arrays.bind("w", "12", 7)["array_id"], ["t1"])
    service.transition_task_instance(
        "t1/1", "INSTANTIATED", waits_for={"kind": "slot", "detail": "a", "holders": ["b"]}
    )
    for status in ("LAUNCHED", "RUNNING"):
        service.transition_task_instance("t1/1", status)
    attempt(service, "t2")
    service.transition_task_instance("t1/1", "ERROR", report_by_date=NINE)
    attempt(service, "t1")
    service.transition_task_instance("t2/1", "DONE")
    service.transition_task_instance("t1/1", "ERROR")
    assert verify_log(service.store)["mismatches"] == []
    return service


class TestWhatTheServiceWrites:
    def test_an_empty_log_is_clean(self, service: TransitionService) -> None:
        verification = verify_log(service.store)

        assert (verification["entities"], verification["events"]) == (0, 0)
        assert (verification["mismatches"], verification["left_out"]) == ([], 0)
        assert (verification["sealed_to"], verification["trusted_to"]) == (0, None)

    def test_a_mix_of_everything_is_clean(
        self, service: TransitionService, connection: Connection, tmp_path: Any
    ) -> None:
        everything(service, connection, tmp_path)

        verification = verify_log(service.store)

        assert verification["mismatches"] == []
        (events,) = one(connection, "SELECT count(*) FROM sojourn.event")
        assert verification["events"] == events > 60
        (entities,) = one(connection, "SELECT count(DISTINCT stream) FROM sojourn.event")
        assert verification["entities"] == entities

    def test_the_night_in_which_clocks_are_set_back(self, dsn: str, connection: Connection) -> None:
        (name,) = one(connection, "SELECT current_database()")
        connection.execute(SQL("ALTER DATABASE {} SET TimeZone = 'Europe/Berlin'").format(Identifier(name)))
        before, after = (
            datetime(2025, 10, 26, hour, minute, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
            for hour, minute in ((0, 50), (1, 10))
        )
        with TransitionService.connect(dsn) as service:
            service.register_tasks("w", [TaskSpec("t1")], occurred_at=before)
            service.gate_tasks_for_queueing(["t1"], occurred_at=after)

            assert verify_log(service.store)["mismatches"] == []
        (minutes,) = one(
            connection,
            "SELECT extract(minutes FROM exited_at - entered_at) FROM sojourn.task_status_audit "
            "WHERE new_status = 'REGISTERING'",
        )
        assert minutes == 20

    def test_what_others_write_meanwhile_makes_no_difference(
        self, service: TransitionService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(service, "t1", "t2", "t3")
        attempt(service, "t1", "t2", "t3", until="LAUNCHED")
        monkeypatch.setattr("application.replay.replay.CHUNK", 4)
        reached: list[tuple[int, int]] = []

        def write(position: int, last: int) -> None:
            if not reached:
                service.transition_task_instances(["t1/1", "t2/1"], "RUNNING")
                service.register_tasks("w", [TaskSpec("t4")])
            reached.append((position, last))

        verification = verify_log(service.store, write)

        assert verification["mismatches"] == []
        assert verification["entities"] == 6
        assert len(reached) > 2
        assert reached[-1][0] == reached[-1][1]
        assert verify_log(service.store)["entities"] == 7

    @pytest.mark.fresh_database
    def test_a_table_that_is_swapped_meanwhile_does_not_look_empty(
        self, log: TransitionService, connection: Connection
    ) -> None:
        with ThreadPoolExecutor(1) as thread:
            with connection.transaction():
                connection.execute("LOCK TABLE sojourn.task")
                verification = thread.submit(verify_log, log.store)
                wait_for_somebody_waiting(log.dsn)
                connection.execute("CREATE TABLE sojourn.other (LIKE sojourn.task INCLUDING ALL)")
                connection.execute("INSERT INTO sojourn.other SELECT * FROM sojourn.task")
                connection.execute("ALTER TABLE sojourn.task RENAME TO replaced")
                connection.execute("ALTER TABLE sojourn.other RENAME TO task")
            assert verification.result(timeout=60)["mismatches"] == []

    def test_what_is_wrong_everywhere_does_not_fill_the_memory(
        self, log: TransitionService, connection: Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("application.replay.mismatches.MOST_MISMATCHES", 3)
        wrong = rewrite(connection, "UPDATE sojourn.event SET entered_at = entered_at + interval '1 us'")

        verification = verify_log(log.store)

        assert len(verification["mismatches"]) == 3
        assert verification["left_out"] == wrong - 3

    def test_a_replay_comes_to_what_the_service_sees(
        self, service: TransitionService, connection: Connection, tmp_path: Any
    ) -> None:
        everything(service, connection, tmp_path)

        with service.store.database.snapshot() as snapshot:
            replay = Replay(find_pinned_lifecycles(snapshot))
            for _ in replay_events(snapshot, replay):
                pass

        ids = [row[0] for row in connection.execute("SELECT task_instance_id FROM sojourn.task_instance")]
        families = [service.store.status.family(connection, name) for name in ids]
        assert len(families) > 5
        for instance, task in filter(None, families):
            replayed, of_it = replay.entities[instance.stream], replay.task(task.id)
            assert isinstance(replayed, TaskInstance)
            assert of_it is not None
            # No projection has the clock that stated an entry.
            assert (replayed._replace(entered_clock=None), of_it._replace(entered_clock=None)) == (instance, task)


SEALS = ("seal", "seal_seed", "seal_salt", "erased_field")
ARCHIVED = ("archived_workflow", "archived_entity", "archived_leaf", "log_identity", "erasure")
NOT_PROJECTED = {
    "stored_event", "lifecycle", "command", "checkpoint", "migration", "lease", "slot_limit", "token", *SEALS,
    *ARCHIVED,
}  # fmt: skip
"""The tables that are not made from the log."""


KEYS = {
    ("task", "task_id"), ("array", "array_id"), ("wait", "version"),
    ("dependency", "task_id"), ("dependency", "upstream_id"),
}  # fmt: skip
"""The columns by which a row is found, besides those of every table."""


class TestWhatIsFoundInTheProjections:
    def test_every_table_is_compared(self, connection: Connection) -> None:
        tables = connection.execute(
            "SELECT relname FROM pg_class "
            "WHERE relnamespace = 'sojourn'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
        )
        assert {row[0] for row in tables} - NOT_PROJECTED == {
            *COLUMNS,
            "slot",
            "stay_sketch",
            "hour_sum",
            "attempt_sum",
        }

    def test_every_column_is_compared(self, connection: Connection) -> None:
        for table, columns in COLUMNS.items():
            rows = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'sojourn' AND table_name = %s",
                [table],
            )
            assert {row[0] for row in rows} == set(columns)

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            (table, column)
            for table, columns in COLUMNS.items()
            for column in columns
            if column not in ("task_instance_id", "entity_kind", "entity_id", "position")
            and (table, column) not in KEYS
        ],
    )
    def test_another_value(self, log: TransitionService, connection: Connection, table: str, column: str) -> None:
        key = {
            "task": "task_id = 't1'", "task_instance": "task_instance_id = 't1/1'", "array": "true",
            "dependency": "true", "wait": "entity_kind = 'task_instance'",
        }  # fmt: skip
        where = key.get(table, "entity_id = 't1' AND version = 2")
        (kind,) = one(
            connection,
            "SELECT data_type FROM information_schema.columns "
            "WHERE table_schema = 'sojourn' AND table_name = %s AND column_name = %s",
            table,
            column,
        )
        value = SQL("'hold'" if column == "kind" else OTHER_VALUE[kind]).format(column=Identifier(column))
        statement = SQL("UPDATE sojourn.{} SET {} = coalesce({}, {}) WHERE {} RETURNING {}")
        fallback = SQL("1") if kind == "integer" else value
        names = Identifier(table), Identifier(column), value, fallback, SQL(where), Identifier(column)
        row = connection.execute(statement.format(*names)).fetchone()

        (mismatch,) = verify_log(log.store)["mismatches"]

        assert mismatch.what == f"{table}.{column}"
        of_another = {"task_instance": "ti:t1/1", "wait": "ti:t1/1", "array": "array:1"}
        assert mismatch.entity == of_another.get(table, "task:t1")
        assert row is not None
        assert mismatch.found == row[0] != mismatch.expected
        assert (mismatch.position is not None) == (table in ("dependency", "wait"))
        assert column in mismatch.text

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("DELETE FROM sojourn.task WHERE task_id = 't3'", [("task:t3", "task.missing")]),
            ("DELETE FROM sojourn.task_instance WHERE task_id = 't2'", [("ti:t2/1", "task_instance.missing")]),
            (
                "INSERT INTO sojourn.task SELECT 't9', workflow_id, lifecycle, lifecycle_version, template, array_id, "
                "max_attempts, num_attempts, instances, status, entered_at, version FROM sojourn.task LIMIT 1",
                [("task:t9", "task.extra")],
            ),
            (
                "INSERT INTO sojourn.task_instance (task_instance_id, task_id, workflow_id, ordinal, status, "
                "entered_at, version) VALUES ('t9/1', 't9', 'w', 1, 'QUEUED', now(), 1)",
                [("ti:t9/1", "task_instance.extra")],
            ),
        ],
    )
    def test_missing_and_extra_rows(
        self, log: TransitionService, connection: Connection, statement: str, expected: Found
    ) -> None:
        connection.execute(statement.encode())

        assert found(log) == expected

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("status", "other"), ("previous_status", "other"), ("actor", "other"), ("reason", "other"),
            ("rule", "other"),
            ("reported", "other"), ("cause", "other@1"), ("num_attempts", "7"), ("report_by_date", "2030-01-01"),
            ("ordinal", "7"), ("task_id", "other"), ("owner", "other"), ("distributor_id", "other"),
        ],
    )  # fmt: skip
    def test_a_column_that_says_something_else_than_its_json(
        self, log: TransitionService, connection: Connection, column: str, value: str
    ) -> None:
        """The JSON of an event may state what its column has; a column that differs would mislead its readers."""
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            SQL(
                "UPDATE sojourn.stored_event AS e SET {column} = {value}, "
                "rest = coalesce(rest, '{{}}') || jsonb_build_object({name}, sojourn.event_data(e) -> {name}) "
                "WHERE position = (SELECT min(position) FROM sojourn.transition WHERE entity_id = 't1' AND version = 3)"
            ).format(column=Identifier(column), value=Literal(value), name=Literal(column))
        )

        assert ("task:t1", f"stored_event.{column}") in found(log)

    def test_a_slot_that_nobody_who_goes_on_can_hold(self, log: TransitionService, connection: Connection) -> None:
        log.register_tasks("w", [TaskSpec("run", attributes={"tags": ["gpu"]})], lifecycle="prefect")
        for status in ("PENDING", "RUNNING"):
            log.transition_task("run", status)
        assert found(log) == []

        connection.execute("INSERT INTO sojourn.slot (tag, holder) VALUES ('gpu', 't1'), ('cpu', 'run')")

        assert found(log) == [("task:run", "slot.extra"), ("task:t1", "slot.extra")]

    @pytest.mark.fresh_database
    def test_intervals_that_do_not_meet_in_the_view(self, log: TransitionService, connection: Connection) -> None:
        (view,) = one(connection, "SELECT pg_get_viewdef('sojourn.task_status_audit'::regclass)")
        late = view.replace("lead(t.entered_at) OVER", "interval '1 minute' + lead(t.entered_at) OVER")
        assert late != view
        connection.execute(f"CREATE OR REPLACE VIEW sojourn.task_status_audit AS {late}".encode())

        mismatches = [wrong for wrong in verify_log(log.store)["mismatches"] if wrong.entity == "task:t2"]

        entered = connection.execute(
            "SELECT entered_at FROM sojourn.event WHERE stream = 'task:t2' ORDER BY version"
        ).fetchall()
        assert [(wrong.what, wrong.expected) for wrong in mismatches] == [
            ("task_status_audit.interval", [since, until]) for (since,), (until,) in pairwise(entered)
        ]

    def test_a_database_that_answers_as_of_a_time_is_verified_whole(
        self, log: TransitionService, connection: Connection
    ) -> None:
        (name,) = one(connection, "SELECT current_database()")
        connection.execute(SQL("ALTER DATABASE {} SET sojourn.as_of = '2000-01-01'").format(Identifier(name)))

        assert found(log) == []


class TestWhatIsFoundInTheLog:
    def test_an_edge_that_the_machine_has_not(self, log: TransitionService, connection: Connection) -> None:
        plant(connection, "task:t3", "task.transitioned.v1", previous_status="REGISTERING", status="DONE")

        (mismatch,) = verify_log(log.store)["mismatches"]

        (last,) = one(connection, "SELECT max(position) FROM sojourn.event")
        assert (mismatch.entity, mismatch.what, mismatch.position) == ("task:t3", "edge", last)
        assert (mismatch.expected, mismatch.found) == (["QUEUED"], "DONE")
        assert mismatch.text == "task:t3@2 goes from REGISTERING to DONE, and the machine has no such edge"

    @pytest.mark.fresh_database
    def test_a_gap_in_the_versions(self, log: TransitionService, connection: Connection) -> None:
        plant(
            connection, "task:t3", "task.transitioned.v1",
            previous_status="REGISTERING", status="QUEUED", num_attempts=1,
        )  # fmt: skip
        rewrite(connection, "UPDATE sojourn.event SET version = 3 WHERE stream = 'task:t3' AND version = 2")
        rebuild_projections(log.store, lambda _: None)

        (mismatch,) = verify_log(log.store)["mismatches"]

        assert (mismatch.entity, mismatch.what, mismatch.expected, mismatch.found) == ("task:t3", "version", 2, 3)

    @pytest.mark.fresh_database
    def test_an_event_that_is_gone(self, log: TransitionService, connection: Connection) -> None:
        rewrite(connection, "DELETE FROM sojourn.event WHERE stream = 'task:t1' AND version = 2")

        assert sorted(found(log)) == [
            ("task:t1", "previous-status"),
            ("task:t1", "version"),
        ]

    @pytest.mark.fresh_database
    def test_the_newest_events_that_a_subscription_has_read_are_gone(
        self, log: TransitionService, connection: Connection
    ) -> None:
        """Their rows are gone too, so that nothing else is left of them."""
        Subscription(log.dsn, "mail", lambda _connection, _events: None).catch_up()
        assert found(log) == []
        rewrite(connection, "DELETE FROM sojourn.event WHERE position > (SELECT max(position) - 3 FROM sojourn.event)")
        rebuild_projections(log.store, lambda _: None)

        mismatches = [found for found in verify_log(log.store)["mismatches"] if found.entity == "subscription:mail"]

        (last,) = one(connection, "SELECT max(position) FROM sojourn.event")
        assert [(mismatch.what, mismatch.expected) for mismatch in mismatches] == [("checkpoint.position", last)]
        assert "'mail' has read up to position " in mismatches[0].text

    @pytest.mark.fresh_database
    def test_recorded_at_of_a_transition(self, log: TransitionService, connection: Connection) -> None:
        """An event that states when it occurred enters its status then, so that its recorded_at counts for nothing."""
        log.register_tasks("w", [TaskSpec("t4")], occurred_at=NINE)
        shift = (
            "UPDATE sojourn.event SET recorded_at = recorded_at - interval '1 hour' WHERE stream = '{}' AND version = 1"
        )
        rewrite(connection, shift.format("task:t3"))
        rewrite(connection, shift.format("task:t4"))

        assert {entity for entity, _ in found(log)} == {"task:t3"}

    @pytest.mark.fresh_database
    def test_a_removed_effect_of_an_instances_report_is_found_by_a_replay(
        self, log: TransitionService, connection: Connection
    ) -> None:
        """The newest event of a task is removed with its rows; the report that caused it is still there."""
        rewrite(connection, "DELETE FROM sojourn.event WHERE stream = 'task:t2' AND data ->> 'status' = 'DONE'")
        rebuild_projections(log.store, lambda _: None)
        assert found(log) == []

        diverged: list[str] = []
        try_history(log.store, None, diverged=lambda divergence: diverged.append(str(divergence.entity)))

        assert diverged == ["task:t2"]

    @pytest.mark.fresh_database
    def test_what_is_removed_with_all_its_traces_is_not_found(
        self, log: TransitionService, connection: Connection
    ) -> None:
        """docs/guarantees.md states so: gaps in the positions are what aborted transactions leave too."""
        rewrite(connection, "DELETE FROM sojourn.event WHERE stream = 'task:t3'")
        rebuild_projections(log.store, lambda _: None)

        assert found(log) == []
        with pytest.raises(UnknownEntity):
            log.status("task:t3")

    @pytest.mark.fresh_database
    def test_entered_at_in_the_log(self, log: TransitionService, connection: Connection) -> None:
        rewrite(
            connection,
            "UPDATE sojourn.event SET entered_at = entered_at - interval '1 hour' "
            "WHERE stream = 'task:t1' AND version = 3",
        )

        (mismatch,) = verify_log(log.store)["mismatches"]

        assert (mismatch.entity, mismatch.what) == ("task:t1", "entered_at")
        assert mismatch.expected - mismatch.found == timedelta(hours=1)

    def test_entered_at_going_back(self, log: TransitionService, connection: Connection) -> None:
        plant(
            connection, "task:t3", "task.transitioned.v1", occurred_at=NINE, entered_at=NINE,
            previous_status="REGISTERING", status="QUEUED", num_attempts=1,
        )  # fmt: skip

        assert found(log) == [
            ("task:t3", "entered_at"),
            ("task:t3", "task.entered_at"),
        ]

    @pytest.mark.parametrize("cause", ["task_instance:t1/1@99", "task_instance:t9/1@1", "task:t3@2", "nothing"])
    def test_a_cause_that_is_not_before_its_effect(
        self, log: TransitionService, connection: Connection, cause: str
    ) -> None:
        plant(
            connection, "task:t3", "task.transitioned.v1",
            previous_status="REGISTERING", status="QUEUED", num_attempts=1, cause=cause,
        )  # fmt: skip

        (mismatch,) = verify_log(log.store)["mismatches"]

        assert (mismatch.entity, mismatch.what, mismatch.expected) == ("task:t3", "cause", cause)

    def test_an_instance_without_a_task(self, log: TransitionService, connection: Connection) -> None:
        plant(connection, "task_instance:x", "task_instance.created.v1", version=1, task_id="t9", ordinal=1)

        assert found(log) == [("ti:x", "task")]

    @pytest.mark.fresh_database
    def test_a_stream_without_a_beginning_is_told_once(self, log: TransitionService, connection: Connection) -> None:
        for version in (1, 2):
            plant(
                connection, "task:t3", "task.refused.v1", version=version + 1,
                status="REGISTERING", reported="DONE", rule="invalid-transition",
            )  # fmt: skip
        rewrite(connection, "UPDATE sojourn.event SET stream = 'task:t9' WHERE stream = 'task:t3' AND version > 1")
        rebuild_projections(log.store, lambda _: None)

        assert found(log) == [("task:t9", "beginning")]

    def test_a_lifecycle_that_is_not_with_the_log(self, log: TransitionService, connection: Connection) -> None:
        plant(
            connection, "task:t9", "task.registered.v1", version=1,
            status="NEW", lifecycle="gone", lifecycle_version=1, max_attempts=1,
        )  # fmt: skip

        assert found(log) == [("task:t9", "lifecycle"), ("task:t9", "task.extra")]

    def test_a_lifecycle_whose_definition_is_spoilt(self, log: TransitionService, connection: Connection) -> None:
        connection.execute("UPDATE sojourn.lifecycle SET definition = '{}'")

        tasks = ["task:t1", "task:t2", "task:t3"]
        assert sorted(found(log)) == [
            ("lifecycle:jobmon", "lifecycle.definition"),
            *((task, what) for task in tasks for what in ("lifecycle", "task.extra")),
        ]

    def test_a_shipped_lifecycle_with_an_edge_that_it_does_not_have(
        self, log: TransitionService, connection: Connection
    ) -> None:
        connection.execute(
            "UPDATE sojourn.lifecycle "
            """SET definition = jsonb_set(definition::jsonb, '{task,transitions,DONE}', '{"QUEUED": ""}')::json"""
        )

        assert found(log) == [("lifecycle:jobmon", "lifecycle.definition")]

    def test_an_event_that_was_inserted_past_the_triggers(self, log: TransitionService, connection: Connection) -> None:
        rewrite(
            connection,
            """
            INSERT INTO sojourn.event (position, stream, version, name, workflow_id, recorded_at, entered_at, data)
            SELECT
                1 + (SELECT max(position) FROM sojourn.event), 'task:t3', 2, 'task.transitioned.v1', 'w', now(), now(),
                '{"previous_status": "REGISTERING", "status": "QUEUED", "num_attempts": 1}'
            """,
        )

        assert [what for _, what in found(log)] == [
            "task.num_attempts", "task.status", "task.entered_at", "task.version",
        ]  # fmt: skip

    @pytest.mark.fresh_database
    def test_an_event_that_can_no_longer_be_read(self, log: TransitionService, connection: Connection) -> None:
        rewrite(
            connection,
            """UPDATE sojourn.event SET data = data || '{"surprise": 1}' """
            "WHERE stream = 'task:t2' AND data ->> 'status' = 'DONE'",
        )

        assert found(log) == [("task:t2", "unreadable"), ("task:t2", "task.status"), ("task:t2", "task.entered_at")]

    def test_events_that_cannot_be_read(self, log: TransitionService, connection: Connection) -> None:
        plant(connection, "task:t3", "task.pondered.v1", status="REGISTERING")
        plant(connection, "task:t3", "task.refused.v1", version=3, status="REGISTERING", rule="invalid-transition")

        first, second = verify_log(log.store)["mismatches"]

        assert (first.entity, first.what) == (second.entity, second.what) == ("task:t3", "unreadable")
        assert "task.pondered.v1" in first.text
        assert second.text == "task:t3@3 cannot be read: reported is missing"


def everything(service: TransitionService, connection: Connection, folder: Any) -> None:
    """Whatever the service can do, at least once."""
    own = folder / "plain.toml"
    own.write_text(PLAIN_LIFECYCLE)
    actor = Actor(component="worker", host="node7", pid=7, user="ada")
    service.register_tasks("w", [TaskSpec(f"t{n}", 2, "align", "a") for n in range(6)], actor=actor, reason="début")
    service.register_tasks("w:2", [TaskSpec("a:b@1", 1)], occurred_at=NINE)
    service.register_tasks("plain", [TaskSpec("p")], lifecycle=own)
    service.transition_task("p", "old", command_id="c1", occurred_at=NINE)
    service.transition_task("p", "old", command_id="c1", occurred_at=NINE)
    refuse_unknown_status(service, "p", "nowhere")
    service.transition_task("p", "new", occurred_at=NINE - timedelta(days=1))
    assert attempt(service, "t0", "t1", "t2", "t3") == ["t0/1", "t1/1", "t2/1", "t3/1"]
    service.gate_tasks_for_queueing(["t0", "t4", "none"])
    service.transition_task_instance("t0/1", "DONE", current_ti_status="LAUNCHED", actor=actor)
    service.transition_task_instance("t0/1", "UNKNOWN_ERROR")
    service.transition_task_instance("t1/1", "RESOURCE_ERROR", reason="memory", command_id="c2")
    service.transition_task_instance("t2/1", "TRIAGING", report_by_date=NINE, occurred_at=NINE)
    service.transition_task_instances(["t3/1", "t2/1"], "ERROR")
    orphaned_and_superseded(service)
    batches(service)
    service.transition_tasks(["t5"], "QUEUED", increment_attempts=True)
    service.transition_tasks(["t5", "t4"], "INSTANTIATING", use_skip_locked=True)
    service.create_task_instances({"t5/1": "t5", "t5/2": "t5", "a:b@1/1": "a:b@1"}, occurred_at=NINE)
    service.transition_task_instance("a:b@1/1", "INSTANTIATED")
    with psycopg.connect(service.dsn) as own_transaction:
        service.transition_task_instance("t5/1", "INSTANTIATED", connection=own_transaction)
        service.transition_task_instance("t5/1", "NO_DISTRIBUTOR_ID", connection=own_transaction)
        service.reset_tasks(["t1", "t5", "t0"], reset_if_running=True, reason="again", connection=own_transaction)
    names = {row[0] for row in connection.execute("SELECT DISTINCT name FROM sojourn.event")}
    rules = {row[0] for row in connection.execute("SELECT DISTINCT data ->> 'rule' FROM sojourn.event")}
    assert len(names) == 11
    assert rules == {
        None, "invalid-transition", "untimely-transition", "stale-report", "orphaned-instance", "superseded-instance",
        "retry", "reset",
    }  # fmt: skip


def refuse_unknown_status(service: TransitionService, task_id: str, to: str) -> None:
    """Store a refusal of a status that no machine has, as older versions did."""
    with service.store.transaction() as connection:
        task = service.store.status.task(connection, task_id)
        assert task is not None
        decision = decide(Family(None, task), TaskRequest(to))
        assert decision.rule == "invalid-transition"
        service.store.log.append(connection, task, None, decision.events)


def batches(service: TransitionService) -> None:
    """An array of two batches, with another task in each."""
    arrays = ArrayService(service.store)
    array_id = arrays.bind("w", "12", 7, "align")["array_id"]
    service.register_tasks("w", [TaskSpec(f"b{n}", array_id=array_id) for n in range(3)])
    arrays.queue_task_batch(array_id, ["b0", "b1"], "r1", "run 1")
    service.transition_task_instances(["b0/1", "b1/1"], "INSTANTIATED")
    arrays.log_distributor_id(array_id, {"b0/1": "4711_0", "b1/1": {"distributor_id": "4711_1", "stdout": "out"}})
    arrays.transition_to_launched(array_id, 1, 60)
    service.transition_task_instances(["b0/1"], "KILL_SELF")
    arrays.transition_to_killed(array_id, 1)
    assert arrays.bind("w", "12", 8)["array_id"] == array_id
    arrays.queue_task_batch(array_id, ["b1", "b2"])


def orphaned_and_superseded(service: TransitionService) -> None:
    """t3's first instance is requested to stop and stays silent, its second succeeds: then the first one reports."""
    register(service, "o", "s")
    attempt(service, "o", "s", until="LAUNCHED")
    service.reset_tasks(["s"])
    service.transition_task_instance("o/1", "RUNNING")
    service.transition_task_instance("o/1", "TRIAGING")
    service.reset_tasks(["o"], reset_if_running=True)
    attempt(service, "o", "s")
    service.transition_task_instance("s/1", "ERROR_FATAL")
    service.transition_task_instance("o/2", "DONE")
    service.transition_task_instance("o/1", "UNKNOWN_ERROR")


def plant(
    connection: Connection,
    stream: str,
    name: str,
    *,
    version: int = 2,
    occurred_at: datetime | None = None,
    entered_at: datetime | None = None,
    **data: Any,
) -> None:
    """Append an event past the service; the projections follow it as they follow any."""
    defaults: dict[str, Any] = {"status": "QUEUED"} | ({"num_attempts": 0} if stream.startswith("task:") else {})
    connection.execute(
        """
        INSERT INTO sojourn.event (stream, version, name, workflow_id, recorded_at, occurred_at, entered_at, data)
        SELECT
            %(stream)s, %(version)s, %(name)s, 'w', moment, %(occurred)s,
            coalesce(
                %(entered)s,
                CASE WHEN NOT %(moves)s THEN (SELECT max(entered_at) FROM sojourn.event WHERE stream = %(stream)s) END,
                moment
            ),
            %(data)s
        FROM clock_timestamp() AS moment
        """,
        {
            "stream": stream, "version": version, "name": name, "occurred": occurred_at, "entered": entered_at,
            "moves": "previous_status" in data, "data": json.dumps(defaults | data),
        },
    )  # fmt: skip


def found(service: TransitionService) -> Found:
    """What verify finds, in short."""
    return [(mismatch.entity, mismatch.what) for mismatch in verify_log(service.store)["mismatches"]]


def wait_for_somebody_waiting(dsn: str) -> None:
    """Until a session of this database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(dsn, autocommit=True) as watching:
        wait_for(lambda: one(watching, waiting) != (0,))


def one(connection: Connection, statement: str, *parameters: object) -> Any:
    """The row that a statement finds."""
    return connection.execute(statement.encode(), parameters or None).fetchone()
