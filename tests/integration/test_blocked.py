"""What keeps tasks from starting: by command, service and SQL, against a few lines over the links in Python."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.read.orphans import find_orphans
from application.shared.as_of import as_of
from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import rows
from tests.support.examples import examples

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def minute(number: float) -> datetime:
    return EIGHT + timedelta(minutes=number)


def move(service: TransitionService, task: str, *statuses: str, at: float, **more: Any) -> None:
    for status in statuses:
        service.transition_task(task, status, occurred_at=minute(at), **more)


def blocked(service: TransitionService, at: float, workflow: str | None = None) -> list[tuple[str, str, list[str]]]:
    return [(row["cause"], row["reason"], row["examples"]) for row in service.blocked(workflow, minute(at))]


def test_a_failure_blocks_what_waits_for_it_at_any_distance(service: TransitionService) -> None:
    specs = [TaskSpec("a"), TaskSpec("b", upstream=["a"]), TaskSpec("c", upstream=["b"]), TaskSpec("d")]
    service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
    service.register_tasks("v", [TaskSpec("e", upstream=["c", "d"])], "fetch_ml", occurred_at=minute(0))
    move(service, "a", "preparing", at=1)
    move(service, "a", "failed", at=2)
    move(service, "d", "cancelled", at=3)

    assert blocked(service, 1) == []
    assert blocked(service, 2) == [("task:a", "failed", ["b", "c", "e"])]
    assert blocked(service, 3) == [("task:a", "failed", ["b", "c", "e"]), ("task:d", "failed", ["e"])]
    assert blocked(service, 3, "w") == [("task:a", "failed", ["b", "c"])]
    assert [row["blocked"] for row in service.blocked("v")] == [1, 1]
    orphans = find_orphans(service.store, "blocked-upstream", at=minute(3))
    assert [(one["entity"], one["since"]) for one in orphans] == [
        ("task:b", minute(2)), ("task:c", minute(2)), ("task:e", minute(2)),
    ]  # fmt: skip
    assert orphans[0]["explanation"] == (
        "task:b is queued and cannot start, because task:a, upstream of it, is failed since 2026-01-31T08:02:00.000Z"
    )
    assert orphans[2]["explanation"] == (
        "task:e is queued and cannot start, because task:a, upstream of what it waits for, is failed since "
        "2026-01-31T08:02:00.000Z (the first of 2 causes)"
    )


def test_a_link_of_later_is_no_evidence_of_a_time_before_it(service: TransitionService) -> None:
    specs = [TaskSpec("a"), TaskSpec("b"), TaskSpec("c", upstream=["b"]), TaskSpec("d")]
    service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
    service.add_upstream({"d": ["b"]}, occurred_at=minute(2))
    service.add_upstream({"d": ["a"]}, occurred_at=minute(4))
    move(service, "b", "preparing", "failed", at=1)

    before, after = (find_orphans(service.store, "blocked-upstream", at=minute(at)) for at in (1, 5))

    assert [(one["entity"], one["since"]) for one in before] == [("task:c", minute(1))]
    assert [(one["entity"], one["since"]) for one in after] == [("task:c", minute(1)), ("task:d", minute(2))]
    assert [(one["entity"], service.why(one["entity"], minute(5))["orphan"]) for one in after] == [
        (one["entity"], [one]) for one in after
    ]
    assert after[0]["explanation"].endswith("task:b, upstream of it, is failed since 2026-01-31T08:01:00.000Z")


def test_why_names_the_owner_of_the_first_cause(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("a"), TaskSpec("b", upstream=["a"])], "pynenc", occurred_at=minute(0))
    move(service, "a", "PENDING", "RUNNING", at=1, runner_id="r1")

    found = service.why("task:b", minute(30))

    assert found["rule"] == "blocked-upstream"
    assert "task:a, upstream of it, is RUNNING" in found["verdict"]
    assert ", owned by runner:r1, which never sent a heartbeat. " in found["verdict"]


@pytest.mark.parametrize("reach", [1, 2, 3], ids=["a chain", "a ladder", "a wider ladder"])
def test_a_long_way_is_walked_whatever_the_levels_of_its_tasks(service: TransitionService, reach: int) -> None:
    """A chain has more levels than are read at once; in a ladder, a task stands in one for each length of its ways."""
    tasks = [f"t{number:03}" for number in range(230 if reach == 1 else 60)]
    specs = [TaskSpec(name, upstream=tasks[max(0, n - reach) : n]) for n, name in enumerate(tasks)]
    service.register_tasks("w", [TaskSpec("other"), *specs], "fetch_ml", occurred_at=minute(0))
    move(service, tasks[0], "preparing", "failed", at=1)

    verdict = service.why(f"task:{tasks[-1]}")["verdict"]

    assert f"because task:{tasks[0]}, upstream of what it waits for, is failed since" in verdict
    assert f"{len(tasks) - 1} tasks wait behind that cause" in verdict


def test_what_has_begun_is_not_blocked_and_ends_the_chain(service: TransitionService) -> None:
    specs = [TaskSpec("a"), TaskSpec("b", upstream=["a"]), TaskSpec("c", upstream=["b"])]
    service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
    move(service, "b", "preparing", at=1)
    move(service, "a", "failed", at=2)

    assert blocked(service, 3) == []


def test_what_nothing_moves_on_blocks_too(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], "fetch_ml", occurred_at=minute(0))
    specs = [
        TaskSpec("held"), TaskSpec("x", upstream=["held"]), TaskSpec("child", parent="run"),
        TaskSpec("y", upstream=["child"]), TaskSpec("z", upstream=["y", "x"]),
    ]  # fmt: skip
    service.register_tasks("w", specs, "prefect", occurred_at=minute(1))
    move(service, "held", "PENDING", at=2, waits_for="hold")
    move(service, "run", "preparing", "failed", at=3)

    assert blocked(service, 2) == [("task:held", "hold", ["x", "z"])]
    assert blocked(service, 3) == [("task:child", "ended-parent", ["y", "z"]), ("task:held", "hold", ["x", "z"])]
    move(service, "held", "RUNNING", at=4)
    assert blocked(service, 4) == [("task:child", "ended-parent", ["y", "z"])]


def test_only_the_first_of_several_causes_in_a_chain_counts(service: TransitionService) -> None:
    service.register_tasks("w", [TaskSpec("run")], "fetch_ml", occurred_at=minute(0))
    specs = [TaskSpec("1", parent="run"), *(TaskSpec(str(n), parent="run", upstream=[str(n - 1)]) for n in range(2, 9))]
    service.register_tasks("w", specs, "fetch_ml", occurred_at=minute(0))
    move(service, "run", "preparing", "failed", at=1)

    assert blocked(service, 1) == [("task:1", "ended-parent", ["2", "3", "4", "5", "6"])]
    assert [row["blocked"] for row in service.blocked()] == [7]


numbers = count()
MOVES = ("preparing", "running", "failed", "cancelled", "orphaned", "queued", "collecting", "completed")


@examples(quick=8, long=40)
@for_all(
    st.lists(st.lists(st.integers(0, 30), max_size=3), min_size=3, max_size=9),
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(MOVES)), max_size=14),
)
def test_causes_and_counts_as_of_any_time_are_those_of_the_links(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    links: list[list[int]],
    steps: list[tuple[int, str]],
) -> None:
    w = f"b{next(numbers)}-"
    upstream = {w + str(n): {w + str(one % n) for one in ones} if n else set() for n, ones in enumerate(links)}
    homes = {task: f"{w}{n % 2}" for n, task in enumerate(upstream)}
    for name, waits in upstream.items():
        service.register_tasks(homes[name], [TaskSpec(name, upstream=sorted(waits))], "fetch_ml", occurred_at=minute(0))
    for number, (task, status) in enumerate(steps, 1):
        service.transition_task(w + str(task % len(links)), status, occurred_at=minute(number))

    log = rows(
        connection, "SELECT entity_id, status, num_attempts, entered_at FROM sojourn.transition ORDER BY position"
    )
    for moment in {0, len(steps) // 2, len(steps)}:
        now = {row["entity_id"]: row for row in log if row["entered_at"] <= minute(moment) and w in row["entity_id"]}
        expected = brute_force(upstream, now)
        for home in set(homes.values()):
            own = {cause: sum(homes[task] == home for task in those) for cause, those in expected.items()}
            found = {row["cause"]: row["blocked"] for row in service.blocked(home, minute(moment))}
            assert found == {f"task:{cause}": number for cause, number in own.items() if number}
        with as_of(service.store, minute(moment)) as used:
            counted = used.execute("SELECT c, sojourn.count_blocked(c) FROM unnest(%s::text[]) AS c", [list(expected)])
            assert dict(counted) == {cause: len(those) for cause, those in expected.items()}


def brute_force(upstream: dict[str, set[str]], now: dict[str, Any]) -> dict[str, set[str]]:
    """Return the tasks that cannot start because of each that failed, by following the links up from each task."""
    ended = {"completed", "failed", "cancelled"}
    waits = {task for task, row in now.items() if row["num_attempts"] == 0 and row["status"] not in ended}
    causes: dict[str, set[str]] = {}
    for task in waits:
        seen, ways = set[str](), [task]
        while ways:
            for above in upstream[ways.pop()] - seen:
                seen.add(above)
                if now[above]["status"] in ("failed", "cancelled"):
                    causes.setdefault(above, set()).add(task)
                elif above in waits:
                    ways.append(above)
    return causes
