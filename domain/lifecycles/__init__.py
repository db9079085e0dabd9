"""Read lifecycles: those that ship with Sojourn, and those of users.

A shipped lifecycle is one TOML file, in its newest version. `earlier/NAME-N.toml` has what version N states otherwise
than version N + 1. Tasks stay pinned to the version that they were registered under, so a version is never changed.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle

MERGED_TABLES = ("task", "task_instance", "transitions")
"""The tables of which an earlier version states only the keys that differ; any other value it states as a whole."""


@cache
def get_lifecycle(name: str, version: int | None = None) -> Lifecycle:
    """Return the shipped lifecycle of that name in a version, or for None in its newest one.

    Raises:
        UnknownLifecycle: no such lifecycle ships with Sojourn; it suggests the nearest name.
    """
    definition = tomllib.loads(read_definition(name))
    newest = definition["version"]
    if version is not None and version not in range(1, newest + 1):
        raise UnknownLifecycle(f"{name} version {version}", shipped())
    for earlier in range(newest - 1, (version or newest) - 1, -1):
        definition = _before(definition, _read_earlier(name, earlier)) | {"version": earlier}
    return Lifecycle.model_validate(definition)


def ships(name: str, version: int | None = None) -> bool:
    """Return whether a lifecycle of that name, and in that version, ships with Sojourn."""
    return name in shipped() and (version is None or 1 <= version <= get_lifecycle(name).version)


def read_definition(name: str) -> str:
    """Return the TOML text of the shipped lifecycle of that name, in its newest version.

    Raises:
        UnknownLifecycle: no lifecycle of that name ships with Sojourn; it suggests the nearest name.
    """
    if name not in shipped():
        raise UnknownLifecycle(name, shipped())
    return (files(__name__) / f"{name}.toml").read_text("utf-8")


@cache
def shipped() -> tuple[str, ...]:
    """Return the names of the shipped lifecycles in alphabetical order."""
    return tuple(sorted(file.name[:-5] for file in files(__name__).iterdir() if file.name.endswith(".toml")))


def read_lifecycle(toml: str) -> Lifecycle:
    """Read a lifecycle from its TOML text.

    Raises:
        tomllib.TOMLDecodeError: the text is not valid TOML.
        pydantic.ValidationError: a key is missing, unknown or of the wrong type, or the parts do not fit together.
    """
    return Lifecycle.model_validate(tomllib.loads(toml))


def _read_earlier(name: str, version: int) -> dict[str, Any]:
    return tomllib.loads((files(__name__) / "earlier" / f"{name}-{version}.toml").read_text("utf-8"))


def _before(newer: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """Return the definition before `newer`, with what `earlier` states otherwise.

    `absent` lists what did not exist then, by its key or as `table.key`.
    """
    for path in earlier.pop("absent", ()):
        newer = _without(newer, path.split("."))
    return _merge(newer, earlier)


def _without(table: dict[str, Any], path: list[str]) -> dict[str, Any]:
    key, *rest = path
    if rest:
        return table | {key: _without(table[key], rest)}
    return {name: value for name, value in table.items() if name != key}


def _merge(newer: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    return newer | {
        key: _merge(newer[key], value) if key in MERGED_TABLES and key in newer else value
        for key, value in earlier.items()
    }
