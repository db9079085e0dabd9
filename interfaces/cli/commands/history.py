"""`sojourn history`: print every event of one entity."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from application.wording.wait_in_words import describe_wait
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.columns import Row, Table, detail, prose, table
from interfaces.cli.limit import Limit, render_first
from interfaces.cli.options import EntityName
from interfaces.cli.output import AsJson, Dsn, json_text, messages, print_lines
from interfaces.cli.presentation import Listing
from interfaces.wording.links_in_words import links_in_words
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
"""How events read that leave their entity in its status."""

COLUMNS = (
    "position>",
    "at",
    prose("what"),
    "after>",
    "reported",
    detail("rule"),
    "answer",
    "owner",
    detail("runner"),
    detail("cause>"),
    detail("actor"),
    prose("why"),
)


class Intervals:
    """Remember when the last status was entered, because the next event states how long it lasted."""

    def __init__(self) -> None:
        self._entered_at: datetime | None = None

    def after(self, event: "HistoryEvent") -> str:
        """Return how long the status lasted that this event ends; empty where it ends none."""
        if not enters(event):
            return ""
        began, self._entered_at = self._entered_at, event["entered_at"]
        return format_duration(event["entered_at"] - began) if began else ""

    def row(self, event: "HistoryEvent") -> Row:
        """Return the row of one event."""
        reported = event["reported"] if is_refused(event) or event["reported"] != event["status"] else None
        cells = (
            str(event["position"]),
            held_at(event),
            in_short(event),
            self.after(event),
            reported,
            event["rule"],
            answer(event),
            event["owner"],
            event["runner_id"],
            str(event["cause"] or ""),
            event["actor"],
            why(event),
        )
        return Row(cells, style_of(event))


@app.command(cls=Listing)
@answers_from_archive
def history(
    ctx: typer.Context,
    entity: EntityName,
    full: Annotated[bool, typer.Option("--full", help="Print every field of each event.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Continue with new events; JSON has one event a line.")
    ] = False,
    limit: Limit = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Print every event of one entity.

    Refused reports are included. `after` is how long the previous status lasted. `reported` is shown where it differs
    from the result, with the rule that made the difference. The owner is the runner that owns the task from then on;
    the runner is the one that proposed the transition. The cause is the position of the event that caused this one.
    """
    from application.read.history import read_history as read
    from application.shared.existence import find_entity

    with connect.service(ctx, dsn) as service:
        named = find_entity(service.store, entity)
        if follow:
            follow_until_interrupted(service.store, named, full=full, as_json=as_json)
        else:
            events = read(service.store, named)
            if not events:
                messages().print(f"{named.title} has never been silent, so it has no events")
            render_first(
                events, limit, as_json=as_json, human=lambda console, shown: print_history(console, shown, full=full)
            )


def follow_until_interrupted(store: "Store", entity: "Entity", *, full: bool, as_json: bool) -> None:
    """Print the history and new events; print the header again when an empty column gets its first cell."""
    from application.read.history import follow_history
    from interfaces.cli.output import console
    from interfaces.cli.table import GrowingTable

    columns: Sequence[int] = ()
    growing = GrowingTable(console())
    intervals = Intervals()
    try:
        for events in follow_history(store, entity):
            if as_json:
                print_json(events)
            elif full:
                print_whole(console(), events, intervals)
            else:
                rows = list(map(intervals.row, events))
                wanted = sorted({*columns, *filled(rows)})
                if wanted != columns:
                    columns, growing = wanted, GrowingTable(console())
                growing.print(table_of(rows, columns))
    except KeyboardInterrupt:
        return  # Ctrl-C is how following ends


def print_history(console: "Console", events: "list[HistoryEvent]", *, full: bool) -> None:
    """Print a line for each event without empty columns, or every field of each event."""
    from interfaces.cli.table import print_table

    if full:
        print_whole(console, events, Intervals())
    elif events:
        rows = list(map(Intervals().row, events))
        print_table(console, table_of(rows, filled(rows)))


def filled(rows: Sequence[Row]) -> list[int]:
    """Return the numbers of the columns that are not empty."""
    return [number for number, column in enumerate(zip(*(row.cells for row in rows), strict=True)) if any(column)]


def table_of(rows: Sequence[Row], numbers: Sequence[int]) -> Table:
    """Return a table of events with some of the columns."""
    found = table(*(COLUMNS[number] for number in numbers))
    found.rows = [Row([row.cells[number] for number in numbers], row.style) for row in rows]
    return found


def print_whole(console: "Console", events: "list[HistoryEvent]", intervals: Intervals) -> None:
    """Print every field of each event."""
    for event in events:
        heading, *fields = whole(event, intervals.after(event))
        console.print(heading, style=style_of(event) or "bold")
        print_lines(console, [*fields, ""])


def print_json(events: "list[HistoryEvent]") -> None:
    """Print events as JSON, one on each line."""
    import sys

    sys.stdout.writelines(f"{json_text(event)}\n" for event in events)
    sys.stdout.flush()


def whole(event: "HistoryEvent", after: str) -> Iterator[str]:
    """Yield a heading and a line for each field of one event."""
    lasted = f", after {after}" if after else ""
    yield f"{event['position']}  {event['entity']}  {in_short(event)}{lasted}"
    pairs = (*event.items(), *(event["details"] or {}).items())
    fields = [
        (name, value) for name, value in pairs if value is not None and name not in ("position", "entity", "details")
    ]
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        yield f"    {name:<{width}} {format_value(value)}"


def in_short(event: "HistoryEvent") -> str:
    """Return what happened: `RUNNING -> DONE`, `stays RUNNING`, `registered: REGISTERING`."""
    happened = event["name"].split(".")[1]
    if event["silent_since"]:
        return in_short_of_silence(event["silent_since"], event["silent_until"])
    if is_refused(event):
        return f"stays {event['status']}"
    if happened == "upstream_added":
        return links_in_words(event["details"] or {})
    if happened in DETAILS:
        return DETAILS[happened].format_map(event["details"] or {})
    if event["previous_status"] is None:
        return f"{happened}: {event['status']}" + place(event["details"] or {}) + links(event["details"] or {})
    moved = f"{event['previous_status']} -> {event['status']}{named(event)}"
    return moved if happened == "transitioned" else f"{happened}: {moved}"


def place(details: Mapping[str, object]) -> str:
    """Return the array, batch and step of a queued instance."""
    return " (array {array_id}, batch {batch_number}, step {step})".format_map(details) if "step" in details else ""


def why(event: "HistoryEvent") -> str | None:
    """Return the reason of an event, and what its entity waits for."""
    shown = event["reason"] or event["rule_reason"]
    # A proposal that waits says until when or for what in the rule's reason, unless the reporter's stands in its place.
    is_hidden = event["reason"] is not None and event["response"] == "WAIT"
    by_rule = {"response": event["response"], "rule_reason": None if is_hidden else event["rule_reason"]}
    return "; ".join(filter(None, (shown, describe_wait(by_rule | (event["details"] or {}))))) or None


def links(details: Mapping[str, object]) -> str:
    """Return what a registered task is a part of and what it waits for: ` (a part of run, waits for align)`."""
    return f" ({words})" if (words := links_in_words(details)) else ""


def in_short_of_silence(since: "datetime", until: "datetime | None") -> str:
    """Return a lapse or a return: `silent since ...`, `back after 3m 12s`."""
    return f"back after {format_duration(until - since)}" if until else f"silent since {format_time(since)}"


def named(event: "HistoryEvent") -> str:
    """Return the state's own name, if it has one: ` (AwaitingRetry)`."""
    from domain.state import name_of

    state = event["state"]
    return f" ({state['name']})" if state and state["name"] != name_of(event["status"]) else ""


def answer(event: "HistoryEvent") -> str:
    """Return the response to a proposal that was not accepted: `WAIT 30s`."""
    return f"{event['response'] or ''} {format_duration(event['delay_seconds'])}".strip()


def style_of(event: "HistoryEvent") -> str | None:
    """Return the style of an event: dim for a refusal, bold for a decision of a rule."""
    return "dim" if is_refused(event) else "bold cyan" if event["rule"] else None


def enters(event: "HistoryEvent") -> bool:
    """Return whether the event enters a status, even the same one. A silence states its own times."""
    if event["silent_since"]:
        return False
    return event["previous_status"] != event["status"] or event["name"].split(".")[1] in ("transitioned", "reset")


def is_refused(event: "HistoryEvent") -> bool:
    """Return whether the report was refused."""
    return event["name"].split(".")[1] == "refused"


def held_at(event: "HistoryEvent") -> "datetime":
    """Return the time from which the event counts, which is never before the previous status was entered."""
    return max(event["entered_at"], event["occurred_at"] or event["recorded_at"])


def format_value(value: object) -> str:
    """Return a value as people read it."""
    from datetime import datetime

    return format_time(value) if isinstance(value, datetime) else str(value)
