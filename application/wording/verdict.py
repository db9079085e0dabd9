"""The verdict of `why`: in a sentence or two, why an entity is where it is, and what is to be expected."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from application.shared.orphan import Orphan
from application.wording.event_in_words import LoggedEvent, by, in_words, utc
from domain.entities.events import SILENT
from domain.entity import TASK, Entity
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.rule_names import ORPHANED_INSTANCE


class Sibling(NamedTuple):
    """An instance of the task; `report_by` is until when it is to be heard of, as far as that is known."""

    id: str
    status: str
    report_by: datetime | None
    array_id: str | None


class Family(NamedTuple):
    """A task and its instances, the one that was asked for first, then the newest."""

    lifecycle: Lifecycle
    task: str
    status: str
    entered_at: datetime
    owner: str | None
    siblings: list[Sibling]

    def machine_of(self, entity: Entity) -> Machine:
        """The machine that the entity lives under."""
        instance = self.lifecycle.instance
        return self.lifecycle.task if entity.kind == TASK or instance is None else instance

    @property
    def active(self) -> list[Sibling]:
        """The instances that have not ended."""
        machine = self.lifecycle.instance
        return [one for one in self.siblings if machine and not machine.is_terminal(one.status)]


REMEDIES = {
    "terminal-parent": "{ending} before its task ended would have prevented it.",
    "superseded": "{ending} before the newer one was created would have prevented it.",
    "missed-heartbeat": "A report or heartbeat in time would have prevented it.",
    "never-launched": "A distributor id, or its end, would have prevented it.",
    "dead-runner": "A heartbeat in time would have prevented it; `sojourn recover` hands the task on.",
    "stuck": "Entering any other status in time would have prevented it.",
    "stalled-task": "Moving {entity} on, or creating a further instance of it, would have prevented it.",
    "late-report": "{ending} before its task ended would have prevented it.",
}


def verdict(
    entity: Entity,
    status: str,
    family: Family | None,
    own: Sequence[LoggedEvent],
    caused_by: Callable[[LoggedEvent], LoggedEvent | None],
    at_position: Callable[[int], LoggedEvent | None],
    orphan: Sequence[Orphan],
) -> tuple[str, str | None]:
    """The verdict on an entity in `status` after its `own` events, and the rule that it rests on."""
    if orphan:
        return _of_orphan(str(entity), orphan, _order_to_end(family, own), caused_by, at_position)
    entered = [event for event in own if event.is_transition]
    last = own[-1] if own else None
    parts = [_because(entity, status, entered[-1], caused_by(entered[-1])) if entered else f"{entity} is {status}"]
    if last and last.happened == "refused":
        parts.append(f"It {in_words(last, caused_by(last))}, at {utc(last.at)}")
    if family:
        parts += _expected(entity, status, family)
    rule = last.data.get("rule") if last else None
    return ". ".join(parts) + ".", rule


def of_runner(entity: Entity, status: str, since: datetime) -> str:
    """The verdict on a runner: its last event may be older than its silence, which needs none."""
    if status == SILENT:
        return f"{entity} is silent since {utc(since)}: its last heartbeat held until then, and none has come since."
    return f"{entity} is alive, and was so without a break since {utc(since)}."


def _of_orphan(
    entity: str,
    orphan: Sequence[Orphan],
    order: LoggedEvent | None,
    caused_by: Callable[[LoggedEvent], LoggedEvent | None],
    at_position: Callable[[int], LoggedEvent | None],
) -> tuple[str, str]:
    first, *others = orphan
    told = [first["explanation"]]
    made = _first_event(first, at_position)
    if made:
        # Of silence there is no event: what is known last is where it began.
        begins = "What made it one is" if len(first["evidence"]) > 1 else "It began with"
        words = in_words(made, caused_by(made))
        told.append(f"{begins} event {made.position}: {made.entity} {words}, at {utc(made.at)}")
    if not first["decided"]:
        told.append(f"Expected and missing: {first['expected']}")
    if others:
        told.append(f"It is an orphan by {', '.join(one['rule'] for one in others)} as well")
    told.append(REMEDIES[first["rule"]].format(entity=entity, ending=_ending(entity, order, made)))
    rule = ORPHANED_INSTANCE if first["decided"] else first["rule"]
    return ". ".join(told), rule


def _order_to_end(family: Family | None, own: Sequence[LoggedEvent]) -> LoggedEvent | None:
    """The event by which an instance was told to end, where it was."""
    order = family and family.lifecycle.reset and family.lifecycle.reset.kill_instances_with
    return next((event for event in own if event.is_transition and order and event.data["status"] == order), None)


def _ending(entity: str, order: LoggedEvent | None, made: LoggedEvent | None) -> str:
    if order is None or (made and made.position < order.position):
        return f"Ending {entity}, or reporting its end,"
    return f"It had been told to end by event {order.position}, at {utc(order.at)}: reporting its end"


def _first_event(orphan: Orphan, at_position: Callable[[int], LoggedEvent | None]) -> LoggedEvent | None:
    """The event that made it one: of a late report the end of its task, of others the last of the evidence."""
    position = orphan["evidence"][0] if orphan["decided"] else max(orphan["evidence"])
    return at_position(position)


def _because(entity: Entity, status: str, entered: LoggedEvent, cause: LoggedEvent | None) -> str:
    since = f"{entity} is {status} since {utc(entered.at)}"
    if cause is not None:
        return f"{since}, because {cause.entity} became {cause.data['status']}, reported{by(cause)}{_rule(entered)}"
    reported = entered.data.get("reported")
    if reported and reported != status:
        return f"{since}, because {reported} was reported{by(entered)}{_rule(entered)}"
    if entered.version == 1:
        return f"{since}, when it was {entered.happened}{by(entered)}"
    if entered.happened == "reset":
        return f"{since}, because it was reset{by(entered)}"
    return f"{since}, because it was reported {status}{by(entered)}{_rule(entered)}"


def _rule(event: LoggedEvent) -> str:
    rule, reason = event.data.get("rule"), event.data.get("rule_reason")
    return f"; rule {rule} decided so{f' ({reason})' if reason else ''}" if rule else ""


def _expected(entity: Entity, status: str, family: Family) -> list[str]:
    machine = family.machine_of(entity)
    if machine.is_terminal(status):
        return ["Nothing is expected to follow"]
    told = []
    if entity.kind == TASK:
        told += _of_task(status, family)
    elif family.siblings and family.siblings[0].report_by and status in machine.awaits_report:
        told.append(f"It is to be heard of by {utc(family.siblings[0].report_by)}")
    following = [f"{to} ({why})" if why else to for to, why in machine.transitions.get(status, {}).items()]
    if following:
        told.append(f"Expected next: {'; or '.join(following)}")
    return told


def _of_task(status: str, family: Family) -> list[str]:
    told = []
    if family.owner:
        told.append(f"It belongs to runner:{family.owner}")
    instance = family.lifecycle.instance
    if instance is None:
        return told
    waits = {implied.status for name, implied in family.lifecycle.implies.items() if not instance.is_terminal(name)}
    if family.active:
        told.append("It waits on " + " and ".join(f"ti:{one.id}, which is {one.status}" for one in family.active[:3]))
    elif status in waits:
        told.append("It waits for a task instance to be created")
    return told
