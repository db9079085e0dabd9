"""The words for what is wrong with a field: none of pydantic's own reach a client."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from interfaces.http.field_errors import WORDS, explain_field, name_field
from interfaces.http.models import InstancesAlive, InstanceTransition, TasksToGate, TasksToRegister, TasksToTransition
from interfaces.http.queries import AuditQuery, HistoryQuery, TimeInStatusQuery

TASKS = {"workflow_id": "w", "tasks": [{"task_id": "t1"}]}


@pytest.mark.parametrize(
    ("model", "value", "field", "why"),
    [
        (TasksToGate, {}, "task_ids", "is missing"),
        (TasksToGate, {"task_ids": [], "typo": 1}, "typo", "is not a known field"),
        (TasksToGate, {"task_ids": "t1"}, "task_ids", "is not a list"),
        (TasksToGate, {"task_ids": [True]}, "task_ids.0", "is not a text"),
        (TasksToGate, {"task_ids": [""]}, "task_ids.0", "is not a text of 1 or more characters"),
        (TasksToGate, {"task_ids": ["x" * 256]}, "task_ids.0", "is not a text of at most 255 characters"),
        (TasksToGate, {"task_ids": ["a\0b"]}, "task_ids.0", "is not accepted: a text contains NUL; remove it"),
        (TasksToRegister, TASKS | {"tasks": [1]}, "tasks.0", "is not an object"),
        (
            TasksToRegister,
            TASKS | {"tasks": [{"task_id": "t1", "max_attempts": 0}]},
            "tasks.0.max_attempts",
            "is not at least 1",
        ),
        (TasksToTransition, {"task_ids": [], "to_status": "DONE", "use_skip_locked": 7}, "use_skip_locked",
         "is not true or false"),
        (InstancesAlive, {"task_instance_ids": [], "next_report_increment": 0}, "next_report_increment",
         "is not above 0"),
        (InstancesAlive, {"task_instance_ids": [], "next_report_increment": "soon"}, "next_report_increment",
         "is not a number"),
        (InstancesAlive, {"task_instance_ids": [], "next_report_increment": float("nan")}, "next_report_increment",
         "is not a finite number"),
        (InstanceTransition, {"to_status": "DONE", "report_by_date": 8}, "report_by_date",
         "is not accepted: a time is not a text; write it like 2026-01-31T08:30:00Z"),
        (HistoryQuery, {"limit": 10_001}, "limit", "is not at most 10000"),
        (HistoryQuery, {"limit": "x"}, "limit", "is not a whole number"),
        (TimeInStatusQuery, {"by": "month"}, "by",
         "is not 'workflow', 'template', 'actor', 'hour', 'day', 'week', 'reason' or 'state-name'"),
        (AuditQuery, {"after": "t1"}, "after",
         "is not accepted: 't1' is not TIME,POSITION; take it from a Link header"),
    ],
)  # fmt: skip
def test_the_words_for_an_error(model: type[BaseModel], value: Any, field: str, why: str) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(value)

    (error,) = raised.value.errors()
    assert (name_field(error), explain_field(error)) == (field, why)


def test_an_error_without_words_of_its_own_is_still_an_answer() -> None:
    assert "date_type" not in WORDS
    error = {"type": "date_type", "loc": ("at",), "msg": "Input should be a valid date"}
    assert explain_field(error) == "is not accepted; see /openapi.json for what it takes"
