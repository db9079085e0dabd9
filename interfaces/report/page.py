"""The page of a report: HTML with drawn charts, for any browser, without scripts."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from application.report.workflow_report import GRID_COLUMNS, Lane, StatusCount, WorkflowReport
from domain.entity import TASK
from domain.printable import printable
from interfaces.report.axis import make_ticks
from interfaces.wording.orphan_rows import group_orphans
from interfaces.wording.values import format_change, format_duration, format_p_value, format_share, format_time

WIDTH = 1000
"""The width of the charts' drawing area, in SVG units."""

MARGIN = 190
"""The space on each side of the drawing area, for labels."""

HEIGHT = 220
"""The height of the concurrency chart."""

LANE_HEIGHTS = ((40, 16), (100, 10), (200, 6))
"""The height of each lane, by the number of lanes up to which it applies."""

MAX_NAME_LENGTH = 24
"""How many letters of a name fit to the left of a lane, even wide ones."""

MAX_OUTCOME_LENGTH = 18
"""How many letters of an outcome fit to the right of a lane, after the share of failures."""

MAX_ORPHAN_ROWS = 200
"""The number of rows of orphans; those alike share one."""

MAX_COMPARED = 50
"""The number of rows that compare statuses; those that differ most come first."""

PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#F0E442", "#D55E00", "#999999")
"""Okabe and Ito's colours, which people with colour blindness can tell apart."""


class Swatch(NamedTuple):
    """How a status is drawn: a colour, with stripes from the second use of that colour on."""

    status: str
    colour: str
    stripes: int

    @property
    def fill(self) -> str:
        """Return the `fill` attribute of a shape."""
        return f"url(#stripes-{self.colour[1:]}-{self.stripes})" if self.stripes else self.colour


class Area(NamedTuple):
    """One status in the stacked chart."""

    swatch: Swatch
    path: str
    highest: float


class Box(NamedTuple):
    """One run of a status in a lane."""

    swatch: Swatch
    x: float
    y: float
    width: float
    height: float
    title: str


def render_page(report: WorkflowReport) -> str:
    """Return the HTML of a report."""
    swatches = _assign_swatches(report.waiting_and_working)
    scale = max(map(sum, zip(*report.concurrency.values(), strict=True)), default=0.0)
    lane_height = _lane_height(len(report.lanes))
    areas = list(_stack_areas(report, swatches, scale))
    orphan_rows = group_orphans(report.orphans)
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            swatches=swatches,
            areas=areas,
            orphan_rows=orphan_rows[:MAX_ORPHAN_ROWS],
            has_more_orphans=len(orphan_rows) > MAX_ORPHAN_ROWS,
            peaks=[(area.swatch, f"(highest: {_format_mean(area.highest)})") for area in areas],
            names=[(swatch, "") for swatch in swatches.values()],
            highest=scale,
            total_seconds=sum(row["total_seconds"] for row in report.times),
            failed=sum(lane.failed for lane in report.lanes),
            boxes=list(_draw_boxes(report, swatches, lane_height)),
            labels=list(_label_lanes(report.lanes, lane_height)),
            ticks=[(_x(report, tick.at), tick.text) for tick in make_ticks(report.begin, report.end)],
            width=WIDTH,
            margin=MARGIN,
            right=MARGIN,
            what="tasks" if report.kind == TASK else "attempts",
            height=HEIGHT,
            lane_height=lane_height,
            lanes_height=lane_height * len(report.lanes),
            columns=GRID_COLUMNS,
            max_compared=MAX_COMPARED,
            font=max(min(lane_height, 11), 9),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__.rpartition(".")[0], "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_escape_controls,
    )
    environment.filters |= {
        "change": format_change,
        "in_words": format_duration,
        "local": format_time,
        "mean": _format_mean,
        "number": _format_number,
        "p_value": format_p_value,
        "share": format_share,
        "shorten": _shorten_name,
        "cut": _cut_outcome,
        "quote": shlex.quote,
    }
    return environment


def _escape_controls(value: Any) -> Any:
    """Return text with escapes for control and bidi characters; what macros have drawn is markup, and stays."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _assign_swatches(statuses: Sequence[StatusCount]) -> dict[str, Swatch]:
    return {
        status.status: Swatch(status.status, PALETTE[number % len(PALETTE)], number // len(PALETTE))
        for number, status in enumerate(statuses)
    }


def _stack_areas(report: WorkflowReport, swatches: dict[str, Swatch], scale: float) -> Iterator[Area]:
    below = [0.0] * GRID_COLUMNS
    for status, here in report.concurrency.items():
        above = [low + height for low, height in zip(below, here, strict=True)]
        if any(here):
            yield Area(swatches[status], _draw_path(below, above, scale), max(here))
        below = above


def _draw_path(below: Sequence[float], above: Sequence[float], scale: float) -> str:
    points = [*_draw_steps(above, scale), *reversed(list(_draw_steps(below, scale)))]
    return "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + "Z"


def _draw_steps(values: Sequence[float], scale: float) -> Iterator[tuple[float, float]]:
    for column, value in enumerate(values):
        y = HEIGHT - value / scale * HEIGHT
        yield MARGIN + column * WIDTH / GRID_COLUMNS, y
        yield MARGIN + (column + 1) * WIDTH / GRID_COLUMNS, y


def _draw_boxes(report: WorkflowReport, swatches: dict[str, Swatch], height: int) -> Iterator[Box]:
    column = (report.end - report.begin) / GRID_COLUMNS
    for number, lane in enumerate(report.lanes):
        for run in lane.runs:
            title = (
                f"{_lane_name(lane)}: {run.status} from {format_time(report.begin + run.begin * column)} "
                f"for {format_duration((run.end - run.begin) * column)}"
            )
            yield Box(
                swatches[run.status],
                MARGIN + run.begin * WIDTH / GRID_COLUMNS,
                number * height,
                (run.end - run.begin) * WIDTH / GRID_COLUMNS,
                height - 1,
                title,
            )


def _label_lanes(lanes: Sequence[Lane], height: int) -> Iterator[dict[str, Any]]:
    every = max(1, -(-11 // height))
    for number, lane in enumerate(lanes):
        text = _lane_name(lane) if number % every == 0 else ""
        yield {"y": number * height + height / 2, "text": text, "lane": lane, "outcome": _outcome(lane)}


def _lane_name(lane: Lane) -> str:
    return lane.id if lane.attempts == 1 else f"attempts {lane.first:,}-{lane.first + lane.attempts - 1:,}"


def _outcome(lane: Lane) -> str:
    if lane.attempts == 1:
        return f"{'still ' if lane.open else ''}{lane.status}"
    counts = ((lane.failed, "failed"), (lane.open, "open"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)


def _shorten_name(name: str) -> str:
    """Return the end of a long name, because the names of attempts differ at their ends."""
    return name if len(name) <= MAX_NAME_LENGTH else f"\u2026{name[1 - MAX_NAME_LENGTH :]}"


def _cut_outcome(outcome: str) -> str:
    return outcome if len(outcome) <= MAX_OUTCOME_LENGTH else f"{outcome[: MAX_OUTCOME_LENGTH - 1]}\u2026"


def _lane_height(lanes: int) -> int:
    return next(height for most, height in LANE_HEIGHTS if lanes <= most)


def _x(report: WorkflowReport, at: datetime) -> float:
    return MARGIN + (at - report.begin) / (report.end - report.begin) * WIDTH


def _format_mean(number: float) -> str:
    """Return a mean to four digits, without a power of ten."""
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}" if number >= 0.01 or not number else "less than 0.01"


_format_number = partial("{:,}".format)
