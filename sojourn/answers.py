"""The service's answers: a TypedDict for each shape, such as `from sojourn.answers import TaskInstanceAnswer`."""

from application.analyse.attempts import Attempts
from application.analyse.breaches import Breach
from application.analyse.compare import ComparedLinks, ComparedStatus, Comparison, FirstFailure
from application.analyse.concurrency import Bucket, Change
from application.analyse.critical_path import CriticalPath, PathLink
from application.analyse.queue_wait import QueueWait
from application.analyse.time_in_status import TimeInStatus
from application.analyse.variants import Edge, Variant
from application.maintain.recover import Lapsed, RecoverAnswer, Recovered, Skipped
from application.page.dependencies import LinkedTask
from application.page.lanes import Lane, Lanes
from application.page.over_time import StatusesOverTime, StatusOverTime
from application.page.search import FoundId
from application.read.audit import AuditRow, InstanceAuditRow
from application.read.blocked import Blocked
from application.read.diff import Difference
from application.read.failures import Failures
from application.read.history import HistoryEvent
from application.read.lists import ListedArray, ListedRunner, ListedTask, ListedTaskInstance, ListedWorkflow
from application.read.status import CurrentWait, Status
from application.read.why import Link, Why
from application.read.workflow import Slowest, WorkflowSummary, WorkflowTasks
from application.shared.orphan import Orphan
from application.write.answers import (
    BatchMember,
    BindAnswer,
    BulkAnswer,
    ConcurrencyAnswer,
    CreateAnswer,
    EmptyAnswer,
    GateAnswer,
    HeartbeatAnswer,
    HeartbeatsAnswer,
    QueueBatchAnswer,
    RegisterAnswer,
    ResetAnswer,
    SubmittedAnswer,
    TaskAnswer,
    TaskInstanceAnswer,
    UpstreamAnswer,
)
from application.write.workflow_action import Moved, WorkflowActionAnswer

__all__ = [
    "Attempts",
    "AuditRow",
    "BatchMember",
    "BindAnswer",
    "Blocked",
    "Breach",
    "Bucket",
    "BulkAnswer",
    "Change",
    "ComparedLinks",
    "ComparedStatus",
    "Comparison",
    "ConcurrencyAnswer",
    "CreateAnswer",
    "CriticalPath",
    "CurrentWait",
    "Difference",
    "Edge",
    "EmptyAnswer",
    "Failures",
    "FirstFailure",
    "FoundId",
    "GateAnswer",
    "HeartbeatAnswer",
    "HeartbeatsAnswer",
    "HistoryEvent",
    "InstanceAuditRow",
    "Lane",
    "Lanes",
    "Lapsed",
    "Link",
    "LinkedTask",
    "ListedArray",
    "ListedRunner",
    "ListedTask",
    "ListedTaskInstance",
    "ListedWorkflow",
    "Moved",
    "Orphan",
    "PathLink",
    "QueueBatchAnswer",
    "QueueWait",
    "RecoverAnswer",
    "Recovered",
    "RegisterAnswer",
    "ResetAnswer",
    "Skipped",
    "Slowest",
    "Status",
    "StatusOverTime",
    "StatusesOverTime",
    "SubmittedAnswer",
    "TaskAnswer",
    "TaskInstanceAnswer",
    "TimeInStatus",
    "UpstreamAnswer",
    "Variant",
    "Why",
    "WorkflowActionAnswer",
    "WorkflowSummary",
    "WorkflowTasks",
]
