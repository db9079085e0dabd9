"""Parents and upstream tasks: what is registered, refused, projected and rebuilt."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from domain.errors import InvalidId, TaskBegun, TaskConflict, UnknownEntity, UpstreamCycle
from interfaces.cli.commands.history import in_short
from tests.support.agreement import rows
from tests.support.concurrently import at_once

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)

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


def test_what_is_read_of_links(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run"), TaskSpec("a"), TaskSpec("e")], occurred_at=NINE)
    specs = [TaskSpec("b", parent="run", upstream=["a"]), TaskSpec("c", parent="run")]
    service.register_tasks("w", specs, occurred_at=NINE)
    service.add_upstream({"b": ["e"]}, occurred_at=NINE + timedelta(hours=1))

    assert sorted(row["entity"] for row in service.list_tasks(parent="run")) == ["task:b", "task:c"]
    assert service.list_tasks(parent="a") == []
    with pytest.raises(UnknownEntity, match="no task 'rum'; did you mean 'run'"):
        service.list_tasks(parent="rum")
    links = {
        at: {key: value for key, value in service.status("task:b", at).items() if key in ("parent", "upstream")}
        for at in (None, NINE)
    }
    assert links == {None: {"parent": "run", "upstream": ["a", "e"]}, NINE: {"parent": "run", "upstream": ["a"]}}
    assert not {"parent", "upstream"} & service.status("task:a").keys()
    assert [in_short(event) for event in service.history("task:b")] == [
        "registered: REGISTERING (a part of run, waits for a)", "waits for e",
    ]  # fmt: skip


class TestAddUpstream:
    def test_further_tasks_before_the_first_attempt(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        service.register_tasks("w", [TaskSpec("a"), TaskSpec("b"), TaskSpec("c", upstream=["a"]), TaskSpec("d")])

        assert service.add_upstream({"c": ["a", "b", "b"], "d": ["c"]}) == {"added": 2, "existing": 1}
        assert service.add_upstream({"c": ["b"]}) == {"added": 0, "existing": 1}

        assert [(row["task_id"], row["upstream_id"]) for row in rows(connection, DEPENDENCIES)] == [
            ("c", "a"), ("c", "b"), ("d", "c"),
        ]  # fmt: skip
        assert [event["name"] for event in service.history("task:c")] == [
            "task.registered.v1", "task.upstream_added.v1",
        ]  # fmt: skip
        assert verify_log(service.store)["mismatches"] == []

    def test_a_task_that_has_begun_waits_for_no_further_one(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        service.register_tasks("w", [TaskSpec("a"), TaskSpec("b"), TaskSpec("c", upstream=["a"]), TaskSpec("d")])
        service.gate_tasks_for_queueing(["c"])

        with pytest.raises(TaskBegun, match="has begun already") as raised:
            service.add_upstream({"d": ["b"], "c": ["a", "b"]})

        assert (raised.value.task_id, raised.value.upstream) == ("c", ("b",))
        assert [row["task_id"] for row in rows(connection, DEPENDENCIES)] == ["c"]
        assert service.add_upstream({"c": ["a"]}) == {"added": 0, "existing": 1}

    @pytest.mark.parametrize("upstream", [{"b": ["aa"]}, {"bb": ["a"]}])
    def test_an_unknown_task(self, service: TransitionService, upstream: dict[str, list[str]]) -> None:
        service.register_tasks("w", [TaskSpec("a"), TaskSpec("b")])

        with pytest.raises(UnknownEntity, match="did you mean"):
            service.add_upstream(upstream)

    def test_a_cycle_by_way_of_the_log(self, service: TransitionService, connection: psycopg.Connection[Any]) -> None:
        service.register_tasks("w", [TaskSpec("a"), TaskSpec("b", upstream=["a"]), TaskSpec("c"), TaskSpec("d")])
        service.register_tasks("v", [TaskSpec("e", upstream=["b"])])

        with pytest.raises(UpstreamCycle) as raised:
            service.add_upstream({"a": ["c"], "c": ["d", "e"]})

        assert set(raised.value.cycle) == {"a", "b", "c", "e"}
        assert len(rows(connection, DEPENDENCIES)) == 2

    def test_two_callers_make_no_cycle_together(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        """Each adds one link of a ring at the same moment: one of them fails, and the others are added."""
        ring = [f"t{number}" for number in range(6)]
        service.register_tasks("w", [TaskSpec(task_id) for task_id in ring])

        def add(task_id: str, upstream_id: str) -> str:
            try:
                service.add_upstream({task_id: [upstream_id]})
            except UpstreamCycle:
                return "cycle"
            return "added"

        outcomes = at_once([partial(add, *link) for link in zip(ring, ring[1:] + ring[:1], strict=True)])

        assert sorted(outcomes) == ["added"] * 5 + ["cycle"]
        assert len(rows(connection, DEPENDENCIES)) == 5

    def test_as_of_an_earlier_time_the_link_is_unknown(
        self, service: TransitionService, connection: psycopg.Connection[Any]
    ) -> None:
        service.register_tasks("w", [TaskSpec("a"), TaskSpec("b")], occurred_at=NINE)
        service.add_upstream({"b": ["a"]}, occurred_at=NINE + timedelta(hours=1))

        assert rows(connection, "SELECT since FROM sojourn.dependency") == [{"since": NINE + timedelta(hours=1)}]

    @pytest.mark.parametrize("wrong", [["b", "a"], {"b": "a"}, {"b": [1]}])
    def test_another_shape(self, service: TransitionService, wrong: Any) -> None:
        with pytest.raises((TypeError, InvalidId)):
            service.add_upstream(wrong)
