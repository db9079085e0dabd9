"""`sojourn history`: everything that the log has of one entity."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from interfaces.cli import connect
from interfaces.cli.options import EntityName
from interfaces.cli.output import AsJson, Dsn, messages, show
from interfaces.wording.values import format_duration, format_time

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from application.read.history import HistoryEvent
    from application.shared.store import Store
    from domain.entity import Entity

app = typer.Typer()

DETAILS = {
    "submitted": "submitted as {distributor_id}",
    "bound": "bound: at most {max_concurrently_running} at once",
    "concurrency_changed": "at most {max_concurrently_running} at once",
    "batch_queued": "batch {batch_number}: {size} queued",
}
"""What is told of events that leave their entity in its status."""

COLUMNS = (
    "position>",
    "at",
    "what",
    "after>",
    "reported",
    "rule",
    "answer",
    "owner",
    "runner",
    "cause>",
    "actor",
    "why",
)


class Line(NamedTuple):
    """One event in the columns, and how it is printed."""

    cells: tuple[str, ...]
    style: str | None


class Stays:
    """Remembers when the last status was entered, so that the next can say after how long that was."""

    def __init__(self) -> None:
        self._entered_at: datetime | None = None

    def after(self, event: "HistoryEvent") -> str:
        """How long the entity was in the status that this event ends, in words; empty where it ends none."""
        if not enters(event):
            return ""
        began, self._entered_at = self._entered_at, event["entered_at"]
        return format_duration(event["entered_at"] - began) if began else ""

    def line(self, event: "HistoryEvent") -> Line:
        """One event, as short as it can be told."""
        reported = event["reported"] if is_refused(event) or event["reported"] != event["status"] else None
        cells = (
            str(event["position"]),
            format_time(held_at(event)),
            in_short(event),
            self.after(event),
            reported or "",
            event["rule"] or "",
            answer(event),
            event["owner"] or "",
            event["runner_id"] or "",
            str(event["cause"] or ""),
            event["actor"] or "",
            event["reason"] or event["rule_reason"] or "",
        )
        return Line(cells, style_of(event))


@app.command()
def history(
    ctx: typer.Context,
    entity: EntityName,
    full: Annotated[bool, typer.Option("--full", help="Everything that each event says.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new events until interrupted; JSON is one event a line.")
    ] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """What has happened to a task or task instance, or when a runner was silent.

    Refused reports are there too. `after` is how long the status before has lasted. A report is shown where something
    else was made of it, with the rule that made the difference. The owner is the runner to whom the task belongs from
    then on, the runner the one in whose name it was proposed. The cause is the position of the event that made this
    one happen.
    """
    from application.read.history import history as read
    from domain.entity import parse_entity

    named = parse_entity(entity)
    with connect.service(ctx, dsn) as service:
        if follow:
            follow_until_interrupted(service.store, named, full=full, as_json=as_json)
        else:
            events = read(service.store, named)
            if not events:
                messages().print(f"{named.title} has never been silent, and the log keeps nothing else of it")
            show(events, as_json=as_json, people=lambda console: tell(console, events, full=full))


def follow_until_interrupted(store: "Store", entity: "Entity", *, full: bool, as_json: bool) -> None:
    """Print the history and whatever is added to it; a column that was empty until now begins with a new header."""
    from application.read.history import follow
    from interfaces.cli.output import console

    columns: Sequence[int] = ()
    widths: Sequence[int] = ()
    stays = Stays()
    try:
        for events in follow(store, entity):
            if as_json:
                print_json(events)
            elif full:
                print_whole(console(), events, stays)
            else:
                lines = list(map(stays.line, events))
                wanted = sorted({*columns, *filled(lines)})
                if wanted != columns:
                    columns, widths = wanted, ()
                widths = print_lines(console(), lines, columns, widths)
    except KeyboardInterrupt:
        return  # how following ends


def tell(console: "Console", events: "list[HistoryEvent]", *, full: bool) -> None:
    """What people read: a line an event, without columns that are empty, or all that each event says."""
    if full:
        print_whole(console, events, Stays())
    elif events:
        lines = list(map(Stays().line, events))
        print_lines(console, lines, filled(lines))


def filled(lines: Sequence[Line]) -> list[int]:
    """The columns in which any of the lines says something."""
    return [number for number, column in enumerate(zip(*(line.cells for line in lines), strict=True)) if any(column)]


def print_lines(
    console: "Console", lines: Iterable[Line], columns: Sequence[int], widths: Sequence[int] = ()
) -> Sequence[int]:
    """Print a line an event; the answer is the widths with which more lines go on below them."""
    from interfaces.cli.table import print_table, table

    shown = table(*(COLUMNS[number] for number in columns), widths=widths)
    for line in lines:
        shown.add_row(*(line.cells[number] for number in columns), style=line.style)
    print_table(console, shown)
    return widths or [max(len(str(cell)) for cell in (column.header, *column.cells)) for column in shown.columns]


def print_whole(console: "Console", events: "list[HistoryEvent]", stays: Stays) -> None:
    """Print all that each event says."""
    for event in events:
        heading, *said = whole(event, stays.after(event))
        console.print(heading, style=style_of(event) or "bold")
        console.print("\n".join(said) + "\n")


def print_json(events: "list[HistoryEvent]") -> None:
    """Print events as JSON, one a line."""
    import sys

    from pydantic_core import to_json

    sys.stdout.writelines(f"{to_json(event).decode()}\n" for event in events)
    sys.stdout.flush()


def whole(event: "HistoryEvent", after: str) -> Iterator[str]:
    """One event, with everything that it says."""
    lasted = f", after {after}" if after else ""
    yield f"{event['position']}  {event['entity']}  {in_short(event)}{lasted}"
    pairs = (*event.items(), *(event["details"] or {}).items())
    said = [
        (name, value) for name, value in pairs if value is not None and name not in ("position", "entity", "details")
    ]
    width = max(len(name) for name, _ in said)
    for name, value in said:
        yield f"    {name:<{width}} {told(value)}"


def in_short(event: "HistoryEvent") -> str:
    """What happened: `RUNNING -> DONE`, `stays RUNNING`, `registered: REGISTERING`."""
    happened = event["name"].split(".")[1]
    if event["silent_since"]:
        return in_short_of_silence(event["silent_since"], event["silent_until"])
    if is_refused(event):
        return f"stays {event['status']}"
    if happened in DETAILS:
        return DETAILS[happened].format_map(event["details"] or {})
    if event["previous_status"] is None:
        return f"{happened}: {event['status']}" + place(event["details"] or {})
    moved = f"{event['previous_status']} -> {event['status']}{named(event)}"
    return moved if happened == "transitioned" else f"{happened}: {moved}"


def place(details: Mapping[str, object]) -> str:
    """Where an instance stands that was queued in an array."""
    return " (array {array_id}, batch {batch_number}, step {step})".format_map(details) if "step" in details else ""


def in_short_of_silence(since: "datetime", until: "datetime | None") -> str:
    """A lapse or a return: `silent since ...`, `heard of again after 3m 12s`."""
    return f"heard of again after {format_duration(until - since)}" if until else f"silent since {format_time(since)}"


def named(event: "HistoryEvent") -> str:
    """The name of the state that was entered, where it has one of its own: ` (AwaitingRetry)`."""
    from domain.state import name_of

    state = event["state"]
    return f" ({state['name']})" if state and state["name"] != name_of(event["status"]) else ""


def answer(event: "HistoryEvent") -> str:
    """What a proposal was answered with where it was not accepted: `WAIT 30s`."""
    return f"{event['response'] or ''} {format_duration(event['delay_seconds'])}".strip()


def style_of(event: "HistoryEvent") -> str | None:
    """How an event is printed: what was refused is dim, what a rule has decided stands out."""
    return "dim" if is_refused(event) else "bold cyan" if event["rule"] else None


def enters(event: "HistoryEvent") -> bool:
    """Whether the event enters a status, be it the one that the entity was in. A silence is told with its own times."""
    if event["silent_since"]:
        return False
    return event["previous_status"] != event["status"] or event["name"].split(".")[1] in ("transitioned", "reset")


def is_refused(event: "HistoryEvent") -> bool:
    """Whether the report left the entity as it was."""
    return event["name"].split(".")[1] == "refused"


def held_at(event: "HistoryEvent") -> "datetime":
    """Since when the event counts: its status is never entered before the one before it."""
    return max(event["entered_at"], event["occurred_at"] or event["recorded_at"])


def told(value: object) -> str:
    """A value as people read it."""
    from datetime import datetime

    return format_time(value) if isinstance(value, datetime) else str(value)
