"""Sojourn's public names: import everything from here.

`from sojourn import TransitionService, TaskSpec, get_lifecycle, errors`
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from application.transition_service import TaskSpec as TaskSpec
    from application.transition_service import TransitionService as TransitionService
    from domain import errors as errors
    from domain.lifecycles import get_lifecycle as get_lifecycle
    from domain.lifecycles.lifecycle import Lifecycle as Lifecycle

    __version__: str

__all__ = ["Lifecycle", "TaskSpec", "TransitionService", "__version__", "errors", "get_lifecycle"]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that a command loads only what it needs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _load(name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _load(name: str) -> object:
    match name:
        case "__version__":
            from importlib.metadata import version

            return version("sojourn")
        case "errors":
            from domain import errors

            return errors
        case "Lifecycle":
            from domain.lifecycles.lifecycle import Lifecycle

            return Lifecycle
        case "get_lifecycle":
            from domain.lifecycles import get_lifecycle

            return get_lifecycle
        case _:
            from application import transition_service

            return getattr(transition_service, name)
