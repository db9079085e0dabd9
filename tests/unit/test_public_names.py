"""The public names of the package: errors and answers, each exported and documented."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import get_args, get_type_hints, is_typeddict

import pytest

import sojourn
from domain import rule_names
from domain.errors import SojournError
from domain.rule_outcome import Response
from sojourn import answers, errors

PACKAGES = ("domain", "infrastructure", "application")

STAY_INSIDE = {"InvalidLine", "SkippedTask"}
"""What an import reports as a bad line, and a recovery as a skipped task."""


def subclasses(of: type[Exception]) -> Iterator[type[Exception]]:
    yield of
    for subclass in of.__subclasses__():
        yield from subclasses(subclass)


def raised() -> list[type[Exception]]:
    """Every error of the packages that a call runs through; all their modules are imported first."""
    for package in map(import_module, PACKAGES):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    return [error for error in subclasses(SojournError) if error.__module__.partition(".")[0] in PACKAGES]


def test_every_error_is_exported() -> None:
    assert set(errors.__all__) == {error.__name__ for error in raised()} - STAY_INSIDE


def test_no_two_errors_have_one_name() -> None:
    names = [error.__name__ for error in set(raised())]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("error", [*dict.fromkeys(raised())], ids=lambda error: error.__name__)
def test_every_error_says_when_it_is_raised_and_what_to_do(error: type) -> None:
    when, _, fix = (vars(error)["__doc__"] or "").partition("\n\n")
    assert when.startswith(("Raised when ", "Raised as one of its subclasses when "))
    assert fix.strip().startswith("Fix: ")
    assert fix.strip().endswith(".")


@pytest.mark.parametrize(
    "program",
    [
        "from sojourn import errors; errors.UnknownStatus",
        "from sojourn.errors import UnknownStatus",
        "import sojourn; sojourn.errors.UnknownStatus",
        "import sojourn.errors; sojourn.errors.SojournError",
        "from sojourn import answers; answers.TaskInstanceAnswer",
        "import sojourn; sojourn.answers.AuditRow",
        "from sojourn.answers import Why",
        "from sojourn import *; TransitionService, errors, answers.HistoryEvent",
    ],
)
def test_ways_to_import_them(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def test_importing_the_package_loads_nothing_else() -> None:
    program = f"import sys, sojourn; print([name for name in sys.modules if name.split('.')[0] in {PACKAGES}])"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert loaded == "[]\n"


def test_every_answer_is_a_typed_dict_whose_hints_can_be_read() -> None:
    for name in answers.__all__:
        answer = getattr(answers, name)
        assert is_typeddict(answer), name
        assert bool(get_type_hints(answer)) == (name != "EmptyAnswer"), name


def test_the_names_in_answers_are_those_that_the_domain_gives() -> None:
    names = {value for name, value in vars(rule_names).items() if name.isupper() and isinstance(value, str)}
    assert set(get_args(rule_names.RuleName)) == names
    assert set(rule_names.RULES) < names
    assert get_args(rule_names.ResponseName) == tuple(Response)


def test_the_package_names_everything_that_it_exports() -> None:
    assert set(sojourn.__all__) == set(dir(sojourn))
    assert all(hasattr(sojourn, name) for name in sojourn.__all__)
