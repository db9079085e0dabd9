"""Counts what an import read and added."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from application.imports.change import BadLine
from domain.entities.events import Event, TaskInstanceCreated, TaskInstanceRefused, TaskRefused, TaskRegistered
from domain.rule_names import ORPHANED_INSTANCE

AFTER_ITS_TASK = "end-after-its-task"
"""An attempt ended after its task had ended without it."""

MAX_BAD_LINES = 1_000
"""The number of bad lines that the answer lists; all are counted."""


class BadLineAnswer(TypedDict):
    """The number of a line that was not understood, and why."""

    line: int
    error: str


class ImportAnswer(TypedDict):
    """What an import read and added.

    `lines` counts lines that are neither blank nor a header. `tasks`, `task_instances` and `transitions` count what is
    new, `refused` the refusals by rule, `duplicates` the lines that added nothing because the log had it already,
    `ignored` the lines that report nothing the log keeps, and `anomalies` what is odd about understood lines.
    `bad_lines` has the first 1,000 of `bad`.
    """

    lines: int
    tasks: int
    task_instances: int
    transitions: int
    refused: dict[str, int]
    duplicates: int
    ignored: int
    anomalies: dict[str, int]
    bad: int
    bad_lines: list[BadLineAnswer]


class EventCounts(NamedTuple):
    """What some events add: numbers of new things, the rule of each refusal, and anomalies."""

    transitions: int = 0
    tasks: int = 0
    task_instances: int = 0
    refused: tuple[str, ...] = ()
    anomalies: tuple[str, ...] = ()

    @classmethod
    def of(cls, events: Sequence[Event]) -> "EventCounts":
        """Count `events`."""
        transitions = [event for event in events if event.is_transition]
        refusals = (event for event in events if isinstance(event, TaskRefused | TaskInstanceRefused))
        return cls(
            len(transitions),
            sum(isinstance(event, TaskRegistered) for event in transitions),
            sum(isinstance(event, TaskInstanceCreated) for event in transitions),
            tuple(str(event.rule) for event in refusals),
            tuple(AFTER_ITS_TASK for event in transitions if event.rule == ORPHANED_INSTANCE),
        )


@dataclass
class Tally:
    """The counts of a batch, or of a whole import."""

    lines: int = 0
    tasks: int = 0
    task_instances: int = 0
    transitions: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    ignored: int = 0
    anomalies: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)

    def add_bad_line(self, line: BadLine) -> None:
        """Count a line that was not understood."""
        self.bad += 1
        self.bad_lines.append(line)

    def add_counts(self, counts: EventCounts) -> None:
        """Add the counts of appended events."""
        self.transitions += counts.transitions
        self.tasks += counts.tasks
        self.task_instances += counts.task_instances
        if counts.refused:
            self.refused.update(counts.refused)
        if counts.anomalies:
            self.anomalies.update(counts.anomalies)

    def add(self, other: "Tally") -> None:
        """Add the counts of another tally."""
        self.lines += other.lines
        self.tasks += other.tasks
        self.task_instances += other.task_instances
        self.transitions += other.transitions
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.ignored += other.ignored
        self.anomalies += other.anomalies
        self.bad += other.bad
        self.bad_lines += other.bad_lines[: MAX_BAD_LINES - len(self.bad_lines)]

    def answer(self) -> ImportAnswer:
        """Return the counts as `sojourn import --json` prints them."""
        return {
            "lines": self.lines,
            "tasks": self.tasks,
            "task_instances": self.task_instances,
            "transitions": self.transitions,
            "refused": dict(self.refused),
            "duplicates": self.duplicates,
            "ignored": self.ignored,
            "anomalies": dict(self.anomalies),
            "bad": self.bad,
            "bad_lines": [{"line": bad.number, "error": bad.error} for bad in sorted(self.bad_lines)],
        }
