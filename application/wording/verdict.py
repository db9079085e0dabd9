"""The verdict of `why`: in a sentence or two, why an entity has its status, and what is expected next."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from application.shared.orphan import Orphan, OrphanRule
from application.wording.event_in_words import DescribedEvent, describe_event, describe_reporter, format_utc
from application.wording.likely_next import Follower, write_expectation
from application.wording.upstream_in_words import UpstreamRoot, describe_root
from application.wording.wait_in_words import describe_wait
from domain.entities.events import SILENT
from domain.entity import TASK, Entity
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.rule_names import ORPHANED_INSTANCE, RuleName


class InstanceStatus(NamedTuple):
    """An instance of the task; `report_by` is the time by which it must report, where that is known."""

    id: str
    status: str
    report_by: datetime | None
    array_id: str | None


class TaskWithInstances(NamedTuple):
    """A task and its instances: first the one that the question is about, then the others, newest first.

    `followers` are the statuses that followed the present one for others.
    """

    lifecycle: Lifecycle
    task: str
    status: str
    entered_at: datetime
    owner: str | None
    instances: list[InstanceStatus]
    followers: Sequence[Follower] = ()
    root: UpstreamRoot | None = None
    """The unfinished task that it waits for before it begins, at the root."""
    waits_behind: int = 0
    """How many tasks cannot start because of what keeps this one from starting."""

    def machine_of(self, entity: Entity) -> Machine:
        """Return the state machine of the task, or of its instances."""
        instance = self.lifecycle.instance
        return self.lifecycle.task if entity.kind == TASK or instance is None else instance

    @property
    def active_instances(self) -> list[InstanceStatus]:
        """Return the instances that have not ended."""
        machine = self.lifecycle.instance
        return [one for one in self.instances if machine and not machine.is_terminal(one.status)]


REMEDIES = {
    "terminal-parent": "{ending} before its task ended would have prevented it.",
    "superseded": "{ending} before the newer one was created would have prevented it.",
    "missed-heartbeat": "A report or heartbeat in time would have prevented it.",
    "never-launched": "A distributor id, or its end, would have prevented it.",
    "dead-runner": "A heartbeat in time would have prevented it; `sojourn recover` hands the task on.",
    "stuck": "Entering any other status in time would have prevented it.",
    "stalled-task": "Moving {entity} on, or creating a further instance of it, would have prevented it.",
    "ended-parent": "{ending} before its parent ended would have prevented it.",
    "blocked-upstream": "A reset, retry or release of what keeps it from starting would let it start.",
    "late-report": "{ending} before its task ended would have prevented it.",
}

"""What would have prevented an orphan, by its rule."""

REMEDIES_FOR_WHAT_BEGAN_LATE = {
    "terminal-parent": "Creating {entity} only while its task was active would have prevented it.",
    "superseded": "Creating {entity} only after the newer one had ended would have prevented it.",
    "missed-heartbeat": "A later report_by_date, or a heartbeat, would have prevented it.",
    "ended-parent": "Registering {entity} only while its parent was active would have prevented it.",
    "late-report": "Creating {entity} only while its task was active would have prevented it.",
}
"""What would have prevented an orphan that began only after what it should have preceded."""

REMEDY_FOR_LATE_NEWS = "Reporting it when it happened, before its task ended, would have prevented it."


def write_verdict(
    entity: Entity,
    status: str,
    task: TaskWithInstances | None,
    own: Sequence[DescribedEvent],
    caused_by: Callable[[DescribedEvent], DescribedEvent | None],
    at_position: Callable[[int], DescribedEvent | None],
    orphan: Sequence[Orphan],
) -> tuple[str, RuleName | OrphanRule | None]:
    """Return the verdict on an entity in `status` after its `own` events, and the rule that it rests on."""
    if task and task.root:
        return _explain_by_root(entity, status, task, task.root, own, orphan)
    if orphan:
        behind = task.waits_behind if task else 0
        return _explain_orphan(str(entity), orphan, behind, own, _order_to_end(task, own), caused_by, at_position)
    entered = [event for event in own if event.is_transition]
    last = own[-1] if own else None
    parts = [_because(entity, status, entered[-1], caused_by(entered[-1])) if entered else f"{entity} is {status}"]
    if last and last.happened == "refused":
        parts.append(f"It {describe_event(last, caused_by(last))}, at {format_utc(last.at)}")
    parts += _stated_wait(own)
    if task:
        parts += _expected(entity, status, task)
    rule = last.data.get("rule") if last else None
    return ". ".join(parts) + ".", rule


def write_runner_verdict(entity: Entity, status: str, since: datetime) -> str:
    """Return the verdict on a runner, from its status alone: a silence may have no event yet."""
    if status == SILENT:
        ended = format_utc(since)
        return f"{entity} is silent since {ended}: its last heartbeat held until then, and none has come since."
    return f"{entity} is alive, and was so without a break since {format_utc(since)}."


def _explain_by_root(
    entity: Entity,
    status: str,
    task: TaskWithInstances,
    root: UpstreamRoot,
    own: Sequence[DescribedEvent],
    orphan: Sequence[Orphan],
) -> tuple[str, RuleName | OrphanRule | None]:
    """Return that it waits for the root, and by what it is an orphan because that has lasted for too long."""
    first = f"{entity} is {status} since {format_utc(task.entered_at)} because {describe_root(root)}"
    also = [f"It is an orphan by {one['rule']}: {one['explanation']}" for one in orphan]
    rule = orphan[0]["rule"] if orphan else own[-1].data.get("rule") if own else None
    return f"{'. '.join([first, *also, *_expected(entity, status, task)])}.", rule


def _explain_orphan(
    entity: str,
    orphan: Sequence[Orphan],
    behind: int,
    own: Sequence[DescribedEvent],
    order: DescribedEvent | None,
    caused_by: Callable[[DescribedEvent], DescribedEvent | None],
    at_position: Callable[[int], DescribedEvent | None],
) -> tuple[str, RuleName | OrphanRule]:
    first, *others = orphan
    sentences = [first["explanation"]]
    decisive = _decisive_event(first, at_position)
    if decisive:
        # A silence may have no event yet; it starts at the last known one.
        begins = "It became an orphan at" if len(first["evidence"]) > 1 else "It began with"
        words = describe_event(decisive, caused_by(decisive))
        sentences.append(f"{begins} event {decisive.position}: {decisive.entity} {words}, at {format_utc(decisive.at)}")
    if not first["decided"]:
        sentences.append(f"Expected and missing: {first['expected']}")
    if behind:
        noun = "task waits" if behind == 1 else "tasks wait"
        sentences.append(f"{behind:,} {noun} behind that cause")
    if others:
        sentences.append(f"It is also an orphan by {', '.join(one['rule'] for one in others)}")
    remedy = _choose_remedy(first, own, decisive, at_position)
    sentences.append(remedy.format(entity=entity, ending=_ending(entity, order, decisive)))
    return ". ".join(sentences), ORPHANED_INSTANCE if first["decided"] else first["rule"]


def _choose_remedy(
    orphan: Orphan,
    own: Sequence[DescribedEvent],
    decisive: DescribedEvent | None,
    at_position: Callable[[int], DescribedEvent | None],
) -> str:
    """Return what would have prevented an orphan, as far as that was possible when it became one."""
    rule = orphan["rule"]
    if decisive is None or not own or rule not in REMEDIES_FOR_WHAT_BEGAN_LATE:
        return REMEDIES[rule]
    if orphan["decided"]:
        report = at_position(orphan["evidence"][1])
        if report and report.at < decisive.at:
            return REMEDY_FOR_LATE_NEWS
        began_late = own[0].version == 1 and _moment(own[0]) > _moment(decisive)
    else:
        # With one piece of evidence, that is when it began to be due.
        began_late = decisive.stream == own[0].stream and (
            len(orphan["evidence"]) > 1 or decisive.at >= orphan["since"]
        )
    return (REMEDIES_FOR_WHAT_BEGAN_LATE if began_late else REMEDIES)[rule]


def _order_to_end(task: TaskWithInstances | None, own: Sequence[DescribedEvent]) -> DescribedEvent | None:
    """Return the event that ordered an instance to end, or None."""
    order = task and task.lifecycle.reset and task.lifecycle.reset.kill_instances_with
    return next((event for event in own if event.is_transition and order and event.data["status"] == order), None)


def _ending(entity: str, order: DescribedEvent | None, decisive: DescribedEvent | None) -> str:
    if order is None or (decisive and _moment(decisive) < _moment(order)):
        return f"Ending {entity}, or reporting its end,"
    return f"It had been ordered to end by event {order.position}, at {format_utc(order.at)}: reporting its end"


def _decisive_event(orphan: Orphan, at_position: Callable[[int], DescribedEvent | None]) -> DescribedEvent | None:
    """Return the event that made it an orphan: for a late report its task's end, else what happened last."""
    if orphan["decided"]:
        return at_position(orphan["evidence"][0])
    evidence = [event for position in orphan["evidence"] if (event := at_position(position))]
    return max(evidence, key=_moment, default=None)


def _moment(event: DescribedEvent) -> tuple[datetime, int]:
    """Return when an event happened, as a key by which events are ordered."""
    return event.at, event.position


def _because(entity: Entity, status: str, entered: DescribedEvent, cause: DescribedEvent | None) -> str:
    since = f"{entity} is {status} since {format_utc(entered.at)}"
    if cause is not None:
        became = f"{cause.entity} became {cause.data['status']}, reported{describe_reporter(cause)}"
        return f"{since}, because {became}{_rule(entered)}"
    reported = entered.data.get("reported")
    if reported and reported != status:
        return f"{since}, because {reported} was reported{describe_reporter(entered)}{_rule(entered)}"
    if entered.version == 1:
        return f"{since}, when it was {entered.happened}{describe_reporter(entered)}"
    if entered.happened == "reset":
        return f"{since}, because it was reset{describe_reporter(entered)}"
    return f"{since}, because it was reported {status}{describe_reporter(entered)}{_rule(entered)}"


def _stated_wait(own: Sequence[DescribedEvent]) -> list[str]:
    """Return what the entity stated last, since it entered its status, that it waits for, unless a refusal says it."""
    for event in reversed(own):
        if event.data.get("waits_for"):
            wait = None if event is own[-1] and event.happened == "refused" else describe_wait(event.data)
            return [f"It {wait}"] if wait else []
        if event.is_transition:
            break
    return []


def _rule(event: DescribedEvent) -> str:
    rule, reason = event.data.get("rule"), event.data.get("rule_reason")
    return f"; rule {rule} decided so{f' ({reason})' if reason else ''}" if rule else ""


def _expected(entity: Entity, status: str, task: TaskWithInstances) -> list[str]:
    machine = task.machine_of(entity)
    if machine.is_terminal(status):
        return ["Nothing is expected to follow"]
    sentences = []
    if entity.kind == TASK:
        sentences += _waits_for(status, task)
    elif task.instances and task.instances[0].report_by and status in machine.awaits_report:
        sentences.append(f"It must report by {format_utc(task.instances[0].report_by)}")
    expected = write_expectation(task.lifecycle, machine, status, task.followers)
    return [*sentences, expected] if expected else sentences


def _waits_for(status: str, task: TaskWithInstances) -> list[str]:
    sentences = []
    if task.owner:
        sentences.append(f"It belongs to runner:{task.owner}")
    instance = task.lifecycle.instance
    if instance is None:
        return sentences
    waits = {implied.status for name, implied in task.lifecycle.implies.items() if not instance.is_terminal(name)}
    if task.active_instances:
        sentences.append(
            "It waits on " + " and ".join(f"ti:{one.id}, which is {one.status}" for one in task.active_instances[:3])
        )
    elif status in waits:
        sentences.append("It waits for a task instance to be created")
    return sentences
