"""The grid of a report: sums by place, put together again."""

from application.report.grid import CellChange, Grid, Segment


def test_a_stay_fills_the_columns_between_its_beginning_and_its_end() -> None:
    # From 1.5 to 4.25, columns of 10 s each.
    parts = [
        CellChange(0, "RUNNING", 1, 5.0, 0), CellChange(0, "RUNNING", 4, 2.5, 0),
        CellChange(0, "RUNNING", 2, 0.0, 1), CellChange(0, "RUNNING", 4, 0.0, -1),
    ]  # fmt: skip

    grid = Grid(["RUNNING"], 6, 10.0, parts)

    assert grid.concurrency() == {"RUNNING": [0.0, 0.5, 1.0, 1.0, 0.25, 0.0]}
    assert grid.runs(0) == [Segment("RUNNING", 1, 5)]


def test_a_column_shows_the_status_that_lasted_longest_in_it() -> None:
    parts = [
        CellChange(0, "PENDING", 0, 10.0, 0),
        CellChange(0, "PENDING", 1, 4.0, 0),
        CellChange(0, "RUNNING", 1, 6.0, 0),
    ]

    grid = Grid(["PENDING", "RUNNING"], 3, 10.0, parts)

    assert grid.runs(0) == [Segment("PENDING", 0, 1), Segment("RUNNING", 1, 2)]


def test_lanes_add_up_to_the_concurrency() -> None:
    grid = Grid(["RUNNING"], 1, 10.0, [CellChange(0, "RUNNING", 0, 10.0, 0), CellChange(1, "RUNNING", 0, 5.0, 0)])

    assert grid.concurrency() == {"RUNNING": [1.5]}


def test_a_lane_without_a_stay_is_empty() -> None:
    assert Grid(["RUNNING"], 4, 10.0, []).runs(0) == []
