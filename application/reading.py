"""The reading half of the service: what happened, when, for how long, and why.

Every method answers with the rows that the command of its name prints. Each reads in one transaction on a connection of
the pool, and changes nothing. Modules are imported when a method runs, so that a command loads only what it needs.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from application.shared.store import Store
from domain.entity import ALIASES, TASK, TASK_INSTANCE, parse_entity
from domain.errors import check_choice
from domain.time import zoned

if TYPE_CHECKING:
    from application.analyse.attempts import Attempts
    from application.analyse.breaches import Breach
    from application.analyse.compare import Comparison
    from application.analyse.concurrency import Bucket, Change
    from application.analyse.critical_path import CriticalPath
    from application.analyse.queue_wait import QueueWait
    from application.analyse.time_in_status import TimeInStatus
    from application.analyse.variants import Edge, Variant
    from application.page.dependencies import LinkedTask
    from application.page.lanes import Lanes
    from application.page.orphan_causes import OrphanCause
    from application.page.over_time import StatusesOverTime
    from application.page.search import FoundId
    from application.page.steps import LogExtent
    from application.read.audit import AuditRow, InstanceAuditRow
    from application.read.blocked import Blocked
    from application.read.diff import Difference
    from application.read.failures import Failures
    from application.read.history import HistoryEvent
    from application.read.lists import (
        Chosen,
        ListedArray,
        ListedRunner,
        ListedTask,
        ListedTaskInstance,
        ListedWorkflow,
    )
    from application.read.sorting import ListPlace
    from application.read.status import Status
    from application.read.why import Why
    from application.read.workflow import WorkflowSummary, WorkflowTasks
    from application.shared.orphan import Orphan
    from domain.lifecycles.lifecycle import Lifecycle

TaskKind = Literal["task"]
InstanceKind = Literal["ti", "task_instance"]
EntityKind = TaskKind | InstanceKind


class Reading:
    """Answers questions about the log: a part of TransitionService."""

    _store: Store

    @contextmanager
    def open_archived(self, workflow_id: str) -> "Iterator[Reading]":
        """Open an archived workflow, which answers every question of this class as the log did.

        Raises:
            UnknownEntity: neither the log nor an archive has the workflow.
            NotArchived: the workflow is in the log.
            ArchiveDamaged: its file is missing or was changed.
        """
        from application.archive.opened_archive import open_archived

        with open_archived(self._store, workflow_id) as dsn:
            opened = Reading()
            opened._store = Store.reach(dsn)
            try:
                yield opened
            finally:
                opened._store.close()

    def status(self, entity: str, at: datetime | None = None) -> "Status":
        """Return the status of `entity` as of `at` (None: now), and since when it has it.

        Raises:
            InvalidEntity: the text names no entity; write task:ID, ti:ID, array:ID or runner:ID.
            UnknownEntity: the log has no such entity.
        """
        from application.read.status import read_status

        return read_status(self._store, parse_entity(entity), _time("at", at))

    def history(self, entity: str) -> "list[HistoryEvent]":
        """Return every event of `entity` by version, refused reports included.

        Raises:
            InvalidEntity: the text names no entity.
            UnknownEntity: the log has no such entity.
        """
        from application.read.history import read_history

        return read_history(self._store, parse_entity(entity))

    def why(self, entity: str, at: datetime | None = None) -> "Why":
        """Return why `entity` has its status as of `at`: a verdict, and the events that led there.

        Raises:
            InvalidEntity: the text names no entity.
            UnknownEntity: the log has no such entity.
        """
        from application.read.why import explain_entity

        return explain_entity(self._store, parse_entity(entity), _time("at", at))

    @overload
    def audit(
        self,
        task_id: str | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        entity: TaskKind = "task",
        limit: int | None = None,
    ) -> "list[AuditRow]": ...

    @overload
    def audit(
        self,
        task_id: str | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        entity: InstanceKind,
        limit: int | None = None,
    ) -> "list[InstanceAuditRow]": ...

    def audit(
        self,
        task_id: str | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        entity: EntityKind = "task",
        limit: int | None = None,
    ) -> "list[AuditRow] | list[InstanceAuditRow]":
        """Return each status that tasks (or their instances) were in, from when to when, in the order of entry.

        Raises:
            UnknownEntity: the log has no such task or workflow.
            UnknownChoice: `entity` is not one of its choices.
        """
        from application.read import audit

        asked = (self._store, task_id, workflow_id)
        if _kind(entity) == TASK:
            with audit.read_audit(*asked, _time("at", at), limit=limit) as rows:
                return list(rows)
        with audit.read_instance_audit(*asked, at=_time("at", at), limit=limit) as instance_rows:
            return list(instance_rows)

    def orphans(
        self,
        rule: str | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        include_handled: bool = False,
        *,
        thresholds: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> "list[Orphan]":
        """Return the orphans as of `at`, oldest first: entities that miss an event which should have come.

        `include_handled` adds those that the lifecycle has ended already. `thresholds` replaces settings
        `sojourn.NAME` of the rules, by NAME, for this answer.

        Raises:
            UnknownOrphanRule: there is no such rule.
            UnknownEntity: the log has no such workflow.
            InvalidThreshold: a threshold is not a duration.
            UnknownStatus: a threshold names a status that no machine has.
        """
        from application.read.orphans import find_orphans

        return find_orphans(self._store, rule, include_handled, _time("at", at), workflow_id, thresholds, limit=limit)

    def orphan_causes(
        self,
        workflow_id: str | None = None,
        at: datetime | None = None,
        include_handled: bool = False,
        *,
        limit: int | None = None,
    ) -> "list[OrphanCause]":
        """Return the orphans as of `at` by rule and cause, the cause of most first; `limit` counts orphans.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.page.orphan_causes import find_orphan_causes

        return find_orphan_causes(self._store, workflow_id, _time("at", at), decided=include_handled, limit=limit)

    def time_in_status(
        self,
        entity: EntityKind = "task",
        by: Literal["workflow", "template", "actor", "hour", "day", "week", "reason", "state-name"] | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        terminal: bool = False,
        *,
        exact: bool = False,
    ) -> "list[TimeInStatus]":
        """Return how long tasks or task instances stay in each status, the longest total of each group first.

        Terminal statuses are left out unless `terminal`. By reason, an interval is split where the entity began to wait
        for something else. Quantiles of many intervals are read from sketches, within 1 %, unless `exact`.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `entity` or `by` is not one of its choices.
        """
        from application.analyse.time_in_status import measure_time_in_status

        return measure_time_in_status(
            self._store, _kind(entity), by, workflow_id, _time("at", at), terminal=terminal, exact=exact
        )

    @overload
    def concurrency(
        self,
        status: str,
        entity: EntityKind = "task",
        by: Literal["workflow", "template"] | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        bucket: None = None,
    ) -> "list[Change]": ...

    @overload
    def concurrency(
        self,
        status: str,
        entity: EntityKind = "task",
        by: Literal["workflow", "template"] | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        bucket: timedelta,
    ) -> "list[Bucket]": ...

    def concurrency(
        self,
        status: str,
        entity: EntityKind = "task",
        by: Literal["workflow", "template"] | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
        *,
        bucket: timedelta | None = None,
    ) -> "list[Change] | list[Bucket]":
        """Return how many were in `status` at once: one row at each change, or one for each `bucket` of time.

        Raises:
            UnknownStatus: no machine has the status.
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `entity` or `by` is not one of its choices.
            InvalidBucket: the bucket is shorter than a millisecond.
            TooManyBuckets: the buckets are too short for the time that they cover.
        """
        from application.analyse.concurrency import count_concurrency, count_concurrency_by_bucket

        kind, time = _kind(entity), _time("at", at)
        if bucket is None:
            with count_concurrency(self._store, kind, status, by, workflow_id, time) as changes:
                return [cast("Change", _row(change, by)) for change in changes]
        with count_concurrency_by_bucket(self._store, kind, status, bucket, by, workflow_id, time) as buckets:
            return [cast("Bucket", _row(found, by)) for found in buckets]

    def attempts(
        self,
        by: Literal["workflow", "template"] | None = None,
        workflow_id: str | None = None,
        at: datetime | None = None,
    ) -> "list[Attempts]":
        """Return how many attempts tasks take, and how much time the failed ones cost.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `by` is not one of its choices.
        """
        from application.analyse.attempts import count_attempts

        return count_attempts(self._store, by, workflow_id, _time("at", at))

    def breaches(
        self,
        sla: str | Path,
        workflow_id: str | None = None,
        at: datetime | None = None,
        only_open: bool = False,
    ) -> "list[Breach]":
        """Return the intervals over their limit, as the TOML file `sla` sets limits; `only_open`: those not ended.

        Raises:
            SlaInvalid: the file cannot be used; it lists every reason.
            UnknownEntity: the log has no such workflow.
        """
        from application.analyse.breaches import find_breaches

        return find_breaches(self._store, Path(sla), workflow_id, _time("at", at), only_open=only_open)

    def variants(
        self,
        entity: EntityKind = "task",
        workflow_id: str | None = None,
        at: datetime | None = None,
        limit: int | None = None,
    ) -> "list[Variant]":
        """Return the distinct sequences of statuses, the most frequent first.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `entity` is not one of its choices.
        """
        from application.analyse.variants import count_variants

        return count_variants(self._store, _kind(entity), workflow_id, _time("at", at), limit=limit)

    def queue_wait(
        self,
        by: Literal["workflow", "template", "user", "partition"] | None = None,
        per: Literal["hour", "day", "week"] | None = None,
        workflow_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        at: datetime | None = None,
    ) -> "list[QueueWait]":
        """Return how long tasks wait and run, and their expansion factors, by group and by date of registration.

        `since` (included) and `until` (excluded) are about when tasks were registered.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `by` or `per` is not one of its choices.
        """
        from application.analyse.queue_wait import measure_queue_wait

        registered = (_time("since", since), _time("until", until))
        return measure_queue_wait(self._store, by, per, workflow_id, *registered, _time("at", at))

    def compare(
        self,
        a: str,
        b: str,
        at_a: datetime | None = None,
        at_b: datetime | None = None,
        entity: EntityKind = "task",
    ) -> "Comparison":
        """Return how workflow `b` differs from workflow `a`: by template and status, and which tasks are in one only.

        `at_a` and `at_b` are the times to answer for (None: now); `b` may be `a` as of another time.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `entity` is not one of its choices.
            FutureTime: a time lies in the future.
        """
        from application.analyse.compare import compare_workflows

        return compare_workflows(self._store, a, b, _time("at_a", at_a), _time("at_b", at_b), _kind(entity))

    def critical_path(self, workflow_id: str, at: datetime | None = None) -> "CriticalPath":
        """Return the attempts and waits that decided when a workflow ended, as of `at` (None: now).

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.analyse.critical_path import find_critical_path

        return find_critical_path(self._store, workflow_id, _time("at", at))

    def blocked(
        self, workflow_id: str | None = None, at: datetime | None = None, *, limit: int | None = None
    ) -> "list[Blocked]":
        """Return what keeps tasks from starting as of `at`, what blocks most first.

        Raises:
            UnknownEntity: the log has no such workflow.
            FutureTime: `at` lies in the future.
        """
        from application.read.blocked import find_blocked

        return find_blocked(self._store, workflow_id, _time("at", at), limit=limit)

    def diff(
        self, from_: datetime, to: datetime, workflow_id: str | None = None, *, limit: int | None = None
    ) -> "list[Difference]":
        """Return the entities that had another status at `to` than at `from_`, or did not exist then.

        Raises:
            TimesReversed: `to` lies before `from_`.
            UnknownEntity: the log has no such workflow.
        """
        from application.read.diff import find_differences

        with find_differences(
            self._store, _instant("from_", from_), _instant("to", to), workflow_id, limit=limit
        ) as rows:
            return list(rows)

    def list_workflows(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        failed: bool = False,
        active: bool = False,
        limit: int | None = None,
        sort: str = "newest",
        containing: str | None = None,
        after: "ListPlace | None" = None,
        at: datetime | None = None,
    ) -> "list[ListedWorkflow]":
        """Return workflows whose `last_at` is from `since` on and before `until`, the newest first unless sorted.

        `failed` and `active` leave only workflows that have failed tasks, or tasks that have not ended. `sort` is
        newest, oldest, workflow, tasks, failed or active. `containing` leaves workflows with that text in their ids,
        `after` those that follow a place of the list. All is as of `at` (None: now).

        Raises:
            UnknownChoice: there is no such order.
        """
        from application.read.lists import list_workflows

        return list_workflows(
            self._store, _time("since", since), _time("until", until), failed=failed, active=active, limit=limit,
            after=after, sort=sort, containing=containing, at=_time("at", at),
        )  # fmt: skip

    def list_tasks(
        self,
        workflow_id: str | None = None,
        status: str | Sequence[str] | None = None,
        *,
        template: str | None = None,
        failed: bool = False,
        active: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        rule: str | None = None,
        orphan: bool = False,
        parent: str | None = None,
        limit: int | None = None,
        sort: str = "newest",
        after: "ListPlace | None" = None,
        at: datetime | None = None,
    ) -> "list[ListedTask]":
        """Return tasks in their current status, the newest first.

        `since` (included) and `until` (excluded) are about when the current status was entered, `actor` is the
        component that reported it, `rule` the rule that decided it, `failed` leaves tasks in a failure status, `active`
        those that have not ended, `orphan` those that are orphans now, `parent` those that are parts of that
        task. `sort` is newest, oldest, entity, status, workflow, template or attempts; `after` leaves what follows a
        place of the list. All is as of `at` (None: now).

        Raises:
            UnknownEntity: the log has no such workflow or parent.
            UnknownStatus: no machine of tasks has the status.
            UnknownChoice: there is no such rule or order.
        """
        from application.read.lists import list_tasks

        chosen = _chosen(workflow_id, status, template, failed, active, since, until, actor, limit)
        chosen = chosen._replace(
            rule=rule, orphan=orphan, sort=sort, parent=parent, after=after, at=_time("at", at)
        )  # fmt: skip
        with list_tasks(self._store, chosen) as rows:
            return list(rows)

    def list_task_instances(
        self,
        workflow_id: str | None = None,
        status: str | Sequence[str] | None = None,
        *,
        template: str | None = None,
        failed: bool = False,
        active: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        actor: str | None = None,
        rule: str | None = None,
        orphan: bool = False,
        limit: int | None = None,
        sort: str = "newest",
        after: "ListPlace | None" = None,
        at: datetime | None = None,
    ) -> "list[ListedTaskInstance]":
        """Return task instances in their current status, the newest first, chosen as `list_tasks` chooses tasks.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownStatus: no machine of task instances has the status.
            UnknownChoice: there is no such rule or order.
        """
        from application.read.lists import list_task_instances

        chosen = _chosen(workflow_id, status, template, failed, active, since, until, actor, limit)
        chosen = chosen._replace(rule=rule, orphan=orphan, sort=sort, after=after, at=_time("at", at))
        with list_task_instances(self._store, chosen) as rows:
            return list(rows)

    def list_runners(
        self,
        status: str | Sequence[str] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> "list[ListedRunner]":
        """Return runners with their last heartbeat, the newest change of status first; `status`: ALIVE or SILENT.

        Raises:
            UnknownStatus: the status is neither ALIVE nor SILENT.
        """
        from application.read.lists import list_runners

        with list_runners(self._store, _chosen(status=status, since=since, until=until, limit=limit)) as rows:
            return list(rows)

    def list_arrays(
        self,
        workflow_id: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> "list[ListedArray]":
        """Return arrays, the newest change first.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.read.lists import list_arrays

        with list_arrays(self._store, _chosen(workflow_id, since=since, until=until, limit=limit)) as rows:
            return list(rows)

    def failures(
        self,
        workflow_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Literal["reason", "template", "actor", "node"] = "reason",
        *,
        limit: int | None = None,
        at: datetime | None = None,
    ) -> "list[Failures]":
        """Return attempts that ended in a failure status from `since` on and before `until`, counted by `by`.

        An attempt is a task instance, or the task where its lifecycle has no instances.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `by` is not one of its choices.
        """
        from application.read.failures import count_failures

        times = (_time("since", since), _time("until", until))
        return count_failures(self._store, workflow_id, *times, by, limit=limit, at=_time("at", at))

    def workflow(self, workflow_id: str, at: datetime | None = None) -> "WorkflowSummary":
        """Return a workflow at a glance as of `at`: tasks by status, failures, the slowest statuses, orphans.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.read.workflow import summarize_workflow

        return summarize_workflow(self._store, workflow_id, _time("at", at))

    def workflow_tasks(self, workflow_id: str, at: datetime | None = None) -> "WorkflowTasks | None":
        """Return a workflow's tasks by status as of `at`, and nothing else of it; None before it existed.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.read.workflow import count_workflow_tasks

        return count_workflow_tasks(self._store, workflow_id, _time("at", at))

    def list_lifecycles(self) -> "list[tuple[Lifecycle, int]]":
        """Return every lifecycle that tasks are pinned to, with the number of its tasks."""
        return self._store.lifecycles.stored_lifecycles()

    def lifecycle_flow(self, lifecycle: str, entity: EntityKind = "task", at: datetime | None = None) -> "list[Edge]":
        """Return which statuses of one lifecycle came right after which, how often, and the median time before.

        Raises:
            UnknownChoice: `entity` is not one of its choices.
        """
        from application.page.flow import count_flow

        return count_flow(self._store, lifecycle, _kind(entity), _time("at", at))

    def over_time(
        self, workflow_id: str, entity: EntityKind = "task", at: datetime | None = None, *, columns: int = 240
    ) -> "StatusesOverTime | None":
        """Return how many were in each status at the end of each column of time; None before the workflow existed.

        Raises:
            UnknownEntity: the log has no such workflow.
            UnknownChoice: `entity` is not one of its choices.
        """
        from application.page.over_time import count_over_time

        return count_over_time(self._store, workflow_id, _kind(entity), _time("at", at), columns=columns)

    def lanes(
        self,
        workflow_id: str,
        at: datetime | None = None,
        *,
        running: Sequence[str] = (),
        actors: bool = False,
        offset: int = 0,
        limit: int = 100_000,
    ) -> "Lanes | None":
        """Return a workflow's attempts, each with its statuses and when it entered them; None before it existed.

        They come in the order in which they began, at most `limit` from number `offset` on. `actors` adds
        the node and the worker that last reported one of the `running` statuses.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.page.lanes import read_lanes

        return read_lanes(self._store, workflow_id, running, _time("at", at), actors=actors, offset=offset, limit=limit)

    def linked_tasks(
        self, workflow_id: str, at: datetime | None = None, *, limit: int | None = None
    ) -> "list[LinkedTask]":
        """Return a workflow's tasks by id, each with the tasks that it waits for.

        Raises:
            UnknownEntity: the log has no such workflow.
        """
        from application.page.dependencies import list_linked_tasks

        return list_linked_tasks(self._store, workflow_id, _time("at", at), limit=limit)

    def search(self, text: str, at: datetime | None = None, *, limit: int = 20) -> "list[FoundId]":
        """Return the workflows, tasks and task instances whose ids begin with `text`, at most `limit` of each."""
        from application.page.search import search_ids

        return search_ids(self._store, text, _time("at", at), limit=limit)

    def next_change(self, at: datetime, workflow_id: str | None = None, task_id: str | None = None) -> datetime | None:
        """Return when the next status after `at` was entered; None where none was."""
        from application.page.steps import find_next_change

        return find_next_change(self._store, _instant("at", at), workflow_id, task_id)

    def previous_change(
        self, at: datetime | None = None, workflow_id: str | None = None, task_id: str | None = None
    ) -> datetime | None:
        """Return when the last status before `at` (None: now) was entered; None where none was."""
        from application.page.steps import find_previous_change

        return find_previous_change(self._store, _time("at", at), workflow_id, task_id)

    def log_extent(self) -> "LogExtent":
        """Return when the log's first event was effective, and the position of its last one."""
        from application.page.steps import read_extent

        return read_extent(self._store)


def _chosen(
    workflow_id: str | None = None,
    status: str | Sequence[str] | None = None,
    template: str | None = None,
    failed: bool = False,
    active: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    actor: str | None = None,
    limit: int | None = None,
) -> "Chosen":
    from application.read.lists import Chosen

    statuses = [status] if isinstance(status, str) else status
    since, until = _time("since", since), _time("until", until)
    return Chosen(workflow_id, statuses, template, failed, active, since, until, actor, limit)


def _kind(entity: EntityKind) -> str:
    check_choice("entity", entity, (TASK, "ti", TASK_INSTANCE))
    return ALIASES.get(entity, entity)


def _time(name: str, time: datetime | None) -> datetime | None:
    return None if time is None else _instant(name, time)


def _instant(name: str, time: datetime) -> datetime:
    if not isinstance(time, datetime):
        raise TypeError(f"{name}={time!r} is not a datetime; datetime.fromisoformat reads ISO 8601 text")
    return zoned(time)


def _row(row: Mapping[str, Any], by: str | None) -> dict[str, Any]:
    """Return the row as the command prints it: without its group where no groups were asked for."""
    return {name: value for name, value in row.items() if by or name != "group"}
