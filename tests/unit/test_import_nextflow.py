"""The rows of a Nextflow trace: names, retries, times for people and raw ones."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.imports.change import BadLine, CreateInstance, MoveInstance, MoveTask, ParsedLine, RegisterTask
from application.imports.local_time import TimeZoneNeeded
from application.imports.trace_file import MissingTraceFields
from tests.support.examples import examples
from tests.support.importing import read

FIELDS = ("task_id", "hash", "native_id", "name", "status", "exit", "submit", "duration", "realtime")
ROW = {
    "task_id": "5", "hash": "19/beb69e", "native_id": "3038", "name": "ALIGN (s1)", "status": "COMPLETED", "exit": "0",
    "submit": "2026-01-31 08:00:00.250", "duration": "1m 20s", "realtime": "20s", "start": "2026-01-31 08:01:00.000",
    "complete": "2026-01-31 08:01:21.000", "process": "ALIGN", "tag": "s1", "attempt": "1",
}  # fmt: skip
SUBMITTED = datetime(2026, 1, 31, 8, 0, 0, 250_000, tzinfo=UTC)


def trace(*rows: dict[str, str], fields: tuple[str, ...] = FIELDS) -> str:
    reported = [list(fields), *([(ROW | row)[field] for field in fields] for row in rows)]
    return "".join("\t".join(values) + "\n" for values in reported)


def lines(*rows: dict[str, str], fields: tuple[str, ...] = FIELDS, zone: str | None = "UTC") -> list[ParsedLine]:
    found = read("nextflow", trace(*rows, fields=fields), zone=zone)
    assert all(isinstance(line, ParsedLine) for line in found), found
    return [line for line in found if isinstance(line, ParsedLine)]


def moves(line: ParsedLine) -> list[tuple[str, float]]:
    """The statuses of an attempt and the seconds from its submission to each."""
    (began,) = (proposal for proposal in line.changes if isinstance(proposal, CreateInstance))
    reported = (proposal for proposal in line.changes if isinstance(proposal, MoveInstance))
    return [(move.to, (move.at - began.at).total_seconds()) for move in reported]


def tasks(*found: ParsedLine) -> list[str]:
    ids = (proposal.task_id for line in found for proposal in line.changes if isinstance(proposal, CreateInstance))
    return [task.partition("/")[2] for task in ids]


def test_a_row_is_a_task_and_its_attempt() -> None:
    (line,) = lines({})
    register, create, *_ = line.changes

    assert isinstance(register, RegisterTask)
    assert isinstance(create, CreateInstance)
    assert register.task_id == create.task_id == f"{register.workflow_id}/ALIGN (s1)"
    assert create.instance == f"{register.task_id}/5"
    assert (register.template, register.at, create.at) == ("ALIGN", SUBMITTED, SUBMITTED)
    assert moves(line) == [("RUNNING", 60.0), ("COMPLETED", 80.0)]


def test_where_start_and_complete_are_there_they_count() -> None:
    (line,) = lines({}, fields=(*FIELDS, "start", "complete"))

    assert moves(line) == [("RUNNING", 59.75), ("COMPLETED", 80.75)]


def test_raw_times_need_no_zone() -> None:
    raw = {"submit": "1769846400250", "duration": "80000", "realtime": "20000"}
    (line,) = lines(raw, zone=None)

    assert line.changes[0].at == SUBMITTED
    assert moves(line) == [("RUNNING", 60.0), ("COMPLETED", 80.0)]


@pytest.mark.parametrize(
    ("reported", "expected"),
    [("757ms", 0.757), ("9.8s", 9.8), ("1m 20s", 80), ("2h 3m 5s", 7385), ("1d 2h", 93600), ("2h", 7200), ("0ms", 0)],
)
def test_durations_for_people(reported: str, expected: float) -> None:
    (line,) = lines({"duration": reported, "realtime": "-"})

    ((_, took),) = moves(line)
    assert took == pytest.approx(expected)


@pytest.mark.parametrize(
    ("reported", "statuses", "anomalies"),
    [
        ({"status": "FAILED", "realtime": "-", "exit": "-"}, ["FAILED"], ()),
        ({"status": "ABORTED", "duration": "-", "realtime": "-"}, ["ABORTED"], ("estimated-time",)),
        ({"status": "RUNNING", "duration": "-", "realtime": "-"}, ["RUNNING"], ("estimated-time",)),
        ({"status": "FAILED", "duration": "-", "realtime": "-"}, ["FAILED"], ("estimated-time",)),
        ({"status": "SUBMITTED", "duration": "-", "realtime": "-"}, [], ()),
        ({"duration": "10s"}, ["RUNNING", "COMPLETED"], ("start-before-submit",)),
    ],
)
def test_what_is_unknown_stays_open_and_what_is_odd_is_named(
    reported: dict[str, str], statuses: list[str], anomalies: tuple[str, ...]
) -> None:
    (line,) = lines(reported)

    assert [status for status, _ in moves(line)] == statuses
    assert line.anomalies == anomalies


@pytest.mark.parametrize("status", ["ABORTED", "CACHED", "NEW"])
def test_what_was_never_submitted_has_no_time_and_is_counted(status: str) -> None:
    assert lines({"status": status, "submit": "-"}) == [ParsedLine(2, (), ("undated-status",))]


def test_what_is_cached_was_not_tried_in_this_run() -> None:
    (line,) = lines({"status": "CACHED"})
    register, moved = line.changes

    assert isinstance(moved, MoveTask)
    assert (moved.to, moved.at, register.at) == ("CACHED", SUBMITTED, SUBMITTED)
    assert line.anomalies == ()


ENDED = {"task_id": "9", "hash": "9/9", "name": "SORT", "submit": "2026-01-31 08:00:30.250", "duration": "1m"}
"""A row of which the end, 90 s after that of `ROW`'s submission, is the latest time in its trace."""
UNDATED = {"duration": "-", "realtime": "-"}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({"status": "ABORTED"}, [("ABORTED", 90.0)]),
        ({"status": "COMPLETED"}, [("COMPLETED", 90.0)]),
        ({"status": "RUNNING"}, [("RUNNING", 90.0)]),
        ({"status": "SUBMITTED"}, []),
    ],
)
def test_a_status_without_a_time_has_the_latest_of_the_trace_wherever_that_stands(
    reported: dict[str, str], expected: list[tuple[str, float]], before: bool
) -> None:
    found = lines(*sorted([reported | UNDATED, ENDED], key=lambda row: (row is ENDED) != before))

    (line,) = (line for line in found if "SORT" not in str(line.changes[0]))
    assert moves(line) == expected
    assert line.anomalies == (("estimated-time",) if expected else ())


def test_what_ended_with_its_run_before_it_was_submitted_is_a_task_without_an_attempt() -> None:
    line, _ = lines({"status": "ABORTED", "submit": "-"} | UNDATED, ENDED)
    register, moved = line.changes

    assert isinstance(moved, MoveTask)
    assert (moved.to, (moved.at - SUBMITTED).total_seconds(), register.at) == ("ABORTED", 90.0, moved.at)
    assert line.anomalies == ("estimated-time",)


def test_times_of_the_run_that_executed_a_cached_task_are_not_of_this_run() -> None:
    aborted, _ = lines({"status": "ABORTED", "submit": "-"} | UNDATED, ENDED | {"status": "CACHED"})

    assert aborted == ParsedLine(2, (), ("undated-status",))


def test_an_attempt_without_an_end_ended_before_the_next_one_was_submitted() -> None:
    later = {"task_id": "6", "hash": "1/2", "attempt": "2", "submit": "2026-01-31 08:00:10.250"}
    first, *_ = lines({"status": "FAILED"} | UNDATED, later, ENDED, fields=(*FIELDS, "attempt"))

    assert moves(first) == [("FAILED", 10.0)]


def test_a_retry_is_a_further_attempt_and_another_task_of_the_name_is_another_task() -> None:
    rows = [
        {"task_id": "1", "status": "FAILED", "attempt": "1"},
        {"task_id": "2", "attempt": "1"},
        {"task_id": "3", "status": "FAILED", "attempt": "2"},
        {"task_id": "4", "attempt": "3"},
        {"task_id": "5", "attempt": "1"},
    ]
    name = "ALIGN (s1)"

    assert tasks(*lines(*rows, fields=(*FIELDS, "attempt"))) == [name, f"{name}#2", name, name, f"{name}#3"]
    # Without the field, what follows a failure is its retry.
    assert tasks(*lines(*rows)) == [name, name, f"{name}#2", f"{name}#2", f"{name}#3"]


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CACHED"])
def test_a_row_that_is_told_twice_is_one(status: str) -> None:
    once, other, again = lines({"status": status}, {"task_id": "6", "hash": "1/2"}, {"status": status})

    assert again.changes == once.changes != other.changes


class Run(NamedTuple):
    """The rows of a run, and the ids of the attempts at each of its tasks, in their order."""

    rows: list[dict[str, str]]
    tasks: set[tuple[str, ...]]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    rows: list[dict[str, str]] = []
    tasks: set[tuple[str, ...]] = set()
    task_id = count(1)
    for name in draw(st.lists(st.sampled_from("ABC"), min_size=1, max_size=6)):
        attempts = [str(next(task_id)) for _ in range(draw(st.integers(1, 3)))]
        # A task of a name begins after the one before has ended.
        begin = SUBMITTED + timedelta(seconds=100 * len(tasks))
        tasks.add(tuple(attempts))
        for attempt, number in enumerate(attempts, 1):
            submit = begin + timedelta(seconds=10 * attempt)
            rows.append({
                "task_id": number, "hash": f"aa/{number}", "name": name, "attempt": str(attempt),
                "status": "FAILED" if attempt < len(attempts) else "COMPLETED", "duration": "5s", "realtime": "1s",
                "submit": str(round(submit.timestamp() * 1000)),
            })  # fmt: skip
    return Run(draw(st.permutations(rows)), tasks)


@pytest.mark.parametrize("fields", [FIELDS, (*FIELDS, "attempt")])
@examples(quick=60, long=300)
@given(run=runs())
def test_the_order_of_the_rows_makes_no_difference(fields: tuple[str, ...], run: Run) -> None:
    found = lines(*run.rows, fields=fields)

    attempts: defaultdict[str, list[str]] = defaultdict(list)
    for line in found:
        (created,) = (change for change in line.changes if isinstance(change, CreateInstance))
        attempts[created.task_id].append(str(created.instance).removeprefix(f"{created.task_id}/"))
    assert set(map(tuple, attempts.values())) == run.tasks
    # The tasks of a name are numbered in the order of the file, which a trace that grows keeps.
    for name in "ABC":
        numbers = [task.partition("/")[2] for task in attempts if task.partition("/")[2].startswith(name)]
        assert numbers == [name if number == 1 else f"{name}#{number}" for number in range(1, len(numbers) + 1)]


def test_a_trace_that_grows_keeps_its_tasks() -> None:
    later = {"task_id": "7", "submit": "2026-01-31 09:00:00.000"}
    short, long = lines(later), lines(later, {"task_id": "5", "hash": "1/2"})

    assert long[0] == short[0]
    assert tasks(*long) == ["ALIGN (s1)", "ALIGN (s1)#2"]


def test_what_was_submitted_before_a_failure_is_not_its_retry() -> None:
    rows = [
        {"task_id": "1", "status": "FAILED", "duration": "10s"},
        {"task_id": "2", "submit": "2026-01-31 08:00:05.000"},
        {"task_id": "3", "submit": "2026-01-31 08:00:11.000"},
    ]

    assert tasks(*lines(*rows)) == ["ALIGN (s1)", "ALIGN (s1)#2", "ALIGN (s1)"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_header_of_a_sorted_trace_may_stand_anywhere(place: int) -> None:
    header, *rows = trace({}, {"task_id": "6", "hash": "1/2"}).splitlines(keepends=True)
    rows.insert(place, header)

    found = read("nextflow", "".join(rows), zone="UTC")

    assert [len(line.changes) for line in found if isinstance(line, ParsedLine)] == [4, 4]


@pytest.mark.parametrize("separator", [",", ";", "|", " | ", ", ", ":"])
def test_fields_may_have_any_separator(separator: str) -> None:
    row = {"submit": "1769846400250"} if separator == ":" else {}
    (found,) = read("nextflow", trace(row).replace("\t", separator), zone="UTC")

    assert isinstance(found, ParsedLine)
    assert (tasks(found), moves(found)) == (["ALIGN (s1)"], [("RUNNING", 60.0), ("COMPLETED", 80.0)])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ALIGN (s1,s2)", "ALIGN (s1,s2)"),
        ("ALIGN (1,2,3,4)", "ALIGN (1,2,3,4)"),
        ("ALIGN (s1,s2)", '"ALIGN (s1,s2)"'),
        ('ALIGN (a "b")', 'ALIGN (a "b")'),
        ("A,COMPLETED", "A,COMPLETED"),
    ],
)
def test_a_name_may_contain_the_separator(name: str, written: str) -> None:
    text = trace({"name": "NAME"}).replace("\t", ",").replace("NAME", written)
    (line,) = read("nextflow", text, zone="UTC")

    assert isinstance(line, ParsedLine)
    assert tasks(line) == [name]
    assert moves(line) == [("RUNNING", 60.0), ("COMPLETED", 80.0)]


def test_a_tag_says_which_separators_are_its_own() -> None:
    fields = ("task_id", "tag", "name", "process", "status", "submit")
    text = trace({"tag": "a,b", "name": "X (a,b)", "process": "X"}, fields=fields).replace("\t", ",")
    (line,) = read("nextflow", text, zone="UTC")

    assert isinstance(line, ParsedLine)
    assert tasks(line) == ["X (a,b)"]


def test_a_row_that_may_be_cut_in_two_ways_is_a_bad_line() -> None:
    fields = ("task_id", "name", "process", "status", "submit")
    (line,) = read("nextflow", trace({"name": "A,B"}, fields=fields).replace("\t", ","), zone="UTC")

    assert isinstance(line, BadLine)
    assert "name and process may contain them in 2 ways" in line.error


def test_a_task_is_named_by_its_process_and_tag_where_it_has_no_name() -> None:
    fields = ("process", "tag", "hash", "status", "submit")

    assert tasks(*lines({}, {"tag": "-", "hash": "1/2"}, fields=fields)) == ["ALIGN (s1)", "ALIGN"]


def test_runs_do_not_collide_and_a_run_that_goes_on_keeps_its_name() -> None:
    cached = {"status": "CACHED", "task_id": "1", "name": "INDEX"}
    one = lines(cached, {})
    two = lines(cached, {"submit": "2026-02-01 08:00:00.000"})
    more = lines(cached, {}, {"name": "SORT"})

    assert one[0].changes[0][0] == more[0].changes[0][0] != two[0].changes[0][0]


def test_a_name_that_is_too_long_is_cut_and_stays_its_own() -> None:
    long = [tasks(*lines({"name": "A" * 300 + end}))[0] for end in ("x", "y")]

    assert long[0] != long[1]


def test_a_change_of_the_clock_is_told_apart_by_the_duration() -> None:
    times = {
        "submit": "2026-11-01 00:50:00",
        "complete": "2026-11-01 01:10:00",
        "duration": "1h 20m",
        "realtime": "-",
    }
    found = read("nextflow", trace(times, fields=(*FIELDS, "complete")), zone="America/New_York")

    assert isinstance(found[0], ParsedLine)
    assert moves(found[0]) == [("COMPLETED", timedelta(hours=1, minutes=20).total_seconds())]


def test_times_need_a_zone() -> None:
    with pytest.raises(TimeZoneNeeded, match="--timezone"):
        lines({}, zone=None)


def test_a_trace_without_what_is_needed_is_refused() -> None:
    with pytest.raises(MissingTraceFields, match="submit, name, task_id"):
        lines({}, fields=("status", "exit"))


@pytest.mark.parametrize(
    ("reported", "why"),
    [
        ({"status": "DONE"}, "no status 'DONE'"),
        ({"submit": "soon"}, "time 'soon' cannot be read"),
        ({"duration": "long"}, "duration 'long' is not a duration"),
        ({"name": "-"}, "has no name"),
        ({"name": "a\tb"}, "has 10 fields separated by tabs, not 9"),
    ],
)
def test_a_row_that_is_not_understood_says_why(reported: dict[str, str], why: str) -> None:
    (bad,) = read("nextflow", trace(reported), zone="UTC")

    assert isinstance(bad, BadLine)
    assert why in bad.error
