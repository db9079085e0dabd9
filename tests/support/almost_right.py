"""Files that are almost right: valid samples of every import format, and strategies that spoil a part of them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

SECOND = 1_769_846_400_000
"""2026-01-31T08:00:00Z in milliseconds."""


def _spark(event: str, **keys: Any) -> str:
    return json.dumps({"Event": f"SparkListener{event}", **keys}, separators=(",", ":"))


def _spark_task(event: str, attempt: int, **reason: Any) -> str:
    info = {
        "Task ID": 70 + attempt, "Index": 3, "Attempt": attempt, "Launch Time": SECOND + 1000, "Executor ID": "1",
        "Host": "n1", "Speculative": False, "Getting Result Time": SECOND + 5000, "Finish Time": SECOND + 9000,
    }  # fmt: skip
    return _spark(event, **{"Stage ID": 5, "Stage Attempt ID": 0, "Task Info": info, **reason})


SAMPLES: dict[str, list[str]] = {
    "jsonl": [
        '{"entity":"task","id":"t1","event":"registered","at":"2026-01-31T08:00:00Z","workflow":"w1","max_attempts":3,'
        '"template":"align","actor":{"component":"c","host":"h","pid":7,"user":"u"}}',
        '{"entity":"task","id":"t1","to":"QUEUED","at":"2026-01-31T08:00:01Z","actor":"gate","reason":"because"}',
        '{"entity":"task_instance","id":"t1/1","event":"created","at":"2026-01-31T08:00:02Z","task":"t1"}',
        '{"entity":"ti","id":"t1/1","to":"INSTANTIATED","at":"2026-01-31T08:00:03Z"}',
        '{"entity":"ti","id":"t1/1","to":"LAUNCHED","at":"2026-01-31T08:00:04Z","report_by_date":"2026-01-31T09:00:00Z"}',
        '{"entity":"ti","id":"t1/1","to":"RUNNING","at":"2026-01-31T08:00:05Z","workflow":"w1"}',
        '{"entity":"task","id":"p1","event":"registered","at":"2026-01-31T08:00:00Z","lifecycle":"prefect",'
        '"lifecycle_version":1,"attributes":{"tags":["gpu"],"retries":2,"retry_delay_seconds":1.5}}',
        '{"entity":"task","id":"p1","to":"RUNNING","at":"2026-01-31T08:00:01Z","attempt":true,"state":{"name":"Going",'
        '"message":"on","details":{"a":[1,2.5,{"b":null}]},"scheduled_time":"2026-01-31T08:00:00Z"}}',
        '{"entity":"task","id":"p1","event":"refused","to":"RUNNING","response":"WAIT","rule":"slots","rule_reason":"full",'
        '"delay_seconds":30,"runner":"r","waits_for":{"kind":"slot","holders":["a"]},"at":"2026-01-31T08:00:02Z"}',
        '{"entity":"task","id":"o1","event":"registered","at":"2026-01-31T08:00:00Z","lifecycle":"mine",'
        '"lifecycle_version":2,"definition":{"name":"mine","version":2,"task":{"initial":"NEW",'
        '"transitions":{"NEW":["OLD"],"OLD":[]},"terminal":["OLD"]}}}',
        '{"entity":"task","id":"o1","to":"OLD","at":"2026-01-31T08:00:01Z"}',
        '{"entity":"task","id":"y1","event":"registered","at":"2026-01-31T08:00:00Z","lifecycle":"pynenc"}',
        '{"entity":"task","id":"y1","to":"PENDING","runner":"r1","at":"2026-01-31T08:00:01Z"}',
        '{"entity":"task","id":"t1","event":"reset","at":"2026-01-31T08:00:09Z"}',
    ],
    "sacct": [
        "JobID|Cluster|User|Submit|Eligible|Start|End|Elapsed|ExitCode|State|Reason|Restarts|Flags|NodeList|AllocCPUS"
        "|JobName",
        "17|c|ann|2026-01-31T08:00:00|2026-01-31T08:01:00|2026-01-31T08:05:00|2026-01-31T09:00:00|00:55:00|0:0|COMPLETED"
        "|Dependency|1|SchedMain,StartRecieved|n[1-2]|4|align",
        "18|c|bob|1769846400|1769846400|1769846460|1769850000|1-00:59:00|9:0|CANCELLED by 501|None|0||n1|1|a|b",
        "19|c|bob|2026-03-29T02:30:00|2026-03-29T02:30:00|2026-10-25T02:30:00|2026-10-25T02:30:00|00:00:00|0:0|FAILED"
        "|None|0|SchedBackfill|n1|1|clock",
        "20|c||2026-01-31T08:00:00|Unknown|Unknown|Unknown||0:0|PENDING|JobHeldUser|0||None assigned|0|waits",
        "17.batch|c|ann|2026-01-31T08:00:00||2026-01-31T08:05:00|2026-01-31T09:00:00|00:55:00|0:0|COMPLETED||||n1|4"
        "|batch",
    ],
    "nextflow": [
        "\t".join((
            "task_id", "hash", "native_id", "process", "tag", "name", "status", "exit", "attempt", "submit", "start",
            "complete", "duration", "realtime", "hostname",
        )),
        *("\t".join(row.split("|")) for row in (
            "1|ab/12|77|ALIGN|s1|ALIGN (s1)|FAILED|1|1|2026-01-31 08:00:00.000|2026-01-31 08:00:05.000|-|1m 20s|20s|n1",
            "2|ab/13|78|ALIGN|s1|ALIGN (s1)|COMPLETED|0|2|1769846500000|1769846505000|1769846509000|9000|4000|n2",
            "3|ab/14|-|ALIGN|s2|ALIGN (s2)|CACHED|0|1|2026-01-30 08:00:00.000|-|2026-01-30 08:00:05.000|5s|1s|-",
            "4|ab/15|79|SORT|-|SORT|COMPLETED|0|1|2026-01-31 08:00:00.000|-|-|1d 2h 3m 4s 5ms|1h|n1",
        )),
    ],
    "jobmon": [
        "task_id,workflow_id,previous_status,new_status,entered_at,exited_at",
        '204,17,G,Q,2026-01-31 08:00:00,2026-01-31 08:00:01',
        '"204","17","QUEUED","INSTANTIATING","2026-01-31 08:00:01.000000",NULL',
        '204,17,I,O,2026-01-31T09:00:02+01:00,',
        "205,17,,G,2026-01-31 08:00:00,2026-01-31 07:00:00",
        "205,17,G,Q,2026-10-25 02:30:00,",
    ],
    "spark": [
        _spark("ApplicationStart", **{"App ID": "app-1", "App Attempt ID": "1", "Timestamp": SECOND}),
        _spark("EnvironmentUpdate", **{"Spark Properties": {"spark.app.id": "app-1"}}),
        _spark("StageSubmitted", **{"Stage Info": {
            "Stage ID": 5, "Stage Attempt ID": 0, "Stage Name": "count", "Submission Time": SECOND,
        }}),
        _spark_task("TaskStart", 0),
        _spark_task("TaskEnd", 0, **{"Task End Reason": {"Reason": "ExceptionFailure", "Class Name": "java.Oops"}}),
        _spark_task("TaskEnd", 1, **{"Task End Reason": {"Reason": "Success"}}),
        _spark("ExecutorRemoved", Timestamp=SECOND + 9000),
        _spark("StageCompleted", **{"Stage Info": {"Stage ID": 5, "Completion Time": SECOND + 9000}}),
    ],
}  # fmt: skip
"""Format -> the lines of a valid file of it."""

SACCT_JOB = {
    "job_id": 17, "name": "align", "cluster": "c", "user": "ann", "nodes": "n[1-2]", "allocation_nodes": 2,
    "array": {"job_id": 16, "task_id": {"set": True, "infinite": False, "number": 3}, "task": ""},
    "het": {"job_id": 0, "job_offset": None}, "exit_code": {"status": ["SUCCESS"], "return_code": 0},
    "state": {"current": ["COMPLETED"], "reason": "Dependency"}, "kill_request_user": "", "restart_cnt": 1,
    "flags": ["STARTED_ON_BACKFILL", "START_RECEIVED"],
    "time": {"submission": 1769846400, "eligible": 1769846400, "start": 1769846460, "end": 1769850000},
    "association": {"user": "ann", "cluster": "c"},
}  # fmt: skip
SACCT_JSON = {
    "meta": {"slurm": {"cluster": "c", "version": {"major": "23"}}},
    "jobs": [SACCT_JOB, SACCT_JOB | {"job_id": 18, "array": {"job_id": 0}, "state": {"current": "RUNNING"}}],
    "errors": [],
}
"""What `sacct --json` prints of two jobs, one in each shape."""

SEQERA_TASK = {
    "id": 230087803, "taskId": 1, "status": "COMPLETED", "hash": "ab/12ef34", "nativeId": "job-7", "process": "ALIGN",
    "tag": "s1", "name": "ALIGN (s1)", "submit": "2026-01-31T08:00:00Z", "start": "2026-01-31T08:00:45Z",
    "complete": "2026-01-31T08:01:01Z", "duration": 61250, "realtime": 15800, "attempt": 1, "exitStatus": 0,
    "exit": "0", "module": [], "cpus": 2, "cost": 0.0003, "errorAction": None,
}  # fmt: skip
SEQERA_TASKS = {
    "workflow": {"id": "5ymDk0hm", "status": "SUCCEEDED"},
    "tasks": [
        {"task": SEQERA_TASK},
        SEQERA_TASK | {"taskId": 2, "name": "SORT", "status": "ABORTED", "complete": None},
    ],
    "total": 2,
}
"""What Seqera Platform answers about two tasks of a run, one in each shape."""

NUMBERS = (
    "0", "-1", "1.5", "999999999999999999", "9223372036854775808", "253402300800", "1e400", "NaN", "Infinity", "²", "٣",
    "1_0", "9" * 5_000, "0.1e-9", "4294967296",
)  # fmt: skip
TIMES = (
    "0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59",
    "9998-12-31T23:59:59-23:59", "2026-02-30T00:00:00", "2026-01-31T24:00:00", "2026-W01-1", "20260131T080000Z",
    "2026-01-31", "2026-01-31T08:00:00+25:00", "99999999999999999d", "99999999999d 1h", "Unknown", "1-99:99:99",
    "999999999999-00:00:00",
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "\x1b[2J", "\u202e", '"', '"' + "x" * 200_000, "x" * 300, "x" * 200_000, "😀" * 255, "|" * 40,
    "\t" * 40, "," * 40, "\\", "\\ud800", "\\u0000", "null", "[" * 5_000, "{" * 5_000, "CANCELLED by " + "9" * 1_000,
    "\r", "\ufeff", "%s", "{}", "/", "import:", "COMPLETED+",
)  # fmt: skip
TOKEN = re.compile(rb"[^\s,|\t\"{}:\[\]]+")

FIELDS = st.sampled_from([*NUMBERS, *TIMES, *TEXTS]) | st.text(max_size=20)
ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from([*NUMBERS, *TIMES, *TEXTS]) | st.sampled_from([10**18, 2**31, 2**63, -(2**63), 10**30, 1e300])
)  # fmt: skip
VALUES = st.recursive(
    ATOMS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=5,
)


@st.composite
def almost_right(draw: st.DrawFn, format_name: str) -> bytes:
    """A sample of the format, of which up to four places are spoilt."""
    return draw(spoilt_lines([line.encode() for line in SAMPLES[format_name]]))


@st.composite
def spoilt_lines(draw: st.DrawFn, right: Sequence[bytes]) -> bytes:
    """The lines of a text, of which up to four places are spoilt."""
    lines = list(right)
    for _ in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, max(len(lines) - 1, 0)))
        lines[number : number + 1] = draw(_spoilt(lines[number])) if lines else []
    return b"\n".join(lines) + draw(st.sampled_from([b"\n", b"", b"\r\n", b"\x00"]))


@st.composite
def spoilt_document(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document in which one value is another, missing, or one more."""
    copy = json.loads(json.dumps(document))
    paths = list(_paths(copy))
    *to_parent, key = draw(st.sampled_from(paths))
    parent = copy
    for step in to_parent:
        parent = parent[step]
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "remove":
            del parent[key]
        case "add" if isinstance(parent, dict):
            parent[draw(st.text(max_size=9))] = draw(VALUES)
        case _:
            parent[key] = draw(VALUES)
    return copy


@st.composite
def _spoilt(draw: st.DrawFn, line: bytes) -> list[bytes]:
    document = _document(line)
    if document and draw(st.booleans()):
        return [_dumped(draw(spoilt_document(document)))]
    return draw(st.sampled_from(WAYS))(draw, line)


def _cut(draw: st.DrawFn, line: bytes) -> list[bytes]:
    return [line[: draw(st.integers(0, len(line)))]]


def _insert_bytes(draw: st.DrawFn, line: bytes) -> list[bytes]:
    at = draw(st.integers(0, len(line)))
    return [line[:at] + draw(st.binary(min_size=1, max_size=9)) + line[at:]]


def _repeat(_draw: st.DrawFn, line: bytes) -> list[bytes]:
    return [line, line]


def _remove(_draw: st.DrawFn, _line: bytes) -> list[bytes]:
    return []


def _prefix(draw: st.DrawFn, line: bytes) -> list[bytes]:
    return [draw(st.sampled_from([b"x", b'"', b"|", b"\t", b",", b"["])) * 200_000 + line]


def _change_token(draw: st.DrawFn, line: bytes) -> list[bytes]:
    tokens = list(TOKEN.finditer(line))
    if not tokens:
        return [line]
    token = draw(st.sampled_from(tokens))
    return [line[: token.start()] + draw(FIELDS).encode(errors="surrogatepass") + line[token.end() :]]


WAYS = (_change_token, _change_token, _change_token, _cut, _insert_bytes, _repeat, _remove, _prefix)
"""The ways to spoil a line, of whatever format."""


def _document(line: bytes) -> Any:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _dumped(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _paths(value: Any, to: Sequence[Any] = ()) -> Any:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in steps:
        yield (*to, key)
        yield from _paths(part, (*to, key))
