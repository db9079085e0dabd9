"""Where a lifecycle comes from: its name among the shipped ones, or a TOML file."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.errors import SojournError, did_you_mean
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Gate, Lifecycle, ResumePolicy, TaskEffect
from domain.lifecycles.machine import SKIP_VALIDATION, Machine
from domain.lifecycles.recovery import Recovery
from domain.lifecycles.warnings import LifecycleWarning, lifecycle_warnings

PLAINLY = {
    "missing": "is missing",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
    "frozen_set_type": "must be a list",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be 1 or more",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than 0",
}
"""What pydantic finds, in words for people who write TOML."""

KEYS = [
    field.alias or name
    for model in (Lifecycle, Machine, TaskEffect, Gate, ResumePolicy, Recovery)
    for name, field in model.model_fields.items()
]


class LifecycleFileInvalid(SojournError):
    """Raised when a lifecycle file cannot be used.

    Fix: correct every one of `problems`; `sojourn lifecycle check FILE` shows them too.
    """

    def __init__(self, path: Path, problems: list[str], warnings: Sequence[LifecycleWarning] = ()) -> None:
        self.path = path
        self.problems = problems
        self.warnings = tuple(warnings)
        super().__init__(f"lifecycle file {str(path)!r}: {'; '.join(problems)}")


def find_lifecycle(source: str | Path | Lifecycle) -> Lifecycle:
    """The lifecycle of that name, or in that file; raises UnknownLifecycle or LifecycleFileInvalid."""
    if isinstance(source, Lifecycle):
        return source
    if isinstance(source, Path) or source.endswith(".toml"):
        return read_file(Path(source))
    return get_lifecycle(source)


def read_file(path: Path) -> Lifecycle:
    """The lifecycle in a TOML file; raises LifecycleFileInvalid."""
    try:
        lifecycle = Lifecycle.model_validate(tomllib.loads(path.read_text("utf-8")), context=SKIP_VALIDATION)
    except OSError as error:
        raise LifecycleFileInvalid(path, [f"cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise LifecycleFileInvalid(path, ["is no text in UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise LifecycleFileInvalid(path, [f"is no TOML: {error}"]) from error
    except ValidationError as error:
        raise LifecycleFileInvalid(path, [problem_in_words(problem) for problem in error.errors()]) from error
    if problems := lifecycle.problems():
        raise LifecycleFileInvalid(path, problems, lifecycle_warnings(lifecycle))
    return lifecycle


def problem_in_words(problem: Any) -> str:
    """What pydantic has found wrong with a definition, and where."""
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        name = str(problem["loc"][-1])
        return f"{place} is no key of a lifecycle{did_you_mean(get_close_matches(name, KEYS, n=1))}"
    return f"{place} {PLAINLY.get(problem['type']) or 'is wrong: ' + problem['msg']}"
