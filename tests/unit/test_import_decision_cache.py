"""What was decided before and is filled in, held against what the pipeline decides about each case."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from application.imports.batch import Batch, IdentifiedLine
from application.imports.batch_state import BatchState
from application.imports.change import (
    AttemptKey,
    Change,
    CreateInstance,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
)
from application.imports.decision_cache import DecisionCache
from application.imports.move_id import MoveIds
from domain.actor import Actor
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
NAMES = ("jobmon", "slurm", "spark", "nextflow", "fetch_ml")

actors = st.none() | st.builds(Actor, component=st.sampled_from(["slurm", "ü"]), host=st.none() | st.just("n1"))
reasons = st.none() | st.sampled_from(["exit code 1", 'a "b"\0'])
times = st.integers(0, 20).map(lambda minutes: EIGHT + timedelta(minutes=minutes))
INSTANCES: dict[str | AttemptKey, str] = {"i1": "t1", "i2": "t1", "i3": "t1", AttemptKey('t"2', EIGHT): 't"2'}


@st.composite
def walks(draw: st.DrawFn, machine: Machine) -> list[str]:
    """Statuses that lead from one to the next, now and then past the machine's edges."""
    status, walk = machine.initial, []
    for _ in range(draw(st.integers(0, 6))):
        following = sorted(machine.next_statuses(status)) or [machine.initial]
        status = draw(st.sampled_from(machine.statuses if draw(st.integers(0, 9)) == 0 else following))
        walk.append(status)
    return walk


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, list[list[Change]]]:
    """A lifecycle, and what is said of two tasks and four instances of theirs, one after the other or interleaved."""
    name = draw(st.sampled_from(NAMES))
    lifecycle = get_lifecycle(name)
    told: list[list[Change]] = [
        [MoveTask(task, to, draw(times), draw(actors), draw(reasons)) for to in draw(walks(lifecycle.task))]
        for task in ("t1", 't"2')
        if lifecycle.instance is None or draw(st.booleans())
    ]
    for instance, task in INSTANCES.items():
        if lifecycle.instance is None:
            break
        created = CreateInstance(instance, task, draw(times), draw(actors), draw(reasons))
        reports = [
            MoveInstance(instance, to, draw(times), draw(actors), draw(reasons), report_by_date=due)
            for to in draw(walks(lifecycle.instance))
            for due in [EIGHT if draw(st.integers(0, 5)) == 0 else None]
        ]
        told.append([created, *reports])
    said: list[list[Change]] = [
        [RegisterTask(task, "w", EIGHT, draw(st.integers(1, 3)), draw(st.none() | st.just("é")), draw(actors))]
        for task in ("t1", 't"2')
    ]
    while told := [rest for rest in told if rest]:
        rest = draw(st.sampled_from(told))
        many = draw(st.integers(1, 3))
        said.append(rest[:many])
        del rest[:many]
    return name, said


def entries(said: Sequence[Sequence[Change]]) -> list[IdentifiedLine]:
    count = MoveIds().count
    return [
        IdentifiedLine(
            ParsedLine(number, tuple(line), ("odd",)),
            [count(move) if isinstance(move, MoveTask | MoveInstance) else None for move in line],
        )
        for number, line in enumerate(said, 1)
    ]


def outcome(lifecycle: Lifecycle, said: Sequence[Sequence[Change]], shapes: DecisionCache | None) -> Any:
    found = BatchState({}, {}, {}, {})
    batch = Batch(lifecycle, found, shapes)
    rows = [(*row[:6], from_json(row[6])) for row in batch.decide_lines(entries(said))]
    return rows, batch.tally, batch.command_ids, found.tasks, found.instances, found.caused


# Two instances that are alike but for their order: the failure of the older one moves nothing.
SUPERSEDED: tuple[str, list[list[Change]]] = (
    "slurm",
    [
        [RegisterTask("t1", "w", EIGHT, 3), *(CreateInstance(name, "t1", EIGHT) for name in ("i1", "i2"))],
        [MoveInstance(name, "RUNNING", EIGHT) for name in ("i1", "i2")],
        [MoveInstance(name, "FAILED", EIGHT) for name in ("i1", "i2")],
    ],
)


@given(cases())
@example(SUPERSEDED)
def test_what_is_filled_in_is_what_would_be_decided(case: tuple[str, list[list[Change]]]) -> None:
    name, said = case
    lifecycle, shapes = get_lifecycle(name), DecisionCache()

    decided = outcome(lifecycle, said, None)

    assert outcome(lifecycle, said, shapes) == decided
    # From the shapes that the first time has left.
    assert outcome(lifecycle, said, shapes) == decided
