"""The lifecycles that the lines of a file name: those that ship, that the log has, and that the file itself defines."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from application.imports.change import InvalidLine
from application.shared.lifecycle_source import problem_in_words
from domain.errors import UnknownLifecycle
from domain.lifecycles import get_lifecycle
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import SKIP_VALIDATION

FindLifecycle = Callable[[str, int | None], Lifecycle]
"""Finds a lifecycle by its name and version (None: the current one); raises UnknownLifecycle."""


def find_shipped(name: str, version: int | None) -> Lifecycle:
    """A lifecycle that ships with Sojourn; raises UnknownLifecycle."""
    lifecycle = get_lifecycle(name)
    if version not in (None, lifecycle.version):
        raise UnknownLifecycle(name, [])
    return lifecycle


class NamedLifecycles:
    """Finds each once, however many lines name it."""

    def __init__(self, find: FindLifecycle = find_shipped) -> None:
        self._find = find
        self._known: dict[tuple[str, int | None], Lifecycle | None] = {}

    def define(self, definition: Mapping[str, Any]) -> Lifecycle:
        """The lifecycle that a line defines, which later lines may name; raises NotUnderstood."""
        try:
            lifecycle = Lifecycle.model_validate(definition, context=SKIP_VALIDATION)
        except ValidationError as error:
            raise _no_lifecycle(map(problem_in_words, error.errors())) from error
        if problems := lifecycle.problems():
            raise _no_lifecycle(problems)
        self._known[lifecycle.key] = self._known[lifecycle.name, None] = lifecycle
        return lifecycle

    def get(self, name: str, version: int | None) -> Lifecycle | None:
        """The lifecycle of that name and version, or None where nobody knows it."""
        if (name, version) not in self._known:
            self._known[name, version] = self._found(name, version)
        return self._known[name, version]

    def _found(self, name: str, version: int | None) -> Lifecycle | None:
        try:
            return self._find(name, version)
        except UnknownLifecycle:
            return None


def _no_lifecycle(problems: Iterable[str]) -> InvalidLine:
    return InvalidLine(f'"definition" is no lifecycle: {"; ".join(problems)}')
