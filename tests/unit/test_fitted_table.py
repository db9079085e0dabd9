"""A table that fits a terminal: what is left out of it is stated, and nothing else is lost."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.cli.columns import Column, Kind, Row, Table, apart, detail, entities, entity, sentence, table
from interfaces.cli.fitted_table import FittedTable, fit
from interfaces.cli.text_table import total_width
from tests.support.examples import examples

EIGHT = datetime(2026, 1, 31, 8, tzinfo=UTC)
RUN = "nightly-2026/run-17/"


def cells(fitted: FittedTable, number: int = 0) -> list[str]:
    return fitted.texts.cells_of(number)


def names(fitted: FittedTable) -> list[str]:
    return [column.name for column in fitted.texts.columns]


def test_a_column_with_one_value_is_stated_once() -> None:
    shown = table(entity("task"), "workflow", "status", "n>")
    shown.add_row("a", "w", "DONE", "1")
    shown.add_row("b", "w", "RUNNING", "1")

    roomy, narrow = fit(shown, 80), fit(shown, 20)

    assert (names(roomy), roomy.notes) == (["task", "status", "n"], ["The same in every row: workflow w."])
    assert (names(narrow), narrow.notes) == (["task", "status"], ["The same in every row: workflow w; n 1."])


def test_one_row_keeps_what_it_has_and_loses_empty_columns() -> None:
    shown = table("task", "rule", "status")
    shown.add_row("a", None, "DONE")

    fitted = fit(shown, 80)

    assert (names(fitted), fitted.notes) == (["task", "status"], [])


def test_rows_that_are_all_alike_keep_one_column() -> None:
    shown = table("status", "workflow")
    for _ in range(2):
        shown.add_row("DONE", "w")

    fitted = fit(shown, 80)

    assert (names(fitted), cells(fitted), fitted.notes) == (
        ["status"],
        ["DONE", "DONE"],
        ["The same in every row: workflow w."],
    )


@pytest.mark.parametrize(
    ("times", "texts", "note"),
    [
        ([EIGHT, EIGHT + timedelta(hours=2)], ["08:00:00", "10:00:00"], "Times are local (+00:00) of 2026-01-31."),
        ([EIGHT, EIGHT + timedelta(seconds=1.25)], ["08:00:00.000", "08:00:01.250"],
         "Times are local (+00:00) of 2026-01-31."),
        ([EIGHT, EIGHT + timedelta(days=1)], ["31 Jan 08:00:00", "01 Feb 08:00:00"],
         "Times are local (+00:00) of 2026."),
        ([EIGHT, EIGHT + timedelta(days=365)], ["2026-01-31 08:00", "2027-01-31 08:00"], "Times are local (+00:00)."),
    ],
)  # fmt: skip
def test_times_lose_what_they_share(times: list[datetime], texts: list[str], note: str) -> None:
    shown = table("since")
    for time in times:
        shown.add_row(time)

    fitted = fit(shown, 80)

    assert (cells(fitted), fitted.notes) == (texts, [note])


def test_sentences_have_the_times_of_the_table() -> None:
    shown = table("since", sentence("what"))
    shown.add_row(EIGHT, "it is over since 2026-01-31T09:00:00.000Z.")
    shown.add_row(EIGHT + timedelta(minutes=1), "it is silent")

    assert cells(fit(shown, 80), 1)[0] == "it is over since 09:00:00."


def test_what_all_entities_begin_with_is_left_out_where_it_has_no_room() -> None:
    shown = table(entity("entity"), sentence("what"))
    shown.add_row(f"task:{RUN}align-1", f"it waits on ti:{RUN}align-1/1, which is RUNNING")
    shown.add_row(f"ti:{RUN}align-2/1", "it is RUNNING")

    roomy, narrow = fit(shown, 200), fit(shown, 60)

    assert cells(roomy)[0] == f"task:{RUN}align-1"
    assert narrow.notes == [f"… stands for {RUN}"]
    assert cells(narrow) == ["task:…align-1", "ti:…align-2/1"]
    assert cells(narrow, 1)[0] == "it waits on ti:…align-1/1, which is RUNNING"


def test_several_entities_in_a_cell_are_shortened_too() -> None:
    shown = table(entity("cause"), "status", entities("for example"))
    shown.add_row(f"task:{RUN}broken", "ERROR_FATAL", f"task:{RUN}publish, task:{RUN}report, 2 more")

    fitted = fit(shown, 70)

    assert (cells(fitted), fitted.notes) == (["task:…broken"], [f"… stands for {RUN}"])
    assert cells(fitted, 2) == ["task:…publish, task:…report, 2 more"]


def test_entities_that_are_apart_lose_what_those_of_their_column_begin_with() -> None:
    shown = table(apart(entity("link of A")), "for>", apart(entity("link of B")), "for>")
    for task, time in (("align", "1m"), ("sort", "2m")):
        shown.add_row(f"task:night-of-monday/{task} running", time, f"task:night-of-tuesday/{task} running", time)

    fitted = fit(shown, 60)

    assert cells(fitted) == cells(fitted, 2) == ["task:…align running", "task:…sort running"]
    assert fitted.notes == ["… stands for night-of-monday/ in link of A, for night-of-tuesday/ in link of B"]


@pytest.mark.parametrize(
    "ids", [["aaaaaaaaaa1", "aaaaaaaaaa2"], ["ab-1" + "x" * 90, "ab-2"], ["x" * 90], ["task:" + "y" * 90, "ti:z"]]
)
def test_a_prefix_that_is_no_name_or_too_short_stays(ids: list[str]) -> None:
    shown = table(entity("entity"), "status")
    for number, name in enumerate(ids):
        shown.add_row(name, f"S{number}")

    assert cells(fit(shown, 20)) == ids


def test_a_prefix_does_not_end_within_an_escape() -> None:
    shown = table(entity("entity"))
    shown.add_row("some-long-name-\x1b[31m")
    shown.add_row("some-long-name-\x1b[32m" + "x" * 90)

    assert cells(fit(shown, 40))[0] == r"…31m"


def test_details_are_left_out_as_far_as_they_have_no_room() -> None:
    shown = table(entity("task"), detail("template"), "status", detail("rule"), detail("n>"))
    for number in range(2):
        shown.add_row(
            f"t{number}", "a-template-with-a-long-name-" + "x" * number, f"S{number}", f"rule-{number}", str(number)
        )

    fitted = fit(shown, 25)

    assert names(fitted) == ["task", "status", "rule", "n"]
    assert fitted.notes == ["Left out: template; --wide prints everything."]


OLD, FAR = (time.replace(tzinfo=None) for time in (EIGHT.replace(year=1900), EIGHT.replace(year=9000)))
TEXTS = st.text(max_size=300)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(get_args(Kind))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = [Column(f"c{n}", draw(KINDS), detail=draw(st.booleans())) for n in range(draw(st.integers(1, 6)))]
    cell = TEXTS | st.none() | st.datetimes(min_value=OLD, max_value=FAR, timezones=st.just(UTC))
    rows = draw(st.lists(st.tuples(*[cell] * len(columns)), max_size=5))
    return Table(columns, [Row(row) for row in rows])


@examples(quick=100, long=500)
@given(tables(), st.integers(40, 200))
def test_every_table_fits_and_what_it_leaves_out_is_named(full: Table, width: int) -> None:
    fitted = fit(full, width)

    assert total_width(fitted.widths) <= width
    stated = " ".join(fitted.notes)
    for number, column in enumerate(full.columns):
        filled = any(row.cells[number] for row in full.rows)
        assert column.name in names(fitted) or column.name in stated or not filled
    assert len(fitted.texts.rows) == len(full.rows)
