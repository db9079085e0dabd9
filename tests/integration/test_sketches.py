"""Sketches: quantiles within 1 % of brute force, days that merge, and a kill that neither loses nor doubles a stay."""

import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from math import ceil, log
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.analyse.time_in_status import measure_time_in_status
from application.archive.archive import archive_workflows
from application.archive.restore import restore_workflow
from application.maintain.jobs.sketches import keep_sketches
from application.maintain.maintenance import LOCK, MaintenanceRunning, maintain_once
from application.maintain.rebuild import rebuild_projections
from application.replay.verify import verify_log
from application.transition_service import TaskSpec, TransitionService
from tests.support.agreement import streams_of
from tests.support.attempts import attempt, register
from tests.support.command_line import run
from tests.support.examples import examples
from tests.support.stays import Stay, stays_of, summary

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
names = count()


def silently(_: str) -> None:
    """Take a step of a job and print nothing."""


def sketched(connection: psycopg.Connection[Any]) -> Counter[tuple[Any, ...]]:
    """Return how many stays each bucket has, by day, kind, template and status."""
    found = connection.execute(
        "SELECT s.day, s.entity_kind, s.template, s.status, b.bucket, b.n FROM sojourn.stay_sketch AS s "
        "CROSS JOIN LATERAL unnest(s.buckets, s.counts) AS b (bucket, n)"
    )
    return Counter({tuple(row[:-1]): row[-1] for row in found})


def stays_that_ended(connection: psycopg.Connection[Any]) -> dict[tuple[Any, ...], list[float]]:
    """Return the lengths of all stays that have ended, by day, kind and status, from the raw events."""
    found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for stream, events in streams_of(connection).items():
        for stay in stays_of(events, datetime(2100, 1, 1, tzinfo=UTC)):
            if stay.exited_at:
                day = stay.exited_at.astimezone(UTC).date()
                found[day, stream.partition(":")[0], stay.status].append(stay.seconds)
    return found


def leave(service: TransitionService, begun: datetime, seconds: float) -> None:
    task_id = f"left-{next(names)}"
    service.register_tasks("w", [TaskSpec(task_id, template="align")], occurred_at=begun)
    service.transition_tasks([task_id], "QUEUED", occurred_at=begun + timedelta(seconds=seconds))


durations = st.one_of(st.sampled_from([0.0, 1e-6, 1.0]), st.floats(1e-6, 1e7))


@examples(quick=15, long=200)
@for_all(seconds=st.lists(durations, min_size=1, max_size=50))
def test_a_bucket_stands_for_what_is_within_one_percent(
    connection: psycopg.Connection[Any], seconds: list[float]
) -> None:
    found = connection.execute(
        "SELECT sojourn.sketch_seconds(sojourn.sketch_bucket(s)) FROM unnest(%s::float8[]) WITH ORDINALITY AS u (s, o) "
        "ORDER BY o",
        [seconds],
    ).fetchall()

    assert [row[0] for row in found] == pytest.approx(seconds, rel=0.01 + 1e-9)


@examples(quick=5, long=40)
@for_all(
    parts=st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.floats(0, 200_000)), min_size=1, max_size=5), min_size=1, max_size=3
    ),
    batch=st.integers(1, 7),
)
def test_any_parts_in_any_batches_count_each_stay_once(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    parts: list[list[tuple[int, float]]],
    batch: int,
) -> None:
    for part in parts:
        for days, seconds in part:
            leave(service, NOON + timedelta(days=days), seconds)
        keep_sketches(service.store, silently, batch=batch)

    by_day: Counter[tuple[Any, ...]] = Counter()
    for (day, kind, _, status, _), n in sketched(connection).items():
        by_day[day, kind, status] += n
    assert by_day == {key: len(seconds) for key, seconds in stays_that_ended(connection).items()}
    assert verify_log(service.store)["mismatches"] == []
    before = sketched(connection)
    with connection.transaction():
        connection.execute("DELETE FROM sojourn.stay_sketch")
        connection.execute("UPDATE sojourn.checkpoint SET position = 0")
    keep_sketches(service.store, silently)
    assert sketched(connection) == before  # all at once is the same as part by part


def test_a_kill_between_the_sums_and_the_checkpoint_loses_and_doubles_nothing(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    for day in range(3):
        leave(service, NOON + timedelta(days=day), 60)
    connection.execute(
        "CREATE FUNCTION public.dies() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
    )
    keep_sketches(service.store, silently, batch=2)
    whole = sketched(connection)
    with connection.transaction():
        connection.execute("DELETE FROM sojourn.stay_sketch")
        connection.execute("UPDATE sojourn.checkpoint SET position = 0")
    connection.execute(
        "CREATE TRIGGER dies BEFORE UPDATE OF position ON sojourn.checkpoint FOR EACH ROW "
        "WHEN (new.position > 3) EXECUTE FUNCTION public.dies()"
    )

    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        keep_sketches(service.store, silently, batch=2)
    assert 0 < sketched(connection).total() < whole.total()
    connection.execute("DROP FUNCTION public.dies CASCADE")

    keep_sketches(service.store, silently, batch=2)
    assert sketched(connection) == whole


def test_what_a_running_writer_may_still_add_is_waited_for(
    service: TransitionService, connection: psycopg.Connection[Any], dsn: str
) -> None:
    register(service, "t1", "t2")
    with psycopg.connect(dsn) as other:
        service.gate_tasks_for_queueing(["t1"], connection=other)
        service.gate_tasks_for_queueing(["t2"])
        waiting = threading.Event()
        keeper = threading.Thread(target=keep_sketches, args=(service.store, lambda _: waiting.set()))
        keeper.start()
        assert waiting.wait(20)
        assert sketched(connection).total() == 0
        other.commit()
        keeper.join()

    assert sketched(connection).total() == 2


@pytest.mark.fresh_database
def test_verify_and_rebuild_cover_the_sketches(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    register(service, "t1")
    attempt(service, "t1")
    last = keep_sketches(service.store, silently)
    right = sketched(connection)
    assert right.total() > 0
    assert last == connection.execute("SELECT max(position) FROM sojourn.event").fetchone()[0]  # type: ignore[index]

    connection.execute("UPDATE sojourn.stay_sketch SET n = n + 1 WHERE status = 'QUEUED' AND entity_kind = 'task'")
    (mismatch,) = verify_log(service.store)["mismatches"]
    assert mismatch.text.startswith("sojourn.stay_sketch counts 2 stays of 2")
    rebuild_projections(service.store, silently)

    assert verify_log(service.store)["mismatches"] == []
    assert sketched(connection) == right


def test_one_process_at_a_time_maintains_a_database(service: TransitionService, dsn: str) -> None:
    with psycopg.connect(dsn) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(MaintenanceRunning) as raised:
            maintain_once(service.store, silently)
        assert [holder.pid for holder in raised.value.holders] == [other.info.backend_pid]

    assert maintain_once(service.store, silently) == {
        "partitions": 1, "sketched_to": 0, "summed_to": 0, "sealed_to": 0,
    }  # fmt: skip


@pytest.mark.fresh_database
def test_what_is_archived_leaves_the_sketches_and_what_is_restored_returns(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    for number, workflow in enumerate(("night", "day")):
        service.register_tasks(workflow, [TaskSpec(f"{workflow}-1", template="align")], "pynenc", occurred_at=NOON)
        for minutes, status in enumerate(("PENDING", "RUNNING", "SUCCESS"), number + 1):
            at = NOON + timedelta(minutes=minutes * minutes)
            service.transition_task(f"{workflow}-1", status, "ann", occurred_at=at)
    keep_sketches(service.store, silently)
    before = sketched(connection)

    archive_workflows(service.store, datetime.now(UTC), tmp_path / "archive", workflows=["night"])
    left = sketched(connection)
    assert (before.total(), left.total()) == (6, 3)
    assert verify_log(service.store)["mismatches"] == []
    restore_workflow(service.store, tmp_path / "archive", "night")

    assert sketched(connection) == before
    assert verify_log(service.store)["mismatches"] == []


# Quantiles against brute force over the raw events.

QUANTILES = ("p50", "p90", "p99")
EXACT = ("n", "open", "total_seconds", "mean_seconds")
GAMMA = 1.01 / 0.99

ended = st.tuples(st.sampled_from(["align", "sort"]), st.integers(0, 2), st.one_of(st.just(0.0), st.floats(1, 200_000)))
still_open = st.tuples(st.sampled_from(["align", "sort"]), st.floats(0, 300_000))


def rounded(stay: Stay) -> Stay:
    """Return the stay with the duration that stands for those of its bucket, where it has ended."""
    if stay.exited_at is None or not stay.seconds:
        return stay
    seconds = 2 * GAMMA ** ceil(log(stay.seconds) / log(GAMMA)) / (GAMMA + 1)
    return stay._replace(until=stay.entered_at + timedelta(seconds=seconds))


def fill(service: TransitionService, ends: list[Any], opens: list[Any]) -> None:
    for template, days, seconds in ends:
        begun, task_id = NOON + timedelta(days=days), f"ended-{next(names)}"
        service.register_tasks("w", [TaskSpec(task_id, template=template)], occurred_at=begun)
        service.transition_tasks([task_id], "QUEUED", occurred_at=begun + timedelta(seconds=seconds))
    for template, seconds in opens:
        begun = NOON + timedelta(seconds=seconds)
        service.register_tasks("w", [TaskSpec(f"open-{next(names)}", template=template)], occurred_at=begun)


def in_registering(connection: psycopg.Connection[Any], at: datetime) -> list[Stay]:
    stays = (stay for events in streams_of(connection).values() for stay in stays_of(events, at))
    return [stay for stay in stays if stay.status == "REGISTERING"]


@pytest.fixture
def few(connection: psycopg.Connection[Any], dsn: str) -> None:
    """Let sketches answer about one stay already."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET sojourn.exact_below = '1'")


@examples(quick=6, long=60)
@for_all(
    parts=st.lists(st.tuples(st.lists(ended, max_size=6), st.lists(still_open, max_size=3)), min_size=1, max_size=3),
    hours=st.integers(0, 120),
    keep_last=st.booleans(),
)
def test_quantiles_are_within_one_percent_of_brute_force(
    few: None,
    service: TransitionService,
    connection: psycopg.Connection[Any],
    parts: list[tuple[list[Any], list[Any]]],
    hours: int,
    keep_last: bool,
) -> None:
    for number, (ends, opens) in enumerate(parts, 1):
        fill(service, ends, opens)
        if number < len(parts) or keep_last:
            keep_sketches(service.store, silently)
    for at in (NOON + timedelta(hours=hours), NOON + timedelta(days=30)):
        stays = in_registering(connection, at)
        found = [row for row in measure_time_in_status(service.store, at=at) if row["status"] == "REGISTERING"]
        exact = measure_time_in_status(service.store, at=at, exact=True)
        assert all("error" not in row for row in exact)

        assert len(found) == bool(stays)
        for row in found:
            assert_near(dict(row), summary(stays))


def assert_near(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check that sums are exact, and that quantiles are within 1 %."""
    assert {name: found[name] for name in EXACT} == pytest.approx({name: expected[name] for name in EXACT})
    for name in QUANTILES:
        assert found[f"{name}_seconds"] == pytest.approx(expected[f"{name}_seconds"], rel=0.01 + 1e-6, abs=2e-6)


@examples(quick=6, long=60)
@for_all(ends=st.lists(ended, min_size=1, max_size=12), opens=st.lists(still_open, max_size=6))
def test_kaplan_meier_takes_open_stays_as_they_are(
    few: None,
    service: TransitionService,
    connection: psycopg.Connection[Any],
    ends: list[Any],
    opens: list[Any],
) -> None:
    fill(service, ends, opens)
    keep_sketches(service.store, silently)
    at = NOON + timedelta(days=30)
    expected = summary([rounded(stay) for stay in in_registering(connection, at)])

    (found,) = [row for row in measure_time_in_status(service.store, at=at) if row["status"] == "REGISTERING"]

    assert found["error"] == 0.01
    for name in ("km_p50_seconds", "km_p90_seconds"):
        assert found[name] == pytest.approx(expected[name], abs=2e-5)


def test_few_stays_chosen_workflows_and_other_groups_are_read_exactly(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    for seconds in (10, 20, 31):
        leave(service, NOON, seconds)
    keep_sketches(service.store, silently)

    def errors(*arguments: Any) -> set[float | None]:
        found = connection.execute(
            "SELECT t.error FROM sojourn.measure_time_in_status(%s, %s, %s, %s, %s) AS t", arguments
        )
        return {row[0] for row in found}

    assert errors("task", None, None, False, False) == {None}
    connection.execute("SET sojourn.exact_below = 3")
    assert errors("task", None, None, False, False) == errors("task", "template", None, True, False) == {0.01}
    assert errors("task", None, "w", False, False) == errors("task", "day", None, False, False) == {None}
    assert errors("task", None, None, False, True) == {None}


def test_by_day_sketches_tell_what_every_stay_tells(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    for days, seconds in ((0, 60), (0, 90), (0, 300), (1, 7), (3, 50_000)):
        leave(service, NOON + timedelta(days=days), seconds)
    keep_sketches(service.store, silently)
    leave(service, NOON + timedelta(days=1), 9)  # in the tail

    def by_day() -> list[tuple[Any, ...]]:
        return connection.execute("SELECT * FROM sojourn.ended_by_day('task')").fetchall()

    exact = by_day()
    connection.execute("SET sojourn.exact_below = 1")
    near = by_day()

    assert [row[:3] for row in near] == [row[:3] for row in exact]
    assert [row[2] for row in exact] == [3, 2, 1]
    assert [row[3:6] for row in near] == [pytest.approx(row[3:6], rel=0.01 + 1e-6) for row in exact]
    assert ({row[6] for row in exact}, {row[6] for row in near}) == ({None}, {0.01})


def test_the_command_states_the_error(few: None, service: TransitionService) -> None:
    leave(service, NOON, 60)
    keep_sketches(service.store, silently)

    shown, exact = run(service, "time-in-status").stdout, run(service, "time-in-status", "--exact").stdout

    assert "±1 %" in shown
    assert "±1 %" not in exact
    assert {row["error"] for row in json.loads(run(service, "time-in-status", "--json").stdout)} == {0.01}
    assert not any("error" in row for row in json.loads(run(service, "time-in-status", "--exact", "--json").stdout))


@examples(quick=6, long=60)
@for_all(
    parts=st.lists(st.tuples(st.lists(ended, max_size=6), st.lists(still_open, max_size=3)), min_size=1, max_size=3),
    days=st.integers(0, 5),
    hours=st.integers(0, 120),
    keep_last=st.booleans(),
)
def test_a_range_has_what_ended_in_it_and_what_was_open_at_its_end(
    service: TransitionService,
    connection: psycopg.Connection[Any],
    parts: list[tuple[list[Any], list[Any]]],
    days: int,
    hours: int,
    keep_last: bool,
) -> None:
    for number, (ends, opens) in enumerate(parts, 1):
        fill(service, ends, opens)
        if number < len(parts) or keep_last:
            keep_sketches(service.store, silently)
    midnight = NOON.replace(hour=0)
    since = midnight + timedelta(days=days)  # sketches count the first day whole
    until = since + timedelta(hours=hours, seconds=1)
    stays = [stay for stay in in_registering(connection, until) if stay.exited_at is None or stay.exited_at >= since]

    for exact_below, errors in ((1_000_000, {None}), (1, {None, 0.01})):
        connection.execute(f"SET sojourn.exact_below = {exact_below}")
        found = connection.execute(
            "SELECT t.n, t.open, t.total_seconds, t.mean_seconds, t.p50_seconds, t.p90_seconds, t.p99_seconds, t.error"
            " FROM sojourn.time_in_status_within('task', since => %s, until => %s) AS t WHERE t.status = 'REGISTERING'",
            [since, until],
        ).fetchall()

        assert len(found) == bool(stays)
        for row in found:
            assert row[-1] in errors
            named = dict(zip((*EXACT, *(f"{name}_seconds" for name in QUANTILES)), row[:-1], strict=True))
            assert_near(named, summary(stays))


@examples(quick=4, long=40)
@for_all(ends=st.lists(ended, min_size=1, max_size=6), opens=st.lists(still_open, max_size=3))
def test_what_has_left_by_hour_is_what_kaplan_meier_says(
    service: TransitionService, connection: psycopg.Connection[Any], ends: list[Any], opens: list[Any]
) -> None:
    fill(service, ends, opens)
    keep_sketches(service.store, silently)
    asked = "SELECT l.at, l.status, l.p90_seconds FROM sojourn.left_within('task', NULL, %s, %s) AS l ORDER BY 1, 2"
    whole = """
        SELECT t."group"::timestamptz, t.status, t.km_p90_seconds FROM sojourn.time_in_status('task', 'hour') AS t
        WHERE t."group"::timestamptz >= %s AND t.km_p90_seconds IS NOT NULL AND t.open > 0
    """

    found = connection.execute(asked, [NOON, NOON + timedelta(days=30)]).fetchall()

    by_hour = {row[:2]: row[2] for row in found}
    for at, status, seconds in connection.execute(whole, [NOON]).fetchall():
        assert by_hour[at, status] == pytest.approx(seconds, abs=2e-5)
    connection.execute("SET sojourn.exact_below = 1")
    by_day = connection.execute(asked, [NOON, NOON + timedelta(days=30)]).fetchall()
    assert {row[0].hour for row in by_day} <= {0}
