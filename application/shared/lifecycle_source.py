"""Find a lifecycle by its source: the name of a shipped one, or a TOML file."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from application.shared.toml_file import UnreadableToml, first_problems, read_toml
from domain.errors import SojournError, did_you_mean
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Gate, Lifecycle, ResumePolicy, TaskEffect
from domain.lifecycles.machine import MAX_PROBLEMS, SKIP_VALIDATION, Machine
from domain.lifecycles.recovery import Recovery
from domain.lifecycles.warnings import LifecycleWarning, lifecycle_warnings
from domain.nearest import nearest_names
from domain.printable import short_repr

MISMATCHES = {
    "missing": "is missing",
    "model_type": "is not a table",
    "model_attributes_type": "is not a table",
    "dict_type": "is not a table",
    "tuple_type": "is not a list",
    "frozen_set_type": "is not a list",
    "string_type": "is not a text",
    "string_too_short": "is empty",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
}
"""Pydantic's errors by their types, in words for people who write TOML."""

LIMITED_MISMATCHES = {
    "string_too_long": "is longer than {max_length} characters",
    "too_long": "has more than {max_length} items",
    "greater_than_equal": "is not {ge:g} or more",
    "greater_than": "is not more than {gt:g}",
    "less_than_equal": "is not {le:,.0f} or less",
    "literal_error": "is not {expected}",
}
"""Those of pydantic's errors whose words need its limits."""

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
    """Return the lifecycle that ships under a name, or that a TOML file defines.

    Raises:
        UnknownLifecycle: no lifecycle of that name ships.
        LifecycleFileInvalid: the file cannot be read or used; it lists every reason.
    """
    if isinstance(source, Lifecycle):
        return source
    if isinstance(source, Path) or source.endswith(".toml"):
        return read_lifecycle_file(Path(source))
    return get_lifecycle(source)


def read_lifecycle_file(path: Path) -> Lifecycle:
    """Return the lifecycle that a TOML file defines.

    Raises:
        LifecycleFileInvalid: the file cannot be read or used; it lists every reason.
    """
    try:
        lifecycle = Lifecycle.model_validate(read_toml(path), context=SKIP_VALIDATION)
    except UnreadableToml as error:
        raise LifecycleFileInvalid(path, [str(error)]) from error
    except ValidationError as error:
        raise LifecycleFileInvalid(path, explain_problems(error)) from error
    if problems := lifecycle.problems():
        # Warnings come from what the names that are wrong probably mean, which is hopeless where most are wrong.
        warnings = lifecycle_warnings(lifecycle) if len(problems) < MAX_PROBLEMS else ()
        raise LifecycleFileInvalid(path, problems, warnings)
    return lifecycle


def explain_problems(error: ValidationError) -> list[str]:
    """Return the first things that pydantic found wrong with a definition."""
    return first_problems(map(explain_problem, error.errors(include_url=False, include_input=False)))


def explain_problem(problem: ErrorDetails) -> str:
    """Return what pydantic found wrong with a definition, and where."""
    *steps, last = map(str, problem["loc"])
    if last == "[key]":
        *steps, name = steps
        return f"{'.'.join(steps)} has the name {short_repr(name)}, which {explain_mismatch(problem)}"
    place = ".".join((*steps, last))
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        return f"{place} is not a known key{did_you_mean(nearest_names(key, KEYS))}"
    return f"{place} {explain_mismatch(problem)}"


def explain_mismatch(problem: ErrorDetails) -> str:
    """Return how a value differs from what was expected, without pydantic's own words."""
    limits = problem.get("ctx", {})
    if problem["type"] in LIMITED_MISMATCHES:
        return LIMITED_MISMATCHES[problem["type"]].format_map(limits)
    if problem["type"] == "value_error":
        return f"is not valid: {limits['error']}"
    return MISMATCHES.get(problem["type"], "is not valid")
