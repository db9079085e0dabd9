"""How answers are printed."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from rich.table import Table

from interfaces.cli.columns import table
from interfaces.cli.output import console, messages, render_rows
from interfaces.cli.table import GrowingTable, print_table
from interfaces.wording.values import format_duration


@pytest.fixture(autouse=True)
def in_a_pipe() -> Iterator[None]:
    """Each test has consoles of its own, on streams that are no terminals."""
    console.cache_clear()
    messages.cache_clear()
    yield
    console.cache_clear()
    messages.cache_clear()


@pytest.mark.parametrize("rows", [[], [{"id": "läuft"}], [{"id": 1}, {"id": 2}]])
def test_rows_are_one_json_array(rows: list[dict[str, object]], capsys: pytest.CaptureFixture[str]) -> None:
    assert render_rows(iter(rows)) == len(rows)
    assert json.loads(capsys.readouterr().out) == rows


def test_an_id_is_never_taken_for_markup_or_emoji(capsys: pytest.CaptureFixture[str]) -> None:
    shown = table("id")
    shown.add_row("job[red]:smile:[/red]")

    print_table(console(), shown)
    messages().print("no task 'job[red]:smile:'")

    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].strip() == "job[red]:smile:[/red]"
    assert printed.err == "no task 'job[red]:smile:'\n"


def test_a_pipe_gets_lines_as_long_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    plain = Table("id", "id")
    plain.add_row("x" * 255, "y" * 255)

    console().print(plain)
    messages().print("a word " * 100)

    printed = capsys.readouterr()
    assert "x" * 255 in printed.out
    assert printed.err == "a word " * 100 + "\n"


def test_a_line_of_a_table_ends_where_its_text_ends(capsys: pytest.CaptureFixture[str]) -> None:
    shown = table("id", "why")
    shown.add_row("1", "a longer reason")
    shown.add_row("2", None)

    print_table(console(), shown)

    assert capsys.readouterr().out == "id  why\n1   a longer reason\n2\n"


def test_columns_line_up_and_go_on_below(capsys: pytest.CaptureFixture[str]) -> None:
    first, below = table("name", "n>", "at"), table("name", "n>", "at")
    first.add_row("QUEUED", "7", "noon")
    first.add_row("RUNNING!", "100", "noon")
    below.add_row("DONE", "12", "later than that")

    growing = GrowingTable(console())
    for part in (first, below):
        growing.print(part)

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "name        n  at",
        "QUEUED      7  noon",
        "RUNNING!  100  noon",
        "DONE       12  later than that",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0, "0s"),
        (0.25, "0.25s"),
        (9.5, "9.50s"),
        (59.4, "59s"),
        (59.6, "1m"),
        (192, "3m 12s"),
        (3_605, "1h"),
        (90_061, "1d 1h"),
        (timedelta(days=2, hours=4, minutes=59), "2d 4h"),
    ],
)
def test_a_duration_in_words(seconds: float | timedelta | None, words: str) -> None:
    assert format_duration(seconds) == words
