"""Read lifecycles: those that ship with Sojourn, one TOML file each, and those of users."""

import tomllib
from functools import cache
from importlib.resources import files

from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle


@cache
def get_lifecycle(name: str) -> Lifecycle:
    """Return the shipped lifecycle of that name.

    Raises:
        UnknownLifecycle: no lifecycle of that name ships with Sojourn; it suggests the nearest name.
    """
    return read_lifecycle(read_definition(name))


def read_definition(name: str) -> str:
    """Return the TOML text of the shipped lifecycle of that name.

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
