"""An event as part of a sentence: who said what, what came of it, and by which rule."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from domain.actor import Actor
from domain.entity import Entity


class LoggedEvent(NamedTuple):
    """An event as the log has it; `times` is how many refusals it stands for."""

    position: int
    stream: str
    version: int
    name: str
    data: Mapping[str, Any]
    at: datetime
    times: int = 1

    @property
    def entity(self) -> str:
        """Whose it is."""
        kind, _, name = self.stream.partition(":")
        return str(Entity(kind, name))

    @property
    def happened(self) -> str:
        """What kind of thing happened: `transitioned`, `refused`."""
        return self.name.split(".")[1]

    @property
    def is_transition(self) -> bool:
        """Whether it entered a status."""
        return self.version == 1 or "previous_status" in self.data

    @property
    def actor(self) -> Actor | None:
        """Who reported it."""
        actor = self.data.get("actor")
        return Actor.model_validate(actor) if actor else None


def in_words(event: LoggedEvent, cause: LoggedEvent | None = None) -> str:
    """What happened, without when: `RUNNING -> DONE, reported by worker`."""
    told = _told(event, cause)
    rule = event.data.get("rule")
    if rule:
        told += f"; rule {rule}{_colon(event.data.get('rule_reason'))}"
    if event.data.get("delay_seconds") is not None:
        told += f"; it may be proposed again after {event.data['delay_seconds']:g} s"
    return told


def utc(time: datetime) -> str:
    """A time as sentences have it: in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def by(event: LoggedEvent) -> str:
    """` by worker@node7 (exit status 1)`: who said so and why, as far as is known."""
    who = f" by {event.actor.model_copy(update={'user': None})}" if event.actor else ""
    return who + (f" ({event.data['reason']})" if event.data.get("reason") else "")


def _told(event: LoggedEvent, cause: LoggedEvent | None) -> str:
    if event.happened == "transitioned":
        return _transitioned(event, cause)
    if event.happened == "refused":
        return _refused(event, cause)
    if event.happened in WORDS:
        return WORDS[event.happened](event, event.data)
    return f"{event.happened.replace('_', ' ')}{by(event)}"


def _transitioned(event: LoggedEvent, cause: LoggedEvent | None) -> str:
    runner = event.data.get("runner_id")
    name = f" in the name of runner:{runner}" if runner else ""
    reported = event.data.get("reported")
    if cause is not None:
        return f"{_move(event)}{name}, because {cause.entity} became {cause.data['status']}"
    if reported and reported != event.data["status"]:
        return f"reported {reported}{by(event)}{name}: {_move(event)}"
    return f"{_move(event)}, reported{by(event)}{name}"


def _refused(event: LoggedEvent, cause: LoggedEvent | None) -> str:
    runner = event.data.get("runner_id")
    name = f" in the name of runner:{runner}" if runner else ""
    said = f"because {cause.entity} became {cause.data['status']}" if cause else f"reported{by(event)}{name}"
    more = f" ({event.times - 1} more like it before)" if event.times > 1 else ""
    return f"refuses {event.data['reported']}, {said}: stays {event.data['status']}{more}"


def _move(event: LoggedEvent) -> str:
    return f"{event.data['previous_status']} -> {event.data['status']}"


def _place(data: Mapping[str, Any]) -> str:
    return f" in array:{data['array_id']}, batch {data['batch_number']}" if data.get("array_id") else ""


def _time(told: str) -> str:
    return utc(datetime.fromisoformat(told))


def _colon(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


WORDS: dict[str, Callable[[LoggedEvent, Mapping[str, Any]], str]] = {
    "registered": lambda event, data: (
        f"registered{by(event)} under {data['lifecycle']}, {_counted(data['max_attempts'], 'attempt')} allowed"
    ),
    "created": lambda event, data: f"created{by(event)} as attempt {data['ordinal']}: {data['status']}{_place(data)}",
    "reset": lambda event, _: f"{_move(event)}, reset{by(event)}",
    "submitted": lambda event, data: f"was given the distributor id {data.get('distributor_id')}{by(event)}",
    "lapsed": lambda _, data: f"silent since {_time(data['silent_since'])}",
    "returned": lambda _, data: f"heard of again at {_time(data['silent_until'])}",
    "batch_queued": lambda event, data: (
        f"batch {data['batch_number']} of {_counted(data['size'], 'instance')} queued{by(event)}"
    ),
}
"""What happened, where that is neither a transition nor a refusal."""
