"""An event as part of a sentence: who reported what, what followed from it, and by which rule."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from application.wording.wait_in_words import describe_wait
from domain.actor import Actor
from domain.entity import Entity
from domain.errors import MAX_ATTEMPTS


class DescribedEvent(NamedTuple):
    """An event of the log with what a sentence needs; `times` is the number of equal refusals that it stands for."""

    position: int
    stream: str
    version: int
    name: str
    data: Mapping[str, Any]
    at: datetime
    is_transition: bool
    times: int = 1

    @property
    def entity(self) -> str:
        """Return the name of its entity: `task:ID`, `ti:ID`."""
        kind, _, name = self.stream.partition(":")
        return str(Entity(kind, name))

    @property
    def happened(self) -> str:
        """Return what kind of event it is: `transitioned`, `refused`."""
        return self.name.split(".")[1]

    @property
    def actor(self) -> Actor | None:
        """Return who reported it."""
        actor = self.data.get("actor")
        return Actor.model_validate(actor) if actor else None


def describe_event(event: DescribedEvent, cause: DescribedEvent | None = None) -> str:
    """Return what happened, without when: `RUNNING -> DONE, reported by worker`."""
    sentence = _describe(event, cause)
    rule = event.data.get("rule")
    if rule:
        sentence += f"; rule {rule}{_after_colon(event.data.get('rule_reason'))}"
    if wait := describe_wait(event.data):
        sentence += f"; it {wait}"
    if event.data.get("delay_seconds") is not None:
        sentence += f"; it may be proposed again after {event.data['delay_seconds']:g} s"
    return sentence


def format_utc(time: datetime) -> str:
    """Return a time as sentences show it: in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe_reporter(event: DescribedEvent) -> str:
    """Return who reported the event and why, as far as it is known: ` by worker@node7 (exit status 1)`."""
    reporter = f" by {event.actor.model_copy(update={'user': None})}" if event.actor else ""
    return reporter + (f" ({event.data['reason']})" if event.data.get("reason") else "")


def _describe(event: DescribedEvent, cause: DescribedEvent | None) -> str:
    if event.happened == "transitioned":
        return _describe_transition(event, cause)
    if event.happened == "refused":
        return _describe_refusal(event, cause)
    if event.happened in SENTENCES:
        return SENTENCES[event.happened](event, event.data)
    return f"{event.happened.replace('_', ' ')}{describe_reporter(event)}"


def _describe_transition(event: DescribedEvent, cause: DescribedEvent | None) -> str:
    reported = event.data.get("reported")
    if cause is not None:
        return f"{_move(event)}{_runner(event)}, because {cause.entity} became {cause.data['status']}"
    if reported and reported != event.data["status"]:
        return f"reported {reported}{describe_reporter(event)}{_runner(event)}: {_move(event)}"
    return f"{_move(event)}, reported{describe_reporter(event)}{_runner(event)}"


def _describe_refusal(event: DescribedEvent, cause: DescribedEvent | None) -> str:
    if cause:
        why = f"because {cause.entity} became {cause.data['status']}"
    else:
        why = f"reported{describe_reporter(event)}{_runner(event)}"
    more = f" ({event.times - 1} more like it before)" if event.times > 1 else ""
    return f"refuses {event.data['reported']}, {why}: stays {event.data['status']}{more}"


def _move(event: DescribedEvent) -> str:
    return f"{event.data['previous_status']} -> {event.data['status']}"


def _runner(event: DescribedEvent) -> str:
    runner = event.data.get("runner_id")
    return f" in the name of runner:{runner}" if runner else ""


def _batch(data: Mapping[str, Any]) -> str:
    return f" in array:{data['array_id']}, batch {data['batch_number']}" if data.get("array_id") else ""


def _time(text: str) -> str:
    return format_utc(datetime.fromisoformat(text))


def _after_colon(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _allowed(max_attempts: int) -> str:
    return "any number of attempts" if max_attempts == MAX_ATTEMPTS else _number_of(max_attempts, "attempt")


def _number_of(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


SENTENCES: dict[str, Callable[[DescribedEvent, Mapping[str, Any]], str]] = {
    "registered": lambda event, data: (
        f"registered{describe_reporter(event)} under {data['lifecycle']}, {_allowed(data['max_attempts'])} allowed"
    ),
    "created": lambda event, data: (
        f"created{describe_reporter(event)} as attempt {data['ordinal']}: {data['status']}{_batch(data)}"
    ),
    "reset": lambda event, _: f"{_move(event)}, reset{describe_reporter(event)}",
    "submitted": lambda event, data: (
        f"was given the distributor id {data.get('distributor_id')}{describe_reporter(event)}"
    ),
    "lapsed": lambda _, data: f"silent since {_time(data['silent_since'])}",
    "returned": lambda _, data: f"reported again at {_time(data['silent_until'])}",
    "batch_queued": lambda event, data: (
        f"batch {data['batch_number']} of {_number_of(data['size'], 'instance')} queued{describe_reporter(event)}"
    ),
}
"""What happened, for events that are neither a transition nor a refusal."""
