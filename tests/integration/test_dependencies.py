"""Parents and upstream tasks: what is registered, refused, projected and rebuilt."""

from typing import Any

import psycopg
import pytest

from application.maintain.rebuild import rebuild_projections
from application.transition_service import TaskSpec, TransitionService
from domain.errors import TaskConflict, UnknownEntity, UpstreamCycle
from tests.support.agreement import rows

DEPENDENCIES = "SELECT task_id, upstream_id FROM sojourn.dependency ORDER BY 1, 2"
PARENTS = "SELECT task_id, parent_id FROM sojourn.task WHERE parent_id IS NOT NULL ORDER BY 1"


@pytest.mark.fresh_database
def test_tasks_have_a_parent_and_wait_for_others(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    service.register_tasks("w", [TaskSpec("run")], "fetch_ml")
    service.register_tasks("w", [TaskSpec("c", parent="run", upstream=["b", "a", "b"]), TaskSpec("a"), TaskSpec("b")])

    assert rows(connection, PARENTS) == [{"task_id": "c", "parent_id": "run"}]
    assert rows(connection, DEPENDENCIES) == [
        {"task_id": "c", "upstream_id": "a"},
        {"task_id": "c", "upstream_id": "b"},
    ]

    rebuild_projections(service.store, lambda _: None)

    assert rows(connection, PARENTS) == [{"task_id": "c", "parent_id": "run"}]
    assert [row["upstream_id"] for row in rows(connection, DEPENDENCIES)] == ["a", "b"]


def test_registering_again_changes_nothing(service: TransitionService) -> None:
    spec = TaskSpec("b", parent="a", upstream=["a"])
    service.register_tasks("w", [TaskSpec("a"), spec])

    assert service.register_tasks("w", [spec]) == {"registered": 0, "existing": 1}
    assert len(service.history("task:b")) == 1


@pytest.mark.parametrize("spec", [TaskSpec("b", parent="c"), TaskSpec("b", upstream=["a", "c"])])
def test_another_link_is_other_content(service: TransitionService, spec: TaskSpec) -> None:
    service.register_tasks("w", [TaskSpec("a"), TaskSpec("c"), TaskSpec("b", parent="a", upstream=["a"])])

    with pytest.raises(TaskConflict):
        service.register_tasks("w", [spec])


@pytest.mark.parametrize("spec", [TaskSpec("b", parent="aa"), TaskSpec("b", upstream=["aa"])])
def test_a_link_to_an_unknown_task_is_refused(
    service: TransitionService, connection: psycopg.Connection[Any], spec: TaskSpec
) -> None:
    service.register_tasks("w", [TaskSpec("a")])

    with pytest.raises(UnknownEntity, match=r"no task 'aa'.* did you mean"):
        service.register_tasks("w", [TaskSpec("d"), spec])

    assert rows(connection, "SELECT task_id FROM sojourn.task") == [{"task_id": "a"}]


@pytest.mark.parametrize(
    ("specs", "relation", "tasks"),
    [
        ([TaskSpec("a", parent="a")], "parent", {"a"}),
        ([TaskSpec("a", parent="b"), TaskSpec("b", parent="a")], "parent", {"a", "b"}),
        (
            [TaskSpec("a", upstream=["c"]), TaskSpec("b", upstream=["a"]), TaskSpec("c", upstream=["b"])],
            "upstream",
            {"a", "b", "c"},
        ),
    ],
)
def test_a_cycle_is_refused(service: TransitionService, specs: list[TaskSpec], relation: str, tasks: set[str]) -> None:
    with pytest.raises(UpstreamCycle) as raised:
        service.register_tasks("w", specs)

    assert raised.value.relation == relation
    assert set(raised.value.cycle) == tasks
    assert raised.value.cycle[0] == raised.value.cycle[-1]
