"""Every function that analysts call refuses a misspelt argument, with a sentence that says what it could be."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from psycopg.errors import InvalidParameterValue

from application.transition_service import TaskSpec, TransitionService
from domain.errors import UnknownChoice, UnknownEntity, UnknownStatus
from tests.support.agreement import rows
from tests.support.attempts import attempt, register

KINDS = "task, task_instance"
FEW, MANY = "workflow, template", "workflow, template, actor, hour, day, week"
LIMITS = """breaches('[{"entity_kind": "task", "status": "RUNNING", "seconds": 1}, %s]')"""

REFUSED = [
    ("count_attempts(by => 'tempalte')", "by => 'tempalte' is not one of " + FEW),
    ("count_attempts(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("attempts(by => 'tempalte')", "by => 'tempalte' is not one of " + FEW),
    ("attempts(by => 'hour')", "by => 'hour' is not one of " + FEW),
    ("attempts(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("concurrency('ti', 'RUNNING')", "entity_kind => 'ti' is not one of " + KINDS),
    ("concurrency(NULL, 'RUNNING')", "entity_kind => NULL is not one of " + KINDS),
    ("concurrency('task', 'RUNING')", "status => 'RUNING' is not one of ADJUSTING_RESOURCES, DONE"),
    ("concurrency('task', 'TRIAGING')", "status => 'TRIAGING' is not one of ADJUSTING_RESOURCES, DONE"),
    ("concurrency('task', 'RUNNING', by => 'day')", "by => 'day' is not one of " + FEW),
    ("concurrency('task', 'RUNNING', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("concurrency_by_bucket('tasks', 'RUNNING', '1h')", "entity_kind => 'tasks' is not one of " + KINDS),
    ("concurrency_by_bucket('task', 'RUNING', '1h')", "status => 'RUNING' is not one of "),
    ("concurrency_by_bucket('task', 'RUNNING', '1h', by => 'x')", "by => 'x' is not one of " + FEW),
    ("concurrency_by_bucket('task', 'RUNNING', '1h', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("time_in_status('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("time_in_status(by => 'tempalte')", "by => 'tempalte' is not one of " + MANY),
    ("time_in_status(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("measure_time_in_status('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("measure_time_in_status(by => 'tempalte')", "by => 'tempalte' is not one of " + MANY),
    ("measure_time_in_status(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("ended_by_day('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("ended_by_day('task', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("stays_within('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("time_in_status_within('task', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("left_within('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("left_within('task', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("estimate_time_in_status('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("estimate_time_in_status(by => 'hour')", "by => 'hour' is not one of template"),
    ("time_in_status_histogram('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("time_in_status_histogram(by => 'Hour')", "by => 'Hour' is not one of " + MANY),
    ("time_in_status_histogram(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("variants('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("variants(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("directly_follows('ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("directly_follows(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("queue_wait(by => 'usr')", "by => 'usr' is not one of workflow, template, user, partition"),
    ("queue_wait(per => 'month')", "per => 'month' is not one of hour, day, week"),
    ("queue_wait(workflow_id => 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("workflow_intervals('w', entity_kind => 'ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("workflow_intervals('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("workflow_span('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("compare_workflows('w', 'w', entity_kind => 'ti')", "entity_kind => 'ti' is not one of " + KINDS),
    ("critical_path('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("critical_paths('w', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("compare_workflows('w', 'v')", "workflow_id => 'v' is not a workflow of the log"),
    ("unmatched_tasks('v', 'w')", "workflow_id => 'v' is not a workflow of the log"),
    ("first_failure('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("first_causes('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("blocked_upstream('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("upstream_roots('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("blocked('v')", "workflow_id => 'v' is not a workflow of the log"),
    ("breaches('{}')", "limits is not a list of objects"),
    ("breaches(NULL)", "limits is not a list of objects"),
    ("breaches('[7]')", "limits is not a list of objects"),
    (LIMITS % '{"entity_kind": "ti", "status": "RUNNING", "seconds": 1}', "entity_kind => 'ti' is not one of " + KINDS),
    (LIMITS % '{"entity": "task", "status": "RUNNING", "seconds": 1}', "a key of limits => 'entity' is not one of "),
    (LIMITS % '{"entity_kind": "task", "status": "RUNING", "seconds": 1}', "status => 'RUNING' is not one of "),
    (LIMITS % '{"entity_kind": "task", "seconds": 1}', "status => NULL is not one of "),
    (LIMITS % '{"entity_kind": "task", "status": "RUNNING", "seconds": "1"}', "seconds of limits is not a number"),
    (
        LIMITS % '{"entity_kind": "task", "status": "RUNNING", "template": "algin", "seconds": 1}',
        "template => 'algin' is not one of align",
    ),
    ("""breaches('[]', 'v')""", "workflow_id => 'v' is not a workflow of the log"),
    ("group_key('tempalte', 'w', 't', 'a', now())", "by => 'tempalte' is not one of " + MANY),
    ("entered_since('ti', 't1/1', '{RUNNING}')", "entity_kind => 'ti' is not one of " + KINDS),
    ("silence_intervals('ti', 't1/1')", "entity_kind => 'ti' is not one of runner, task_instance"),
    ("silences('task', 't1')", "entity_kind => 'task' is not one of runner, task_instance"),
    ("orphan_threshold('stuk_after')", "name => 'stuk_after' is not one of never_launched_after, stuck_after"),
]

SUMS = {
    "stays_begun_within", "stays_open_at",
    "attempts_of_workflows", "changes_within", "hours_of_workflows", "keep_attempts", "keep_hours", "recount_sums",
    "sum_attempts", "sum_hours", "summed_changes", "summed_to", "total_attempts", "unsummed_hours",
    "unsummed_workflows",
}  # fmt: skip
"""The functions that keep and read sums."""

HELPERS = SUMS | {
    "actor_json", "append", "as_of", "as_of_or_now", "awaiting_tasks", "begin_erasing", "blocked_tasks",
    "check_bucket", "check_choice", "check_limits", "check_status", "check_workflow", "chi_squared_p_value",
    "count_blocked", "count_stays", "critical_steps", "digest_event", "digest_stored", "end_partition", "ended_stays",
    "entity_phases", "erase_archived", "erase_events", "erase_fields", "erase_stored", "event_bytes", "event_cause",
    "event_data", "event_host", "event_json", "event_name", "event_stream", "event_text", "event_user",
    "explain_blocked", "find_orphans", "find_salts", "find_tombstone", "forget_salts", "format_utc", "grant_reader",
    "grant_roles", "guard_partition", "has_overridden", "hash_sealed", "hash_stored", "hash_stream",
    "histogram_bounds", "id_of", "insert_event", "interval_by", "is_sketched", "json_time", "kind_of", "lock_array",
    "lock_command", "names_actor", "own_transaction_id", "place_steps", "plain_json", "project_appended",
    "project_array", "project_dependency", "project_task", "project_task_instance", "project_wait",
    "quantile_position", "recount_sketches", "refuse_to_change", "refuse_to_remove", "refuse_to_rewrite",
    "remove_archived", "require_unarchived", "salted_hash", "seal_stored", "sealed_content", "sealed_field",
    "silent_attempt", "sketch_bucket", "sketch_seconds", "sketched_to", "stated_columns", "stays_ended_between",
    "stays_ended_within", "stays_of_workflows", "stopped_tasks", "store_event", "stuck_entities", "take_slots",
    "task_moments", "task_phases", "tasks_behind", "unsketched_stay", "usual_stays", "wait_reason",
    "ways_past", "workflow_steps",
}  # fmt: skip
"""The functions without an argument that is one of some names, and those that only Sojourn itself calls."""


@pytest.fixture
def filled(service: TransitionService) -> TransitionService:
    """A log with a workflow `w` whose only template is `align`."""
    service.register_tasks("w", [TaskSpec("t1", template="align")])
    attempt(service, "t1")
    return service


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
class TestAMisspeltArgument:
    def test_is_refused(
        self, filled: TransitionService, connection: psycopg.Connection[Any], call: str, sentence: str
    ) -> None:
        with pytest.raises(InvalidParameterValue) as raised:
            connection.execute(f"SELECT * FROM sojourn.{call}")

        assert raised.value.sqlstate == "22023"
        assert str(raised.value.diag.message_primary).startswith(sentence)

    def test_is_refused_as_of_a_time_before_everything(
        self, filled: TransitionService, connection: psycopg.Connection[Any], call: str, sentence: str
    ) -> None:
        """No row matches then, so what refuses is not the row."""
        connection.execute("SET sojourn.as_of = '2020-01-01T00:00:00Z'")

        with pytest.raises(InvalidParameterValue, match="is not"):
            connection.execute(f"SELECT * FROM sojourn.{call}")
        connection.execute("RESET sojourn.as_of")


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("concurrency(%s, %s, %s, %s)", [("ti", "RUNNING", None, None), ("task", "RUNING", None, None),
         ("task", "RUNNING", "v", None), ("task", "RUNNING", None, "tempalte")]),
        ("time_in_status(%s, %s, %s)", [("ti", None, None), ("task", "tempalte", None), ("task", None, "v")]),
        ("attempts(%s, %s)", [("tempalte", None), (None, "v")]),
        ("count_attempts(%s, %s)", [("tempalte", None), (None, "v")]),
        ("variants(%s, %s)", [("ti", None), ("task", "v")]),
    ],
)  # fmt: skip
def test_is_refused_in_a_prepared_statement(
    filled: TransitionService,
    connection: psycopg.Connection[Any],
    mode: str,
    call: str,
    arguments: list[tuple[str | None, ...]],
) -> None:
    """A generic plan is made without the arguments, so that the planner cannot find the mistake."""
    connection.execute(f"SET plan_cache_mode = {mode}".encode())
    for given in arguments:
        with pytest.raises(InvalidParameterValue, match="is not"):
            connection.execute(f"SELECT * FROM sojourn.{call}".encode(), given, prepare=True)
    connection.execute("RESET plan_cache_mode")


def test_what_is_next_to_an_unknown_workflow_is_a_hint(
    filled: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    register(filled, "t2", workflow_id="align-2026")
    hints = []
    for unknown in ("algin-2026", "ba"):
        with pytest.raises(InvalidParameterValue) as raised:
            connection.execute("SELECT * FROM sojourn.attempts(workflow_id => %s)", [unknown])
        hints.append(raised.value.diag.message_hint)

    order = "Next to it in alphabetical order: "
    assert hints == [f"{order}'align-2026'.", f"{order}'align-2026' and 'w'."]


def test_a_workflow_that_did_not_exist_yet_is_no_mistake(
    filled: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("SET sojourn.as_of = '2020-01-01T00:00:00Z'")

    assert rows(connection, "SELECT * FROM sojourn.time_in_status(workflow_id => 'w')") == []
    connection.execute("RESET sojourn.as_of")


def test_an_empty_log_knows_no_statuses(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    assert rows(connection, "SELECT * FROM sojourn.concurrency('task', 'WHATEVER')") == []
    assert rows(connection, f"SELECT * FROM sojourn.{LIMITS.replace(', %s', '')}") == []


def test_every_function_of_the_catalog_is_covered(connection: psycopg.Connection[Any]) -> None:
    found = rows(connection, "SELECT proname FROM pg_proc WHERE pronamespace = 'sojourn'::regnamespace")
    covered = {call.partition("(")[0] for call, _ in REFUSED}

    assert {row["proname"] for row in found} == covered | HELPERS


class TestInPython:
    @pytest.mark.parametrize(
        ("method", "arguments", "sentence"),
        [
            ("time_in_status", {"by": "tempalte"}, "by='tempalte' is not one of workflow, template, actor, hour, day, "
             "week, reason, state-name; did you mean 'template'?"),
            ("time_in_status", {"entity": "tsk"}, "entity='tsk' is not one of task, ti, task_instance; "
             "did you mean 'task'?"),
            ("attempts", {"by": "tempalte"}, "by='tempalte' is not one of workflow, template; did you mean"),
            ("concurrency", {"status": "RUNNING", "by": "hour"}, "by='hour' is not one of workflow, template"),
            ("concurrency", {"status": "RUNNING", "by": "hour", "bucket": timedelta(hours=1)}, "by='hour' is not one"),
            ("concurrency", {"status": "RUNNING", "entity": "array"}, "entity='array' is not one of"),
            ("variants", {"entity": "tasks"}, "entity='tasks' is not one of"),
            ("queue_wait", {"by": "usr"}, "by='usr' is not one of workflow, template, user, partition; did you mean"),
            ("queue_wait", {"per": "month"}, "per='month' is not one of hour, day, week"),
            ("compare", {"a": "w", "b": "w", "entity": "tasks"}, "entity='tasks' is not one of"),
            ("audit", {"entity": "tasks"}, "entity='tasks' is not one of"),
        ],
    )  # fmt: skip
    def test_a_misspelt_choice_is_an_error_with_the_nearest(
        self, filled: TransitionService, method: str, arguments: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(UnknownChoice) as raised:
            getattr(filled, method)(**arguments)

        assert str(raised.value).startswith(sentence)

    @pytest.mark.parametrize("method", ["time_in_status", "attempts", "variants", "audit", "orphans"])
    def test_an_unknown_workflow_too(self, filled: TransitionService, method: str) -> None:
        with pytest.raises(UnknownEntity, match="no workflow 'v'"):
            getattr(filled, method)(workflow_id="v")

    def test_an_unknown_status_too(self, filled: TransitionService) -> None:
        with pytest.raises(UnknownStatus, match="did you mean 'RUNNING'"):
            filled.concurrency("RUNING")

    def test_a_limit_for_a_shipped_lifecycle_without_tasks_is_none(
        self, filled: TransitionService, tmp_path: Path
    ) -> None:
        path = tmp_path / "sla.toml"
        path.write_text(
            '[[limit]]\nstatus = "preparing"\nmax_duration = "1s"\n'
            '[[limit]]\nstatus = "REGISTERING"\nmax_duration = 1e-6\n'
        )

        assert {breach["status"] for breach in filled.breaches(path)} == {"REGISTERING"}
        assert cast("Any", filled.breaches(path))[0]["entity"] == "task:t1"
