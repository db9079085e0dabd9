"""Earlier versions of the shipped lifecycles: none may change, because tasks are pinned to them."""

import hashlib
from typing import Any

import pytest
from pydantic_core import to_json

from domain.errors import UnknownLifecycle
from domain.lifecycles import get_lifecycle, shipped, ships
from domain.lifecycles.lifecycle import Lifecycle
from domain.lifecycles.machine import DISPLAY_FIELDS

UNDECISIVE = {"transitions", *DISPLAY_FIELDS}
"""Fields of a machine that decide nothing; the causes of edges do not, so that the edges are taken without them."""

DIGESTS = {
    ("fetch_ml", 1): "01810473bec1af21",
    ("jobmon", 1): "446263291c4e07cc",
    ("jobmon", 2): "e5be9dba2909a66d",
    ("nextflow", 1): "0030d40379ed90ed",
    ("nextflow", 2): "16893d4c8096abf3",
    ("prefect", 1): "ab5d5afb51e050e9",
    ("prefect", 2): "a611f9d8e1f4f54a",
    ("pynenc", 1): "f8f08510b71e2673",
    ("slurm", 1): "177fac046fc447db",
    ("slurm", 2): "46eda9cf328c2407",
    ("spark", 1): "bd2cca02098a8e7a",
    ("spark", 2): "00f4dc71e2d1b936",
}
"""The first digits of the SHA-256 of everything that a version decides. A new version adds its predecessor's."""


def digest(lifecycle: Lifecycle) -> str:
    fields = lifecycle.model_dump(exclude={"task": UNDECISIVE, "instance": UNDECISIVE}, exclude_defaults=True)
    machines = [machine for machine in (lifecycle.task, lifecycle.instance) if machine]
    fields["edges"] = [sorted(machine.edges) for machine in machines]
    return hashlib.sha256(to_json(_ordered(fields))).hexdigest()[:16]


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _ordered(each) for key, each in sorted(value.items())}
    if isinstance(value, set | frozenset):
        return sorted(map(_ordered, value), key=repr)
    return [_ordered(each) for each in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize("name", shipped())
def test_every_earlier_version_decides_as_it_always_did(name: str) -> None:
    versions = range(1, get_lifecycle(name).version)

    assert {version: digest(get_lifecycle(name, version)) for version in versions} == {
        version: DIGESTS[name, version] for version in versions
    }


def test_a_version_is_known_by_its_number() -> None:
    assert get_lifecycle("pynenc", 1).key == ("pynenc", 1)
    assert get_lifecycle("pynenc", 2) == get_lifecycle("pynenc")
    assert ships("pynenc", 1)
    assert not ships("pynenc", 99)
    assert not ships("pyneck")


@pytest.mark.parametrize("version", [0, -1, 99])
def test_no_other_version_ships(version: int) -> None:
    with pytest.raises(UnknownLifecycle, match=f"pynenc version {version}"):
        get_lifecycle("pynenc", version)
