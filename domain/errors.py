"""The errors of Sojourn, each with its data and a sentence that says what is wrong and what to do."""

from abc import ABC
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain.nearest import nearest_names
from domain.printable import short_repr
from domain.text import MAX_REASON_BYTES

MAX_ATTEMPTS = 2**31 - 1
"""The largest number of attempts of a task: the largest integer of a database column."""

MAX_CONCURRENTLY_RUNNING = MAX_ATTEMPTS
"""The largest limit of concurrent instances: the largest integer of a database column."""

LONGEST_NAME = 300
"""The length to which a sentence shows a name; ids are shorter."""

MAX_NAMES_SHOWN = 5
"""The number of names that a sentence lists at most."""


class SojournError(Exception):
    """Raised as one of its subclasses when Sojourn itself finds something wrong; catch it to catch them all.

    Fix: read the message, which names the thing, what is wrong with it, and what to do.
    """


class MissingExtra(SojournError, ImportError):
    """Raised when a call needs packages that only an extra installs.

    Fix: install the extra that the message names.
    """

    def __init__(self, what: str, extra: str, *, otherwise: str = "") -> None:
        self.extra = extra
        remedies = f"run: pip install 'sojourn[{extra}]'" + (f", or {otherwise}" if otherwise else "")
        super().__init__(f"{what} needs packages that are not installed; {remedies}")


class Interruption(ABC):  # noqa: B024  # a marker, abstract only so that errors of a library can register
    """A failure of the database that a rule or a write met by no fault of its own: the caller decides what to do.

    The errors of a database library are registered as virtual subclasses, so test with isinstance, not with except.
    """


class Contention(Interruption):
    """An interruption because others held or changed the same rows: the whole transition may be tried again."""


class UnknownName(SojournError, LookupError):
    """Raised as one of its subclasses when a name is not among the known ones.

    Fix: use one of `known`; `nearest` has the likeliest.
    """

    kind = "name"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        beginning = [known for known in self.known if isinstance(name, str) and name and known.startswith(name)]
        self.nearest = tuple(beginning if len(beginning) == 1 else nearest_names(name, self.known))
        super().__init__(name)

    def __str__(self) -> str:
        return f"no {self.kind} {short_repr(self.name, LONGEST_NAME)}{did_you_mean(self.nearest) or self._choices()}"

    def _choices(self) -> str:
        return f"; there are {', '.join(self.known)}" if self.known else ""


class UnknownStatus(UnknownName):
    """Raised when a status is not a status of the machine; nothing is stored.

    Fix: use one of `known`; `nearest` has the likeliest.
    """

    kind = "status"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name, known)
        if not self.nearest and isinstance(name, str):
            by_upper = {status.upper(): status for status in self.known}
            self.nearest = tuple(by_upper[near] for near in nearest_names(name.upper(), by_upper))


class InvalidStart(SojournError, ValueError):
    """Raised when an entity would begin in a status in which its lifecycle lets none begin; nothing is stored.

    Fix: use one of `known`, or name the status in the lifecycle's `starts_in`.
    """

    def __init__(self, status: str, known: Sequence[str]) -> None:
        self.status = status
        self.known = tuple(known)
        super().__init__(f"{status} is not a status in which an entity begins; use {' or '.join(known)}")


class UnknownChoice(UnknownName):
    """Raised when an argument is none of its choices, such as `by="tempalte"`.

    Fix: pass one of `known`; `argument` is the argument, `nearest` the likeliest choice.
    """

    kind = "choice"

    def __init__(self, argument: str, name: str, known: Iterable[str]) -> None:
        super().__init__(name, known)
        self.argument = argument

    def __str__(self) -> str:
        return f"{self.argument}={self.name!r} is not one of {', '.join(self.known)}{did_you_mean(self.nearest)}"


def check_choice(argument: str, value: str | None, choices: Iterable[str]) -> None:
    """Check that an argument is one of its choices; None stands for no choice.

    Raises:
        UnknownChoice: it is none of them; the error has the nearest.
    """
    known = tuple(choices)
    if value is not None and value not in known:
        raise UnknownChoice(argument, str(value), known)


class UnknownLifecycle(UnknownName):
    """Raised when no lifecycle has the name: it neither ships with Sojourn nor is in the log.

    Fix: use one of `known`, or pass the path of a TOML file.
    """

    kind = "lifecycle"


class UnknownRule(UnknownName):
    """Raised when a lifecycle names a rule that does not exist.

    Fix: use one of `known` in the lifecycle's file.
    """

    kind = "rule"


class UnknownOrphanRule(UnknownName):
    """Raised when no orphan rule has the name.

    Fix: use one of `known`.
    """

    kind = "orphan rule"


class InvalidThreshold(SojournError, ValueError):
    """Raised when a threshold of the orphan rules is not a duration.

    Fix: write it like 30s, 15m, 2h or 1 day; `thresholds` has what was given.
    """

    def __init__(self, thresholds: Mapping[str, str], why: str) -> None:
        self.thresholds = dict(thresholds)
        settings = ", ".join(f"sojourn.{name} = {value!r}" for name, value in self.thresholds.items())
        super().__init__(
            f"a threshold cannot be read{f' ({settings})' if settings else ''}: {' '.join(why.split())}; "
            "write durations like 30s, 15m, 2h or 1 day"
        )


class LifecycleInvalid(SojournError, ValueError):
    """Raised when the parts of a lifecycle do not fit together.

    Fix: correct every one of `problems`.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class UnknownEntity(UnknownName):
    """Raised when the log has no task, task instance, array, runner or workflow of that id.

    Fix: check the id; `nearest` has a similar known one, `known` some that there are, `elsewhere` the entities of other
    kinds that have the id, `names` all ids that are unknown.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        nearest: Iterable[str] = (),
        *,
        others: Iterable[str] = (),
        known: Iterable[str] = (),
        elsewhere: Iterable[str] = (),
    ) -> None:
        super().__init__(name, known)
        self.kind = kind
        self.nearest = tuple(nearest)
        self.names = (name, *others)
        self.elsewhere = tuple(elsewhere)

    def __str__(self) -> str:
        others = self.names[1:]
        listed = f" (nor {', '.join(map(repr, others[:MAX_NAMES_SHOWN]))}" if others else ""
        more = f" and {len(others) - MAX_NAMES_SHOWN} more" if len(others) > MAX_NAMES_SHOWN else ""
        name = short_repr(self.name, LONGEST_NAME)
        return f"no {self.kind} {name}{listed}{more}{')' if others else ''}{self._hint()}"

    def _hint(self) -> str:
        if self.elsewhere:
            return f", but there is {' and '.join(self.elsewhere)}"
        return did_you_mean(self.nearest) or self._choices()

    def _choices(self) -> str:
        shown = [short_repr(name, LONGEST_NAME) for name in sorted(self.known[:MAX_NAMES_SHOWN])]
        more = " and more" if len(self.known) > MAX_NAMES_SHOWN else ""
        return f"; there {'is' if len(shown) == 1 else 'are'} {', '.join(shown)}{more}" if shown else ""


class Archived(UnknownEntity):
    """Raised when an entity or a workflow is no longer in the log, because it is in an archive.

    Fix: restore the `workflow` from its `folder`, or use another id; `archived_at` is when it was moved.
    """

    def __init__(self, entity: str, workflow: str, folder: str, archived_at: str) -> None:
        kind, _, name = entity.partition(":")
        super().__init__(kind.replace("_", " "), name)
        self.entity = entity
        self.workflow = workflow
        self.folder = folder
        self.archived_at = archived_at

    def __str__(self) -> str:
        workflow = f"workflow {short_repr(self.workflow, LONGEST_NAME)}"
        subject = workflow if self.kind == "workflow" else f"{self.kind} {short_repr(self.name, LONGEST_NAME)}"
        belongs = "" if self.kind == "workflow" else f" with {workflow}"
        return (
            f"{subject} is in the archive {self.folder!r}{belongs} since {self.archived_at}; "
            "`sojourn restore` brings it back"
        )


class UnknownArray(UnknownEntity):
    """Raised when a workflow has no array for a task template version.

    Fix: bind the array first.
    """

    def __init__(self, workflow_id: str, task_template_version_id: str) -> None:
        super().__init__("task template version", task_template_version_id)
        self.workflow_id = workflow_id

    def __str__(self) -> str:
        return f"workflow {self.workflow_id!r} has no array for task template version {self.name!r}"


class InvalidEntity(SojournError, ValueError):
    """Raised when a text does not name an entity.

    Fix: write task:ID, ti:ID, array:ID or runner:ID; `nearest` has a known one whose id is like the text.
    """

    def __init__(self, text: str, nearest: Iterable[str] = ()) -> None:
        self.text = text
        self.nearest = tuple(nearest)
        super().__init__(
            f"{short_repr(text)} is not the name of an entity; write task:ID, ti:ID, array:ID or runner:ID"
            f"{did_you_mean(self.nearest)}"
        )


class AmbiguousEntity(SojournError, LookupError):
    """Raised when a bare id names entities of several kinds.

    Fix: write one of `entities`.
    """

    def __init__(self, text: str, entities: Iterable[str]) -> None:
        self.text = text
        self.entities = tuple(entities)
        super().__init__(
            f"{short_repr(text, LONGEST_NAME)} is not the id of one entity; write {' or '.join(self.entities)}"
        )


class InvalidId(SojournError, ValueError):
    """Raised when an id is not a text of 1 to 255 characters without NUL.

    Fix: pass such a text; turn numbers into text with str().
    """

    def __init__(self, kind: str, value: object) -> None:
        self.kind = kind
        self.value = value
        super().__init__(f"{kind} id {short_repr(value)} is not a text of 1 to 255 characters without NUL")


class InvalidMaxAttempts(SojournError, ValueError):
    """Raised when a task's max_attempts is not a number from 1 to 2,147,483,647.

    Fix: pass such a number.
    """

    def __init__(self, task_id: str, value: object) -> None:
        self.task_id = task_id
        self.value = value
        super().__init__(f"task {task_id!r} needs max_attempts of 1 to {MAX_ATTEMPTS}, not {short_repr(value)}")


class InvalidAttributes(SojournError, ValueError):
    """Raised when the attributes of a task are not what its rules read.

    Fix: correct what the message names.
    """

    def __init__(self, task_id: str, problem: str) -> None:
        self.task_id = task_id
        super().__init__(f"task {task_id!r} cannot have these attributes: {problem}")


class InvalidDetails(SojournError, ValueError):
    """Raised when the details of a state are not a JSON object.

    Fix: pass a dict of what JSON can hold.
    """

    def __init__(self, value: object, why: str) -> None:
        self.value = value
        super().__init__(f"details {short_repr(value)} are not a JSON object: {why}")


class ReasonTooLong(SojournError, ValueError):
    """Raised when the reason of a report has more than 64 KiB.

    Fix: pass a sentence, and say in it where the rest is kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.max_size = MAX_REASON_BYTES
        super().__init__(
            f"a reason of {size} bytes is not a text of at most {MAX_REASON_BYTES} bytes; shorten it, and name the "
            "place where the rest is kept"
        )


class InvalidLimit(SojournError, ValueError):
    """Raised when a concurrency limit is not a number from 0 to 2,147,483,647.

    Fix: pass such a number, or None for no limit.
    """

    def __init__(self, tag: str, slots: int) -> None:
        self.tag = tag
        self.slots = slots
        super().__init__(f"tag {tag!r} needs a limit of 0 to {2**31 - 1}, not {short_repr(slots)}")


class InvalidTime(SojournError, ValueError):
    """Raised when a time cannot be read, has no zone, or is out of range.

    Fix: pass a datetime with a zone, or write ISO 8601 with one. On the command line, `nearest` has a word like it.
    """

    def __init__(
        self,
        value: object,
        why: str,
        examples: str = "2026-01-31T08:30:00Z or 2026-01-31T09:30:00+01:00",
        nearest: Iterable[str] = (),
    ) -> None:
        self.value = value
        self.nearest = tuple(nearest)
        super().__init__(f"time {short_repr(value)} {why}; write it like {examples}{did_you_mean(self.nearest)}")


class FutureTime(SojournError, ValueError):
    """Raised when a time lies further ahead of the database's clock than `tolerance` seconds; nothing is stored.

    Fix: pass a time that has passed, or correct the clock that it comes from; SOJOURN_CLOCK_TOLERANCE is the tolerance.
    """

    def __init__(self, what: str, time: datetime, now: datetime, tolerance: timedelta) -> None:
        self.time = time
        self.now = now
        self.tolerance = tolerance.total_seconds()
        super().__init__(
            f"{what} {time.isoformat()} is in the future: the database's clock shows "
            f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, and {self.tolerance:g} s more are accepted "
            "(SOJOURN_CLOCK_TOLERANCE); correct the time, or the clock that it comes from"
        )


class LeaseTooLong(SojournError):
    """Raised when a runner's heartbeat would hold for longer than a lease may, so that its death would go unnoticed.

    Fix: send heartbeats more often, each for a shorter time, or raise SOJOURN_MAX_LEASE.
    """

    def __init__(self, runner_id: str, seconds: float, max_seconds: float) -> None:
        self.runner_id = runner_id
        self.seconds = seconds
        self.max_seconds = max_seconds
        super().__init__(
            f"a lease of {seconds:g} s for runner {runner_id!r} is not one of at most {max_seconds:g} s "
            "(SOJOURN_MAX_LEASE); send heartbeats more often"
        )


class InvalidDuration(SojournError, ValueError):
    """Raised when a duration cannot be read, is not above 0, or is longer than a century.

    Fix: write it like 90s, 5m or 1h 30m.
    """

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(f"duration {short_repr(value)} cannot be used; write it like 90s, 5m or 1h 30m, above 0")


class TimesReversed(SojournError, ValueError):
    """Raised when a span of time ends before it begins.

    Fix: pass the earlier time first.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        super().__init__(f"{end.isoformat()} lies before {start.isoformat()}; give the earlier time first")


class InvalidWait(SojournError, ValueError):
    """Raised when what an entity waits for is not stated as a kind, or as an object of kind, detail and holders.

    Fix: write "slot", or {"kind": "slot", "detail": "gpu"}.
    """


class UpstreamCycle(SojournError):
    """Raised when tasks would wait for each other, or have each other as parents; nothing of the call is kept.

    Fix: leave out one of the links; `cycle` has the tasks in their order, the first one again at its end.
    """

    def __init__(self, relation: str, cycle: Sequence[str]) -> None:
        self.relation = relation
        self.cycle = tuple(cycle)
        super().__init__(f"{relation} tasks in a cycle: {' -> '.join(short_repr(task) for task in cycle)}")


class TaskBegun(SojournError):
    """Raised when a task would wait for further tasks after its first attempt began; nothing of the call is kept.

    Fix: add upstream tasks before the first attempt; `upstream` has the tasks that it does not wait for yet.
    """

    def __init__(self, task_id: str, upstream: Sequence[str]) -> None:
        self.task_id = task_id
        self.upstream = tuple(upstream)
        super().__init__(
            f"task {task_id!r} cannot wait for {short_repr(self.upstream[0])}: it has begun already; "
            "add upstream tasks before the first attempt"
        )


class TaskConflict(SojournError):
    """Raised when a task is registered again with other content; nothing of the call is kept.

    Fix: register the changed task under an id of its own; `differences` has what differs.
    """

    def __init__(self, task_id: str, differences: dict[str, tuple[object, object]]) -> None:
        self.task_id = task_id
        self.differences = differences
        listed = ", ".join(
            f"{name} is {short_repr(was)}, not {short_repr(now)}" for name, (was, now) in differences.items()
        )
        super().__init__(f"task {task_id!r} is registered already with other content: {listed}")


class TaskInstanceConflict(SojournError):
    """Raised when a task instance is created again for another task; nothing of the call is kept.

    Fix: give the instance an id of its own.
    """

    def __init__(self, task_instance_id: str, task_id: str, other_task_id: str) -> None:
        self.task_instance_id = task_instance_id
        self.task_id = task_id
        self.other_task_id = other_task_id
        super().__init__(f"task instance {task_instance_id!r} belongs to task {task_id!r}, not to {other_task_id!r}")


class UnknownBatch(SojournError, LookupError):
    """Raised when an array has no batch of that number.

    Fix: use a number from 1 to `last`.
    """

    def __init__(self, array_id: str, batch_number: int, last: int) -> None:
        self.array_id = array_id
        self.batch_number = batch_number
        self.last = last
        existing = f"its batches are 1 to {last}" if last else "nothing was queued in it yet"
        super().__init__(f"array {array_id!r} has no batch {short_repr(batch_number)}: {existing}")


class NotOfArray(SojournError):
    """Raised when tasks to queue in an array belong to another workflow or array; nothing is queued.

    Fix: queue each of `tasks` in its own array.
    """

    def __init__(self, array_id: str, workflow_id: str, tasks: Mapping[str, str]) -> None:
        self.array_id = array_id
        self.tasks = dict(tasks)
        listed = [f"task {task_id!r} is of {other}" for task_id, other in tasks.items()]
        more = f" and {len(listed) - MAX_NAMES_SHOWN} more" if len(listed) > MAX_NAMES_SHOWN else ""
        super().__init__(
            f"array {array_id!r} of workflow {workflow_id!r} takes its own tasks only, and nothing was queued: "
            f"{', '.join(listed[:MAX_NAMES_SHOWN])}{more}"
        )


class InvalidConcurrency(SojournError, ValueError):
    """Raised when max_concurrently_running is not a number from 0 to 2,147,483,647.

    Fix: pass such a number.
    """

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(
            f"max_concurrently_running is a number of 0 to {MAX_CONCURRENTLY_RUNNING}, not {short_repr(value)}"
        )


class CommandConflict(SojournError):
    """Raised when a command id comes again with another request; nothing is written.

    Fix: give every request a command id of its own, and repeat a request unchanged.
    """

    def __init__(self, command_id: str) -> None:
        self.command_id = command_id
        super().__init__(
            f"command {command_id!r} was carried out with another request; give every request an id of its own"
        )


class LifecycleConflict(SojournError):
    """Raised when a lifecycle's definition changed while its name and version did not.

    Fix: give the changed definition the next version.
    """

    def __init__(self, name: str, version: int, newest: int) -> None:
        self.name = name
        self.version = version
        super().__init__(
            f"lifecycle {name!r} version {version} is in the log, or ships with Sojourn, with another definition: "
            f"give the changed one version {newest + 1}"
        )


class WrongLifecycle(SojournError):
    """Raised when a task's lifecycle has no answer for a request.

    Fix: register the task under a lifecycle that has one.
    """

    def __init__(self, lifecycle: str, what: str) -> None:
        self.lifecycle = lifecycle
        super().__init__(f"lifecycle {lifecycle!r} {what}")


class UnknownEvent(SojournError):
    """Raised when the log has an event whose name this version of Sojourn does not know.

    Fix: update Sojourn.
    """

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        super().__init__(
            f"{where} is a {name!r}, which this version of Sojourn cannot read; update Sojourn, then try again"
        )


class InvalidTransition(SojournError, ValueError):
    """Raised when a status may not follow another.

    Fix: use one of `allowed`.
    """

    def __init__(self, from_status: str | None, to_status: str, allowed: Iterable[str]) -> None:
        self.from_status = from_status
        self.to_status = to_status
        self.allowed = frozenset(allowed)
        what = f"{from_status} may not become {to_status}" if from_status else f"nothing begins as {to_status}"
        nearest = nearest_names(to_status, sorted(self.allowed))
        choices = f": only {', '.join(sorted(self.allowed))}" if self.allowed else ": nothing follows it"
        super().__init__(f"{what}{choices}{did_you_mean(nearest)}")


class OwnershipViolation(SojournError):
    """Raised when a transition needs the task's owner, or a runner to own the task.

    Fix: pass the owner's runner_id; `current_owner` has it.
    """

    def __init__(
        self,
        from_status: str,
        to_status: str,
        current_owner: str | None,
        attempted_owner: str | None,
        reason: str,
    ) -> None:
        self.from_status = from_status
        self.to_status = to_status
        self.current_owner = current_owner
        self.attempted_owner = attempted_owner
        self.reason = reason
        super().__init__(f"{from_status} may not become {to_status}: {reason}")


class RuleFailed(SojournError, RuntimeError):
    """Raised when a rule raised while it judged a proposal; nothing is written.

    Fix: correct the rule; `__cause__` has its own error.
    """

    def __init__(self, rule: str | None, from_status: str | None, to_status: str | None, error: Exception) -> None:
        self.rule = rule
        self.from_status = from_status
        self.to_status = to_status
        super().__init__(f"rule {rule!r} failed on the way from {from_status} to {to_status}: {error!r}")
        self.__cause__ = error


class TooLateToChange(SojournError, RuntimeError):
    """Raised when a rule rejects, delays or aborts a transition that is already written.

    Fix: do it in before_transition.
    """

    def __init__(self) -> None:
        super().__init__("the transition is written already; call reject, delay and abort in before_transition")


class NoCurrentState(SojournError, RuntimeError):
    """Raised when a rule keeps the current state of an entity that has none yet.

    Fix: reject with a state, or abort.
    """

    def __init__(self) -> None:
        super().__init__("the entity has no current state to keep; reject with a state, or abort")


def did_you_mean(nearest: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the nearest name, or nothing."""
    return "".join(f"; did you mean {name!r}?" for name in nearest)
