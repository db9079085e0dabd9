"""`sojourn replay`: pass the log through the domain again, under its own lifecycles or another."""

import gc
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from application.wording.counts import count_noun
from interfaces.cli import connect
from interfaces.cli.archived import answers_from_archive
from interfaces.cli.failure import EXIT_FAILURE, fail
from interfaces.cli.options import LARGEST_POSITION, OptionalEntity, Workflow
from interfaces.cli.output import AsJson, Dsn, answer_console, json_text
from interfaces.cli.presentation import Listing

if TYPE_CHECKING:
    from rich.console import Console

    from application.replay.what_if import Tried, TriedStep
    from domain.auditing.what_if import Divergence
    from interfaces.cli.columns import Cell, Column

app = typer.Typer()

SHOWN = 20
"""The number of kinds of divergences that are printed."""


@app.command(cls=Listing)
@answers_from_archive
def replay(
    ctx: typer.Context,
    entity: OptionalEntity = None,
    workflow: Workflow = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay the whole log.")] = False,
    lifecycle: Annotated[
        str | None,
        typer.Option("--lifecycle", metavar="NAME|FILE", help="Decide under this lifecycle instead of the tasks' own."),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option(
            "--until", metavar="POSITION", min=1, max=LARGEST_POSITION, help="Stop after this event of the log."
        ),
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
) -> None:
    """Replay the log and list decisions that would differ.

    The events are those of an entity, a workflow or the whole log.

    Each event is decided again on the events before it. Without --lifecycle, tasks live under their own: then a
    divergence means that the log is wrong, and the exit status is 1. For one entity each step is printed.
    """
    from application.replay.what_if import try_history
    from application.shared.existence import find_entity
    from interfaces.cli.progress import progress_bars

    if (entity is not None) + (workflow is not None) + everything != 1:
        fail("none or several of ENTITY, --workflow and --all are given; name exactly one")
    # Entities have no reference cycles, and looking for cycles takes a fifth of the time.
    gc.set_threshold(100_000)
    shown: Shown = Document() if as_json else Summary(steps=entity is not None)
    with progress_bars() as bar, connect.service(ctx, dsn) as service:
        what = find_entity(service.store, entity) if entity else workflow
        other = service.store.lifecycles.resolve(lifecycle) if lifecycle else None
        tried = try_history(
            service.store, what, other, until,
            diverged=shown.diverged, stepped=shown.stepped if entity else None, progress=bar("Replaying"),
        )  # fmt: skip
    shown.end(tried)
    if tried.divergences and other is None:
        raise typer.Exit(EXIT_FAILURE)


class Document:
    """Write one JSON document step by step, so memory does not limit the number of divergences."""

    def __init__(self) -> None:
        self._begun = False
        self._steps: list[TriedStep] = []

    def diverged(self, divergence: "Divergence") -> None:
        """Write a divergence."""
        sys.stdout.write(",\n" if self._begun else '{"divergences": [\n')
        sys.stdout.write(json_text(document(divergence)))
        self._begun = True

    def stepped(self, step: "TriedStep") -> None:
        """Collect a step of the replayed entity."""
        self._steps.append(step)

    def end(self, tried: "Tried") -> None:
        """Write the end of the document."""
        sys.stdout.write("\n]" if self._begun else '{"divergences": []')
        if self._steps:
            steps = [step._asdict() for step in self._steps]
            sys.stdout.write(f',\n"steps": {json_text(steps)}')
        sys.stdout.write(f',\n"entities": {tried.entities}, "events": {tried.events}}}\n')
        sys.stdout.flush()


class Summary:
    """Print each step of one entity, or the number and the first position of each kind of divergence."""

    def __init__(self, *, steps: bool) -> None:
        self._steps: list[TriedStep] | None = [] if steps else None
        self._divergences: dict[int, str] = {}
        self._kinds: Counter[Kind] = Counter()
        self._first: dict[Kind, Divergence] = {}
        self._others = 0

    def diverged(self, divergence: "Divergence") -> None:
        """Count a divergence."""
        kind = Kind(divergence.entity.partition(":")[0], divergence.source, divergence.target, divergence.why)
        if kind not in self._first and len(self._first) >= SHOWN:
            self._others += 1
            return
        self._first.setdefault(kind, divergence)
        self._kinds[kind] += 1
        if self._steps is not None:
            self._divergences[divergence.position] = divergence.why

    def stepped(self, step: "TriedStep") -> None:
        """Collect a step of the replayed entity."""
        if self._steps is not None:
            self._steps.append(step)

    def end(self, tried: "Tried") -> None:
        """Print the summary."""
        with answer_console() as console:
            if self._steps is not None:
                self._print_steps(console, self._steps)
            elif self._kinds:
                self._print_kinds(console)
            what = f"{count_noun(tried.events, 'event')} of {count_noun(tried.entities, 'entity', 'entities')}"
            found = f"{tried.divergences:,} would be decided otherwise" if tried.divergences else "nothing diverges"
            console.print(f"Replayed {what}: {found}.")

    def _print_steps(self, console: "Console", steps: "list[TriedStep]") -> None:
        from interfaces.cli.columns import prose

        rows = [
            (
                str(step.position), step.at, in_short(step), step.rule, step.status,
                self._divergences.get(step.position),
            )
            for step in steps
        ]  # fmt: skip
        _print(console, ("position>", "at", prose("what"), "rule", "status", prose("but")), rows)

    def _print_kinds(self, console: "Console") -> None:
        from interfaces.cli.columns import entity, prose

        rows = [
            (f"{times:,}", kind.entity, kind.source, kind.target, kind.why, str(first.position), first.entity)
            for kind, times in self._kinds.most_common()
            for first in (self._first[kind],)
        ]
        _print(console, ("times>", "of", "from", "to", prose("but"), "first at>", entity("of")), rows)
        if self._others:
            console.print(f"and {self._others:,} of other kinds; --json prints all")


class Kind(NamedTuple):
    """Divergences that are counted together."""

    entity: str
    source: str | None
    target: str | None
    why: str


Shown = Document | Summary


def document(divergence: "Divergence") -> dict[str, object]:
    """Return a divergence as a JSON object."""
    return {
        "position": divergence.position,
        "entity": divergence.entity,
        "from": divergence.source,
        "to": divergence.target,
        "why": divergence.why,
        "decided": divergence.decided,
    }


def in_short(step: "TriedStep") -> str:
    """Return what happened: `registered: QUEUED`, `RUNNING -> DONE`, `refuses LAUNCHED`."""
    happened = step.name.split(".")[1]
    if happened == "refused":
        return f"refuses {step.reported}"
    if step.previous_status is None:
        return happened
    reported = f" (reported {step.reported})" if step.reported not in (None, step.status) else ""
    moved = f"{step.previous_status} -> {step.status}{reported}"
    return moved if happened == "transitioned" else f"{happened}: {moved}"


def _print(console: "Console", columns: "Sequence[str | Column]", rows: "Sequence[Sequence[Cell]]") -> None:
    """Print a table without empty columns."""
    from interfaces.cli.columns import table
    from interfaces.cli.table import print_table

    filled = [number for number, cells in enumerate(zip(*rows, strict=True)) if any(cells)]
    shown = table(*(columns[number] for number in filled))
    for row in rows:
        shown.add_row(*(row[number] for number in filled))
    print_table(console, shown)
