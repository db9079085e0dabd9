"""Importing sacct: jobs as tasks, submissions as attempts, and dumps that follow one another."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from application.imports.importer import import_lines
from application.replay.verify import verify_log
from application.transition_service import TransitionService
from domain.lifecycles import get_lifecycle
from tests.support.agreement import rows
from tests.support.importing import ADDED_NOTHING, events, imported, read

HEADER = "JobID|Cluster|User|Submit|Start|End|Elapsed|State|ExitCode|NodeList|JobName\n"
ZONE = "UTC"
NOWHERE = "None assigned"

Stay = tuple[str, str, str | None]


def job(jobid: str, submit: str, start: str, end: str, state: str, nodes: str = "n1") -> str:
    """A job, with times as HH:MM of one day."""
    times = [f"2026-01-31T{time}:00" if time[0].isdigit() else time for time in (submit, start, end)]
    return "|".join((jobid, "c", "ann", *times, "", state, "0:0", nodes, "align")) + "\n"


def stays(connection: psycopg.Connection[Any], entity: str) -> list[Stay]:
    """The statuses of `task:ID` or `task_instance:ID`, and from when to when it was in them."""
    kind, _, name = entity.partition(":")
    found = rows(
        connection,
        f"SELECT new_status, entered_at, exited_at FROM sojourn.{kind}_status_audit WHERE {kind}_id = %s "
        "ORDER BY version",
        name,
    )
    return [(row["new_status"], _clock(row["entered_at"]), _clock(row["exited_at"])) for row in found]  # type: ignore[misc]


def _clock(time: datetime | None) -> str | None:
    return f"{time.astimezone(UTC):%H:%M}" if time else None


def statuses(connection: psycopg.Connection[Any], entity: str) -> list[str]:
    return [status for status, _, _ in stays(connection, entity)]


@pytest.fixture(autouse=True)
def _consistent(service: TransitionService) -> Iterator[None]:
    """Whatever a test has imported, the projections are what a replay of the log says."""
    yield
    assert verify_log(service.store)["mismatches"] == []


def test_a_job_and_its_attempt(service: TransitionService, connection: psycopg.Connection[Any]) -> None:
    answer = imported(service, "sacct", HEADER + job("1", "08:00", "08:05", "09:00", "COMPLETED"), zone=ZONE)

    assert (answer["lines"], answer["tasks"], answer["task_instances"], answer["transitions"]) == (1, 1, 1, 6)
    expected = [("PENDING", "08:00", "08:05"), ("RUNNING", "08:05", "09:00"), ("COMPLETED", "09:00", None)]
    assert stays(connection, "task:c/1") == stays(connection, "task_instance:c/1/1") == expected
    (task,) = rows(connection, "SELECT workflow_id, template, num_attempts, lifecycle FROM sojourn.task")
    assert tuple(task.values()) == ("c", "align", 1, "slurm")


def test_a_job_that_never_got_a_node_has_no_running_interval(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    imported(service, "sacct", HEADER + job("1", "08:00", "09:00", "09:00", "CANCELLED by 5", NOWHERE), zone=ZONE)

    expected = [("PENDING", "08:00", "09:00"), ("CANCELLED", "09:00", None)]
    assert stays(connection, "task:c/1") == stays(connection, "task_instance:c/1/1") == expected


def test_jobs_wait_by_partition_and_a_later_dump_changes_neither(service: TransitionService) -> None:
    header = HEADER.rstrip("\n") + "|Partition\n"
    jobs = [
        job(str(number), "08:00", start, "09:00", "COMPLETED").rstrip("\n") + f"|{partition}\n"
        for number, (start, partition) in enumerate(
            (("08:05", "gpu"), ("08:15", "gpu"), ("08:00", "cpu"), ("08:30", ""))
        )
    ]
    moved = jobs[0].replace("|gpu", "|cpu")

    answers = [imported(service, "sacct", header + "".join(lines), zone=ZONE) for lines in (jobs, [moved])]

    assert [answer["bad"] for answer in answers] == [0, 0]
    found = {row["group"]: (row["tasks"], row["wait_seconds"]) for row in service.queue_wait("partition")}
    assert found == {"gpu": (2, 1200.0), "cpu": (1, 0.0), None: (1, 1800.0)}
    assert {row["group"] for row in service.queue_wait("user")} == {"ann"}


def test_a_requeue_is_a_further_attempt_and_leads_the_job_back_to_pending(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    text = (
        HEADER
        + job("1", "08:00", "08:05", "08:30", "PREEMPTED")
        + job("1.batch", "08:00", "08:05", "08:30", "CANCELLED")
        + job("1", "08:31", "08:40", "09:00", "NODE_FAIL")
        + job("1", "09:00", "09:10", "Unknown", "RUNNING")
    )

    answer = imported(service, "sacct", text, zone=ZONE)

    assert (answer["tasks"], answer["task_instances"], answer["ignored"], answer["refused"]) == (1, 3, 1, {})
    assert stays(connection, "task_instance:c/1/2")[0] == ("PENDING", "08:31", "08:40")
    assert stays(connection, "task:c/1") == [
        ("PENDING", "08:00", "08:05"), ("RUNNING", "08:05", "08:30"), ("PREEMPTED", "08:30", "08:31"),
        ("PENDING", "08:31", "08:40"), ("RUNNING", "08:40", "09:00"), ("NODE_FAIL", "09:00", "09:00"),
        ("PENDING", "09:00", "09:10"), ("RUNNING", "09:10", None),
    ]  # fmt: skip
    (task,) = rows(connection, "SELECT num_attempts, instances FROM sojourn.task")
    assert tuple(task.values()) == (3, 3)


def test_a_later_dump_goes_on_where_the_earlier_one_stopped(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    dumps = [
        job("1", "08:00", "Unknown", "Unknown", "PENDING", NOWHERE),
        job("1", "08:00", "08:05", "Unknown", "RUNNING"),
        job("1", "08:00", "08:05", "08:30", "PREEMPTED"),
        job("1", "08:00", "08:05", "08:30", "PREEMPTED") + job("1", "08:31", "Unknown", "Unknown", "PENDING", NOWHERE),
        job("1", "08:31", "08:40", "09:00", "COMPLETED"),
    ]

    answers = [imported(service, "sacct", HEADER + dump, zone=ZONE) for dump in dumps]

    assert [answer["transitions"] for answer in answers] == [2, 2, 2, 2, 4]
    assert [answer["duplicates"] for answer in answers] == [0, 0, 0, 1, 0]
    assert statuses(connection, "task:c/1") == ["PENDING", "RUNNING", "PREEMPTED", "PENDING", "RUNNING", "COMPLETED"]
    assert statuses(connection, "task_instance:c/1/2") == ["PENDING", "RUNNING", "COMPLETED"]


def test_an_attempt_whose_end_nobody_saw_stays_open(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    imported(service, "sacct", HEADER + job("1", "08:00", "08:05", "Unknown", "RUNNING"), zone=ZONE)
    imported(service, "sacct", HEADER + job("1", "08:31", "08:40", "09:00", "COMPLETED"), zone=ZONE)

    assert stays(connection, "task_instance:c/1/1")[-1] == ("RUNNING", "08:05", None)
    assert statuses(connection, "task:c/1") == ["PENDING", "RUNNING", "PENDING", "RUNNING", "COMPLETED"]


def test_the_end_of_an_older_attempt_no_longer_moves_the_job(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    newer = job("1", "08:31", "08:40", "Unknown", "RUNNING")
    imported(service, "sacct", HEADER + job("1", "08:00", "08:05", "Unknown", "RUNNING") + newer, zone=ZONE)

    answer = imported(service, "sacct", HEADER + job("1", "08:00", "08:05", "08:30", "PREEMPTED"), zone=ZONE)

    assert answer["refused"] == {"superseded-instance": 1}
    assert statuses(connection, "task_instance:c/1/1")[-1] == "PREEMPTED"
    assert statuses(connection, "task:c/1")[-1] == "RUNNING"


def test_an_older_attempt_that_is_met_after_a_newer_one_is_counted(service: TransitionService) -> None:
    newer, older = (job("1", submit, submit, "12:00", "COMPLETED") for submit in ("09:00", "08:00"))

    answers = [imported(service, "sacct", HEADER + dump, zone=ZONE) for dump in (newer, older, newer + older)]

    assert [answer["anomalies"] for answer in answers] == [{}, {"attempt-out-of-order": 1}, {}]
    assert answers[2]["duplicates"] == 2


def test_an_end_before_its_start_is_kept_as_told_and_counted_and_takes_no_time(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    answer = imported(service, "sacct", HEADER + job("1", "08:00", "08:30", "08:10", "FAILED"), zone=ZONE)

    assert (answer["anomalies"], answer["bad"]) == ({"end-before-start": 1}, 0)
    assert stays(connection, "task_instance:c/1/1")[1:] == [("RUNNING", "08:30", "08:30"), ("FAILED", "08:30", None)]
    failures = rows(connection, "SELECT occurred_at FROM sojourn.event WHERE data ->> 'reported' = 'FAILED'")
    assert [_clock(row["occurred_at"]) for row in failures] == ["08:10"]


def test_clusters_and_elements_of_arrays_do_not_collide(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    one = job("1", "08:00", "08:05", "09:00", "COMPLETED")
    text = HEADER + one + one.replace("|c|", "|d|") + one.replace("1|", "1_7|", 1)

    assert imported(service, "sacct", text, zone=ZONE)["tasks"] == 3
    found = rows(connection, "SELECT task_id, workflow_id FROM sojourn.task ORDER BY task_id")
    assert [tuple(row.values()) for row in found] == [("c/1", "c"), ("c/1_7", "c"), ("d/1", "d")]


def test_a_line_of_which_any_part_is_not_understood_stores_none_of_it(
    service: TransitionService, connection: psycopg.Connection[Any], tmp_path: Any
) -> None:
    lifecycle = tmp_path / "short.toml"
    machine = 'initial = "PENDING"\nterminal = ["FAILED"]\ntransitions = { PENDING = ["FAILED"], FAILED = [] }\n'
    lifecycle.write_text(f'name = "short"\nversion = 1\n[task]\n{machine}[task_instance]\n{machine}')
    text = (
        HEADER
        + job("1", "08:00", "08:05", "09:00", "FAILED")
        + job("2", "08:00", "08:05", "09:00", "FAILED", NOWHERE)
        + job("2", "09:30", "09:35", "Unknown", "SUSPENDED")
        + job("2", "09:30", "Unknown", "Unknown", "PENDING", NOWHERE)
        + job("3", "08:00", "08:05", "09:00", "FAILED")
        + job("3", "08:00", "08:05", "09:00", "FAILED", NOWHERE)
    )

    answer = imported(service, "sacct", text, zone=ZONE, lifecycle=str(lifecycle))

    assert [(bad["line"], bad["error"]) for bad in answer["bad_lines"]] == [
        (number, "no status 'RUNNING'; there are PENDING, FAILED") for number in (2, 4, 6)
    ]
    assert (answer["tasks"], answer["task_instances"], answer["transitions"]) == (2, 3, 7)
    assert [row["task_id"] for row in rows(connection, "SELECT task_id FROM sojourn.task ORDER BY 1")] == ["c/2", "c/3"]
    assert len(rows(connection, "SELECT FROM sojourn.command")) == 2


@pytest.mark.parametrize("size", [1, 2])
def test_the_same_file_again_adds_nothing(
    service: TransitionService, connection: psycopg.Connection[Any], size: int
) -> None:
    text = (
        HEADER
        + job("1", "08:00", "08:05", "08:30", "PREEMPTED")
        + job("2", "08:00", "08:05", "08:30", "CANCELLED by 7")
        + job("1", "08:31", "08:40", "09:00", "COMPLETED")
        + job("1", "08:31", "08:40", "09:00", "COMPLETED")
    )
    first = imported(service, "sacct", text, zone=ZONE, batch=size)
    before = events(connection)

    again = imported(service, "sacct", text, zone=ZONE)

    assert (first["duplicates"], again["duplicates"]) == (1, 4)
    assert again == again | ADDED_NOTHING
    assert events(connection) == before


def test_a_later_dump_with_another_name_or_none_goes_on_with_the_job(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    running = "".join(job(name, "08:00", "08:05", "Unknown", "RUNNING") for name in "12")
    imported(service, "sacct", HEADER + running, zone=ZONE)
    renamed = job("1", "08:00", "08:05", "09:00", "COMPLETED").replace("align", "other")
    unnamed = job("2", "08:00", "08:05", "09:00", "COMPLETED").removesuffix("|align\n") + "\n"

    answers = [imported(service, "sacct", text, zone=ZONE) for text in (
        HEADER + renamed, HEADER.replace("|JobName", "") + unnamed
    )]  # fmt: skip

    assert [answer["bad"] for answer in answers] == [0, 0]
    found = rows(connection, "SELECT status, template FROM sojourn.task ORDER BY task_id")
    assert [tuple(row.values()) for row in found] == [("COMPLETED", "align")] * 2


def pending(name: str) -> str:
    return job(name, "08:00", "Unknown", "Unknown", "PENDING", NOWHERE)


@pytest.mark.parametrize("dumps", [1, 3])
@pytest.mark.parametrize("rest", ["1_[1-3]", "1_[1-3%2]", "1_[1,2,3]", "1_[1-3:1]", "1_[1,2,...]"])
def test_the_pending_rest_of_an_array_ends_once_its_elements_have_records(
    service: TransitionService, connection: psycopg.Connection[Any], rest: str, dumps: int
) -> None:
    parts = [
        pending(rest) + pending("1_[7-9]") + pending("11_[1-3]"),
        job("1_1", "08:00", "08:05", "09:00", "COMPLETED") + pending("1_[2-3]"),
        job("1_2", "08:00", "08:05", "Unknown", "RUNNING") + job("1_3", "08:00", "Unknown", "09:00", "CANCELLED"),
    ]
    texts = parts if dumps == 3 else ["".join(parts)]
    for text in texts:
        imported(service, "sacct", HEADER + text, zone=ZONE)

    open_ones = "SELECT task_id FROM sojourn.current_task_instance WHERE status = 'PENDING' ORDER BY task_id"
    assert [row["task_id"] for row in rows(connection, open_ones)] == ["c/11_[1-3]", "c/1_[7-9]"]
    assert stays(connection, f"task:c/{rest}") == [("PENDING", "08:00", "08:00"), ("SPLIT", "08:00", None)]
    again = [imported(service, "sacct", HEADER + text, zone=ZONE) for text in texts]
    assert all(answer == answer | ADDED_NOTHING for answer in again)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "newer",
    [
        job("1_5", "08:00", "08:05", "09:00", "COMPLETED") + pending("1_[6-9]"),
        job("1_9", "08:00", "08:05", "Unknown", "RUNNING"),
        pending("1_[7-9]"),
        job("1_6", "08:30", "08:35", "09:00", "COMPLETED"),  # requeued since
    ],
)
def test_the_rest_of_an_array_in_an_older_dump_ends_where_the_log_has_elements_of_it(
    service: TransitionService, connection: psycopg.Connection[Any], newer: str, at_once: bool
) -> None:
    older = pending("1_[5-9]")
    for text in [newer + older] if at_once else [newer, older]:
        imported(service, "sacct", HEADER + text, zone=ZONE)

    assert stays(connection, "task:c/1_[5-9]") == [("PENDING", "08:00", "08:00"), ("SPLIT", "08:00", None)]
    again = imported(service, "sacct", HEADER + older + newer, zone=ZONE)
    assert again == again | ADDED_NOTHING


def test_the_rest_of_an_array_waits_where_the_records_are_of_others(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """Other elements, another array, and one of the same id that Slurm has used again."""
    others = job("1_4", "08:00", "08:05", "09:00", "COMPLETED") + job("11_5", "08:00", "08:05", "09:00", "COMPLETED")
    reused = job("1_5", "07:00", "07:05", "07:30", "COMPLETED") + pending("1_[3-4]").replace("08:00", "07:00")

    imported(service, "sacct", HEADER + others + reused, zone=ZONE)
    imported(service, "sacct", HEADER + pending("1_[5-9]"), zone=ZONE)
    imported(service, "sacct", HEADER + pending("1_[5-9%2]"), zone=ZONE)  # somebody has limited it

    assert statuses(connection, "task:c/1_[5-9]") == ["PENDING", "SPLIT"]
    assert statuses(connection, "task:c/1_[5-9%2]") == ["PENDING"]


WAITING = "JobID|Cluster|Submit|Eligible|Start|End|State|Reason|Restarts|NodeList\n"


def waiting(submit: str, eligible: str, start: str, end: str, state: str, restarts: int = 0, jobid: str = "1") -> str:
    """A job with the time since which only nodes were missing, times as HH:MM of one day."""
    times = [f"2026-01-31T{time}:00" if time[0].isdigit() else time for time in (submit, eligible, start, end)]
    nodes = "n1" if start[0].isdigit() else NOWHERE
    return "|".join((jobid, "c", *times, state, "Dependency", str(restarts), nodes)) + "\n"


def without_eligible(text: str) -> str:
    rows = [line.split("|") for line in text.splitlines()]
    return "".join("|".join((*fields[:3], *fields[4:])) + "\n" for fields in rows)


def test_waiting_for_a_dependency_and_waiting_for_nodes_are_different_statuses(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    answer = imported(service, "sacct", WAITING + waiting("08:00", "08:10", "08:30", "09:00", "COMPLETED"), zone=ZONE)

    assert (answer["refused"], answer["anomalies"]) == ({}, {})
    expected = [
        ("PENDING", "08:00", "08:10"), ("ELIGIBLE", "08:10", "08:30"), ("RUNNING", "08:30", "09:00"),
        ("COMPLETED", "09:00", None),
    ]  # fmt: skip
    assert stays(connection, "task:c/1") == stays(connection, "task_instance:c/1/1") == expected
    seconds = {row["status"]: row["total_seconds"] for row in service.time_in_status("ti")}
    assert seconds == {"PENDING": 600, "ELIGIBLE": 1200, "RUNNING": 1800}
    assert "waiting reason Dependency" in [event["reason"] for event in service.history("ti:c/1/1")]
    assert any("waiting reason Dependency" in link["text"] for link in service.why("ti:c/1/1")["chain"])


def test_dumps_with_the_time_of_eligibility_go_on_with_those_without_it(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    """What an earlier dump did not state is added to what still waits, and adds nothing to what has gone on."""
    ended = waiting("08:00", "08:10", "08:30", "09:00", "FAILED", jobid="1")
    waits = waiting("08:00", "08:10", "Unknown", "Unknown", "PENDING", jobid="2")
    runs = waiting("08:00", "08:10", "08:30", "Unknown", "RUNNING", jobid="2")
    older = imported(service, "sacct", without_eligible(WAITING + ended + waits), zone=ZONE)

    newer = [imported(service, "sacct", WAITING + text, zone=ZONE) for text in (ended, waits, runs, ended + runs)]

    assert [(answer["transitions"], answer["refused"]) for answer in (older, *newer)] == [
        (8, {}), (0, {}), (2, {}), (2, {}), (0, {}),
    ]  # fmt: skip
    assert statuses(connection, "task:c/1") == ["PENDING", "RUNNING", "FAILED"]
    assert statuses(connection, "task:c/2") == ["PENDING", "ELIGIBLE", "RUNNING"]
    again = imported(service, "sacct", without_eligible(WAITING + ended + runs), zone=ZONE)
    assert again == again | ADDED_NOTHING


def test_a_time_of_eligibility_that_is_still_to_come_is_left_out_and_costs_no_job(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    begins = waiting("08:00", "08:10", "Unknown", "Unknown", "PENDING").replace("2026-01-31T08:10", "2199-01-01T08:10")

    answer = imported(service, "sacct", WAITING + begins, zone=ZONE)

    assert (answer["bad"], answer["refused"]) == (0, {})
    assert statuses(connection, "task_instance:c/1/1") == ["PENDING"]


def test_a_job_of_an_earlier_version_stays_without_the_new_status(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    earlier = get_lifecycle("slurm", 1)
    text = WAITING + waiting("08:00", "08:10", "Unknown", "Unknown", "PENDING")
    lines = list(read("sacct", text, zone=ZONE))
    import_lines(service.store, earlier, lines)

    answer = imported(service, "sacct", WAITING + waiting("08:00", "08:10", "08:30", "09:00", "COMPLETED"), zone=ZONE)

    assert (answer["refused"], answer["bad"]) == ({}, 0)
    assert statuses(connection, "task:c/1") == ["PENDING", "RUNNING", "COMPLETED"]


def test_a_requeued_job_has_all_attempts_of_the_file_and_says_of_how_many_it_knows_nothing(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    first = waiting("08:00", "08:00", "08:10", "08:20", "NODE_FAIL", 0)
    second = waiting("08:20", "08:22", "08:30", "09:00", "COMPLETED", 1)
    alone = waiting("08:20", "08:22", "08:30", "09:00", "COMPLETED", 1, jobid="2")

    answer = imported(service, "sacct", WAITING + first + second + alone, zone=ZONE)

    assert answer["anomalies"] == {"earlier-attempts-unknown": 1}
    assert stays(connection, "task_instance:c/1/2")[:2] == [
        ("PENDING", "08:20", "08:22"),
        ("ELIGIBLE", "08:22", "08:30"),
    ]
    (task,) = rows(connection, "SELECT num_attempts FROM sojourn.task WHERE task_id = 'c/1'")
    assert task["num_attempts"] == 2
    assert service.history("ti:c/2/1")[0]["reason"] == "restart 1"
    again = imported(service, "sacct", WAITING + first + second + alone, zone=ZONE)
    assert (again["transitions"], again["anomalies"]) == (0, {})
