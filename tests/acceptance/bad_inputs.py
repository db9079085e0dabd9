"""Bad inputs over every entrance: what is given, the status, and a part of the sentence that it gets.

Each class is an entrance. A row of it is one line; `test_bad_inputs.py` tries them all. Files are named by `{folder}`,
which has those of FILES and a symlink loop. The log has what `tests/support/almost_right.py` has in its samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from application.transition_service import TaskSpec, TransitionService

LONG = "x" * 300
MEGABYTE = "x" * 2**20
DIGITS = "9" * 5_000
HALF = "\udcff"
"""Half of a surrogate pair: what a byte that is no UTF-8 becomes among a program's arguments."""
AT = datetime(2026, 1, 31, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Command:
    """Arguments of the program."""

    arguments: tuple[str, ...]
    sentence: str
    status: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    stdin: bytes = b""


@dataclass(frozen=True)
class Request:
    """A request to the HTTP API."""

    method: str
    path: str
    status: int
    sentence: str
    body: str | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call of a service: `error` is what it raises."""

    call: Callable[[TransitionService], object]
    error: str
    sentence: str


@dataclass(frozen=True)
class Statement:
    """A statement of an analyst."""

    sql: str
    sentence: str


FILES: dict[str, bytes] = {
    "nonsense": b"nonsense\n",
    "empty": b"",
    "binary": bytes(range(256)) * 100,
    "first-line": b"x" * 200_000 + b"\n",
    "quote.csv": b"task_id,workflow_id,new_status,entered_at\n" + b'1,2,"' + b"x" * 200_000 + b"\n",
    "times.sacct": b"JobID|Cluster|Submit|Start|End|State\n1|c|999999999999999999|Unknown|Unknown|PENDING\n",
    "duration.trace": (
        b"task_id\tname\tstatus\tsubmit\tduration\n1\tA\tCOMPLETED\t2026-01-31 08:00:00Z\t99999999999999999d\n"
    ),
    "spark.json": b'{"Event":"SparkListenerTaskStart","Stage ID":"' + b"9" * 5_000 + b'"}\n',
    "deep.jsonl": b"[" * 100_000 + b"\n",
    "future.jsonl": b'{"entity":"task","id":"f","event":"registered","at":"2099-01-01T00:00:00Z"}\n',
    "no-columns.csv": b"task_id,new_status\n1,Q\n",
    "no-zone.csv": b"task_id,workflow_id,new_status,entered_at\n1,2,Q,2026-01-31 08:00:00\n",
    "cut.gz": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH",
    "lz4": b"\x04\x22\x4d\x18" + b"x" * 100,
    "deep.toml": b"a = " + b"[" * 10_000,
    "digits.toml": b"version = " + b"9" * 5_000,
    "dotted.toml": b".".join([b"a"] * 20_000) + b" = 1",
    "large.toml": b"#" * 300_000,
    "latin.toml": "name = 'é'".encode("latin-1"),
    "typo.toml": b'name = "x"\nversion = 1\n[task]\nintial = "A"\ntransitions = {}\nterminal = []\n',
    "huge-version.toml": b'name = "x"\nversion = 9999999999\n[task]\ninitial = "A"\nterminal = []\n'
    b"[task.transitions]\nA = []\n",
    "limits.toml": b'[[limit]]\nstatus = "RUNNING"\nmax_duration = "1e9d"\n',
    "cut.sojourn": b"\x28\xb5\x2f\xfd\x04",
}

BIG_NUMBER = '{"tasks":[{"task_id":"t","max_attempts":1e400}],"workflow_id":"w","lifecycle":"jobmon"}'

COMMANDS = [
    # names of entities
    Command(("history", "nope"), "'nope' is not the name of an entity; write task:ID"),
    Command(("history", "task:"), "'task:' is not the name of an entity"),
    Command(("history", "job:1"), "'job:1' is not the name of an entity"),
    Command(("history", "task:none"), "no task 'none'"),
    Command(("history", f"task:{LONG}"), "is not a text of 1 to 255 characters"),
    Command(("history", f"task:{MEGABYTE}"), "is not a text of 1 to 255 characters"),
    Command(("history", MEGABYTE), "is not the name of an entity"),
    Command(("history", f"task:{HALF}"), r"task id '\udcff' is not a text"),
    Command(("history",), "Missing argument 'ENTITY'"),
    Command(("history", "task:t1", "task:p1"), "Got unexpected extra argument"),
    Command(("status", "ti:t1"), "no task instance 't1'"),
    Command(("why", "array:none"), "no array 'none'"),
    # times, durations and numbers
    Command(("status", "task:t1", "--at", "soon"), "time 'soon' cannot be read; write it like 2026-01-31T08:30:00Z"),
    Command(("status", "task:t1", "--at", "2026-02-30T00:00:00Z"), "cannot be read"),
    Command(("status", "task:t1", "--at", "tomorrow"), "time 'tomorrow' cannot be read"),
    Command(("status", "task:t1", "--at", "-2"), "time '-2' is not a duration before now; write it like"),
    Command(("list", "tasks", "--since", "yesteday"), "did you mean 'yesterday'?"),
    Command(("list", "tasks", "--until", "2099-01-01"), "--until 2099-01-01T00:00:00"),
    Command(
        ("status", "task:t1", "--at", "today"),
        "TZ: no time zone 'Mars/Base'; write it like Europe/Berlin or UTC",
        environment={"TZ": "Mars/Base"},
    ),
    Command(("status", "task:t1", "--at", "9999-12-31T23:59:59Z"), "is out of range"),
    Command(("status", "task:t1", "--at", "0001-01-01T00:00:00Z"), "is out of range"),
    Command(("status", "task:t1", "--at", "2099-01-01T00:00:00Z"), "is in the future"),
    Command(("status", "task:t1", "--at", DIGITS), "cannot be read"),
    Command(("diff", "--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"), "give the earlier time first"),
    Command(("diff", "--from", "2026-02-01T00:00:00Z"), "Missing option '--to'"),
    Command(("recover", "--max-pending", "-1s"), "duration '-1s' cannot be used; write it like 90s, 5m or 1h 30m"),
    Command(("recover", "--max-pending", f"{DIGITS}s"), "cannot be used"),
    Command(("recover", "--runner-dead-after", "nan"), "duration 'nan' cannot be used"),
    Command(("heartbeat", "r", "--for", "0"), "duration '0' cannot be used"),
    Command(("heartbeat", "r", "--while", "1"), "--while needs --every"),
    Command(("heartbeat", "r", "--every", "1s", "--while", "99999999999999999999"), "'--while'"),
    Command(("heartbeat", LONG), "runner id"),
    Command(("slots", "gpu", "--limit", "-1"), "tag 'gpu' needs a limit of 0 to 2147483647, not -1"),
    Command(("slots", "gpu", "--limit", "99999999999"), "needs a limit of 0 to 2147483647"),
    Command(("slots", "gpu", "--limit", DIGITS), "'--limit'"),
    Command(("slots", "--limit", "1"), "no tag is given; name the TAG"),
    Command(("slots", "gpu", "--limit", "1", "--no-limit"), "--limit and --no-limit exclude each other"),
    Command(("variants", "--limit", "0"), "'--limit'"),
    Command(("variants", "--limit", "9223372036854775808"), "'--limit'"),
    Command(("replay", "--all", "--until", "-1"), "'--until'"),
    Command(("concurrency", "--status", "RUNNING", "--bucket", "1e9d"), "cannot be used"),
    Command(("orphans", "--stuck-after", "RUNNING"), "'RUNNING' is not STATUS=DURATION"),
    Command(("orphans", "--stuck-after", "RUNNING=soon"), "a threshold cannot be read"),
    Command(("orphans", "--runner-dead-after", "99999999999999 years"), "a threshold cannot be read"),
    Command(("orphans", "--stuck-factor", "nan"), "factor"),
    # other names
    Command(("orphans", "--rule", "stuk"), "no orphan rule 'stuk'; did you mean 'stuck'?"),
    Command(("orphans", "--stuck-after", "RUNING=1h"), "no status 'RUNING'; did you mean 'RUNNING'?"),
    Command(("concurrency", "--status", "RUNING"), "no status 'RUNING'; did you mean 'RUNNING'?"),
    Command(("audit", "--workflow", "none"), "no workflow 'none'"),
    Command(("audit", "--task", "none"), "no task 'none'"),
    Command(("audit", "--workflow", HALF), "half of a surrogate pair is not text"),
    Command(("time-in-status", "--by", "tempalte"), "is not one of"),
    Command(("workflow", "none"), "no workflow 'none'"),
    Command(("failures", "--by", "color"), "is not one of"),
    Command(("reset", "--workflow", "none"), "no workflow 'none'"),
    Command(("cancel", "--workflow", "w1", "--status", "RUNING"), "no status 'RUNING'"),
    Command(("list", "tasks", "--status", "RUNING"), "no status 'RUNING'"),
    Command(("list", "jobs"), "No such command 'jobs'"),
    Command(("token", "create", ""), "token id '' is not a text"),
    Command(("token", "create", LONG), "token id"),
    Command(("token", "revoke", "nobody"), "no token 'nobody'"),
    Command(("token", "create", "n", "--scope", "root"), "is not one of"),
    Command(("replay",), "none or several of ENTITY, --workflow and --all are given; name exactly one"),
    Command(("replay", "task:t1", "--all"), "name exactly one"),
    Command(("replay", "--all", "--lifecycle", "jobmn"), "no lifecycle 'jobmn'; did you mean 'jobmon'?"),
    Command(("lifecycle", "show", "jobmn"), "no lifecycle 'jobmn'; did you mean 'jobmon'?"),
    Command(("lifecycle", "show", "../jobmon"), "no lifecycle '../jobmon'"),
    Command(("exprot",), "No such command 'exprot'"),
    Command(("history", "task:t1", "--ful"), "No such option: --ful"),
    Command(("history", "task:t1", "--json=yes"), "does not take a value"),
    Command(("serve", "--port", "99999"), "'--port'"),
    Command(("serve", "--host", f"a{LONG}"), "is not a loopback address, and no token exists yet"),
    Command(("serve", "--host", "203.0.113.1"), "no token exists yet"),
    # outputs
    Command(("export", "--format", "cvs", "-o", "{folder}/x"), "no export format 'cvs'; did you mean 'csv'?"),
    Command(("export", "--format", "csv", "-o", "{folder}"), "is a folder, not a file; name a file"),
    Command(("export", "--format", "csv", "-o", "{folder}/loop"), "Too many levels of symbolic links"),
    Command(("export", "--format", "csv", "-o", "{folder}/none/x"), "cannot be written: No such file or directory"),
    Command(("export", "--format", "csv", "-o", "/dev/full"), "'/dev/full' cannot be written: No space left on device"),
    Command(("export", "--format", "csv", "-o", f"{{folder}}/{LONG}"), "cannot be written: File name too long"),
    Command(("export", "--format", "csv", "-o", "-", "--json"), "cannot be both the export and the answer"),
    Command(("export", "--format", "parquet", "-o", "-"), "this format writes a folder; name one with -o"),
    Command(("export", "--format", "parquet", "-o", "{folder}"), "exists already; name another folder"),
    Command(("export", "--format", "xes", "--csv-safe", "-o", "{folder}/x"), "--csv-safe is for csv"),
    Command(("export", "--format", "csv", "--workflow", "none", "-o", "{folder}/x"), "no workflow 'none'"),
    Command(("report", "--workflow", "w1", "-o", "{folder}/loop"), "Too many levels of symbolic links"),
    Command(("bundle", "--workflow", "w1", "-o", "{folder}"), "is a folder, not a file"),
    Command(("bundle", "--workflow", "none", "-o", "{folder}/x"), "no workflow 'none'"),
    Command(("archive", "--before", "now", "--to", "{folder}"), "is not the folder of an archive; choose another"),
    Command(("archive", "--before", "now", "--to", "{folder}/a", "--workflow", "none"), "no workflow 'none'"),
    Command(("erase", "--actor", "", "--because", "x"), "actor id '' is not a text"),
    Command(("erase", "--actor", "a", "--because", " "), "is not a text; state why, because the log keeps it"),
    Command(("erase", "--actor", "a", "--because", "x", "--workflow", "none"), "no workflow 'none'"),
    Command(("restore", "--from", "{folder}/none", "--workflow", "w1"), "is not the folder of an archive"),
    # files of every format
    Command(("import", "jsonl", "{folder}/missing"), "cannot be used: No such file or directory"),
    Command(("import", "jsonl", "{folder}"), "is not a rolling event log"),
    Command(("import", "jsonl", "{folder}/loop"), "Too many levels of symbolic links"),
    Command(("import", "jsonl", "/proc/self/mem"), "cannot be read: Input/output error"),
    Command(("import", "jsonl", "{folder}/lz4"), "is compressed by lz4, which is not supported; decompress it first"),
    Command(("import", "jsnl", "{folder}/nonsense"), "no format 'jsnl'; did you mean 'jsonl'?"),
    Command(("import", "jsonl", "{folder}/times.sacct"), "does not look like jsonl, but like sacct"),
    Command(("import", "jobmon", "{folder}/no-columns.csv"), "the file lacks entered_at"),
    Command(("import", "jobmon", "{folder}/no-zone.csv"), "name it with --timezone"),
    Command(("import", "jobmon", "{folder}/no-zone.csv", "--timezone", "Mars"), "no time zone 'Mars'"),
    Command(("import", "jobmon", "{folder}/no-zone.csv", "--timezone", "../../etc/passwd"), "no time zone"),
    Command(("import", "jsonl", "{folder}/nonsense", "--lifecycle", "jobmn"), "no lifecycle 'jobmn'"),
    Command(("import", "jsonl", "{folder}/nonsense", "--lifecycle", "{folder}/deep.toml"), "it is nested too deeply"),
    Command(("import", "sacct", "{folder}/times.sacct", "--lifecycle", "prefect"), "has no task instances"),
    Command(("import", "jsonl", "{folder}/nonsense", "--workflow", LONG), "workflow id"),
    Command(("import", "jsonl", "{folder}/nonsense"), "line 1: is not valid JSON", 1),
    Command(("import", "jsonl", "{folder}/binary"), "line 1: is not valid JSON", 1),
    Command(("import", "jsonl", "{folder}/first-line"), "line 1: is not valid JSON", 1),
    Command(("import", "jsonl", "{folder}/deep.jsonl"), "line 1: is not valid JSON: recursion limit exceeded", 1),
    Command(("import", "jsonl", "{folder}/future.jsonl"), "is in the future", 1),
    Command(("import", "jsonl", "{folder}/cut.gz"), "the file is cut off or damaged", 1),
    Command(("import", "jsonl", "-"), "line 1: is not valid JSON", 1, stdin=b"\xff\xfe\x00"),
    Command(("import", "jobmon", "{folder}/quote.csv"), "line 2: has a quote without an end", 1),
    Command(("import", "sacct", "{folder}/times.sacct"), "time '999999999999999999' is out of range", 1),
    Command(("import", "nextflow", "{folder}/duration.trace"), "'99999999999999999d' is longer than a century", 1),
    Command(("import", "spark", "{folder}/spark.json"), "line 1: is not an event as Spark writes it", 1),
    Command(("import", "spark", "{folder}/nonsense"), "line 1: is not valid JSON", 1),
    # lifecycles, limits and cases
    Command(("lifecycle", "check", "{folder}/missing"), "does not exist"),
    Command(("lifecycle", "check", "{folder}/deep.toml"), "it is nested too deeply", 1),
    Command(("lifecycle", "check", "{folder}/digits.toml"), "a number has too many digits", 1),
    Command(("lifecycle", "check", "{folder}/dotted.toml"), "has a dotted key of more than 16 parts", 1),
    Command(("lifecycle", "check", "{folder}/large.toml"), "is longer than 256 KiB", 1),
    Command(("lifecycle", "check", "{folder}/latin.toml"), "is not UTF-8 text", 1),
    Command(("lifecycle", "check", "{folder}/typo.toml"), "intial is not a known key; did you mean 'initial'?", 1),
    Command(("lifecycle", "check", "{folder}/huge-version.toml"), "version is not 2,147,483,647 or less", 1),
    Command(("lifecycle", "check", "/dev/zero"), "is longer than 256 KiB", 1),
    Command(("breaches", "--sla", "{folder}/missing"), "cannot be read: No such file or directory"),
    Command(("breaches", "--sla", "{folder}/limits.toml"), "duration '1e9d' cannot be used"),
    Command(("breaches", "--sla", "{folder}/dotted.toml"), "has a dotted key of more than 16 parts"),
    Command(("open", "{folder}/missing"), "cannot be used: No such file or directory"),
    Command(("open", "{folder}/nonsense"), "is not a case file"),
    Command(("open", "{folder}/empty"), "is not a case file"),
    Command(("open", "{folder}/cut.sojourn"), "is not a case file"),
    Command(("open", "{folder}"), "Is a directory"),
    Command(("open", "--forget", "postgres"), "no opened case 'postgres'"),
    Command(("open",), "none or several of CASE, --list and --forget are given; name exactly one"),
    # the database
    Command(("--dsn", "nonsense", "audit"), "the DSN cannot be read: a part of it has no ="),
    Command(("--dsn", "postgresql://u:secret@[::1/x", "audit"), "the DSN cannot be read"),
    Command(("--dsn", "postgresql://127.0.0.1:1/x?connect_timeout=1", "audit"), "Connection refused"),
    Command(("--dsn", "host=127.0.0.1 port=abc", "audit"), "port"),
    Command(("--dsn", "host=127.0.0.1 colour=red", "audit"), "it has an option that PostgreSQL does not have"),
    Command(("--dsn", "service=none", "audit"), "none"),
    # environment variables
    Command(("audit",), "SOJOURN_CLOCK_TOLERANCE 'soon' is not", environment={"SOJOURN_CLOCK_TOLERANCE": "soon"}),
    Command(("audit",), "SOJOURN_CLOCK_TOLERANCE", environment={"SOJOURN_CLOCK_TOLERANCE": DIGITS}),
    Command(("serve",), "SOJOURN_HTTP_POOL_SIZE 'ten' is not", environment={"SOJOURN_HTTP_POOL_SIZE": "ten"}),
    Command(("serve",), "SOJOURN_HTTP_POOL_SIZE '1' is not", environment={"SOJOURN_HTTP_POOL_SIZE": "1"}),
    Command(("serve",), "SOJOURN_HTTP_POOL_WAIT_SECONDS", environment={"SOJOURN_HTTP_POOL_WAIT_SECONDS": "nan"}),
    Command(("serve",), "SOJOURN_HTTP_ANSWER_SECONDS", environment={"SOJOURN_HTTP_ANSWER_SECONDS": "-1"}),
    Command(("serve",), "SOJOURN_HTTP_MAX_BODY_BYTES", environment={"SOJOURN_HTTP_MAX_BODY_BYTES": "16MiB"}),
    Command(("audit",), "port", environment={"SOJOURN_DSN": "host=127.0.0.1 port=abc"}),
    Command(("audit",), "the DSN cannot be read", environment={"SOJOURN_DSN": "nonsense"}),
]

TASKS, REPORT = "/api/v3/tasks", "/api/v3/task_instance/t1/1/transition"
JSON = {"Content-Type": "application/json"}

REQUESTS = [
    Request("GET", "/api/v3/nothing", 404, "is not a route"),
    Request("DELETE", TASKS, 405, "Method Not Allowed"),
    Request("POST", TASKS, 400, "the body is not valid JSON", "{", JSON),
    Request("POST", TASKS, 422, "body is missing", "", JSON),
    Request("POST", TASKS, 422, "body is not an object", "[]", JSON),
    Request("POST", TASKS, 422, "workflow_id", '{"tasks":[]}', JSON),
    Request(
        "POST",
        TASKS,
        415,
        "the content type of the body is not JSON",
        '{"workflow_id":"w","tasks":[]}',
        {"Content-Type": "text/plain"},
    ),
    Request("POST", TASKS, 422, "max_attempts", BIG_NUMBER, JSON),
    Request("POST", TASKS, 422, "is not at most 2147483647", BIG_NUMBER.replace("1e400", "99999999999"), JSON),
    Request("POST", TASKS, 422, "lifecycle", BIG_NUMBER.replace("1e400", "1").replace("jobmon", "jobmn"), JSON),
    Request(
        "POST",
        TASKS,
        422,
        "body.workflow_id is not a text",
        '{"workflow_id":"","lifecycle":"jobmon","tasks":[{"task_id":"t"}]}',
        JSON,
    ),
    Request("POST", TASKS, 400, "the body is not valid JSON", "[" * 100_000, JSON),
    Request("POST", TASKS, 400, "the body is not valid JSON", b"\xff\xfe", JSON),
    Request("POST", REPORT, 422, "no status 'DON'", '{"to_status":"DON"}', JSON),
    Request("POST", REPORT, 422, "to_status", "{}", JSON),
    Request("POST", REPORT, 422, "time 'soon' cannot be read", '{"to_status":"RUNNING","report_by_date":"soon"}', JSON),
    Request("POST", REPORT, 422, "has no zone", '{"to_status":"RUNNING","occurred_at":"2026-01-31T08:00:00"}', JSON),
    Request("POST", REPORT, 422, "in the future", '{"to_status":"RUNNING","occurred_at":"2099-01-31T08:00:00Z"}', JSON),
    Request("POST", REPORT, 422, "reason", '{"to_status":"RUNNING","reason":"' + "x" * 70_000 + '"}', JSON),
    Request("POST", REPORT, 422, "colour", '{"to_status":"RUNNING","colour":"red"}', JSON),
    Request("POST", "/api/v3/task_instance/none/transition", 404, "none", '{"to_status":"RUNNING"}', JSON),
    Request("POST", "/api/v3/task_instances", 404, "none", '{"instances":{"x":"none"}}', JSON),
    Request("POST", "/api/v3/tasks/gate", 422, "body.task_ids is not a list", '{"task_ids":"t1"}', JSON),
    Request("POST", "/api/v3/tasks/gate", 422, "is not a text of at most 255", f'{{"task_ids":["{LONG}"]}}', JSON),
    Request("POST", "/api/v3/tasks/gate", 422, "a text contains NUL", '{"task_ids":["\\u0000"]}', JSON),
    Request("GET", "/api/v3/history/nope", 422, "is not the name of an entity"),
    Request("GET", "/api/v3/history/task:none", 404, "no task 'none'"),
    Request("GET", "/api/v3/history/task:%00", 422, "is not a text of 1 to 255 characters without NUL"),
    Request("GET", "/api/v3/history/task:%ff", 404, "no task '\ufffd'"),
    Request("GET", f"/api/v3/history/task:{LONG}", 422, "is not a text of at most 269 characters"),
    Request("GET", "/api/v3/status/task:t1?at=soon", 422, "soon"),
    Request("GET", "/api/v3/status/task:t1?at=2099-01-01T00:00:00Z", 422, "in the future"),
    Request("GET", "/api/v3/status/task:t1?when=now", 422, "when"),
    Request("GET", "/api/v3/audit?workflow_id=%00", 422, "a text contains NUL"),
    Request("GET", "/api/v3/audit?workflow=w1", 422, "workflow"),
    Request("GET", "/api/v3/time-in-status?by=tempalte", 422, "query.by is not 'workflow'"),
    Request("GET", "/api/v3/concurrency?status=RUNING", 422, "RUNING"),
    Request("GET", "/api/v3/array/none/batch/1", 404, "none"),
    Request("GET", "/api/v3/array/none/batch/99999999999999999999", 422, "path.batch_number is not at most"),
    Request("GET", "/api/v3/events?after=-1", 422, "after"),
    Request("POST", "/api/v3/runner/r/heartbeat", 422, "body.seconds is not above 0", '{"seconds":-1}', JSON),
    Request(
        "POST",
        TASKS,
        422,
        "header.Idempotency-Key",
        '{"workflow_id":"w","tasks":[]}',
        {**JSON, "Idempotency-Key": "k" * 300},
    ),
]

CALLS = [
    Call(lambda s: s.register_tasks("", [TaskSpec("a")]), "InvalidId", "workflow id '' is not a text"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("\0")]), "InvalidId", "task id"),
    Call(lambda s: s.register_tasks("w", [TaskSpec(HALF)]), "InvalidId", "task id"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("a", 2**31)]), "InvalidMaxAttempts", "needs max_attempts of 1 to"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("a", 10**5000)]), "InvalidMaxAttempts", "too large to be shown"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("a")], "jobmn"), "UnknownLifecycle", "did you mean 'jobmon'?"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("a")], "\0.toml"), "LifecycleFileInvalid", "embedded null byte"),
    Call(lambda s: s.register_tasks("w", [TaskSpec("a", attributes={"tag": 1})]), "InvalidAttributes", "'tags'?"),
    Call(lambda s: s.register_tasks("w", ["a"]), "TypeError", "'a' is not a TaskSpec"),  # type: ignore[list-item]
    Call(lambda s: s.create_task_instances({"x": "none"}), "UnknownEntity", "no task 'none'"),
    Call(lambda s: s.gate_tasks_for_queueing("t1"), "TypeError", "'t1' is not a sequence of task ids"),
    Call(lambda s: s.transition_tasks(["t1"], "RUNING"), "UnknownStatus", "did you mean 'RUNNING'?"),
    Call(lambda s: s.transition_task_instance("t1/1", "DON"), "UnknownStatus", "no status 'DON'"),
    Call(lambda s: s.transition_task_instance("t1/1", "DONE", reason="x" * 70_000), "ReasonTooLong", "65536 bytes"),
    Call(lambda s: s.transition_task_instance("t1/1", "DONE", command_id=""), "InvalidId", "command id"),
    Call(
        lambda s: s.transition_task_instance("t1/1", "DONE", occurred_at=AT.replace(tzinfo=None)),
        "InvalidTime",
        "has no zone",
    ),
    Call(
        lambda s: s.transition_task_instance("t1/1", "DONE", occurred_at=AT.replace(year=2099)),
        "FutureTime",
        "is in the future",
    ),
    Call(lambda s: s.transition_task("p1", "PENDING", details={"a": object()}), "InvalidDetails", "are not a JSON"),
    Call(lambda s: s.transition_task("p1", "PENDING", details={"a": float("nan")}), "InvalidDetails", "are not a JSON"),
    Call(lambda s: s.transition_task("t1", "DONE", runner_id="r" * 300), "InvalidId", "runner id"),
    Call(lambda s: s.reset_tasks(["\0"]), "InvalidId", "task id"),
    Call(lambda s: s.heartbeat("r", float("nan")), "InvalidDuration", "duration nan cannot be used"),
    Call(lambda s: s.heartbeat("r", 1e30), "InvalidDuration", "cannot be used"),
    Call(lambda s: s.limit_concurrency("gpu", 10**5000), "InvalidLimit", "too large to be shown"),
    Call(lambda s: s.recover(max_pending_seconds=-1), "InvalidDuration", "cannot be used"),
    Call(lambda s: s.arrays.bind("w", "v", -1), "InvalidConcurrency", "is a number of 0 to"),
    Call(lambda s: s.arrays.queue_task_batch("none", ["t1"]), "UnknownEntity", "no array 'none'"),
    Call(lambda s: s.arrays.batch("none", 1), "UnknownEntity", "no array 'none'"),
    Call(lambda s: s.history("nope"), "InvalidEntity", "is not the name of an entity"),
    Call(lambda s: s.status("task:none"), "UnknownEntity", "no task 'none'"),
    Call(lambda s: s.audit(workflow_id="\0"), "UnstorableValue", "cannot contain NUL"),
    Call(lambda s: s.audit(workflow_id=HALF), "UnstorableValue", "half of a surrogate pair is not text"),
    Call(lambda s: s.time_in_status(by="tempalte"), "UnknownChoice", "tempalte"),  # type: ignore[arg-type]
    Call(lambda s: s.orphans(rule="stuk"), "UnknownOrphanRule", "did you mean 'stuck'?"),
    Call(lambda s: s.diff(AT, AT.replace(year=2025)), "TimesReversed", "give the earlier time first"),
]

STATEMENTS = [
    Statement("SELECT * FROM sojourn.time_in_status(by => 'tempalte')", "'tempalte' is not one of"),
    Statement("SELECT * FROM sojourn.time_in_status('ti')", "'ti' is not one of task, task_instance"),
    Statement("SELECT * FROM sojourn.concurrency('task', 'RUNING')", "'RUNING' is not one of"),
    Statement(
        "SELECT * FROM sojourn.concurrency_by_bucket('task', 'RUNNING', '0s')", "stride must be greater than zero"
    ),
    Statement("SELECT * FROM sojourn.attempts(workflow_id => 'v')", "'v' is not a workflow of the log"),
    Statement("SELECT * FROM sojourn.breaches('{}')", "limits is not a list of objects"),
    Statement("SELECT * FROM sojourn.variants('ti')", "'ti' is not one of task, task_instance"),
    Statement("SET sojourn.as_of = 'soon'; SELECT * FROM sojourn.current_task", "soon"),
    Statement("SET sojourn.stuck_after = 'soon'; SELECT * FROM sojourn.orphan", "invalid input syntax for type json"),
    Statement("UPDATE sojourn.event SET data = '{}'", "append-only"),
    Statement("DELETE FROM sojourn.event", "append-only"),
    Statement("TRUNCATE sojourn.stored_event", "the log is append-only"),
]
