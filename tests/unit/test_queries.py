"""The named queries: each file is used, and each name that the code uses has a file."""

import re
from pathlib import Path

import pytest

from infrastructure.sql import query

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "infrastructure": ROOT / "infrastructure" / "queries",
    "projections": ROOT / "projections" / "queries",
    "sojourn.bench": ROOT / "sojourn" / "bench" / "queries",
}
SOURCES = ("application", "infrastructure", "interfaces", "projections", "sojourn")
SCRIPTS = sorted(  # an applied migration is never edited, so its comment stays too
    file.relative_to(ROOT).as_posix() for folder in SOURCES for file in (ROOT / folder).rglob("*.sql")
    if file.parent.name != "migrations"
)  # fmt: skip
QUERIES = [
    (package, file.relative_to(folder).as_posix().removesuffix(".sql"))
    for package, folder in FOLDERS.items()
    for file in sorted(folder.rglob("*.sql"))
]
CODE = "\n".join(file.read_text("utf-8") for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py")))


@pytest.mark.parametrize(("package", "name"), QUERIES, ids=[f"{package}/{name}" for package, name in QUERIES])
def test_each_query_is_used(package: str, name: str) -> None:
    assert f'"{name}"' in CODE


@pytest.mark.parametrize("call", sorted(set(re.findall(r'query\(\s*"([\w.]+)",\s*"([\w/]+)"', CODE))))
def test_each_query_that_the_code_names_has_a_file(call: tuple[str, str]) -> None:
    package, name = call

    assert query(package, name)


def test_each_topic_is_a_folder() -> None:
    """A query is addressed as topic/query, so that a topic can be read as a whole."""
    assert {name for package, name in QUERIES if package != "sojourn.bench" and name.count("/") != 1} == set()


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_begins_with_a_sentence_that_says_what_it_does(script: str) -> None:
    first = (ROOT / script).read_text("utf-8").splitlines()[0]

    assert re.match(r"-- [A-Z][a-z]+ ", first), first
    assert first.split()[1] not in {"The", "A", "An", "Each", "Every", "What", "Who", "When", "Which", "How", "Not"}
