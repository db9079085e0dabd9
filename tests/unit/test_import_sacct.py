"""The lines of sacct: jobs with and without a header, states, and local times over changes of the clock."""

import json
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from application.imports.change import (
    AttemptKey,
    BadLine,
    CreateInstance,
    MoveIfPossible,
    MoveInstance,
    ParsedLine,
    RegisterTask,
)
from application.imports.formats.sacct import COMPACT, FIELDS, MissingSacctFields, UnknownSacctLayout, looks_like
from application.imports.local_time import TimeZoneNeeded
from application.imports.slurm_reason import NODES
from domain.actor import Actor
from domain.errors import MAX_ATTEMPTS, WrongLifecycle
from tests.support.importing import read

JOB = {
    "jobid": "17", "jobidraw": "17", "cluster": "c", "user": "ann", "uid": "501", "submit": "2026-01-31T08:00:00",
    "eligible": "Unknown", "start": "2026-01-31T08:05:00", "end": "2026-01-31T09:00:00",
    "elapsed": "00:55:00", "exitcode": "0:0", "state": "COMPLETED", "nodelist": "n[1-2]", "jobname": "align",
}  # fmt: skip
SUBMITTED, STARTED, ENDED = datetime(2026, 1, 31, 8, tzinfo=UTC), datetime(2026, 1, 31, 8, 5, tzinfo=UTC), datetime(
    2026, 1, 31, 9, tzinfo=UTC
)  # fmt: skip
MINUTE_3 = datetime(2026, 1, 31, 8, 3, tzinfo=UTC)


def row(**columns: str) -> str:
    """A job as sacct prints it without a header."""
    return "|".join((JOB | columns).get(name, "") for name in FIELDS) + "\n"


def line(text: str, zone: str = "UTC", workflow: str | None = None) -> ParsedLine:
    (only,) = read("sacct", text, zone=zone, workflow=workflow)
    assert isinstance(only, ParsedLine), only
    return only


def moves(text: str, zone: str = "UTC") -> list[tuple[str, datetime]]:
    """The statuses of a job's only attempt, and when it entered them."""
    entered = []
    for proposal in line(text, zone).changes:
        if isinstance(proposal, CreateInstance):
            entered.append(("PENDING", proposal.at))
        elif isinstance(proposal, MoveInstance):
            entered.append((proposal.to, proposal.at))
    return entered


def error(text: str) -> str:
    (bad,) = read("sacct", text, zone="UTC")
    assert isinstance(bad, BadLine), bad
    return bad.error


def test_a_job_that_ran() -> None:
    attempt = AttemptKey("c/17", SUBMITTED)
    ann, nodes = Actor(component="slurm", user="ann"), Actor(component="slurm", host="n[1-2]")

    assert line(row()) == ParsedLine(
        1,
        (
            RegisterTask("c/17", "c", SUBMITTED, MAX_ATTEMPTS, "align", ann, or_initial=True),
            CreateInstance(attempt, "c/17", SUBMITTED, ann, or_initial=True),
            MoveInstance(attempt, "RUNNING", STARTED, nodes),
            MoveInstance(attempt, "COMPLETED", ENDED, nodes),
        ),
    )


def test_a_job_waits_for_its_dependency_and_then_for_nodes() -> None:
    attempt = AttemptKey("c/17", SUBMITTED)
    waited = row(eligible="2026-01-31T08:03:00")

    assert moves(waited) == [
        ("PENDING", SUBMITTED), ("ELIGIBLE", MINUTE_3), ("RUNNING", STARTED), ("COMPLETED", ENDED),
    ]  # fmt: skip
    assert line(waited).changes[2] == MoveIfPossible(attempt, "ELIGIBLE", MINUTE_3, waits_for=NODES)


@pytest.mark.parametrize(
    ("columns", "statuses"),
    [
        ({"eligible": JOB["submit"]}, ["PENDING", "ELIGIBLE", "RUNNING", "COMPLETED"]),
        ({"eligible": JOB["start"]}, ["PENDING", "ELIGIBLE", "RUNNING", "COMPLETED"]),
        ({"eligible": JOB["submit"], "nodelist": ""}, ["PENDING", "ELIGIBLE", "COMPLETED"]),
        ({"eligible": JOB["submit"], "state": "PENDING", "start": "Unknown"}, ["PENDING", "ELIGIBLE"]),
        # Nobody states since when it has been eligible, or the time is one that Slurm had planned.
        ({"eligible": ""}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"eligible": "0"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"eligible": "soon"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"eligible": "2026-01-31T07:59:59"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"eligible": "2026-01-31T08:05:01"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"eligible": "2026-01-31T09:00:01", "state": "CANCELLED", "nodelist": ""}, ["PENDING", "CANCELLED"]),
        ({"eligible": JOB["submit"], "state": "PENDING", "start": "Unknown", "jobid": "17_[5-9]"}, ["PENDING"]),
    ],
)
def test_when_a_job_was_eligible_and_when_that_is_unknown(columns: dict[str, str], statuses: list[str]) -> None:
    assert [status for status, _ in moves(row(**columns))] == statuses


def test_a_time_of_eligibility_that_cannot_be_read_is_left_out_and_counted() -> None:
    assert line(row(eligible="soon")).anomalies == ("undated-status",)


def test_of_two_times_by_a_clock_that_is_set_back_eligibility_is_the_one_in_order() -> None:
    job = row(submit="2026-11-01T01:50:00", eligible="2026-11-01T01:05:00", start="2026-11-01T01:10:00",
              end="2026-11-01T01:20:00")  # fmt: skip

    assert [f"{at:%H:%M}" for _, at in moves(job, NEW_YORK)] == ["05:50", "06:05", "06:10", "06:20"]


DETAILS = "JobID|Cluster|Submit|Eligible|Start|End|State|Reason|Restarts|Flags|NodeList\n"


def reasons(**columns: str) -> list[tuple[str, str | None]]:
    """The statuses of a job's only attempt, each with its reason."""
    names = DETAILS.lower().strip().split("|")
    found = line(DETAILS + "|".join((JOB | columns).get(name, "") for name in names) + "\n").changes
    return [
        (change.to if isinstance(change, MoveInstance) else change.status or "PENDING", change.reason)
        for change in found
        if isinstance(change, CreateInstance) or (isinstance(change, MoveInstance) and change.reason)
    ]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"eligible": "2026-01-31T08:03:00"}, {"ELIGIBLE": "waiting reason Dependency"}),
        ({"eligible": JOB["submit"]}, {"RUNNING": "waiting reason Dependency"}),
        ({"flags": "SchedBackfill,StartRecieved"}, {"RUNNING": "flags SchedBackfill; waiting reason Dependency"}),
        ({"flags": "NotSet", "reason": "None"}, {}),
        ({"restarts": "2", "reason": ""}, {"PENDING": "restart 2"}),
        ({"restarts": "0", "reason": "None"}, {}),
        ({"restarts": "9" * 5000, "reason": "None"}, {}),
        (
            {"state": "CANCELLED by 5", "nodelist": ""},
            {"CANCELLED": "CANCELLED by 5; waiting reason Dependency"},
        ),
        (
            {"state": "PENDING", "start": "Unknown", "end": "Unknown", "restarts": "1"},
            {"PENDING": "restart 1; waiting reason Dependency"},
        ),
        (
            {"state": "PENDING", "start": "Unknown", "end": "Unknown", "eligible": JOB["submit"]},
            {"ELIGIBLE": "waiting reason Dependency"},
        ),
    ],
)
def test_what_sacct_says_of_the_waiting_is_the_reason_of_the_event_that_ends_it(
    columns: dict[str, str], expected: dict[str, str]
) -> None:
    found = reasons(**{"reason": "Dependency"} | columns)

    assert {status: reason for status, reason in found if reason} == expected


def test_a_doubt_about_what_is_no_more_than_a_detail_costs_no_job() -> None:
    header = "JobID|Cluster|Submit|Start|End|State|Comment|Reason|Comment\n"

    assert [name for name, _ in moves(f"{header}17|c|{TIMES}|COMPLETED|a|b|c|d\n")] == [
        "PENDING",
        "RUNNING",
        "COMPLETED",
    ]


def test_the_workflow_of_the_command_goes_before_the_cluster_and_leaves_the_ids() -> None:
    registered = line(row(), workflow="w").changes[0]

    assert isinstance(registered, RegisterTask)
    assert (registered.task_id, registered.workflow_id) == ("c/17", "w")


@pytest.mark.parametrize("nodes", ["None assigned", ""])
def test_a_job_that_never_got_a_node_was_never_running_whatever_its_start(nodes: str) -> None:
    cancelled = row(state="CANCELLED by 501", start=JOB["end"], nodelist=nodes)

    assert moves(cancelled) == [("PENDING", SUBMITTED), ("CANCELLED", ENDED)]
    last = line(cancelled).changes[-1]
    assert last[3:5] == (Actor(component="user:501"), "CANCELLED by 501")


def test_a_job_that_ends_as_it_starts_was_running_for_no_time() -> None:
    assert moves(row(state="FAILED", start=JOB["end"])) == [
        ("PENDING", SUBMITTED),
        ("RUNNING", ENDED),
        ("FAILED", ENDED),
    ]


def test_a_failure_says_its_exit_code() -> None:
    assert line(row(state="FAILED", exitcode="1:0")).changes[-1][4] == "exit code 1:0"


@pytest.mark.parametrize(
    ("columns", "statuses", "anomalies"),
    [
        ({"state": "PENDING", "start": "Unknown", "end": "Unknown", "nodelist": "None assigned"}, ["PENDING"], ()),
        ({"state": "RUNNING", "end": "Unknown"}, ["PENDING", "RUNNING"], ()),
        ({"state": "SUSPENDED", "end": "Unknown"}, ["PENDING", "RUNNING"], ("undated-status",)),
        ({"state": "COMPLETED", "end": "Unknown"}, ["PENDING", "RUNNING"], ("undated-status",)),
        ({"state": "CANCELLED", "start": "None", "nodelist": "None assigned"}, ["PENDING", "CANCELLED"], ()),
        ({"state": "NODE_FAIL"}, ["PENDING", "RUNNING", "NODE_FAIL"], ()),
        ({"state": "REQUEUED"}, ["PENDING", "RUNNING", "REQUEUED"], ()),
        ({"end": "2026-01-31T08:04:00"}, ["PENDING", "RUNNING", "COMPLETED"], ("end-before-start",)),
        ({"start": "2026-01-31T07:00:00"}, ["PENDING", "RUNNING", "COMPLETED"], ("start-before-submit",)),
        ({"end": "2026-01-31T07:00:00", "nodelist": ""}, ["PENDING", "COMPLETED"], ("end-before-submit",)),
    ],
)
def test_what_is_unknown_stays_open_and_what_is_odd_is_named(
    columns: dict[str, str], statuses: list[str], anomalies: tuple[str, ...]
) -> None:
    assert [status for status, _ in moves(row(**columns))] == statuses
    assert line(row(**columns)).anomalies == anomalies


def test_a_time_that_goes_back_is_kept_as_it_was_told() -> None:
    assert moves(row(end="2026-01-31T08:04:00"))[-1] == ("COMPLETED", datetime(2026, 1, 31, 8, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    ("columns", "statuses"),
    [
        ({"state": "CD"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"state": "OOM"}, ["PENDING", "RUNNING", "OUT_OF_MEMORY"]),
        ({"state": "CANCELLED+"}, ["PENDING", "RUNNING", "CANCELLED"]),
        ({"state": "OUT_OF_ME+"}, ["PENDING", "RUNNING", "OUT_OF_MEMORY"]),
        ({"state": "SUSPEND+"}, ["PENDING", "RUNNING"]),
        ({"state": "PD"}, ["PENDING"]),
        ({"state": "LAUNCH_FAILED"}, ["PENDING", "RUNNING"]),
        ({"start": "1769846700", "end": "1769850000"}, ["PENDING", "RUNNING", "COMPLETED"]),
        ({"start": "2026-01-31T10:05:00+0200", "end": "2026-01-31T09:00:00Z"}, ["PENDING", "RUNNING", "COMPLETED"]),
    ],
)
def test_states_and_times_in_other_forms(columns: dict[str, str], statuses: list[str]) -> None:
    found = moves(row(**columns))

    assert [status for status, _ in found] == statuses
    assert [at for _, at in found] == [SUBMITTED, STARTED, ENDED][: len(found)]


def test_every_state_of_slurm_is_known() -> None:
    assert all(isinstance(line(row(state=state)), ParsedLine) for short in COMPACT.items() for state in short)


def test_without_nodes_the_cpus_say_whether_it_started() -> None:
    header = "Cluster|JobID|Submit|Start|End|State|AllocCPUS\n"
    columns = "|".join([JOB["submit"], JOB["start"], JOB["end"], "FAILED"])

    assert [name for name, _ in moves(f"{header}c|1|{columns}|0\n")] == ["PENDING", "FAILED"]
    assert [name for name, _ in moves(f"{header}c|1|{columns}|4\n")] == ["PENDING", "RUNNING", "FAILED"]


def test_a_record_of_the_same_submission_with_another_start_is_a_further_attempt() -> None:
    requeued = row(start="2026-01-31T09:30:00", end="2026-01-31T10:00:00")
    pending = row(state="PENDING", start="Unknown", end="Unknown")
    found = read("sacct", pending + row() + row() + requeued + requeued, zone="UTC")

    begun = [only.changes[1].instance for only in found if isinstance(only, ParsedLine)]  # type: ignore[union-attr]
    again = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert begun == [AttemptKey("c/17", at) for at in (SUBMITTED, SUBMITTED, SUBMITTED, again, again)]


def test_the_raw_id_serves_where_there_is_no_other() -> None:
    text = f"JobIDRaw|Cluster|Submit|Start|End|State\n17|c|{JOB['submit']}|Unknown|Unknown|PENDING\n"

    assert line(text).changes[0][0] == "c/17"


@pytest.mark.parametrize("step", ["17.batch", "17.extern", "17.0", "17_4.batch"])
def test_a_job_step_says_nothing(step: str) -> None:
    assert line(row(jobid=step)) == ParsedLine(1)


@pytest.mark.parametrize("job", ["17_4", "17_[5-9]", "17+1"])
def test_an_element_of_an_array_is_a_task(job: str) -> None:
    assert line(row(jobid=job)).changes[0][0] == f"c/{job}"


def test_a_header_names_the_columns_in_any_order_and_case() -> None:
    columns = "State|JobID|End|Start|SUBMIT|Cluster|NodeList|JobName|User"
    values = "COMPLETED|17|2026-01-31T09:00:00|2026-01-31T08:05:00|2026-01-31T08:00:00|c|n[1-2]|align|ann"
    plain, barred = f"{columns}\n{values}\n", f"{columns}|\n{values}|\n"

    for text in (plain, barred, plain.replace("\n", "\r\n")):
        (only,) = read("sacct", text, zone="UTC")
        assert only == line(row())._replace(number=2)


def test_a_second_header_counts_from_there_on() -> None:
    text = row() + "Cluster|JobID|Submit|Start|End|State\nd|1|" + "|".join([JOB["submit"]] * 3) + "|FAILED\n"

    ids = [only.changes[0][0] for only in read("sacct", text, zone="UTC") if isinstance(only, ParsedLine)]
    assert ids == ["c/17", "d/1"]


def test_a_job_cancelled_at_its_start_without_nodes_never_started() -> None:
    header = "Cluster|JobID|Submit|Start|End|State\n"
    time = "2026-01-31T08:00:00"

    assert [name for name, _ in moves(f"{header}c|1|{time}|{time}|{time}|CANCELLED by 5\n")] == ["PENDING", "CANCELLED"]
    assert [name for name, _ in moves(f"{header}c|1|{time}|{time}|{time}|FAILED\n")] == ["PENDING", "RUNNING", "FAILED"]


def test_a_file_without_clusters_needs_a_workflow_in_their_place() -> None:
    text = f"JobID|Submit|Start|End|State\n1|{JOB['submit']}|Unknown|Unknown|PENDING\n"

    assert line(text, workflow="w").changes[0][:2] == ("w/1", "w")
    with pytest.raises(MissingSacctFields, match="cluster"):
        line(text)


def test_a_file_without_what_is_needed_is_refused() -> None:
    with pytest.raises(MissingSacctFields, match="submit, end"):
        line("JobID|Cluster|Start|State\n")


@pytest.mark.parametrize("state", ["CANCELLED by+", "CANCELLED by 50+", "CANCELLED+"])
def test_who_cancelled_a_job_is_unknown_where_it_is_cut_off(state: str) -> None:
    cancelled = line(row(state=state)).changes[-1]

    assert isinstance(cancelled, MoveInstance)
    assert (cancelled.to, cancelled.actor) == ("CANCELLED", Actor(component="slurm", host="n[1-2]"))


def test_what_the_log_cannot_store_of_a_name_is_no_reason_to_lose_the_job() -> None:
    register, _, running, *_ = line(row(jobname="a\0b", user="an\0", nodelist="n\0")).changes

    assert isinstance(register, RegisterTask)
    assert (register.template, register.actor) == ("a\ufffdb", Actor(component="slurm", user="an\ufffd"))
    assert running.actor == Actor(component="slurm", host="n\ufffd")


def test_bars_in_the_name_of_a_job() -> None:
    named = line(row(jobname="a|b")).changes[0]
    assert isinstance(named, RegisterTask)
    assert named.template == "a|b"

    header = "Cluster|JobID|JobName|Submit|Start|End|State\n"
    first = line(f"{header}c|1|a|b|{JOB['submit']}|Unknown|Unknown|PENDING\n").changes[0]
    assert isinstance(first, RegisterTask)
    assert first.template == "a|b"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("17|c|COMPLETED\n", "has 3 fields separated by '|', not 26"),
        (row(submit="Unknown"), "job '17' has no time of submission"),
        (row(submit="soon"), "time 'soon' cannot be read"),
        (row(state="COMPLETE"), "no status 'COMPLETE'; did you mean 'COMPLETED'?"),
        (row(state="RE+"), "no status 'RE'"),
        (row(cluster=""), "cluster id ''"),
        (row(jobid=""), "job id ''"),
        (row(jobid="x" * 255), "task id"),
    ],
)
def test_a_line_that_is_not_understood_says_why(text: str, why: str) -> None:
    assert why in error(text)


def test_times_need_a_zone() -> None:
    with pytest.raises(TimeZoneNeeded, match="--timezone"):
        read("sacct", row())


def test_a_lifecycle_without_instances_has_no_place_for_attempts(tmp_path: Path) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text('name = "plain"\nversion = 1\n[task]\ninitial = "A"\nterminal = []\ntransitions = { A = [] }\n')

    with pytest.raises(WrongLifecycle):
        read("sacct", row(), zone="UTC", lifecycle=str(plain))


NEW_YORK = "America/New_York"
"""Sets its clocks ahead on 2026-03-08 at 02:00 (07:00 UTC), and back on 2026-11-01 at 02:00 (06:00 UTC)."""


@pytest.mark.parametrize(
    ("submit", "start", "end", "elapsed", "instants"),
    [
        # Nothing is ambiguous: over the hour that is left out, and over the one that comes twice.
        ("2026-03-08T01:30", "2026-03-08T01:45", "2026-03-08T03:15", "", ["06:30", "06:45", "07:15"]),
        ("2026-11-01T00:30", "2026-11-01T00:45", "2026-11-01T02:15", "", ["04:30", "04:45", "07:15"]),
        # In the hour that comes twice, the first time...
        ("2026-11-01T01:10", "2026-11-01T01:20", "2026-11-01T01:30", "", ["05:10", "05:20", "05:30"]),
        # ... unless the order says otherwise...
        ("2026-11-01T01:10", "2026-11-01T01:50", "2026-11-01T01:20", "", ["05:10", "05:50", "06:20"]),
        ("2026-11-01T01:50", "2026-11-01T01:10", "2026-11-01T01:20", "", ["05:50", "06:10", "06:20"]),
        # ... or the time that elapsed.
        ("2026-11-01T01:10", "2026-11-01T01:20", "2026-11-01T01:30", "01:10:00", ["05:10", "05:20", "06:30"]),
        ("2026-11-01T01:10", "2026-11-01T01:50", "2026-11-01T02:20", "00:30:00", ["05:10", "06:50", "07:20"]),
        ("2026-11-01T01:10", "2026-11-01T01:20", "2026-11-01T01:30", "9-00:00:00", ["05:10", "05:20", "05:30"]),
        # A time that no clock has shown is read by the offset before the leap.
        ("2026-03-08T01:30", "2026-03-08T02:30", "2026-03-08T03:45", "", ["06:30", "07:30", "07:45"]),
        # Nothing helps where no reading is in order.
        ("2026-11-01T03:00", "2026-11-01T01:20", "2026-11-01T01:10", "", ["08:00", "05:20", "06:10"]),
    ],
)
def test_a_change_of_the_clock(submit: str, start: str, end: str, elapsed: str, instants: list[str]) -> None:
    entered = moves(row(submit=submit, start=start, end=end, elapsed=elapsed), NEW_YORK)

    assert [f"{at:%H:%M}" for _, at in entered] == instants


def test_every_hour_of_a_year_is_read_without_an_error() -> None:
    first = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
    times = (f"{first + timedelta(hours=number):%FT%T}" for number in range(365 * 24))
    text = "".join(chain.from_iterable(row(submit=time, start=time, end=time) for time in times))

    assert all(isinstance(only, ParsedLine) and not only.anomalies for only in read("sacct", text, zone=NEW_YORK))


TIMES = "2026-01-31T08:00:00|2026-01-31T08:05:00|2026-01-31T09:00:00"


def job_ids(text: str) -> list[str]:
    """The ids of the jobs that are understood."""
    found = read("sacct", text, zone="UTC")
    return [only.changes[0][0] for only in found if isinstance(only, ParsedLine) and only.changes]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("header", "job"),
    [
        ("Constraints|JobID|Cluster|Submit|Start|End|State|JobName", f"a|b|17|c|{TIMES}|COMPLETED|align"),
        ("JobID|WorkDir|JobName|Cluster|Submit|Start|End|State", f"17|/a|b|align|c|{TIMES}|COMPLETED"),
        ("Constraints|JobID|Cluster|Submit|Start|End|State|SubmitLine|JobName",
         f"a|b|17|c|{TIMES}|COMPLETED|sbatch -C a|b x|y || z|align"),
        ("JobID|SubmitLine|Cluster|Submit|Start|End|State|JobName|", f"17|a || b|c|{TIMES}|COMPLETED|align|"),
    ],
)  # fmt: skip
def test_a_bar_in_any_free_text_shifts_no_column(header: str, job: str) -> None:
    register, _, running, completed = line(f"{header}\n{job}\n").changes

    assert register[:3] == ("c/17", "c", SUBMITTED)
    assert (running.at, completed.at, completed[1]) == (STARTED, ENDED, "COMPLETED")


def test_a_template_stays_unknown_where_bars_may_belong_to_either_of_two_texts() -> None:
    registered = line(f"JobID|Cluster|Submit|Start|End|State|JobName|WorkDir\n17|c|{TIMES}|FAILED|a|b|/d\n").changes[0]

    assert isinstance(registered, RegisterTask)
    assert registered.template is None


def test_a_text_may_have_a_thousand_bars() -> None:
    text = f"JobID|Cluster|Submit|Start|End|State|SubmitLine\n17|c|{TIMES}|FAILED|"

    assert len(line(f"{text}{'|' * 1000}x\n").changes) == 4
    assert error(f"{text}{'|' * 200_000}x\n") == "has 200007 fields separated by '|', not 7"


def test_bars_that_leave_a_column_in_doubt_are_an_error_of_their_line() -> None:
    text = f"Comment|Cluster|JobName|JobID|Submit|Start|End|State\na|b|c|d|17|{TIMES}|FAILED\n"

    assert "cluster may be several of them" in error(text)


@pytest.mark.parametrize(
    ("header", "job"),
    [
        ("SubmitLine|JobID|Cluster|Submit|Start|End|State", f"sbatch a\nb | c\n\nd|17|c|{TIMES}|COMPLETED"),
        ("JobID|Cluster|SubmitLine|Submit|Start|End|State", f"17|c|sbatch a\nb|{TIMES}|COMPLETED"),
        ("JobID|Cluster|Submit|Start|End|State|SubmitLine", f"17|c|{TIMES}|COMPLETED|sbatch a\nb | c\nd"),
        ("WorkDir|JobID|Cluster|JobName|Submit|Start|End|State|Comment", f"/|17|c|a\nb|{TIMES}|COMPLETED|sbatch a\nb"),
    ],
)
def test_a_line_end_in_a_text_neither_loses_nor_adds_a_job(header: str, job: str) -> None:
    text = f"{header}\n{job}\n{job.replace('17|', '18|')}\n"

    assert job_ids(text) == ["c/17", "c/18"]
    assert not any(isinstance(only, BadLine) for only in read("sacct", text, zone="UTC"))


def test_a_record_that_is_cut_off_takes_no_other_for_its_rest() -> None:
    text = f"JobID|SubmitLine|Cluster|Submit|Start|End|State\n16|sbatch\n17|sbatch a|c|{TIMES}|COMPLETED\n"

    assert job_ids(text) == ["c/17"]
    assert [only.number for only in read("sacct", text, zone="UTC") if isinstance(only, BadLine)] == [2]


@pytest.mark.parametrize("columns", [{"cluster": "cluster", "user": "user"}, {"jobname": "jobid", "user": "state"}])
def test_a_job_whose_values_are_names_of_columns_is_no_header(columns: dict[str, str]) -> None:
    assert len(job_ids(row(**columns) + row(jobid="18", **columns))) == 2


def test_an_empty_cluster_is_replaced_by_the_workflow() -> None:
    assert line(row(cluster=""), workflow="w").changes[0][:2] == ("w/17", "w")


@pytest.mark.parametrize(
    "text",
    [
        "JobID           JobName      State\n------------ ---------- ----------\n17                align  COMPLETED\n",
        "JobID,Cluster,Submit,Start,End,State\n17,c,,,,\n",
        "JobID\tCluster\tSubmit\tStart\tEnd\tState\n17\tc\t\t\t\t\n",
        "17|align|main|root|1|COMPLETED|0:0\n" * 2,
        "17           align      main       root          1  COMPLETED      0:0\n" * 2,
        "|".join(["COMPLETED", *"b" * 25]) + "\n" + "|".join(["FAILED", *"b" * 25]) + "\n",
    ],
)
def test_another_layout_is_one_sentence(text: str) -> None:
    with pytest.raises(UnknownSacctLayout, match="--parsable2"):
        read("sacct", text, zone="UTC")


def instant(at: datetime) -> int:
    return int(at.timestamp())


OLD_JSON: dict[str, Any] = {
    "job_id": 17, "cluster": "c", "name": "align", "nodes": "n[1-2]", "user": "ann", "allocation_nodes": 2,
    "array": {"job_id": 0, "task_id": None, "task": None}, "het": {"job_id": 0, "job_offset": None},
    "exit_code": {"status": "ERROR", "return_code": 3}, "state": {"current": "FAILED", "reason": "None"},
    "time": {"submission": instant(SUBMITTED), "start": instant(STARTED), "end": instant(ENDED)}, "steps": [],
}  # fmt: skip
"""A job in the shape of Slurm 21.08."""

NEW_JSON: dict[str, Any] = OLD_JSON | {
    "cluster": "", "user": "", "association": {"user": "ann"}, "state": {"current": ["FAILED"]},
    "array": {"job_id": 0, "task_id": {"set": False, "infinite": False, "number": 0}, "task": ""},
    "het": {"job_id": 0, "job_offset": {"set": False, "infinite": False, "number": 0}},
    "exit_code": {
        "status": ["ERROR"], "return_code": {"set": True, "infinite": False, "number": 3},
        "signal": {"id": {"set": False, "infinite": False, "number": 0}, "name": ""},
    },
}  # fmt: skip
"""The same job in the shape of Slurm 25.05."""


def as_json(*jobs: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps({"meta": {"slurm": {"release": "25.05", "cluster": "c"}}, "jobs": jobs}, indent=indent)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("job", [OLD_JSON, NEW_JSON])
def test_json_says_the_same_as_columns(job: dict[str, Any], indent: int | None) -> None:
    (only,) = read("sacct", as_json(job, indent=indent))

    assert only == line(row(state="FAILED", exitcode="3:0"))


def test_json_says_of_the_waiting_what_columns_say() -> None:
    more = {
        "time": OLD_JSON["time"] | {"eligible": {"set": True, "infinite": False, "number": instant(MINUTE_3)}},
        "state": {"current": ["FAILED"], "reason": "Dependency"},
        "restart_cnt": 2,
        "flags": ["CLEAR_SCHEDULING", "STARTED_ON_BACKFILL"],
    }
    values = f"17|c|ann|{JOB['submit']}|2026-01-31T08:03:00|{JOB['start']}|{JOB['end']}|FAILED|3:0|n[1-2]|align"
    header = "JobID|Cluster|User|Submit|Eligible|Start|End|State|ExitCode|NodeList|JobName|Reason|Restarts|Flags"

    (only,) = read("sacct", as_json(OLD_JSON | more))

    assert only == line(f"{header}\n{values}|Dependency|2|STARTED_ON_BACKFILL\n")._replace(number=1)
    assert [change.reason for change in only.changes[1:4]] == [
        "restart 2", "waiting reason Dependency", "flags STARTED_ON_BACKFILL",
    ]  # fmt: skip


@pytest.mark.parametrize("none", [0, 4294967294, {"set": False, "infinite": False, "number": 0}])
@pytest.mark.parametrize("state", ["PENDING", ["PENDING"]])
def test_a_pending_job_of_json_has_no_start(none: Any, state: Any) -> None:
    times = OLD_JSON["time"] | {"start": none, "end": none}

    assert moves(as_json(OLD_JSON | {"time": times, "state": {"current": state}})) == [("PENDING", SUBMITTED)]


@pytest.mark.parametrize("state", ["CANCELLED", ["CANCELLED"]])
def test_a_job_of_json_that_was_cancelled_before_it_got_a_node(state: Any) -> None:
    cancelled = OLD_JSON | {"state": {"current": state}, "kill_request_user": "bob", "nodes": "None assigned"}

    assert moves(as_json(cancelled)) == [("PENDING", SUBMITTED), ("CANCELLED", ENDED)]
    assert line(as_json(cancelled)).changes[-1][3] == Actor(component="user:bob")


@pytest.mark.parametrize(
    ("more", "job"),
    [
        ({"array": {"job_id": 9, "task_id": 4, "task": None}}, "9_4"),
        ({"array": {"job_id": 9, "task_id": {"set": True, "infinite": False, "number": 0}, "task": ""}}, "9_0"),
        ({"array": {"job_id": 9, "task_id": {"set": False, "number": 0}, "task": "5-9%2"}}, "9_[5-9%2]"),
        ({"het": {"job_id": 9, "job_offset": {"set": True, "infinite": False, "number": 1}}}, "9+1"),
        ({"state": {"current": ["PREEMPTED", "REQUEUED"]}}, "17"),
    ],
)
def test_the_id_of_a_job_in_json(more: dict[str, Any], job: str) -> None:
    assert line(as_json(OLD_JSON | more)).changes[0][0] == f"c/{job}"


def test_a_job_of_json_that_is_not_understood_is_an_error_of_its_own() -> None:
    found = read("sacct", as_json({"job_id": 1}, OLD_JSON, "no job", OLD_JSON | {"time": {"submission": 10**30}}))  # type: ignore[arg-type]

    assert [isinstance(only, BadLine) for only in found] == [True, False, True, True]
    assert [only.number for only in found] == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ['{"meta": {}}', '{"jobs": [', "{", '{"jobs": 3}'])
def test_other_json_is_one_sentence(text: str) -> None:
    with pytest.raises(UnknownSacctLayout, match="sacct --json"):
        read("sacct", text)


def test_a_file_of_json_is_recognised_as_such() -> None:
    assert looks_like(as_json(OLD_JSON))
    assert looks_like(as_json(OLD_JSON, indent=2).partition("\n")[0])
    assert not looks_like('{"entity":"task","id":"t1","event":"registered","at":"2026-01-01T00:00:00Z"}')


def test_json_in_one_line_that_is_too_long_to_read_says_what_to_do() -> None:
    with pytest.raises(UnknownSacctLayout, match="jq"):
        read("sacct", as_json(OLD_JSON | {"name": "x" * 2**24}))
