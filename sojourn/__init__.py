"""Sojourn's public names: import everything from here.

`from sojourn import TransitionService, TaskSpec, get_lifecycle, errors`
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.transition_service import TaskSpec as TaskSpec
    from application.transition_service import TransitionService as TransitionService
    from domain.actor import Actor as Actor
    from domain.lifecycles import get_lifecycle as get_lifecycle
    from domain.lifecycles.lifecycle import Lifecycle as Lifecycle
    from sojourn import answers as answers
    from sojourn import errors as errors
    from sojourn.answers import Attempts as Attempts
    from sojourn.answers import AuditRow as AuditRow
    from sojourn.answers import BatchMember as BatchMember
    from sojourn.answers import BindAnswer as BindAnswer
    from sojourn.answers import Breach as Breach
    from sojourn.answers import Bucket as Bucket
    from sojourn.answers import BulkAnswer as BulkAnswer
    from sojourn.answers import Change as Change
    from sojourn.answers import ConcurrencyAnswer as ConcurrencyAnswer
    from sojourn.answers import CreateAnswer as CreateAnswer
    from sojourn.answers import Difference as Difference
    from sojourn.answers import EmptyAnswer as EmptyAnswer
    from sojourn.answers import GateAnswer as GateAnswer
    from sojourn.answers import HeartbeatAnswer as HeartbeatAnswer
    from sojourn.answers import HeartbeatsAnswer as HeartbeatsAnswer
    from sojourn.answers import HistoryEvent as HistoryEvent
    from sojourn.answers import InstanceAuditRow as InstanceAuditRow
    from sojourn.answers import Lapsed as Lapsed
    from sojourn.answers import Link as Link
    from sojourn.answers import ListedTask as ListedTask
    from sojourn.answers import ListedTaskInstance as ListedTaskInstance
    from sojourn.answers import ListedWorkflow as ListedWorkflow
    from sojourn.answers import Orphan as Orphan
    from sojourn.answers import QueueBatchAnswer as QueueBatchAnswer
    from sojourn.answers import RecoverAnswer as RecoverAnswer
    from sojourn.answers import Recovered as Recovered
    from sojourn.answers import RegisterAnswer as RegisterAnswer
    from sojourn.answers import ResetAnswer as ResetAnswer
    from sojourn.answers import Skipped as Skipped
    from sojourn.answers import Status as Status
    from sojourn.answers import SubmittedAnswer as SubmittedAnswer
    from sojourn.answers import TaskAnswer as TaskAnswer
    from sojourn.answers import TaskInstanceAnswer as TaskInstanceAnswer
    from sojourn.answers import TimeInStatus as TimeInStatus
    from sojourn.answers import Variant as Variant
    from sojourn.answers import Why as Why

    __version__: str

_ANSWERS = (
    "Attempts",
    "AuditRow",
    "BatchMember",
    "BindAnswer",
    "Breach",
    "Bucket",
    "BulkAnswer",
    "Change",
    "ConcurrencyAnswer",
    "CreateAnswer",
    "Difference",
    "EmptyAnswer",
    "GateAnswer",
    "HeartbeatAnswer",
    "HeartbeatsAnswer",
    "HistoryEvent",
    "InstanceAuditRow",
    "Lapsed",
    "Link",
    "ListedTask",
    "ListedTaskInstance",
    "ListedWorkflow",
    "Orphan",
    "QueueBatchAnswer",
    "RecoverAnswer",
    "Recovered",
    "RegisterAnswer",
    "ResetAnswer",
    "Skipped",
    "Status",
    "SubmittedAnswer",
    "TaskAnswer",
    "TaskInstanceAnswer",
    "TimeInStatus",
    "Variant",
    "Why",
)

__all__ = [  # noqa: PLE0604 - the names of the answers are text too
    "Actor",
    "Lifecycle",
    "TaskSpec",
    "TransitionService",
    "__version__",
    "answers",
    "errors",
    "get_lifecycle",
    *_ANSWERS,
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that a command loads only what it needs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _load(name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _load(name: str) -> object:  # noqa: PLR0911 - a return for each home of names
    if name in _ANSWERS:
        return getattr(import_module(f"{__name__}.answers"), name)
    match name:
        case "__version__":
            from importlib.metadata import version

            return version("sojourn")
        case "answers" | "errors":
            return import_module(f"{__name__}.{name}")
        case "Actor":
            from domain.actor import Actor

            return Actor
        case "Lifecycle":
            from domain.lifecycles.lifecycle import Lifecycle

            return Lifecycle
        case "get_lifecycle":
            from domain.lifecycles import get_lifecycle

            return get_lifecycle
        case _:
            from application import transition_service

            return getattr(transition_service, name)
