"""Help tests to the critical path of a workflow by brute force: minute by minute, and every link taken away in turn.

It reads raw events and shares nothing with the product. All times are whole minutes from a first one.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any, NamedTuple

from tests.support.agreement import Row, moves

MINUTE = timedelta(minutes=1)


class Span(NamedTuple):
    """Minutes that decided when the workflow ended: own work, a registration, or what a parent did."""

    sort: str
    task: str
    begin: int
    end: int


class BruteLink(NamedTuple):
    """A link as the product should find it."""

    entity: str
    kind: str
    begin: int
    end: int
    saved: int
    ties: tuple[str, ...]


class Machines(NamedTuple):
    """What the statuses of a task and of its instances mean, by kind."""

    terminal: dict[str, set[str]]
    failures: dict[str, set[str]]
    waiting: dict[str, set[str]]
    running: dict[str, set[str]]


class BruteWorkflow:
    """A workflow as of a minute, from its raw events."""

    def __init__(self, events: Iterable[Row], machines: Machines, start: datetime, now: int) -> None:
        self._machines = machines
        self._start = start
        self._now = now
        self._streams: dict[str, list[Row]] = {}
        for event in events:
            if self._minute(event) <= now:
                self._streams.setdefault(event["stream"], []).append(event)

    def _minute(self, event: Row) -> int:
        minutes: int
        minutes, rest = divmod(event["entered_at"] - self._start, MINUTE)
        assert not rest
        return minutes

    # Moments.

    @cached_property
    def tasks(self) -> list[str]:
        return sorted(stream[5:] for stream in self._streams if stream.startswith("task:"))

    def registered(self, task: str) -> int:
        return self._minute(self._streams[f"task:{task}"][0])

    def parent(self, task: str) -> str | None:
        return self._streams[f"task:{task}"][0].get("parent")

    def parts(self, parent: str) -> list[str]:
        return [task for task in self.tasks if self.parent(task) == parent]

    def ended(self, task: str) -> int:
        last = moves(self._streams[f"task:{task}"])[-1]
        return self._minute(last) if last["status"] in self._machines.terminal["task"] else self._now

    def ran(self, task: str) -> int:
        """When it ran first after it was last taken out of a terminal status, else when it ended."""
        history = moves(self._streams[f"task:{task}"])
        terminal = self._machines.terminal["task"]
        reopened = [
            self._minute(after)
            for before, after in pairwise(history)
            if before["status"] in terminal and after["status"] not in terminal
        ]
        since = reopened[-1] if reopened else 0
        kinds = [("task", history)] + [("task_instance", moves(events)) for events in self._instances(task)]
        for kind, events in kinds:
            at = [self._minute(e) for e in events if e["status"] in self._machines.running[kind]]
            if at := [minute for minute in at if minute >= since]:
                return min(at)
        return self.ended(task)

    def _instances(self, task: str) -> list[list[Row]]:
        return [events for events in self._streams.values() if events[0].get("task_id") == task]

    def upstream(self, task: str) -> list[str]:
        """The upstream tasks that had ended when it first ran."""
        named = {name for event in self._streams[f"task:{task}"] for name in event.get("upstream") or ()}
        return sorted(name for name in named if name in self.tasks and self.ended(name) <= self.ran(task))

    def early(self, task: str) -> list[str]:
        return [name for name in self.upstream(task) if self.ended(name) <= self.registered(task)]

    def ready(self, task: str) -> int:
        return max([self.registered(task), *map(self.ended, self.upstream(task))])

    def awaited(self, parent: str) -> list[str]:
        return [part for part in self.parts(parent) if self.ended(part) <= self.ended(parent)]

    def follows_parent(self, task: str) -> bool:
        parent = self.parent(task)
        return parent in self.tasks and not self.early(task) and self.registered(task) >= self.ready(parent or "")

    # The path.

    @property
    def first(self) -> int:
        return min(map(self.registered, self.tasks))

    @property
    def end(self) -> int:
        return max(map(self.ended, self.tasks))

    def own_since(self, task: str) -> int:
        return max([self.ready(task), *map(self.ended, self.awaited(task))])

    def _pick(self, tasks: Iterable[str], at: int) -> tuple[str | None, tuple[str, ...]]:
        """The task that ended at a minute and took longest for its own work, and the others that took any time."""
        there = [task for task in tasks if self.ended(task) == at]
        if not there:
            return None, ()
        chosen = min(there, key=lambda task: (self.own_since(task) - at, task))
        return chosen, tuple(task for task in sorted(there) if task != chosen and self.own_since(task) < at)

    def spans(self) -> tuple[list[Span], dict[int, tuple[str, ...]]]:
        """The minutes of the path, the first ones first, and the ties at each end."""
        spans: list[Span] = []
        task, ties = self._pick(self.tasks, self.end)
        tied = {self.end: ties}
        while task:
            spans.append(Span("own", task, since := self.own_since(task), self.ended(task)))
            part, ties = self._pick(self.awaited(task), since)
            tied[since] = tied.get(since) or ties
            task = part or self._before(task, spans, tied)
        return [span for span in reversed(spans) if span.begin < span.end], tied

    def _before(self, task: str, spans: list[Span], tied: dict[int, tuple[str, ...]]) -> str | None:
        """The task that ended before a ready one, after its registration where that decided."""
        at = self.ready(task)
        late = [name for name in self.upstream(task) if self.ended(name) > self.registered(task)]
        if not late:
            at = self.registered(task)
            if self.follows_parent(task):
                parent = self.parent(task)
                assert parent
                spans.append(Span("parent", parent, self.ready(parent), at))
                return self._before(parent, spans, tied)
            at = max(map(self.ended, self.early(task)), default=self.first)
            spans.append(Span("registration", task, at, self.registered(task)))
            late = self.early(task)
        chosen, ties = self._pick(late, at)
        tied[at] = tied.get(at) or ties
        return chosen

    # What would have been.

    def end_without(self, sort: str, name: str, begin: int, end: int) -> int:
        """When the workflow had ended if these minutes of a task had taken no time."""
        memo: dict[tuple[str, str], int] = {}

        def gone(of: str, task: str, since: int, until: int) -> int:
            return max(0, min(until, end) - max(since, begin)) if (of, task) == (sort, name) else 0

        def moment(what: str, task: str) -> int:
            if (what, task) not in memo:
                memo[what, task] = compute[what](task)
            return memo[what, task]

        def registered(task: str) -> int:
            at = self.registered(task)
            if self.follows_parent(task):
                parent = self.parent(task) or ""
                since = self.ready(parent)
                return moment("ready", parent) + at - since - gone("parent", parent, since, at)
            since = max(map(self.ended, self.early(task)), default=self.first)
            then = max((moment("ended", name) for name in self.early(task)), default=self.first)
            return then + at - since - gone("registration", task, since, at)

        def ready(task: str) -> int:
            late = set(self.upstream(task)) - set(self.early(task))
            return max([moment("registered", task), *(moment("ended", name) for name in late)])

        def ended(task: str) -> int:
            since, until = self.own_since(task), self.ended(task)
            begun = max([moment("ready", task), *(moment("ended", part) for part in self.awaited(task))])
            return begun + until - since - gone("own", task, since, until)

        compute = {"registered": registered, "ready": ready, "ended": ended}
        return max(moment("ended", task) for task in self.tasks)

    # What went on in a minute.

    def links(self) -> list[BruteLink]:
        spans, tied = self.spans()
        found = []
        for span in spans:
            doings = [(minute, self._doing(span, minute)) for minute in range(span.begin, span.end)]
            for (entity, kind), group in groupby(doings, key=lambda item: item[1]):
                minutes = [minute for minute, _ in group]
                begin, end = minutes[0], minutes[-1] + 1
                saved = self.end - self.end_without(span.sort, span.task, begin, end)
                found.append(BruteLink(entity, kind, begin, end, saved, tied.get(end, ()) if end == span.end else ()))
        return found

    def _doing(self, span: Span, minute: int) -> tuple[str, str]:
        task = span.task
        if span.sort == "registration":
            return f"task:{task}", "waiting"
        registered = span.end if span.sort == "parent" else None
        begun = [events for events in self._instances(task) if self._minute(events[0]) < span.end]
        newest = max(begun, key=lambda events: events[0]["ordinal"], default=None)
        claims = [self._claim(events, minute, registered if events is newest else None) for events in begun]
        claims += [self._claim(self._streams[f"task:{task}"], minute, registered), self._upstream_claim(task, minute)]
        found: tuple[str, str] = max(claim for claim in claims if claim)[-1]
        return found

    def _claim(self, events: list[Row], minute: int, registered: int | None) -> Any:
        """What an entity did in a minute: how much that counts, its ordinal, and the answer.

        If it registered a part, an attempt that failed after that did not run in vain.
        """
        history = moves(events)
        past = [event for event in history if self._minute(event) <= minute]
        if not past:
            return None
        stream = past[-1]["stream"]
        if stream.startswith("task:"):
            return self._claim_of_task(stream, history, len(past) - 1, registered)
        return self._claim_of_instance(f"ti:{stream.partition(':')[2]}", history, past[-1], registered)

    def _is_later(self, event: Row, registered: int | None) -> bool:
        return registered is not None and self._minute(event) > registered

    def _claim_of_instance(self, entity: str, history: list[Row], event: Row, registered: int | None) -> Any:
        status, ordinal, kind = event["status"], history[0]["ordinal"], "task_instance"
        last = history[-1]["status"]
        fails = last in self._machines.terminal[kind] & self._machines.failures[kind]
        if status in self._machines.terminal[kind]:
            return 2, ordinal, (f"task:{event['task_id']}", "waiting-retry" if fails else "waiting")
        if event.get("waits_for"):
            return 7, ordinal, (entity, f"waiting-{event['waits_for']['kind']}".removesuffix("-delay"))
        if status in self._machines.running[kind]:
            fails = fails and not self._is_later(history[-1], registered)
            return (8, ordinal, (entity, "failed-attempt")) if fails else (9, ordinal, (entity, "running"))
        return 4, ordinal, (entity, "waiting")

    def _claim_of_task(self, entity: str, history: list[Row], index: int, registered: int | None) -> Any:
        event, machines = history[index], self._machines
        counted = [0, *(event["num_attempts"] for event in history)]
        begins = [after > before for before, after in pairwise(counted)]
        resets = [after < before for before, after in pairwise(counted)]
        group = [i for i in range(len(history)) if sum(begins[: i + 1]) == sum(begins[: index + 1])]
        ends = [
            i for i in group
            if not begins[i] and (
                resets[i] or history[i]["status"] in
                machines.terminal["task"] | machines.failures["task"] | machines.waiting["task"]
            )
        ]  # fmt: skip
        if not sum(begins[: index + 1]):
            fails, has_ended = False, False
        else:
            fails = bool(ends) and (
                history[ends[0]]["status"] in machines.failures["task"]
                or (history[ends[0]]["status"] in machines.waiting["task"] and not resets[ends[0]])
            )
            has_ended = bool(ends) and ends[0] <= index
        if event.get("waits_for"):
            return 6, 0, (entity, f"waiting-{event['waits_for']['kind']}".removesuffix("-delay"))
        if event["status"] in machines.running["task"]:
            is_vain = fails and not self._is_later(history[ends[0]], registered)
            return 3, 0, (entity, "failed-attempt" if is_vain else "running")
        if event["status"] in machines.failures["task"] or (has_ended and fails):
            return 2, 0, (entity, "waiting-retry")
        return 0, 0, (entity, "waiting")

    def _upstream_claim(self, task: str, minute: int) -> Any:
        """That it waits for upstream tasks, which may have ended so that it never ran."""
        ran = self.ran(task) if self._has_run(task) else None
        named = {name for event in self._streams[f"task:{task}"] for name in event.get("upstream") or ()}
        for name in named & set(self.tasks):
            last = moves(self._streams[f"task:{name}"])[-1]["status"]
            blocks = ran is None and last in self._machines.failures["task"]
            until = self._now if last not in self._machines.terminal["task"] or blocks else self.ended(name)
            if minute < (until if ran is None else min(ran, until)):
                return 5, 0, (f"task:{task}", "waiting-dependency")
        return None

    def _has_run(self, task: str) -> bool:
        events = [("task", e) for e in self._streams[f"task:{task}"]]
        events += [("task_instance", e) for instance in self._instances(task) for e in instance]
        return any(event["status"] in self._machines.running[kind] for kind, event in events)


def machines_of(definition: Row) -> Machines:
    """What a stored lifecycle says of its statuses, without the product's own view of it."""
    kinds = {kind: definition[kind] for kind in ("task", "task_instance") if definition.get(kind)}
    return Machines(
        {kind: set(machine["terminal"]) for kind, machine in kinds.items()},
        {kind: set(machine["failures"]) for kind, machine in kinds.items()},
        {kind: {machine["initial"], *(machine.get("available_for_run") or ())} for kind, machine in kinds.items()},
        {kind: set(machine["running"] or ["RUNNING"]) for kind, machine in kinds.items()},
    )
