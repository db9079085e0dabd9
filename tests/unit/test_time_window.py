"""The order in which the lines of foreign formats are decided: by time, within a window."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from application.imports import time_window
from application.imports.change import (
    AttemptKey,
    BadLine,
    Change,
    CreateInstance,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
)
from application.imports.formats import find_format, format_names
from application.imports.options import Options
from application.imports.time_window import read_by_time
from domain.lifecycles import get_lifecycle

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
OPTIONS = Options(get_lifecycle("jobmon"), "sample")


def minute(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


def move(count: int) -> MoveTask:
    return MoveTask("t", f"S{count}", minute(count))


def order(*lines: ParsedLine | BadLine, window: int = 10, size: int = 0) -> list[int]:
    """The numbers of the lines in the order in which they are decided; each was read from a line of `size` bytes."""

    def read(texts: Iterator[tuple[int, bytes]], _: Options) -> Iterator[ParsedLine | BadLine]:
        for _text, line in zip(texts, lines, strict=True):
            yield line

    texts = [(number, b"x" * size) for number in range(len(lines))]
    format_ = SimpleNamespace(LIFECYCLE="jobmon", looks_like=None, read=read)
    return [line.number for line in read_by_time(format_, texts, OPTIONS, window)]


def at(number: int, *changes: Change) -> ParsedLine:
    return ParsedLine(number, changes)


def test_lines_are_decided_in_the_order_of_time() -> None:
    assert order(at(1, move(3)), at(2, move(1)), at(3, move(2))) == [2, 3, 1]


def test_lines_of_one_instant_keep_the_order_of_the_file() -> None:
    assert order(*(at(number, move(0)) for number in range(1, 8))) == [1, 2, 3, 4, 5, 6, 7]


def test_what_states_no_step_waits_for_nothing() -> None:
    assert order(at(1, move(2)), BadLine(2, "is bad"), at(3), at(4, move(1))) == [2, 3, 4, 1]


def test_a_line_is_sorted_by_its_last_step() -> None:
    began = CreateInstance("t/1", "t", minute(1))
    ended = MoveInstance("t/1", "DONE", minute(9))
    assert order(at(1, RegisterTask("t", "w", minute(0), 1), began, ended), at(2, move(5)), at(3, move(9))) == [2, 1, 3]


def test_an_attempt_that_is_known_by_its_beginning_is_sorted_by_that() -> None:
    def attempt(number: int, began: int, ended: int) -> ParsedLine:
        key = AttemptKey("t", minute(began))
        return at(number, CreateInstance(key, "t", minute(began)), MoveInstance(key, "DONE", minute(ended)))

    assert order(attempt(1, 2, 3), attempt(2, 0, 5)) == [2, 1]


def test_lines_further_apart_than_the_window_keep_the_order_of_the_file() -> None:
    lines = [at(number, move(100 - number)) for number in range(1, 7)]

    assert order(*lines, window=2) == [3, 4, 5, 6, 2, 1]


def test_long_lines_leave_the_window_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_window, "WINDOW_BYTES", 1_000)

    assert order(at(1, move(3)), at(2, move(2)), at(3, move(1)), size=400) == [3, 2, 1]
    assert order(at(1, move(3)), at(2, move(2)), at(3, move(1)), size=600) == [2, 3, 1]


def test_only_the_lines_of_a_log_are_in_its_order() -> None:
    assert [name for name in format_names() if getattr(find_format(name), "IN_LOG_ORDER", False)] == ["jsonl"]
