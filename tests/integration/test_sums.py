"""Sums: concurrency by hours and attempts over all workflows, as brute force and the exact functions have them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.archive.archive import archive_workflows
from application.archive.restore import restore_workflow
from application.maintain.jobs.sums import keep_sums, sum_now
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import streams_of
from tests.support.examples import examples
from tests.support.stays import stays_of

NOON = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ORIGIN = datetime(2000, 1, 3, tzinfo=UTC)
FAR = datetime(2100, 1, 1, tzinfo=UTC)

names = count()

Connection = psycopg.Connection[Any]


def silently(_: str) -> None:
    """Take a step of a job and print nothing."""


def live(service: TransitionService, begun: datetime, template: str | None, life: list[tuple[str, int]]) -> None:
    """Record a task whose attempt reports statuses, each some minutes after the one before."""
    workflow = f"w{next(names) % 3}"
    task = f"{workflow}/{next(names)}"
    service.register_tasks(workflow, [TaskSpec(task, 9, template)], occurred_at=begun)
    service.gate_tasks_for_queueing([task], occurred_at=begun)
    service.create_task_instances({f"{task}/1": task}, occurred_at=begun)
    for status, minutes in life:
        begun += minutes * MINUTE
        service.transition_task_instance(f"{task}/1", status, occurred_at=begun)


minutes = st.integers(0, 300)
lives = st.tuples(minutes, minutes, minutes, st.sampled_from(["DONE", "ERROR", "RUNNING"]), minutes).map(
    lambda drawn: [("INSTANTIATED", drawn[0]), ("LAUNCHED", drawn[1]), ("RUNNING", drawn[2]), drawn[3:]][
        : 3 if drawn[3] == "RUNNING" else 4
    ]
)
parts = st.lists(
    st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(["align", None]), lives), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


def fill(service: TransitionService, drawn: list[list[Any]], *, keep_last: bool) -> None:
    """Record parts of a log, and sum up each of them, or leave the last one for the tail."""
    for number, part in enumerate(drawn, 1):
        for begun, template, life in part:
            live(service, NOON + begun * MINUTE, template, life)
        if number < len(drawn) or keep_last:
            keep_sums(service.store, silently, 0, events=5)


def ask(connection: Connection, at: datetime, question: str, *arguments: Any, exactly: bool = False) -> list[Any]:
    """Return what a function answers as of a time, from the sums or without them."""
    with connection.transaction(force_rollback=True):
        if exactly:
            connection.execute("UPDATE sojourn.checkpoint SET position = 0 WHERE subscription = 'sums'")
        connection.execute("SELECT set_config('sojourn.as_of', %s, true)", [at.isoformat()])
        return connection.execute(question, arguments).fetchall()


BUCKETS = "SELECT * FROM sojourn.concurrency_by_bucket('task_instance', %s, %s, NULL, %s, %s, %s)"


@examples(quick=5, long=20)
@for_all(
    drawn=parts,
    keep_last=st.booleans(),
    minutes=st.integers(0, 3000),
    status=st.sampled_from(["RUNNING", "LAUNCHED", "DONE"]),
    hours=st.sampled_from([1, 2, 24]),
    by=st.sampled_from([None, "template"]),
    window=st.tuples(st.none() | st.integers(-100, 2000), st.none() | st.integers(0, 3000)),
)
def test_buckets_from_sums_are_what_brute_force_counts(
    service: TransitionService,
    connection: Connection,
    drawn: list[list[Any]],
    keep_last: bool,
    minutes: int,
    status: str,
    hours: int,
    by: str | None,
    window: tuple[int | None, int | None],
) -> None:
    fill(service, drawn, keep_last=keep_last)
    length, at = hours * HOUR, NOON + minutes * MINUTE
    for since, until in ((None, None), [None if bound is None else NOON + bound * MINUTE for bound in window]):
        found = ask(connection, at, BUCKETS, status, length, by, since, until)

        assert found == [tuple(map(near, row)) for row in brute_force(connection, at, status, length, by, since, until)]
        exact = ask(connection, at, BUCKETS, status, length, by, since, until, exactly=True)
        assert found == [tuple(map(near, row)) for row in exact]


def near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value


def brute_force(
    connection: Connection,
    at: datetime,
    status: str,
    length: timedelta,
    by: str | None,
    since: datetime | None,
    until: datetime | None,
) -> Iterator[tuple[str | None, datetime, float, int]]:
    """Yield each bucket's mean and most, from the events of each stream."""
    template_of = dict(connection.execute("SELECT task_id, template FROM sojourn.task").fetchall())
    steps: dict[str | None, dict[datetime, int]] = {}
    for stream, events in streams_of(connection).items():
        for stay in stays_of(events, at) if stream.startswith("task_instance:") else ():
            if stay.status == status:
                group = template_of[events[0]["task_id"]] if by else None
                changed = steps.setdefault(group, {})
                changed[stay.entered_at] = changed.get(stay.entered_at, 0) + 1
                if stay.exited_at:
                    changed[stay.exited_at] = changed.get(stay.exited_at, 0) - 1
    for group in sorted(steps, key=lambda name: (name is None, name or "")):
        changes = sorted((time, step) for time, step in steps[group].items() if step)
        if changes:
            yield from ((group, *row) for row in buckets_of(changes, at, length, since, until))


def buckets_of(
    changes: list[tuple[datetime, int]], at: datetime, length: timedelta, since: datetime | None, until: datetime | None
) -> Iterator[tuple[datetime, float, int]]:
    def there(time: datetime) -> int:
        return sum(step for changed, step in changes if changed <= time)

    last = changes[-1][0] if there(FAR) == 0 else at
    begins = ORIGIN + (max(changes[0][0], since or changes[0][0]) - ORIGIN) // length * length
    while begins <= min(last, until or last) and begins < at:
        ends = min(begins + length, at)
        times = sorted({begins, ends, *(time for time, _ in changes if begins < time < ends)})
        pieces = [(there(first), (second - first) / length) for first, second in pairwise(times)]
        yield begins, sum(n * share for n, share in pieces) / ((ends - begins) / length), max(n for n, _ in pieces)
        begins += length


@examples(quick=5, long=20)
@for_all(drawn=parts, keep_last=st.booleans(), minutes=st.integers(0, 5000))
def test_attempts_from_sums_are_those_that_are_counted_one_by_one(
    service: TransitionService, connection: Connection, drawn: list[list[Any]], keep_last: bool, minutes: int
) -> None:
    fill(service, drawn, keep_last=keep_last)
    for at in (NOON + minutes * MINUTE, NOON + 5 * 24 * HOUR):
        for by in (None, "workflow", "template"):
            found, exact = (
                ask(connection, at, "SELECT * FROM sojourn.count_attempts(%s)", by, exactly=exactly)
                for exactly in (False, True)
            )

            assert found == [tuple(map(near, row)) for row in exact]
    assert verify_log(service.store)["mismatches"] == []


def test_a_few_events_are_summed_up_after_a_while_and_many_at_once(
    service: TransitionService, connection: Connection
) -> None:
    live(service, NOON, "align", [])

    assert keep_sums(service.store, silently) == 0
    assert keep_sums(service.store, silently, events=2) == sum_now(service.store, silently) > 0
    row = connection.execute("SELECT sojourn.summed_to() = max(e.position) FROM sojourn.event AS e").fetchone()
    assert row == (True,)


def test_a_kill_before_the_checkpoint_leaves_answers_as_they_are(
    service: TransitionService, connection: Connection
) -> None:
    life = [("INSTANTIATED", 1), ("LAUNCHED", 1), ("RUNNING", 1), ("DONE", 100)]
    live(service, NOON, "align", life)
    sum_now(service.store, silently)
    live(service, NOON + 30 * MINUTE, "align", life)
    connection.execute(
        "CREATE FUNCTION public.dies() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
    )
    connection.execute(
        "CREATE TRIGGER dies BEFORE UPDATE ON sojourn.checkpoint FOR EACH ROW EXECUTE FUNCTION public.dies()"
    )

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        sum_now(service.store, silently)
    connection.execute("DROP FUNCTION public.dies CASCADE")

    for _ in range(2):
        for question in ("SELECT * FROM sojourn.count_attempts()", BUCKETS):
            arguments = ("RUNNING", HOUR, None, None, None) if question is BUCKETS else ()
            found, exact = (
                ask(connection, NOON + 9 * HOUR, question, *arguments, exactly=exactly) for exactly in (False, True)
            )
            assert found == [tuple(map(near, row)) for row in exact] != []
        assert verify_log(service.store)["mismatches"] == []
        sum_now(service.store, silently)


@pytest.mark.fresh_database
def test_verify_and_rebuild_cover_the_sums_and_an_archive_changes_them(
    service: TransitionService, connection: Connection, tmp_path: Path
) -> None:
    for workflow in ("night", "day"):
        service.register_tasks(workflow, [TaskSpec(f"{workflow}-1", template="align")], "pynenc", occurred_at=NOON)
        for number, status in enumerate(("PENDING", "RUNNING", "SUCCESS")):
            service.transition_task(f"{workflow}-1", status, "ann", occurred_at=NOON + number * HOUR)
    sum_now(service.store, silently)
    whole = sums(connection)

    archive_workflows(service.store, datetime.now(UTC), tmp_path / "archive", workflows=["night"])
    assert len(sums(connection)) < len(whole)
    assert verify_log(service.store)["mismatches"] == []
    restore_workflow(service.store, tmp_path / "archive", "night")
    assert sums(connection) == whole

    connection.execute("UPDATE sojourn.hour_sum SET most = most + 1 WHERE status = 'RUNNING' AND by_template")
    connection.execute("UPDATE sojourn.attempt_sum SET attempts = attempts + 1 WHERE workflow_id = 'day'")
    texts = {mismatch.text for mismatch in verify_log(service.store)["mismatches"]}
    assert "sojourn.attempt_sum has 2 attempts for day/align, where the log has 1 attempts" in texts
    assert any("RUNNING with other details than the log has" in text for text in texts)
    rebuild_projections(service.store, silently)
    assert sums(connection) == whole
    assert verify_log(service.store)["mismatches"] == []


def sums(connection: Connection) -> set[str]:
    """Return the rows of all sums."""
    hours = connection.execute("SELECT s::text FROM sojourn.hour_sum AS s").fetchall()
    attempts = connection.execute("SELECT s::text FROM sojourn.attempt_sum AS s").fetchall()
    return {row[0] for row in (*hours, *attempts)}
