"""Reads Spark's event log: one JSON object a line, plain, compressed, or the folder of a rolling log.

The events are those of Spark's JsonProtocol.scala.

Spark's task 3.1 in stage 5.0 is the attempt `APP/5.0/3/1` at the task `APP/5.0/3`, in the workflow APP (or --workflow).
APP is the application's id, with the application's attempt if it has one; a log without an id gets a name made of its
first attempt. 5.0 is a stage and its attempt, because a stage that is tried again is another set of tasks. A task is
PENDING from its stage's submission, when its parents had ended: it waits for a slot of an executor, or for resources
while there was no executor. An attempt is RUNNING from its launch, and in its last status from its finish. What the log
does not say stays unknown:

- A task whose stage's submission is unknown begins as RUNNING. What it waits for is unknown before the log has an
  executor, unless it has the application's start.

- An attempt without an end stays RUNNING, even if its executor, stage or application ended.
- A task without a launched attempt does not appear.
- RESUBMITTED has no time of its own: it gets the latest time in the log so far.
- So does an end without a time (`Finish Time` 0), counted as `estimated-time`. If that is no later than the launch, the
  end waits for a later time in the log (`_held`); without one it is left out, and counted as `undated-status`.

Logs of old versions do not number attempts (`Attempt`): they are numbered in the order of their launch, as Spark does.

Of events about jobs, stages and executors, only times, names of stages and ids of executors are read; all others are
skipped.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from application.imports.bounded_cache import BoundedCache
from application.imports.change import (
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    MoveInstance,
    ParsedLine,
    RegisterTask,
)
from application.imports.json_object import JsonObject, parse_json_object
from application.imports.local_time import epoch_instant
from application.imports.naming import join_id, make_actor, placeholder_name, template_name
from application.imports.options import Options
from application.imports.parsing import parse_lines
from domain.actor import Actor
from domain.entity import check_id
from domain.errors import MAX_ATTEMPTS
from domain.time import EPOCH
from domain.waits_for import WaitKind, WaitsFor

LIFECYCLE = "spark"

REMEMBERED_STAGES = 10_000
"""The number of stages that are remembered, at least."""

MAX_REASON_LENGTH = 500
MILLISECOND = timedelta(milliseconds=1)
EVENT_PREFIX = b'{"Event":"'

SUCCESS, FAILED, KILLED, RESUBMITTED, GET_RESULT = "SUCCESS", "FAILED", "KILLED", "RESUBMITTED", "GET RESULT"

STATUS = {
    "Success": SUCCESS,
    "Resubmitted": RESUBMITTED,
    "TaskKilled": KILLED,
    "TaskCommitDenied": KILLED,
}
"""The status for an attempt's end reason; all other reasons mean FAILED."""

TIME_KEYS = ("Timestamp", "Submission Time", "Completion Time")
"""The keys under which events have their time."""

DETAIL_KEYS = ("Description", "Loss Reason", "Kill Reason", "Message")
"""The keys under which reasons have a text."""


PENDING, RUNNING = "PENDING", "RUNNING"
SLOT = WaitsFor(kind=WaitKind.SLOT)
EXECUTOR = WaitsFor(kind=WaitKind.RESOURCES, detail="executor")


class Stage(NamedTuple):
    """A stage's name and time of submission, and what its tasks waited for then, as far as they are known."""

    name: str | None = None
    submitted_at: datetime | None = None
    waits_for: WaitsFor | None = None


class TaskAttempt(NamedTuple):
    """An attempt at a task, as an event describes it."""

    stage: tuple[int, int]
    number: int
    attempt: int
    task_id: int
    launched_at: datetime
    result_at: datetime | None
    finished_at: datetime | None
    executor: str
    host: str | None
    speculative: bool


class LaunchOrder(NamedTuple):
    """The attempts in a stage of a log that does not number them: how many each task had, and the number of each."""

    counts: dict[int, int]
    numbers: dict[int, int]

    def number_of(self, attempt: TaskAttempt) -> int:
        """Return the number of an attempt among those at its task; the one that is met first has 0."""
        if attempt.task_id not in self.numbers:
            self.numbers[attempt.task_id] = self.counts.get(attempt.number, 0)
            self.counts[attempt.number] = self.numbers[attempt.task_id] + 1
        return self.numbers[attempt.task_id]


UNKNOWN_STAGE = Stage()


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be an event log."""
    return line.startswith("{") and '"Event"' in line


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the changes of each event."""
    log = _Log(options)
    for line in parse_lines(lines, log.parse, "is not an event as Spark writes it"):
        yield from log.take_dated()
        if not log.is_held(line.number):
            yield line
    yield from log.take_undated()


class _Log:
    """Parses events, remembering what earlier ones say about the application and its stages."""

    def __init__(self, options: Options) -> None:
        self._application: str | None = None
        self._options = options
        self._workflow = options.workflow
        self._stages: BoundedCache[tuple[int, int], Stage] = BoundedCache(REMEMBERED_STAGES)
        self._open: set[tuple[int, int, int, int]] = set()
        self._numbers: BoundedCache[tuple[int, int], LaunchOrder] = BoundedCache(REMEMBERED_STAGES)
        self._held: dict[int, tuple[TaskAttempt, str, JsonObject]] = {}
        self._latest = EPOCH
        self._executors: set[str] = set()
        self._has_start = False
        self._readers: dict[bytes, Callable[[int, JsonObject], ParsedLine]] = {
            b"SparkListenerApplicationStart": self._application_start,
            b"SparkListenerEnvironmentUpdate": self._environment,
            b"SparkListenerStageSubmitted": self._stage_submitted,
            b"SparkListenerStageCompleted": self._stage_completed,
            b"SparkListenerTaskStart": self._task_start,
            b"SparkListenerTaskGettingResult": self._task_getting_result,
            b"SparkListenerTaskEnd": self._task_end,
            b"SparkListenerExecutorAdded": self._executor_added,
            b"SparkListenerExecutorRemoved": self._executor_removed,
            b"SparkListenerJobStart": self._at_a_time,
            b"SparkListenerJobEnd": self._at_a_time,
            b"SparkListenerApplicationEnd": self._at_a_time,
        }

    def parse(self, number: int, text: bytes) -> ParsedLine:
        """Return the changes of an event. Of an event without use, only the name is read."""
        if text.startswith(EVENT_PREFIX):
            read = self._readers.get(text[len(EVENT_PREFIX) : text.index(b'"', len(EVENT_PREFIX))])
            return read(number, parse_json_object(text)) if read else ParsedLine(number)
        event = parse_json_object(text)
        if not isinstance(event.get("Event"), str):
            raise InvalidLine('is not a Spark event: it has no "Event"')
        read = self._readers.get(event["Event"].encode())
        return read(number, event) if read else ParsedLine(number)

    def _application_start(self, number: int, event: JsonObject) -> ParsedLine:
        self._has_start = True
        attempt = event.get("App Attempt ID")
        if event.get("App ID"):
            self._application = f"{event['App ID']}{f'_{attempt}' if attempt else ''}"
            self._workflow = self._options.workflow or event["App ID"]
        return self._at_a_time(number, event)

    def _environment(self, number: int, event: JsonObject) -> ParsedLine:
        if self._application is None:
            self._application = event.get("Spark Properties", {}).get("spark.app.id")
        return ParsedLine(number)

    def _stage_submitted(self, number: int, event: JsonObject) -> ParsedLine:
        info = event["Stage Info"]
        submitted_at = _time(info.get("Submission Time"))
        stage = Stage(template_name(info.get("Stage Name") or "") or None, submitted_at, self._stage_wait())
        self._stages.put((info["Stage ID"], info.get("Stage Attempt ID", 0)), stage)
        self._note_time(submitted_at)
        return ParsedLine(number)

    def _stage_wait(self) -> WaitsFor | None:
        if self._executors:
            return SLOT
        return EXECUTOR if self._has_start else None

    def _stage_completed(self, number: int, event: JsonObject) -> ParsedLine:
        self._note_time(_time(event["Stage Info"].get("Completion Time")))
        return ParsedLine(number)

    def _at_a_time(self, number: int, event: JsonObject) -> ParsedLine:
        self._note_time(_time(next((event[key] for key in TIME_KEYS if key in event), None)))
        return ParsedLine(number)

    def _executor_added(self, number: int, event: JsonObject) -> ParsedLine:
        self._executors.add(str(event.get("Executor ID")))
        return self._at_a_time(number, event)

    def _executor_removed(self, number: int, event: JsonObject) -> ParsedLine:
        self._executors.discard(str(event.get("Executor ID")))
        return self._at_a_time(number, event)

    def _task_start(self, number: int, event: JsonObject) -> ParsedLine:
        attempt = self._task_attempt(event)
        self._open.add(self._key(attempt))
        self._executors.add(attempt.executor)
        self._note_time(attempt.launched_at)
        return ParsedLine(number, tuple(self._begin(attempt)))

    def _task_getting_result(self, number: int, event: JsonObject) -> ParsedLine:
        info = event["Task Info"]
        # This event has no stage id; the task-end event repeats the fetch time.
        self._note_time(_time(info.get("Getting Result Time")))
        return ParsedLine(number)

    def _task_end(self, number: int, event: JsonObject) -> ParsedLine:
        attempt, reason = self._task_attempt(event), event["Task End Reason"]
        status = STATUS.get(reason["Reason"], FAILED)
        self._note_time(attempt.launched_at)
        self._note_time(attempt.finished_at)
        if attempt.finished_at is None and self._latest == attempt.launched_at:
            self._held[number] = attempt, status, reason
            return ParsedLine(number)
        return self._ended_line(number, attempt, status, reason)

    def _ended_line(self, number: int, attempt: TaskAttempt, status: str, reason: JsonObject) -> ParsedLine:
        at = self._latest if status == RESUBMITTED else attempt.finished_at or self._latest
        return ParsedLine(number, tuple(self._end(attempt, status, at, reason)), tuple(_anomalies(attempt, status)))

    def is_held(self, number: int) -> bool:
        """Return whether the end of an attempt in this line waits for a time."""
        return number in self._held

    def take_dated(self) -> Iterator[ParsedLine]:
        """Yield the lines whose attempts have ended by now, because the log has a later time than their launch."""
        # All of them were launched at the latest time of then.
        if not self._held or self._latest == next(iter(self._held.values()))[0].launched_at:
            return
        held, self._held = self._held, {}
        for number, (attempt, status, reason) in held.items():
            yield self._ended_line(number, attempt, status, reason)

    def take_undated(self) -> Iterator[ParsedLine]:
        """Yield the lines whose attempts ended at a time that nothing in the log suggests."""
        for number, (attempt, _, _) in self._held.items():
            begin = () if self._key(attempt) in self._open else self._begin(attempt)
            yield ParsedLine(number, tuple(begin), ("undated-status",))

    def _task_attempt(self, event: JsonObject) -> TaskAttempt:
        attempt = _task_attempt(event)
        if "Attempt" in event["Task Info"]:
            return attempt
        order = self._numbers.get(attempt.stage) or LaunchOrder({}, {})
        self._numbers.put(attempt.stage, order)
        return attempt._replace(attempt=order.number_of(attempt))

    def _begin(self, attempt: TaskAttempt) -> Iterator[Change]:
        task, instance = self._ids(attempt)
        stage = self._stages.get(attempt.stage) or UNKNOWN_STAGE
        workflow = check_id("workflow", self._workflow or self._application_id(attempt))
        submitted_at = stage.submitted_at
        if submitted_at and submitted_at < attempt.launched_at:
            first, at, waits_for = PENDING, submitted_at, stage.waits_for
        else:
            first, at, waits_for = RUNNING, attempt.launched_at, None
        yield RegisterTask(
            task, workflow, at, MAX_ATTEMPTS, stage.name, status=first, waits_for=waits_for, or_initial=True
        )
        yield CreateInstance(instance, task, attempt.launched_at, _executor(attempt), _launch(attempt))

    def _end(self, attempt: TaskAttempt, status: str, at: datetime, reason: JsonObject) -> Iterator[Change]:
        if self._key(attempt) in self._open:
            self._open.remove(self._key(attempt))
        else:
            yield from self._begin(attempt)
        _, instance = self._ids(attempt)
        by = _executor(attempt)
        if attempt.result_at and status != RESUBMITTED:
            yield MoveInstance(instance, GET_RESULT, attempt.result_at, by)
        yield MoveInstance(instance, status, at, by, _reason_text(reason))

    @staticmethod
    def _key(attempt: TaskAttempt) -> tuple[int, int, int, int]:
        return *attempt.stage, attempt.number, attempt.attempt

    def _ids(self, attempt: TaskAttempt) -> tuple[str, str]:
        stage = f"{attempt.stage[0]}.{attempt.stage[1]}"
        parts = self._application_id(attempt), stage, str(attempt.number)
        return join_id("task", *parts), join_id("task instance", *parts, str(attempt.attempt))

    def _application_id(self, attempt: TaskAttempt) -> str:
        if self._application is None:
            # Not the name of the file, because many logs have a name like eventlog.
            self._application = placeholder_name(
                LIFECYCLE, f"{attempt.launched_at} {attempt.task_id} {attempt.executor} {attempt.host}"
            )
        return self._application

    def _note_time(self, at: datetime | None) -> None:
        if at is not None and at > self._latest:
            self._latest = at


def _task_attempt(event: JsonObject) -> TaskAttempt:
    info = event["Task Info"]
    launched_at = _time(info["Launch Time"])
    if launched_at is None:
        raise InvalidLine("has no time of launch")
    return TaskAttempt(
        (int(event["Stage ID"]), int(event.get("Stage Attempt ID", 0))),
        int(info["Index"]),
        int(info.get("Attempt", 0)),
        int(info["Task ID"]),
        launched_at,
        _time(info.get("Getting Result Time")),
        _time(info.get("Finish Time")),
        str(info.get("Executor ID", "")),
        str(info["Host"]) if info.get("Host") else None,
        bool(info.get("Speculative", False)),
    )


def _time(milliseconds: int | None) -> datetime | None:
    return epoch_instant(milliseconds, MILLISECOND) if milliseconds and milliseconds > 0 else None


def _anomalies(attempt: TaskAttempt, status: str) -> Iterator[str]:
    if status == RESUBMITTED:
        yield "resubmitted"
    elif attempt.finished_at is None:
        yield "estimated-time"
    elif attempt.finished_at < attempt.launched_at:
        yield "end-before-start"


def _launch(attempt: TaskAttempt) -> str:
    return f"task ID {attempt.task_id}{', speculative' if attempt.speculative else ''}"


def _reason_text(reason: JsonObject) -> str | None:
    kind = reason["Reason"]
    if kind == "Success":
        return None
    words = [kind, reason.get("Class Name"), next((reason[key] for key in DETAIL_KEYS if reason.get(key)), None)]
    return ": ".join(str(word) for word in words if word).strip()[:MAX_REASON_LENGTH]


def _executor(attempt: TaskAttempt) -> Actor:
    return make_actor(f"executor:{attempt.executor}" if attempt.executor else "executor", attempt.host)
