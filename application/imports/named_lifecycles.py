"""Finds the lifecycles that a file's lines name: shipped ones, stored ones, and those that the file defines."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from application.imports.change import InvalidLine
from application.shared.lifecycle_source import explain_problems
from domain.errors import UnknownLifecycle
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import SKIP_VALIDATION

FindLifecycle = Callable[[str, int | None], Lifecycle]
"""Finds a lifecycle by its name and version (None: the current one), or raises UnknownLifecycle."""


def find_shipped(name: str, version: int | None) -> Lifecycle:
    """Return a lifecycle that ships with Sojourn.

    Raises:
        UnknownLifecycle: none of that name and version ships.
    """
    return get_lifecycle(name, version)


class NamedLifecycles:
    """Finds each lifecycle once, even if many lines name it."""

    def __init__(self, find: FindLifecycle = find_shipped) -> None:
        self._find = find
        self._known: dict[tuple[str, int | None], Lifecycle | None] = {}

    def define(self, definition: Mapping[str, Any]) -> Lifecycle:
        """Return the lifecycle that a line defines. Later lines may name it.

        Raises:
            InvalidLine: the definition is not a valid lifecycle.
        """
        try:
            lifecycle = Lifecycle.model_validate(definition, context=SKIP_VALIDATION)
        except ValidationError as error:
            raise _invalid_definition(explain_problems(error)) from error
        if problems := lifecycle.problems():
            raise _invalid_definition(problems)
        self._known[lifecycle.key] = self._known[lifecycle.name, None] = lifecycle
        return lifecycle

    def get(self, name: str, version: int | None) -> Lifecycle | None:
        """Return the lifecycle of that name and version, or None if there is none."""
        if (name, version) not in self._known:
            self._known[name, version] = self._find_or_none(name, version)
        return self._known[name, version]

    def _find_or_none(self, name: str, version: int | None) -> Lifecycle | None:
        try:
            return self._find(name, version)
        except UnknownLifecycle:
            return None


def _invalid_definition(problems: Iterable[str]) -> InvalidLine:
    return InvalidLine(f'"definition" is not a valid lifecycle: {"; ".join(problems)}')
