"""Sojourn's public names: import everything from here.

`from sojourn import TransitionService, TaskSpec, get_lifecycle, errors`. `sojourn.answers` has the types of all
answers, `sojourn.errors` every exception, and `sojourn.rules` the engine for rules of your own.
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

    __version__: str

__all__ = [
    "Actor",
    "Lifecycle",
    "TaskSpec",
    "TransitionService",
    "__version__",
    "answers",
    "errors",
    "get_lifecycle",
]


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
