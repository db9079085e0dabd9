"""Verify the log against the lifecycles, and every row of the projections against a replay of the log.

One snapshot serves all reads, in batches, while writers go on. A log that agrees with everything is known by the
courses of its families, in a fraction of the time that a replay of every event takes; the replay names what is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypedDict

from psycopg import Connection

from application.replay.courses import Check, judge_courses
from application.replay.current_rows import CURRENT, compare_current
from application.replay.extent import Extent, find_extent
from application.replay.mismatches import Mismatches
from application.replay.other_entities import OtherEntities
from application.replay.replay import (
    Step,
    StreamsSince,
    find_pinned_lifecycles,
    ignore_progress,
    read_events_at,
    replay_event,
    replay_events,
    replay_since,
)
from application.replay.rows_of_events import EXPECTED_ROWS, RowsOfEvents, read_rows_of_events
from application.replay.wrong_checkpoints import find_wrong_checkpoints
from application.replay.wrong_columns import find_wrong_columns, find_wrong_entry
from application.replay.wrong_intervals import AUDITS, find_wrong_intervals
from application.replay.wrong_lifecycles import find_wrong_lifecycles
from application.replay.wrong_sketches import SKETCHES, find_wrong_sketches
from application.replay.wrong_slots import find_wrong_slots, find_wrong_slots_of_holders
from application.replay.wrong_sums import SUMS, find_wrong_sums
from application.seals.verify_seals import NO_TRUST, Chain, Trust
from application.shared.progress import Progress
from application.shared.store import Store
from domain.auditing.mismatch import Mismatch
from domain.auditing.replay import LifecycleOf, Replay, Replayed
from domain.entity import ARRAY, TASK, TASK_INSTANCE
from domain.waits_for import MOST_HOLDERS
from infrastructure.sql import query


class Verification(TypedDict):
    """The number of verified entities and events, and the mismatches; `left_out` counts those over MOST_MISMATCHES.

    `sealed_to` is the last sealed position, and `root` the root of its seal. `trusted_to` is the position of the last
    seal which a root or a key proves that was kept outside; None where none was given. What was verified came after the
    position `since`.
    """

    entities: int
    events: int
    mismatches: list[Mismatch]
    left_out: int
    sealed_to: int
    trusted_to: int | None
    root: str | None
    since: int


def verify_log(
    store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST, since: bytes | None = None
) -> Verification:
    """Compare the log with itself, and every projection and every seal with it. The seals must lead to what is trusted.

    With `since`, the root of the last seal that was verified, only what came after that seal is verified. Where no seal
    has that root, everything is, and the root is a mismatch.
    """
    with _snapshot(store) as connection:
        extent = find_extent(connection, since)
        if extent.after:
            return _verify_by_replay(connection, trust, extent, progress)
        trust = trust if trust.root else trust._replace(root=since)
        verification = _verify_by_courses(store, connection, trust, progress)
        return verification or _verify_by_replay(connection, trust, extent, progress)


def verify_by_courses(
    store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST
) -> Verification | None:
    """Verify all by the courses of families, and return None where there is a doubt that only a replay resolves."""
    with _snapshot(store) as connection:
        return _verify_by_courses(store, connection, trust, progress)


def verify_by_replay(store: Store, progress: Progress = ignore_progress, trust: Trust = NO_TRUST) -> Verification:
    """Verify all by a replay of every event."""
    with _snapshot(store) as connection:
        return _verify_by_replay(connection, trust, Extent(), progress)


def _snapshot(store: Store) -> AbstractContextManager[Connection[Any]]:
    return store.database.snapshot(*CURRENT, *EXPECTED_ROWS, *AUDITS.values(), SKETCHES, *SUMS)


def _verify_by_courses(
    store: Store, connection: Connection[Any], trust: Trust, progress: Progress
) -> Verification | None:
    chain, others, lifecycle_of = Chain(trust), _OthersWithRows(), find_pinned_lifecycles(connection)
    checks = [*_checks_of_all(chain), others.agree]
    judged = judge_courses(store, connection, checks, partial(_agree, lifecycle_of), progress)
    if judged is None:
        return None
    row = connection.execute(query("projections", "verify/count_entities")).fetchone()
    if row != (judged.tasks, judged.instances):
        return None
    events = judged.events + others.events
    progress(events, events)
    entities = judged.tasks + judged.instances + others.entities
    return _state(events, entities, Mismatches(), chain, Extent())


def _checks_of_all(chain: Chain) -> Iterator[Check]:
    """Yield the checks of everything that is not compared by families."""
    yield lambda connection: not any(chain.compare(connection))
    for kind in AUDITS:
        yield partial(_has_intervals_of_log, kind)
    yield lambda connection: not any(find_wrong_sums(connection))
    yield lambda connection: not any(find_wrong_sketches(connection))
    yield lambda connection: not any(find_wrong_columns(connection, 0))
    yield lambda connection: not _differ(connection, "verify/differ_waits", {"most_holders": MOST_HOLDERS})
    yield lambda connection: not _differ(connection, "verify/differ_dependencies")
    yield lambda connection: not any(find_wrong_lifecycles(connection))
    yield lambda connection: not any(find_wrong_checkpoints(connection))
    yield lambda connection: not any(find_wrong_slots_of_holders(connection))


def _has_intervals_of_log(kind: str, connection: Connection[Any]) -> bool:
    return not any(find_wrong_intervals(connection, kind, Extent()))


def _agree(lifecycle_of: LifecycleOf, connection: Connection[Any], positions: Sequence[int]) -> bool:
    """Return whether the events at some positions, of whole families, are legal, and their current status is right.

    The database has compared causes, and `OtherEntities` the places in arrays.
    """
    replay = Replay(lifecycle_of)
    for logged in read_events_at(connection, positions):
        step = replay_event(replay, logged)
        if any(wrong.what not in ("cause", "array") for wrong in step.mismatches) or any(find_wrong_entry(step)):
            return False
    extent = Extent(streams=StreamsSince(frozenset(replay.entities), frozenset()))
    kinds = (TASK, TASK_INSTANCE)
    return not any(any(compare_current(connection, kind, replay.entities, extent)) for kind in kinds)


class _OthersWithRows(OtherEntities):
    """The other entities, whose times of entry and rows of current status are compared too."""

    def is_right(self, step: Step) -> bool:
        """Return whether an event is legal, and has the time of entry that a replay comes to."""
        return super().is_right(step) and not any(find_wrong_entry(step))

    def have_right_rows(self, connection: Connection[Any], entities: Mapping[str, Replayed]) -> bool:
        """Return whether the current status of arrays is right."""
        return not any(compare_current(connection, ARRAY, entities, Extent()))


def _verify_by_replay(connection: Connection[Any], trust: Trust, extent: Extent, progress: Progress) -> Verification:
    chain = Chain(trust)
    replay = Replay(find_pinned_lifecycles(connection))
    mismatches = Mismatches()
    mismatches += find_wrong_lifecycles(connection)
    events = _compare_log(connection, replay, mismatches, extent, progress)
    mismatches += find_wrong_columns(connection, extent.after)
    entities = sum(map(extent.has, replay.entities))
    for kind in CURRENT:
        mismatches += compare_current(connection, kind, replay.entities, extent)
    mismatches += find_wrong_slots(connection, replay)
    mismatches += find_wrong_checkpoints(connection)
    mismatches += chain.compare(connection, extent.after)
    _compare_audits(connection, mismatches, extent)
    if not extent.after:
        mismatches += find_wrong_sketches(connection)
        mismatches += find_wrong_sums(connection)
    return _state(events, entities, mismatches, chain, extent)


def _state(events: int, entities: int, mismatches: Mismatches, chain: Chain, extent: Extent) -> Verification:
    return {
        "entities": entities,
        "events": events,
        "mismatches": mismatches.first,
        "left_out": mismatches.left_out,
        "sealed_to": chain.sealed_to,
        "trusted_to": chain.trusted_to,
        "root": chain.root.hex() if chain.sealed_to else None,
        "since": extent.after,
    }


def _compare_log(
    connection: Connection[Any], replay: Replay, mismatches: Mismatches, extent: Extent, progress: Progress
) -> int:
    """Replay the events, compare the rows that come from each, and return the number of events."""
    tables = [RowsOfEvents(table, read_rows_of_events(connection, table, extent.after)) for table in EXPECTED_ROWS]
    events = 0
    for step in _replay(connection, replay, extent, progress):
        events += 1
        mismatches += step.mismatches
        mismatches += find_wrong_entry(step)
        for table in tables:
            mismatches += table.compare(step)
    for table in tables:
        mismatches += table.left_over()
    return events


def _replay(connection: Connection[Any], replay: Replay, extent: Extent, progress: Progress) -> Iterator[Step]:
    if extent.streams is None:
        return replay_events(connection, replay, progress)
    return replay_since(connection, replay, extent.after, extent.streams, progress)


def _compare_audits(connection: Connection[Any], mismatches: Mismatches, extent: Extent) -> None:
    """Compare the audit views, but not for entities with a mismatch already, because it explains their intervals."""
    known = {mismatch.entity for mismatch in mismatches.first}
    for kind in AUDITS:
        mismatches += (wrong for wrong in find_wrong_intervals(connection, kind, extent) if wrong.entity not in known)


def _differ(connection: Connection[Any], name: str, wanted: Mapping[str, Any] | None = None) -> bool:
    row = connection.execute(query("projections", name), wanted).fetchone()
    assert row is not None
    return bool(row[0])
