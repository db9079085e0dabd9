"""Cached decisions are compared with what the pipeline decides about each case."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import from_json

from application.imports.batch import Batch
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
from application.imports.waiting_lines import IdentifiedLine
from domain.actor import Actor
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import Machine
from domain.waits_for import WaitKind, WaitsFor

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
NAMES = ("jobmon", "slurm", "spark", "nextflow", "fetch_ml")

actors = st.none() | st.builds(Actor, component=st.sampled_from(["slurm", "ü"]), host=st.none() | st.just("n1"))
reasons = st.none() | st.sampled_from(["exit code 1", 'a "b"\0'])
waits = st.none() | st.sampled_from([WaitsFor(kind=WaitKind.HOLD), WaitsFor.of(WaitKind.SLOT, '"ü', ["n1"])])
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
    """A lifecycle, and lines about two tasks and their four instances, one after the other or interleaved."""
    name = draw(st.sampled_from(NAMES))
    lifecycle = get_lifecycle(name)
    pending: list[list[Change]] = [
        [
            MoveTask(task, to, draw(times), draw(actors), draw(reasons), waits_for=draw(waits))
            for to in draw(walks(lifecycle.task))
        ]
        for task in ("t1", 't"2')
        if lifecycle.instance is None or draw(st.booleans())
    ]
    for instance, task in INSTANCES.items():
        if lifecycle.instance is None:
            break
        created = CreateInstance(instance, task, draw(times), draw(actors), draw(reasons), waits_for=draw(waits))
        reports = [
            MoveInstance(
                instance, to, draw(times), draw(actors), draw(reasons), report_by_date=due, waits_for=draw(waits)
            )
            for to in draw(walks(lifecycle.instance))
            for due in [EIGHT if draw(st.integers(0, 5)) == 0 else None]
        ]
        pending.append([created, *reports])
    lines: list[list[Change]] = [
        [RegisterTask(task, "w", EIGHT, draw(st.integers(1, 3)), draw(st.none() | st.just("é")), draw(actors))]
        for task in ("t1", 't"2')
    ]
    while pending := [rest for rest in pending if rest]:
        rest = draw(st.sampled_from(pending))
        many = draw(st.integers(1, 3))
        lines.append(rest[:many])
        del rest[:many]
    return name, lines


def identified(lines: Sequence[Sequence[Change]]) -> list[IdentifiedLine]:
    assign = MoveIds().assign
    return [
        IdentifiedLine(
            ParsedLine(number, tuple(line), ("odd",)),
            [assign(move) if isinstance(move, MoveTask | MoveInstance) else None for move in line],
        )
        for number, line in enumerate(lines, 1)
    ]


def outcome(lifecycle: Lifecycle, lines: Sequence[Sequence[Change]], cache: DecisionCache | None) -> Any:
    state = BatchState({}, {}, {}, {})
    batch = Batch(lifecycle, state, datetime.now(UTC), timedelta(0), cache)
    rows = [
        row._replace(rest=None) if row.rest is None else (*row[:-1], from_json(row.rest))
        for row in batch.decide_lines(identified(lines))
    ]
    return rows, batch.tally, batch.command_ids, state.tasks, state.instances, state.cascades


# Two instances that are alike but for their order: the failure of the older one moves nothing.
SUPERSEDED: tuple[str, list[list[Change]]] = (
    "slurm",
    [
        [RegisterTask("t1", "w", EIGHT, 3), *(CreateInstance(name, "t1", EIGHT) for name in ("i1", "i2"))],
        [MoveInstance(name, "RUNNING", EIGHT) for name in ("i1", "i2")],
        [MoveInstance(name, "FAILED", EIGHT) for name in ("i1", "i2")],
    ],
)


# Neither the time of an example nor that of drawing it is tested.
@given(cases())
@example(SUPERSEDED)
def test_a_cached_decision_is_what_the_pipeline_decides(case: tuple[str, list[list[Change]]]) -> None:
    name, lines = case
    lifecycle, cache = get_lifecycle(name), DecisionCache()

    decided = outcome(lifecycle, lines, None)

    assert outcome(lifecycle, lines, cache) == decided
    # The second time, every case is in the cache.
    assert outcome(lifecycle, lines, cache) == decided


def test_the_cache_considers_every_field_of_an_entity() -> None:
    """A new field must become part of a case's key, or keep its entities out of the cache."""
    keyed = {"lifecycle", "status", "num_attempts", "max_attempts", "instances"}
    filled_in = {"id", "workflow_id", "template", "array_id", "version", "entered_at", "entered_clock"}
    uncached = {"owner", "state", "attributes", "parent_id"}
    assert set(Task._fields) == keyed | filled_in | uncached

    keyed = {"ordinal", "status"}
    filled_in = {"id", "task_id", "workflow_id", "version", "entered_at", "entered_clock"}
    uncached = {"report_by_date", "distributor_id", "silent_since", "member"}
    assert set(TaskInstance._fields) == keyed | filled_in | uncached
