"""What an import read and what came of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from application.imports.change import BadLine
from domain.entities.events import Event, TaskInstanceCreated, TaskInstanceRefused, TaskRefused, TaskRegistered
from domain.rule_names import ORPHANED_INSTANCE

AFTER_ITS_TASK = "end-after-its-task"
"""An attempt ends after its task has ended without it."""

MOST_BAD_LINES = 1_000
"""How many bad lines are told one by one; all are counted."""


class BadLineAnswer(TypedDict):
    """The number of a line that was not understood, and why."""

    line: int
    error: str


class ImportAnswer(TypedDict):
    """What an import read and added.

    `lines` are those that are not blank or a header. `task_instances`, `tasks` and `transitions` are what is new;
    `refused` counts refusals by rule, `duplicates` the lines that added nothing because it was known, `ignored`
    those that say nothing the log keeps, `anomalies` what is odd about understood ones. `bad_lines` has the first
    1,000 of `bad`.
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
    """What some events add: how many of each, the rules of those that were refused, and what is odd about them."""

    transitions: int = 0
    tasks: int = 0
    task_instances: int = 0
    refused: tuple[str, ...] = ()
    anomalies: tuple[str, ...] = ()

    @classmethod
    def of(cls, events: Sequence[Event]) -> "EventCounts":
        """What those events add."""
        entered = [event for event in events if event.is_transition]
        refused = (event for event in events if isinstance(event, TaskRefused | TaskInstanceRefused))
        return cls(
            len(entered),
            sum(isinstance(event, TaskRegistered) for event in entered),
            sum(isinstance(event, TaskInstanceCreated) for event in entered),
            tuple(str(event.rule) for event in refused),
            tuple(AFTER_ITS_TASK for event in entered if event.rule == ORPHANED_INSTANCE),
        )


@dataclass
class Tally:
    """Counts, of a batch or of all of them."""

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

    def bad_line(self, line: BadLine) -> None:
        """Count a line that was not understood."""
        self.bad += 1
        self.bad_lines.append(line)

    def count(self, counts: "EventCounts") -> None:
        """Count what was appended."""
        self.transitions += counts.transitions
        self.tasks += counts.tasks
        self.task_instances += counts.task_instances
        if counts.refused:
            self.refused.update(counts.refused)
        if counts.anomalies:
            self.anomalies.update(counts.anomalies)

    def add(self, other: "Tally") -> None:
        """Count what `other` has counted too."""
        self.lines += other.lines
        self.tasks += other.tasks
        self.task_instances += other.task_instances
        self.transitions += other.transitions
        self.refused += other.refused
        self.duplicates += other.duplicates
        self.ignored += other.ignored
        self.anomalies += other.anomalies
        self.bad += other.bad
        self.bad_lines += other.bad_lines[: MOST_BAD_LINES - len(self.bad_lines)]

    def answer(self) -> ImportAnswer:
        """The counts, as the contract shapes them."""
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
            "bad_lines": [{"line": bad.number, "error": bad.error} for bad in self.bad_lines],
        }
