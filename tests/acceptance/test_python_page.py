"""docs/python.md: its code runs from top to bottom in an empty database, and prints what the page shows."""

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from logging import getLogger
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infrastructure import loggers
from sojourn import TransitionService, errors

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Example(NamedTuple):
    """A block of code, the line that it begins at, and what the page says that it prints."""

    line: int
    code: str
    printed: str


def examples() -> list[Example]:
    found: list[Example] = []
    text = PAGE.read_text("utf-8")
    for block in BLOCK.finditer(text):
        language, content = block.groups()
        if language == "python":
            found.append(Example(text[: block.start()].count("\n") + 1, content, ""))
        else:
            assert not language, "a block is code or its output"
            found[-1] = found[-1]._replace(printed=content)
    return found


@pytest.fixture
def logger_as_before() -> Iterator[None]:
    """Take away what the page adds to the logger."""
    logger = getLogger("sojourn")
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.usefixtures("logger_as_before")
def test_the_code_of_the_page_prints_what_the_page_shows(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_DSN", dsn)
    names: dict[str, Any] = {"__name__": "__main__"}
    for example in examples():
        output = StringIO()
        with redirect_stdout(output):
            exec(compile("\n" * example.line + example.code, str(PAGE), "exec"), names)
        assert output.getvalue() == example.printed, f"{PAGE.name}, line {example.line}"


def test_the_page_names_every_public_method_and_logger() -> None:
    text = PAGE.read_text("utf-8")
    methods = {name for name in dir(TransitionService) if not name.startswith("_")}
    assert {name for name in methods - {"dsn", "store"} if name not in text} == set()
    assert set(re.findall(r"\bsojourn\.[a-z]+(?=  )", loggers.__doc__ or "")) <= set(
        re.findall(r"`(sojourn\.\w+)`", text)
    )
    named = {
        name for row in re.findall(r"^\| (`[A-Z].*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert named
    assert named <= set(errors.__all__)
