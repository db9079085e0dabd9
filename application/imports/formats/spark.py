"""Spark's event log: a JSON object a line, plain, compressed, or the folder of a rolling log.

What Spark calls task 3.1 in stage 5.0 is the attempt `APP/5.0/3/1` at the task `APP/5.0/3`, in the workflow APP (or
--workflow). APP is the application's id, with its own attempt where it has one; where the log names none, it is made of
the first attempt that it tells of. 5.0 is a stage and its attempt, as a stage that is tried again is another set of
tasks. A task is PENDING since its stage was submitted, an attempt RUNNING since it was launched, and in its last status
since it finished. What the log does not say stays unknown:

- An attempt that never ended stays RUNNING, whatever became of its executor, stage or application.
- A task of which no attempt was launched is not there.
- What is RESUBMITTED has no time of its own: it is the latest instant that the log has told by then.

Events of jobs, stages and executors say nothing of a task but what is used here; all others are left out unread.
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
from application.imports.naming import join_id, make_actor, placeholder_name, template_name
from application.imports.options import Options
from domain.actor import Actor
from domain.entity import check_id
from domain.errors import MAX_ATTEMPTS, SojournError
from domain.time import EPOCH

LIFECYCLE = "spark"

STAGES = 10_000
"""How many stages are remembered, at least."""

LONGEST_REASON = 500
BEGINNING = b'{"Event":"'

SUCCESS, FAILED, KILLED, RESUBMITTED, GET_RESULT = "SUCCESS", "FAILED", "KILLED", "RESUBMITTED", "GET RESULT"

STATUS = {
    "Success": SUCCESS,
    "Resubmitted": RESUBMITTED,
    "TaskKilled": KILLED,
    "TaskCommitDenied": KILLED,
}
"""The status of an attempt that ended for a reason; any other reason is that it FAILED."""

AT = ("Timestamp", "Submission Time", "Completion Time")
"""Where an event says when it happened."""

WHY = ("Description", "Loss Reason", "Kill Reason", "Message")
"""Where a reason says more, whatever its kind."""


class Stage(NamedTuple):
    """What an attempt at a stage is called, and when it was submitted, where that is known."""

    name: str | None = None
    submitted_at: datetime | None = None


class TaskAttempt(NamedTuple):
    """An attempt at a task, as an event tells it."""

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


UNKNOWN = Stage()


def looks_like(line: str) -> bool:
    """Whether a file that begins so may be an event log."""
    return line.startswith("{") and '"Event"' in line


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """What each event proposes."""
    log = _Log(options)
    for number, text in lines:
        try:
            yield log.line(number, text)
        except SojournError as error:
            yield BadLine(number, str(error))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            yield BadLine(number, f"is no event as Spark writes it: {type(error).__name__} {error}")


class _Log:
    """What the events before say of those that come."""

    def __init__(self, options: Options) -> None:
        self._application: str | None = None
        self._options = options
        self._workflow = options.workflow
        self._stages: BoundedCache[tuple[int, int], Stage] = BoundedCache(STAGES)
        self._open: set[tuple[int, int, int, int]] = set()
        self._latest = EPOCH
        self._readers: dict[bytes, Callable[[int, JsonObject], ParsedLine]] = {
            b"SparkListenerApplicationStart": self._application_start,
            b"SparkListenerEnvironmentUpdate": self._environment,
            b"SparkListenerStageSubmitted": self._stage_submitted,
            b"SparkListenerStageCompleted": self._stage_completed,
            b"SparkListenerTaskStart": self._task_start,
            b"SparkListenerTaskGettingResult": self._task_getting_result,
            b"SparkListenerTaskEnd": self._task_end,
            b"SparkListenerExecutorRemoved": self._at_a_time,
            b"SparkListenerJobStart": self._at_a_time,
            b"SparkListenerJobEnd": self._at_a_time,
        }

    def line(self, number: int, text: bytes) -> ParsedLine:
        """What an event proposes; one that says nothing of a task is not read further than its name."""
        if text.startswith(BEGINNING):
            read = self._readers.get(text[len(BEGINNING) : text.index(b'"', len(BEGINNING))])
            return read(number, parse_json_object(text)) if read else ParsedLine(number)
        said = parse_json_object(text)
        if not isinstance(said.get("Event"), str):
            raise InvalidLine('is no event of Spark: it has no "Event"')
        read = self._readers.get(said["Event"].encode())
        return read(number, said) if read else ParsedLine(number)

    def _application_start(self, number: int, said: JsonObject) -> ParsedLine:
        attempt = said.get("App Attempt ID")
        if said.get("App ID"):
            self._application = f"{said['App ID']}{f'_{attempt}' if attempt else ''}"
            self._workflow = self._options.workflow or said["App ID"]
        return self._at_a_time(number, said)

    def _environment(self, number: int, said: JsonObject) -> ParsedLine:
        if self._application is None:
            self._application = said.get("Spark Properties", {}).get("spark.app.id")
        return ParsedLine(number)

    def _stage_submitted(self, number: int, said: JsonObject) -> ParsedLine:
        info = said["Stage Info"]
        submitted_at = _time(info.get("Submission Time"))
        stage = Stage(template_name(info.get("Stage Name") or "") or None, submitted_at)
        self._stages.put((info["Stage ID"], info.get("Stage Attempt ID", 0)), stage)
        self._hear(submitted_at)
        return ParsedLine(number)

    def _stage_completed(self, number: int, said: JsonObject) -> ParsedLine:
        self._hear(_time(said["Stage Info"].get("Completion Time")))
        return ParsedLine(number)

    def _at_a_time(self, number: int, said: JsonObject) -> ParsedLine:
        self._hear(_time(next((said[key] for key in AT if key in said), None)))
        return ParsedLine(number)

    def _task_start(self, number: int, said: JsonObject) -> ParsedLine:
        told = _told(said)
        self._open.add((*told.stage, told.number, told.attempt))
        self._hear(told.launched_at)
        return ParsedLine(number, tuple(self._beginning(told)))

    def _task_getting_result(self, number: int, said: JsonObject) -> ParsedLine:
        info = said["Task Info"]
        # Of the stage, this event does not speak: the end of the attempt tells again when its result was fetched.
        self._hear(_time(info.get("Getting Result Time")))
        return ParsedLine(number)

    def _task_end(self, number: int, said: JsonObject) -> ParsedLine:
        told, reason = _told(said), said["Task End Reason"]
        status = STATUS.get(reason["Reason"], FAILED)
        self._hear(told.finished_at)
        at = self._latest if status == RESUBMITTED else told.finished_at or self._latest
        return ParsedLine(number, tuple(self._ending(told, status, at, reason)), tuple(_anomalies(told, status)))

    def _beginning(self, told: TaskAttempt) -> Iterator[Change]:
        task, instance = self._ids(told)
        stage = self._stages.get(told.stage) or UNKNOWN
        workflow = check_id("workflow", self._workflow or self._called(told))
        pending = min(stage.submitted_at or told.launched_at, told.launched_at)
        yield RegisterTask(task, workflow, pending, MAX_ATTEMPTS, stage.name)
        yield CreateInstance(instance, task, told.launched_at, _executor(told), _launch(told))

    def _ending(self, told: TaskAttempt, status: str, at: datetime, reason: JsonObject) -> Iterator[Change]:
        attempt = (*told.stage, told.number, told.attempt)
        if attempt in self._open:
            self._open.remove(attempt)
        else:
            yield from self._beginning(told)
        _, instance = self._ids(told)
        by = _executor(told)
        if told.result_at and status != RESUBMITTED:
            yield MoveInstance(instance, GET_RESULT, told.result_at, by)
        yield MoveInstance(instance, status, at, by, _why(reason))

    def _ids(self, told: TaskAttempt) -> tuple[str, str]:
        stage = f"{told.stage[0]}.{told.stage[1]}"
        parts = self._called(told), stage, str(told.number)
        return join_id("task", *parts), join_id("task instance", *parts, str(told.attempt))

    def _called(self, told: TaskAttempt) -> str:
        if self._application is None:
            # Not by its file: a name like eventlog is that of many.
            self._application = placeholder_name(
                LIFECYCLE, f"{told.launched_at} {told.task_id} {told.executor} {told.host}"
            )
        return self._application

    def _hear(self, at: datetime | None) -> None:
        if at is not None and at > self._latest:
            self._latest = at


def _told(said: JsonObject) -> TaskAttempt:
    info = said["Task Info"]
    launched_at = _time(info["Launch Time"])
    if launched_at is None:
        raise InvalidLine("has no time of launch")
    return TaskAttempt(
        (int(said["Stage ID"]), int(said.get("Stage Attempt ID", 0))),
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
    return EPOCH + timedelta(milliseconds=milliseconds) if milliseconds and milliseconds > 0 else None


def _anomalies(told: TaskAttempt, status: str) -> Iterator[str]:
    if status == RESUBMITTED:
        yield "resubmitted"
    elif told.finished_at is None:
        yield "undated-status"
    elif told.finished_at < told.launched_at:
        yield "end-before-start"


def _launch(told: TaskAttempt) -> str:
    return f"task ID {told.task_id}{', speculative' if told.speculative else ''}"


def _why(reason: JsonObject) -> str | None:
    kind = reason["Reason"]
    if kind == "Success":
        return None
    words = [kind, reason.get("Class Name"), next((reason[key] for key in WHY if reason.get(key)), None)]
    return ": ".join(str(word) for word in words if word).strip()[:LONGEST_REASON]


def _executor(told: TaskAttempt) -> Actor:
    return make_actor(f"executor:{told.executor}" if told.executor else "executor", told.host)
