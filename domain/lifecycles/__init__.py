"""The lifecycles that ship with Sojourn, one TOML file each."""

import tomllib
from functools import cache
from importlib.resources import files

from domain.errors import UnknownLifecycle
from domain.lifecycles.lifecycle import Lifecycle


@cache
def get_lifecycle(name: str) -> Lifecycle:
    """The shipped lifecycle of that name; raises UnknownLifecycle with the nearest one."""
    if name not in shipped():
        raise UnknownLifecycle(name, shipped())
    return read_lifecycle((files(__name__) / f"{name}.toml").read_text("utf-8"))


@cache
def shipped() -> tuple[str, ...]:
    """The names of the shipped lifecycles, in alphabetical order."""
    return tuple(sorted(file.name[:-5] for file in files(__name__).iterdir() if file.name.endswith(".toml")))


def read_lifecycle(toml: str) -> Lifecycle:
    """A lifecycle from its TOML text; raises tomllib.TOMLDecodeError or pydantic.ValidationError."""
    return Lifecycle.model_validate(tomllib.loads(toml))
