"""The reports of one entity: how each is read, what it proposes, and how it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from psycopg import Connection

from application.shared.current_status import CurrentStatus
from application.shared.entity_cache import KnownEntity
from application.write.answers import InstanceRefusal, NotDecided, TaskAnswer, TaskInstanceAnswer
from domain.decisions.decision import Decision
from domain.decisions.proposals import InstanceReport, TaskRequest
from domain.entity import TASK, TASK_INSTANCE, Entity, check_id
from domain.errors import InvalidTransition, UnknownStatus
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from domain.rule_names import INVALID, NOT_OWNER, ORPHANED_INSTANCE, STALE_REPORT, UNTIMELY, RuleName
from domain.rule_outcome import Response
from domain.state import State
from domain.text import storable
from domain.time import zoned

REFUSALS: Mapping[str | None, InstanceRefusal] = {UNTIMELY: "untimely_transition", STALE_REPORT: "stale_report"}
"""The errors of refused reports by the rules that refused them; of any other rule it is invalid_ti_transition."""

Answer = TypeVar("Answer", bound=Mapping[str, Any])
Answer_co = TypeVar("Answer_co", bound=Mapping[str, Any], covariant=True)


class Report(Protocol[Answer_co]):
    """A report of one entity, as the report writer needs it."""

    @property
    def entity(self) -> Entity:
        """Return the entity that the report is about."""

    @property
    def to_status(self) -> str:
        """Return the status that is reported or requested."""

    @property
    def proposal(self) -> InstanceReport | TaskRequest:
        """Return what the report proposes."""

    @property
    def context(self) -> ReportContext:
        """Return the context: who reports, why, when it happened, and under which command id."""

    def request(self) -> tuple[Any, ...]:
        """Return what distinguishes this report from another one with the same command id."""

    def read(self, status: CurrentStatus, connection: Connection[Any], *, lock: bool) -> KnownEntity | None:
        """Return the entity and its task, locked if `lock`, or None where the log does not know it."""

    def check_statuses(self, lifecycle: Lifecycle) -> None:
        """Raise UnknownStatus where no machine of the entity's lifecycle has a status that the report names."""

    def answer(self, decision: Decision) -> Answer_co:
        """Return the answer that a decision gives."""

    def settles(self, decision: Decision, /) -> bool:
        """Return whether the command id stands for this decision from now on, or may be proposed again."""

    def failure(self, error: NotDecided) -> Answer_co:
        """Return the answer where nothing was decided, because of `error`."""


@dataclass(frozen=True, slots=True)
class TaskInstanceReport:
    """A report that a task instance is in a status; see `TransitionService.transition_task_instance`.

    Raises:
        InvalidId: the id is not a text of up to 255 characters.
        InvalidTime: `report_by_date` has no zone.
    """

    task_instance_id: str
    to_status: str
    context: ReportContext
    current_ti_status: str | None = None
    report_by_date: datetime | None = None

    def __post_init__(self) -> None:
        check_id("task instance", self.task_instance_id)
        if self.report_by_date is not None:
            zoned(self.report_by_date)

    @property
    def entity(self) -> Entity:
        """Return the task instance."""
        return Entity(TASK_INSTANCE, self.task_instance_id)

    @property
    def proposal(self) -> InstanceReport:
        """Return the report, as the lifecycle decides on it."""
        return InstanceReport(self.to_status, self.current_ti_status, self.report_by_date)

    def request(self) -> tuple[Any, ...]:
        """Return what the report requests."""
        return (
            "transition_task_instance",
            self.task_instance_id,
            self.to_status,
            self.current_ti_status,
            self.report_by_date,
            self.context.reason,
            self.context.occurred_at,
            *self.context.stated_wait(),
        )

    def read(self, status: CurrentStatus, connection: Connection[Any], *, lock: bool) -> KnownEntity | None:
        """Return the instance and its task."""
        return status.family(connection, self.task_instance_id, lock=lock)

    def check_statuses(self, lifecycle: Lifecycle) -> None:
        """Check the reported status, and the one that the reporter expected.

        Raises:
            UnknownStatus: no machine of the lifecycle has it.
        """
        for status in (self.to_status, self.current_ti_status):
            if status is not None and not lifecycle.knows_status(status):
                raise UnknownStatus(status, lifecycle.instance_machine.statuses)

    def answer(self, decision: Decision) -> TaskInstanceAnswer:
        """Return the answer to the reporter."""
        return {
            "ti_updated": not decision.refused,
            "task_transitioned": decision.task_moved,
            "task_status": decision.task.status,
            "error": REFUSALS.get(decision.rule, "invalid_ti_transition") if decision.refused else None,
            "orphaned": decision.rule == ORPHANED_INSTANCE,
        }

    def settles(self, _decision: Decision, /) -> bool:
        """Return True: a report is about what has happened, so it is kept or refused permanently."""
        return True

    def failure(self, error: NotDecided) -> TaskInstanceAnswer:
        """Return the answer to the reporter where nothing was decided."""
        return {
            "ti_updated": False,
            "task_transitioned": False,
            "task_status": None,
            "error": error,
            "orphaned": False,
        }


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A proposal that a task go to a status; see `TransitionService.transition_task`.

    Raises:
        InvalidId: the task's or the runner's id is not a text of up to 255 characters.
        InvalidTime: `scheduled_time` has no zone.
    """

    task_id: str
    to_status: str
    context: ReportContext
    runner_id: str | None = None
    state_name: str | None = None
    scheduled_time: datetime | None = None
    details: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_id("task", self.task_id)
        if self.runner_id is not None:
            check_id("runner", self.runner_id)
        if self.scheduled_time is not None:
            zoned(self.scheduled_time)

    @property
    def entity(self) -> Entity:
        """Return the task."""
        return Entity(TASK, self.task_id)

    @property
    def proposal(self) -> TaskRequest:
        """Return the request, as the lifecycle decides on it."""
        return TaskRequest(self._state(), runner_id=self.runner_id)

    def request(self) -> tuple[Any, ...]:
        """Return what the proposal requests."""
        further = (self.scheduled_time, self.details)
        return (
            "transition_task",
            self.task_id,
            self.to_status,
            self.runner_id,
            self.state_name,
            self.context.reason,
            self.context.occurred_at,
            *(further if any(further) else ()),
            *self.context.stated_wait(),
        )

    def read(self, status: CurrentStatus, connection: Connection[Any], *, lock: bool) -> KnownEntity | None:
        """Return the task."""
        task = status.task(connection, self.task_id, lock=lock)
        return (None, task) if task else None

    def check_statuses(self, lifecycle: Lifecycle) -> None:
        """Check the proposed status.

        Raises:
            UnknownStatus: no machine of the lifecycle has it.
        """
        if not lifecycle.knows_status(self.to_status):
            raise UnknownStatus(self.to_status, lifecycle.task.statuses)

    def answer(self, decision: Decision) -> TaskAnswer:
        """Return the answer to the proposer."""
        return {
            "status": decision.task.status,
            "response": decision.response.value,
            "delay_seconds": decision.outcome.delay_seconds,
            "rule": cast("RuleName | None", decision.rule),
            "reason": decision.outcome.reason or _explain_missing_edge(decision),
            "owner": decision.task.owner,
            "error": None,
        }

    def settles(self, decision: Decision, /) -> bool:
        """Return False where a rule says to wait or the gate refuses, because the task may be elsewhere later."""
        by_gate = decision.refused and decision.rule in (INVALID, UNTIMELY, NOT_OWNER)
        return decision.response != Response.WAIT and not by_gate

    def failure(self, error: NotDecided) -> TaskAnswer:
        """Return the answer to the proposer where nothing was decided."""
        return {
            "status": None,
            "response": Response.ABORT.value,
            "delay_seconds": None,
            "rule": None,
            "reason": None,
            "owner": None,
            "error": error,
        }

    def _state(self) -> State | str:
        name = storable(self.state_name) if self.state_name else None
        if name is None and self.scheduled_time is None and not self.details:
            return self.to_status
        return State(
            type=self.to_status, name=name, scheduled_time=self.scheduled_time, details=dict(self.details or {})
        )


def _explain_missing_edge(decision: Decision) -> str | None:
    if not decision.refused or decision.rule not in (INVALID, UNTIMELY):
        return None
    task, proposed = decision.task, vars(decision.events[0])["reported"]
    return str(InvalidTransition(task.status, proposed, task.lifecycle.task.next_statuses(task.status)))
