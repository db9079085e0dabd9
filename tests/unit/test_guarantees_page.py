"""docs/guarantees.md: every promise and every limit names a test, and every test that the page names exists."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "guarantees.md").read_text("utf-8")
NAME = re.compile(r"`((?:unit|integration|acceptance|faults)/\w+\.py(?:::\w+)*)`")


def test_every_test_that_it_names_exists() -> None:
    named = NAME.findall(PAGE)

    assert named
    assert [name for name in named if not exists(name)] == []


def test_every_promise_and_every_limit_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| promise"))]
    rows = [row for row in rows if not row.startswith("| limit |")]

    assert len(rows) > 10
    assert [row for row in rows if not NAME.search(row.rsplit("|", 2)[1])] == []


def test_a_name_is_looked_up_in_its_class() -> None:
    here = "unit/test_guarantees_page.py"

    assert exists(f"{here}::test_a_name_is_looked_up_in_its_class")
    assert not exists(f"{here}::TestNothing::test_a_name_is_looked_up_in_its_class")
    assert not exists(f"{here}::test_nothing")
    assert not exists("unit/test_nothing.py")


def exists(name: str) -> bool:
    """Return whether a file of tests has a test or a class of that name (`FOLDER/FILE::CLASS::TEST`)."""
    file, *path = name.split("::")
    if not (TESTS / file).exists():
        return False
    found: ast.Module | ast.ClassDef | ast.FunctionDef = ast.parse((TESTS / file).read_text("utf-8"))
    for part in path:
        inner = [node for node in found.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == part]
        if not inner:
            return False
        found = inner[0]
    return True
