"""Slurm's accounting: `sacct --parsable` and `--parsable2`, with a header or without.

A job is the task `CLUSTER/JOBID` in the workflow CLUSTER (or --workflow). Each submission of it, told apart by the
time of submission, is an attempt `CLUSTER/JOBID/N`: a requeue keeps the job's id and is submitted anew. An attempt is
PENDING from its submission, RUNNING from its start, and in its last state from its end. What the accounting does not
say stays unknown:

- An attempt that never got a node (`None assigned`) was never RUNNING, whatever its start says.
- A state without a time of its own (SUSPENDED, COMPLETING, an end that is `Unknown`) is left out, and counted as
  `undated-status`; the interval before it stays open.
- An end before its start, or a start before its submission, is kept as the time that was told, and counted
  (`end-before-start`, ...); in the audit, where time never goes back, the interval between them has no length.

Job steps (`123.batch`, `123.0`) are no jobs and say nothing here. A job array's pending remainder (`123_[5-9]`) is
one task under that id, as it is one record. When clocks are set back, a time may mean two instants: those are taken
that keep submission, start and end in order and `Elapsed` apart, else the first.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise, product, starmap
from operator import itemgetter
from typing import NamedTuple

from application.imports.local_time import TimeZoneNeeded, instants
from application.imports.options import Options
from application.imports.proposal import (
    Attempt,
    BadLine,
    CreateInstance,
    Line,
    MoveInstance,
    NotUnderstood,
    Proposal,
    RegisterTask,
)
from domain.actor import Actor
from domain.entity import LONGEST_ID, check_id
from domain.errors import MOST_ATTEMPTS, SojournError, WrongLifecycle
from domain.lifecycle import Lifecycle
from domain.machine import Machine

LIFECYCLE = "slurm"

FIELDS = (
    "jobid", "jobidraw", "cluster", "partition", "qos", "account", "group", "gid", "user", "uid", "submit", "eligible",
    "start", "end", "elapsed", "exitcode", "state", "nnodes", "ncpus", "reqcpus", "reqmem", "reqtres", "alloctres",
    "timelimit", "nodelist", "jobname",
)  # fmt: skip
"""The fields of a file without a header, in order."""

USED = ("jobid", "cluster", "user", "submit", "start", "end", "elapsed", "exitcode", "state", "nodelist", "jobname")
NEEDED = ("jobid", "submit", "start", "end", "state")

NO_TIME = frozenset({"", "Unknown", "None", "N/A"})
NEVER = (None,)
NO_ERROR = frozenset({None, "", "0:0"})
NO_NODES = frozenset({"", "None assigned"})

DURATION = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+(?:\.\d+)?)")

UNDATED = frozenset({
    "COMPLETING", "CONFIGURING", "POWER_UP_NODE", "REQUEUE_FED", "REQUEUE_HOLD", "RESIZING", "RESV_DEL_HOLD",
    "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED", "SUSPENDED", "UPDATE_DB",
})  # fmt: skip
"""States of a job on its way, of which the accounting has no times."""


class Record(NamedTuple):
    """The fields of a line that are used here; None: the file has no such column."""

    jobid: str
    cluster: str | None
    user: str | None
    submit: str
    start: str
    end: str
    elapsed: str | None
    exitcode: str | None
    state: str
    nodelist: str | None
    jobname: str | None


class Times(NamedTuple):
    """When an attempt was submitted, and where it is known and it happened, when it started and ended."""

    submit: datetime
    start: datetime | None
    end: datetime | None


class State(NamedTuple):
    """A state, who cancelled the job where that is told, and whether the state ends it."""

    name: str
    canceller: str | None
    ends: bool


class MissingColumns(SojournError):
    """A header that lacks what an import needs."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f"the file lacks {', '.join(columns)}: add it to sacct's --format")


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[Line | BadLine]:
    """What each job's record proposes; raises TimeZoneNeeded, MissingColumns or WrongLifecycle."""
    if options.zone is None:
        raise TimeZoneNeeded("sacct")
    machine = _attempts_machine(options.lifecycle)
    record = _reader(FIELDS, options)
    for number, text in lines:
        fields = text.decode(errors="replace").rstrip("\r\n").split("|")
        if _is_header(fields):
            record = _reader(tuple(field.strip().lower() for field in fields), options)
            continue
        try:
            yield _line(number, record(fields), machine, options)
        except SojournError as error:
            yield BadLine(number, str(error))


def _attempts_machine(lifecycle: Lifecycle) -> Machine:
    if lifecycle.instance is None:
        raise WrongLifecycle(lifecycle.name, "has no task instances, which the attempts of sacct's jobs are")
    return lifecycle.instance


def _is_header(fields: list[str]) -> bool:
    return any(field.strip().lower() == "jobid" for field in fields)


def _reader(columns: tuple[str, ...], options: Options) -> Callable[[list[str]], Record]:
    columns = columns[:-1] if columns[-1] == "" else columns
    missing = [name for name in NEEDED if name not in columns]
    if "cluster" not in columns and options.workflow is None:
        missing.append("cluster (which --workflow may name instead)")
    if missing:
        raise MissingColumns(missing)
    absent = len(columns)
    used = itemgetter(*(columns.index(name) if name in columns else absent for name in USED))
    name_at = columns.index("jobname") if "jobname" in columns else None

    def record(fields: list[str]) -> Record:
        fields = _fitted(fields, absent, name_at)
        return Record._make(used([*fields, None]))

    return record


def _fitted(fields: list[str], width: int, name_at: int | None) -> list[str]:
    # --parsable ends a line with a bar; a job's name may have bars of its own.
    if len(fields) > width and fields[-1] == "":
        fields = fields[:-1]
    more = len(fields) - width
    if more > 0 and name_at is not None:
        fields[name_at : name_at + more + 1] = ["|".join(fields[name_at : name_at + more + 1])]
    if len(fields) != width:
        raise NotUnderstood(f"has {len(fields)} fields separated by '|', not {width}")
    return fields


def _line(number: int, record: Record, machine: Machine, options: Options) -> Line:
    if "." in record.jobid:
        return Line(number)
    state = _state(record.state, machine)
    times = _times(record, state, options)
    return Line(number, tuple(_proposals(record, state, times, options)), tuple(_anomalies(state, times)))


def _state(text: str, machine: Machine) -> State:
    name, _, canceller = text.strip().partition(" by ")
    if name in UNDATED:
        return State(name, None, ends=False)
    return State(machine.check(name), canceller or None, ends=machine.is_terminal(name))


def _times(record: Record, state: State, options: Options) -> Times:
    submits = _instants(record.submit, options)
    if submits == NEVER:
        raise NotUnderstood(f"job {record.jobid!r} has no time of submission")
    starts = _instants(record.start, options) if _got_nodes(record, state) else NEVER
    ends = _instants(record.end, options) if state.ends else NEVER
    if len(submits) == len(starts) == len(ends) == 1:
        return Times(submits[0], starts[0], ends[0])  # type: ignore[arg-type]
    elapsed = _duration(record.elapsed)
    return min(starmap(Times, product(submits, starts, ends)), key=lambda times: _disorder(times, elapsed))


def _instants(text: str, options: Options) -> Sequence[datetime | None]:
    return NEVER if text in NO_TIME else instants(text, options.zone)


def _got_nodes(record: Record, state: State) -> bool:
    if record.nodelist is not None:
        return record.nodelist not in NO_NODES
    # Without the column, a job that was cancelled as it started is taken for one that was cancelled before.
    return not (state.name == "CANCELLED" and record.start == record.end)


def _disorder(times: Times, elapsed: timedelta | None) -> tuple[int, bool]:
    told = [time for time in times if time is not None]
    reversals = sum(earlier > later for earlier, later in pairwise(told))
    apart = times.end - times.start if times.start and times.end else None
    return reversals, apart != elapsed


def _duration(text: str | None) -> timedelta | None:
    found = DURATION.fullmatch(text or "")
    return timedelta(**{unit: float(count) for unit, count in found.groupdict("0").items()}) if found else None


def _proposals(record: Record, state: State, times: Times, options: Options) -> Iterator[Proposal]:
    cluster = record.cluster if record.cluster is not None else options.workflow
    task = check_id("task", f"{check_id('cluster', cluster)}/{check_id('job', record.jobid)}")
    attempt = Attempt(task, times.submit)
    workflow = options.workflow or check_id("workflow", cluster)
    submitter = _slurm(None, record.user or None)
    yield RegisterTask(task, workflow, times.submit, MOST_ATTEMPTS, _template(record.jobname), submitter)
    yield CreateInstance(attempt, task, times.submit, submitter)
    nodes = _slurm(record.nodelist if times.start else None, None)
    if times.start:
        yield MoveInstance(attempt, "RUNNING", times.start, nodes)
    if times.end:
        ender = _user(state.canceller) if state.canceller else nodes
        yield MoveInstance(attempt, state.name, times.end, ender, _reason(record, state))


def _anomalies(state: State, times: Times) -> Iterator[str]:
    submit, start, end = times
    if start and start < submit:
        yield "start-before-submit"
    if end and end < (start or submit):
        yield "end-before-start" if start else "end-before-submit"
    if state.name in UNDATED or (state.ends and end is None):
        yield "undated-status"


def _template(jobname: str | None) -> str | None:
    return jobname[:LONGEST_ID] if jobname else None


def _reason(record: Record, state: State) -> str | None:
    if state.canceller:
        return record.state
    return f"exit code {record.exitcode}" if record.exitcode not in NO_ERROR else None


@lru_cache(maxsize=10_000)
def _slurm(nodes: str | None, user: str | None) -> Actor:
    return Actor(component="slurm", host=nodes, user=user)


@lru_cache(maxsize=10_000)
def _user(uid: str) -> Actor:
    return Actor(component=f"user:{uid}")
