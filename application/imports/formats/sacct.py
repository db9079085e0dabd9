"""Reads Slurm's accounting: `sacct --parsable` and `--parsable2`, with a header or without, and `sacct --json`.

The fields and states are those of Slurm's manual page sacct(1).

A job is the task `CLUSTER/JOBID` in the workflow CLUSTER (or --workflow). Each submission is an attempt
`CLUSTER/JOBID/N`: a requeue keeps the job's id, but mostly has a new time of submission. An attempt is PENDING from its
submission, ELIGIBLE from the time at which nothing but nodes was missing (which may be its submission), RUNNING from
its start, and in its last state from its end. What the accounting does not say stays unknown:

- Where it has no time of eligibility, the attempt is PENDING until its start. A time after the start, or one to come,
  is what Slurm had planned.
- An attempt that never got a node (`None assigned`) was never RUNNING, even if it has a start.
- A state without a time of its own (SUSPENDED, COMPLETING, an `Unknown` end) is left out and counted as
  `undated-status`; the interval before it stays open.
- An end before its start, or a start before its submission, is kept as reported and counted (`end-before-start`, ...).
  In the audit, where time never goes back, the interval between them has no length.

Job steps (`123.batch`, `123.0`) are not jobs and are ignored. A job array's pending remainder (`123_[5-9]`) is one task
under that id, because it is one record; it is SPLIT once a part of it has a record of its own. A record with the same
submission as an earlier one, but another start, is a further attempt that begins at that start. Times may also have an
offset, or be seconds since 1970. A text may have bars and line ends of its own (bar_layout.py).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from itertools import chain, islice
from operator import itemgetter
from typing import Any, NamedTuple, Self

from application.imports.array_part import REST, ArrayPart
from application.imports.attempt_times import UNKNOWN_TIME, AttemptTimes, Instants, find_reversed, resolve_ambiguous
from application.imports.bar_layout import BAR, FREE_TEXT, BarLayout, RecordLines
from application.imports.bounded_cache import BoundedCache
from application.imports.change import (
    AttemptKey,
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    MoveIfPossible,
    MoveInstance,
    ParsedLine,
    RegisterRenamable,
    SplitArray,
)
from application.imports.input_file import MAX_LINE_BYTES
from application.imports.local_time import epoch_instant, possible_instants
from application.imports.naming import make_actor, template_name
from application.imports.options import Options
from application.imports.parsing import parse_lines
from application.imports.sacct_json import columns_of, parse_jobs
from application.imports.slurm_reason import NO_REASON, NODES, precedes_eligibility, read_slurm_reason
from domain.entity import check_id
from domain.errors import MAX_ATTEMPTS, InvalidTime, SojournError
from domain.lifecycles.machine import Machine
from domain.printable import short_repr
from domain.waits_for import WaitsFor

LIFECYCLE = "slurm"

FIELDS = (
    "jobid", "jobidraw", "cluster", "partition", "qos", "account", "group", "gid", "user", "uid", "submit", "eligible",
    "start", "end", "elapsed", "exitcode", "state", "nnodes", "ncpus", "reqcpus", "reqmem", "reqtres", "alloctres",
    "timelimit", "nodelist", "jobname",
)  # fmt: skip
"""The fields of a file without a header, in the order of XDMoD's dumps."""

USED = (
    "jobid", "cluster", "user", "submit", "eligible", "start", "end", "elapsed", "exitcode", "state", "nodelist",
    "alloccpus", "jobname", "reason", "restarts", "flags", "partition",
)  # fmt: skip
DETAILS = frozenset({"eligible", "reason", "restarts", "flags", "partition"})
"""The fields without which a record is still whole, so that a doubt about one of them costs no job."""

NEEDED = ("jobid", "submit", "start", "end", "state")
IN_HEADERS = frozenset({*NEEDED, "jobidraw", "cluster", "user", "elapsed", "exitcode", "nodelist", "jobname"})

SUGGESTED = (
    "JobID", "Cluster", "Partition", "User", "Submit", "Eligible", "Start", "End", "Elapsed", "State", "Reason",
    "ExitCode", "Flags", "NodeList", "JobName",
)  # fmt: skip

CHECKED_LINES = 20
"""The number of lines by which a file without a header is recognised."""

NO_TIME = frozenset({"", "Unknown", "None", "N/A"})
NO_ERROR = frozenset({None, "", "0:0"})
NO_CPUS = frozenset({"", "0"})
NO_NODES = frozenset({"", "None assigned"})

SILENT_FLAGS = frozenset({
    "", "None", "NONE", "NotSet", "NOT_SET", "StartRecieved", "StartReceived", "START_RECEIVED", "CLEAR_SCHEDULING",
})  # fmt: skip
"""Flags that say nothing about a job, in the spellings of all versions."""

ELIGIBLE = "ELIGIBLE"
UNDATED_STATUS = "undated-status"

DURATION = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+(?:\.\d+)?)")

SECOND = timedelta(seconds=1)

LONGEST_COUNT = 9
"""The largest number of digits in a count of restarts."""

CUT = "+"
"""The mark where sacct cuts off a value that is wider than its column."""

UNDATED = frozenset({
    "COMPLETING", "CONFIGURING", "POWER_UP_NODE", "REQUEUE_FED", "REQUEUE_HOLD", "RESIZING", "RESV_DEL_HOLD",
    "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED", "SUSPENDED", "UPDATE_DB", "EXPEDITING", "LAUNCH_FAILED",
    "RECONFIG_FAIL",
})  # fmt: skip
"""States of a job under way. The accounting has no times for them."""

COMPACT = {
    "BF": "BOOT_FAIL", "CA": "CANCELLED", "CD": "COMPLETED", "CF": "CONFIGURING", "CG": "COMPLETING",
    "DL": "DEADLINE", "F": "FAILED", "NF": "NODE_FAIL", "OOM": "OUT_OF_MEMORY", "PD": "PENDING",
    "PO": "POWER_UP_NODE", "PR": "PREEMPTED", "R": "RUNNING", "RD": "RESV_DEL_HOLD", "RF": "REQUEUE_FED",
    "RH": "REQUEUE_HOLD", "RQ": "REQUEUED", "RS": "RESIZING", "RV": "REVOKED", "S": "SUSPENDED",
    "SE": "SPECIAL_EXIT", "SI": "SIGNALING", "SO": "STAGE_OUT", "ST": "STOPPED", "TO": "TIMEOUT", "UD": "UPDATE_DB",
}  # fmt: skip
"""The short forms of states (sacct(1), JOB STATE CODES)."""

REMEMBERED_JOBS = 100_000
"""The number of submissions whose start is remembered, at least."""


class JobRecord(NamedTuple):
    """The fields of a line that are used here; None where the file has no such column."""

    jobid: str
    cluster: str | None
    user: str | None
    submit: str
    eligible: str | None
    start: str
    end: str
    elapsed: str | None
    exitcode: str | None
    state: str
    nodelist: str | None
    alloccpus: str | None
    jobname: str | None
    reason: str | None
    restarts: str | None
    flags: str | None
    partition: str | None


class JobState(NamedTuple):
    """A job's state, who cancelled the job if that is known, and whether the state is an end."""

    name: str
    canceller: str | None
    is_end: bool


class MissingSacctFields(SojournError):
    """Raised when sacct's output lacks fields that its import needs.

    Fix: add them to sacct's --format.
    """

    def __init__(self, columns: Sequence[str], sentence: str | None = None) -> None:
        self.columns = tuple(columns)
        super().__init__(sentence or f"the file lacks {', '.join(columns)}; add it to sacct's --format")


class UnknownSacctLayout(MissingSacctFields):
    """Raised when sacct's output is in columns of spaces, commas or tabs, or has neither a header nor the 26 columns.

    Fix: write it with --parsable2, with a header.
    """

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(
            NEEDED,
            sentence
            or "the file is not sacct's output with bars between its columns; "
            f"write it with `sacct --parsable2 --format {','.join(SUGGESTED)}` and keep its header",
        )


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be one of sacct."""
    if line.startswith("{"):
        return line.strip() == "{" or '"jobs"' in line or '"meta"' in line
    fields = line.rstrip("\r\n").split("|")
    return _is_header(fields) or len(fields) >= len(NEEDED)


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the changes of each job's record.

    Raises:
        MissingSacctFields: a header lacks columns.
        TimeZoneNeeded: a time has no zone, and no --timezone was given.
        WrongLifecycle: the lifecycle has no task instances.
    """
    machine = options.require_instances("sacct")
    attempts = _Attempts()
    state_of = lru_cache(maxsize=10_000)(lambda text: _state(text, machine))
    lines = iter(lines)
    first = list(islice(lines, 1))
    is_json = bool(first) and first[0][1].lstrip().startswith(b"{")
    records = _json_records if is_json else _numbered_records
    return parse_lines(
        records(chain(first, lines), options),
        lambda number, record: _line(number, record(), state_of, attempts, options),
    )


def _numbered_records(
    lines: Iterable[tuple[int, bytes]], options: Options
) -> Iterator[tuple[int, Callable[[], JobRecord | None]]]:
    """Yield the number of each record that is no header, and what reads it (None: the rest of another one's text)."""
    layout = BarLayout(FIELDS)
    record, joined = _reader(layout, options), RecordLines(layout)
    for number, text in _check_layout(_texts(lines)):
        fields = text.split(BAR)
        # Files are concatenated, headers included.
        if _is_header(fields):
            yield from ((at, partial(record, whole)) for at, whole in joined.rest())
            layout = BarLayout(_columns(fields))
            record, joined = _reader(layout, options), RecordLines(layout)
        else:
            yield from ((at, partial(record, whole)) for at, whole in joined.add(number, text))
    yield from ((at, partial(record, whole)) for at, whole in joined.rest())


def _json_records(
    lines: Iterable[tuple[int, bytes]], _: Options
) -> Iterator[tuple[int, Callable[[], JobRecord | None]]]:
    """Yield the number of each job of `sacct --json`, and what reads its record."""
    texts = [text for _, text in lines]
    if any(len(text) >= MAX_LINE_BYTES for text in texts):
        raise UnknownSacctLayout("the file has a line of more than 16 MiB; break it into lines with `jq .`")
    try:
        jobs, cluster = parse_jobs(b"".join(texts))
    except ValueError as error:
        raise UnknownSacctLayout(f"the file cannot be read as `sacct --json` output: {error}") from error
    for number, job in enumerate(jobs, 1):
        yield number, partial(_json_record, job, cluster)


def _json_record(job: Any, cluster: str | None) -> JobRecord:
    columns = columns_of(job, cluster)
    return JobRecord(**{name: columns[name] for name in USED})  # type: ignore[arg-type]


def _texts(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, str]]:
    return ((number, text.decode(errors="replace").rstrip("\r\n")) for number, text in lines)


def _check_layout(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines unchanged, once the first ones have been checked."""
    first = list(islice(lines, CHECKED_LINES))
    if first and not _is_header(first[0][1].split(BAR)):
        layout = BarLayout(FIELDS)
        counts = [len(text.removesuffix(BAR).split(BAR)) for _, text in first]
        if _is_header_of_other_layout(first[0][1]) or (len(first) > 1 and max(counts) < layout.width):
            raise UnknownSacctLayout
        whole = [fields for _, text in first if layout.align(fields := text.removesuffix(BAR).split(BAR))]
        if len(first) > 1 and not any(map(layout.holds, whole)) and not _has_header(first):
            raise UnknownSacctLayout
    yield from first
    yield from lines


def _has_header(lines: Iterable[tuple[int, str]]) -> bool:
    return any(_is_header(text.split(BAR)) for _, text in lines)


def _is_header_of_other_layout(text: str) -> bool:
    return any(_is_header(text.split(delimiter)) for delimiter in (",", "\t", ";", None))


class _Attempts:
    """Distinguishes the attempts at a job by their submission, and by their start if the submission is the same.

    Most requeues have a new time of submission, but not all.
    """

    def __init__(self) -> None:
        self._started: BoundedCache[tuple[str, datetime], datetime] = BoundedCache(REMEMBERED_JOBS)

    def key_of(self, task: str, times: AttemptTimes) -> AttemptKey:
        """Return the key of a record's attempt."""
        submit, start, _ = times
        first = self._started.get((task, submit))
        if start and first is None:
            self._started.put((task, submit), start)
        return AttemptKey(task, start if start and first and start != first else submit)


def _is_header(fields: list[str]) -> bool:
    names = [field.strip().lower() for field in fields]
    # The line of a job has its id or its times, and names have neither.
    return sum(name in IN_HEADERS for name in names) >= 2 and all(not name or name.isidentifier() for name in names)


def _columns(fields: list[str]) -> tuple[str, ...]:
    columns = tuple(field.strip().lower() for field in fields)
    columns = columns[:-1] if columns[-1] == "" else columns
    if "jobid" not in columns and "jobidraw" in columns:
        columns = tuple("jobid" if name == "jobidraw" else name for name in columns)
    return columns


def _reader(layout: BarLayout, options: Options) -> Callable[[list[str]], JobRecord | None]:
    columns = layout.columns
    missing = [name for name in NEEDED if name not in columns]
    if "cluster" not in columns and options.workflow is None:
        missing.append("cluster (which --workflow may name instead)")
    if missing:
        raise MissingSacctFields(missing)
    used = itemgetter(*(columns.index(name) if name in columns else layout.width for name in USED))
    stated = [(name, columns.index(name)) for name in USED if name in columns and name not in FREE_TEXT | DETAILS]

    def record(fields: list[str]) -> JobRecord | None:
        if not fields:
            return None
        values = layout.align(fields)
        if values is None:
            raise InvalidLine(f"has {len(fields)} fields separated by '|', not {layout.width}")
        for name, at in stated:
            if values[at] is None:
                raise InvalidLine(f"has more fields than columns, and {name} may be several of them")
        return JobRecord._make(used([*values, None]))

    return record


def _line(
    number: int, record: JobRecord | None, state_of: Callable[[str], JobState], attempts: _Attempts, options: Options
) -> ParsedLine:
    # The list of a pending rest may be cut off with dots, as `123_[5-9,...]`.
    if record is None or "." in record.jobid.rpartition("]")[2]:
        return ParsedLine(number)
    state = state_of(record.state)
    times = _times(record, state, options)
    eligible, unreadable = _eligible(record, times, options)
    waits = _Waits.of(record, times, eligible)
    changes = _changes(record, state, times, eligible, waits, attempts, options)
    return ParsedLine(number, tuple(changes), (*_anomalies(state, times), *unreadable))


def _state(text: str, machine: Machine) -> JobState:
    stated = text.strip()
    whole = stated.removesuffix(CUT)
    name, _, canceller = whole.partition(" by")
    name = _complete(name, machine) if stated != whole else COMPACT.get(name, name)
    if name in UNDATED:
        return JobState(name, None, is_end=False)
    known = canceller.strip() if stated == whole else None
    return JobState(machine.check(name), known or None, is_end=machine.is_terminal(name))


def _complete(beginning: str, machine: Machine) -> str:
    names = [name for name in (*machine.transitions, *UNDATED) if name.startswith(beginning)]
    return names[0] if len(names) == 1 else beginning


def _times(record: JobRecord, state: JobState, options: Options) -> AttemptTimes:
    submits = _instants(record.submit, options)
    if submits == UNKNOWN_TIME:
        raise InvalidLine(f"job {record.jobid!r} has no time of submission")
    starts = _instants(record.start, options) if _got_nodes(record, state) else UNKNOWN_TIME
    ends = _instants(record.end, options) if state.is_end else UNKNOWN_TIME
    doubtful = max(len(submits), len(starts), len(ends)) > 1
    return resolve_ambiguous(submits, starts, ends, run_time=_duration(record.elapsed) if doubtful else None)


def _instants(text: str, options: Options) -> Instants:
    if text.isdecimal():
        return UNKNOWN_TIME if text.strip("0") == "" else (epoch_instant(text, SECOND),)
    return UNKNOWN_TIME if text in NO_TIME else possible_instants(text, options.zone, "sacct")


def _got_nodes(record: JobRecord, state: JobState) -> bool:
    if state.name == "PENDING":
        return False
    if record.nodelist is not None:
        return record.nodelist not in NO_NODES
    if record.alloccpus is not None:
        return record.alloccpus not in NO_CPUS
    # Without either column, a job that was cancelled at its start counts as cancelled before it.
    return not (state.name == "CANCELLED" and record.start == record.end)


def _duration(text: str | None) -> timedelta | None:
    found = DURATION.fullmatch(text or "")
    try:
        return timedelta(**{unit: float(count) for unit, count in found.groupdict("0").items()}) if found else None
    except OverflowError as error:
        raise InvalidLine(f"elapsed {short_repr(text)} is longer than any run") from error


def _changes(
    record: JobRecord,
    state: JobState,
    times: AttemptTimes,
    eligible: datetime | None,
    waits: "_Waits",
    attempts: _Attempts,
    options: Options,
) -> Iterator[Change]:
    cluster = record.cluster or options.workflow or record.cluster
    task = check_id("task", f"{check_id('cluster', cluster)}/{check_id('job', record.jobid)}")
    attempt = attempts.key_of(task, times)
    workflow = options.workflow or check_id("workflow", cluster)
    submitter = make_actor("slurm", user=record.user or None)
    template = template_name(record.jobname) if record.jobname else None
    waiting = _Waiting.of(record, times, eligible)
    partition = {"partition": template_name(record.partition)} if record.partition else None
    first = ELIGIBLE if eligible == times.submit else None
    first_wait = waits.at_eligibility if first else waits.at_submission
    yield RegisterRenamable(
        task, workflow, times.submit, MAX_ATTEMPTS, template, submitter,
        attributes=partition, status=first, waits_for=first_wait, or_initial=True,
    )  # fmt: skip
    restarts = _restarts(record)
    restarted = f"restart {restarts}" if restarts else None
    if attempt.begun_at == times.start != times.submit:
        # Only its start is on record: the submission is that of an earlier attempt.
        by, first, first_wait = make_actor("slurm", record.nodelist, record.user or None), "RUNNING", None
        began = _join(restarted, _flags(record), waiting.at_start)
    else:
        by, began = submitter, _join(restarted, waiting.at_submission, waiting.at_eligibility if first else None)
    yield CreateInstance(
        attempt, task, attempt.begun_at, by, began,
        earlier_attempts=restarts, status=first, waits_for=first_wait, or_initial=True,
    )  # fmt: skip
    if eligible:
        yield MoveIfPossible(attempt, ELIGIBLE, eligible, None, waiting.at_eligibility, waits_for=waits.at_eligibility)
    nodes = make_actor("slurm", record.nodelist if times.start else None)
    if times.start:
        yield MoveInstance(attempt, "RUNNING", times.start, nodes, _join(_flags(record), waiting.at_start))
    if times.end:
        ender = make_actor(f"user:{state.canceller}") if state.canceller else nodes
        yield MoveInstance(attempt, state.name, times.end, ender, _join(_reason(record, state), waiting.at_end))
    if ArrayPart.parse(record.jobid):
        yield SplitArray(task, times.submit, submitter)


def _eligible(record: JobRecord, times: AttemptTimes, options: Options) -> tuple[datetime | None, Sequence[str]]:
    """Return since when only nodes were missing (None: the record does not state it), and the name of an anomaly.

    The rest of an array has no such time, because the records of its elements say how long each of them waited.
    """
    if not record.eligible or REST in record.jobid:
        return None, ()
    try:
        instants = _instants(record.eligible, options)
    except InvalidTime:
        return None, [UNDATED_STATUS]
    latest = times.start or times.end
    in_order = (at for at in instants if at and times.submit <= at and (latest is None or at <= latest))
    return next(in_order, None), ()


class _Waiting(NamedTuple):
    """What kept a job from running, as the reason of the event up to which it did, or since which it does."""

    at_submission: str | None = None
    at_eligibility: str | None = None
    at_start: str | None = None
    at_end: str | None = None

    @classmethod
    def of(cls, record: JobRecord, times: AttemptTimes, eligible: datetime | None) -> Self:
        """Return the reason that a record states, at its event."""
        if record.reason in NO_REASON:
            return cls()
        sentence = f"waiting reason {record.reason}"
        if eligible and (eligible > times.submit or not (times.start or times.end)):
            return cls(at_eligibility=sentence)
        if times.start:
            return cls(at_start=sentence)
        return cls(at_end=sentence) if times.end else cls(at_submission=sentence)


class _Waits(NamedTuple):
    """What a job waits for from its submission, and from its eligibility on.

    The accounting has one reason for both. One that keeps a job from being eligible is of the time before.
    """

    at_submission: WaitsFor | None = None
    at_eligibility: WaitsFor | None = None

    @classmethod
    def of(cls, record: JobRecord, times: AttemptTimes, eligible: datetime | None) -> Self:
        """Return what the reason and the time of eligibility of a record state."""
        stated = read_slurm_reason(record.reason, eligible)
        if eligible is None:
            return cls(stated)
        if stated and precedes_eligibility(stated) and eligible > times.submit:
            return cls(stated, NODES)
        return cls(None, stated or NODES)


def _restarts(record: JobRecord) -> int:
    text = record.restarts or ""
    return min(int(text), MAX_ATTEMPTS) if text.isdecimal() and len(text) <= LONGEST_COUNT else 0


def _flags(record: JobRecord) -> str | None:
    flags = [flag for flag in (record.flags or "").split(",") if flag.strip() not in SILENT_FLAGS]
    return f"flags {','.join(flags)}" if flags else None


def _join(*reasons: str | None) -> str | None:
    return "; ".join(reason for reason in reasons if reason) or None


def _anomalies(state: JobState, times: AttemptTimes) -> Iterator[str]:
    yield from find_reversed(times)
    if state.name in UNDATED or (state.is_end and times.end is None):
        yield UNDATED_STATUS


def _reason(record: JobRecord, state: JobState) -> str | None:
    if state.canceller:
        return record.state
    return f"exit code {record.exitcode}" if record.exitcode not in NO_ERROR else None
