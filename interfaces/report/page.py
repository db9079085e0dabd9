"""The page of a report: the pages of `sojourn serve` in one file, with its data and modules inside."""

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup
from pydantic_core import to_json

from application.page.lanes import Lanes
from application.report.workflow_report import WorkflowReport
from domain.entity import TASK
from domain.printable import printable_json
from interfaces.page.colours import StatusColours
from interfaces.page.drawing.bar import draw_bar
from interfaces.page.drawing.stack import draw_stack
from interfaces.page.lanes import describe
from interfaces.page.orphans import describe_causes
from interfaces.page.templating import ASSETS, render

MAX_CAUSES = 200
"""The number of causes of orphans; those of most come first."""

MAX_COMPARED = 50
"""The number of rows that compare statuses; those that differ most come first."""

MAX_TABLE = 200
"""The number of lanes that the table behind them has."""

MODULES = ("times.js", "axis.js", "lanes.js")
"""The modules inside the page, each after those that it imports."""

START = "localizeTimes(document);\nstartAxes(document);\nstartLanes(document);\n"


def render_page(report: WorkflowReport) -> str:
    """Return the HTML of a report."""
    colours = StatusColours(report.lifecycles)
    style, script = (ASSETS / "page.css").read_text("utf-8"), _join_modules()
    lanes = report.lanes
    return render(
        "report.html",
        question=None,
        report=report,
        policy=Markup("default-src 'none'; style-src '{}'; script-src '{}'").format(_hash(style), _hash(script)),
        style=Markup(style),  # noqa: S704 - our own asset
        script=Markup(script),  # noqa: S704 - our own asset
        data=_embed(describe(lanes, colours)) if lanes else "",
        colours=colours,
        bar=draw_bar({status.status: status.n for status in report.tasks if status.n}, colours),
        stack=draw_stack(report.over_time, colours, report.kind) if report.over_time else None,
        lanes=list(_list_lanes(lanes, colours)) if lanes else [],
        more_lanes=max(0, len(lanes["lanes"]) - MAX_TABLE) if lanes else 0,
        has_more_causes=len(report.orphan_causes) > MAX_CAUSES,
        total_seconds=sum(row["total_seconds"] for row in report.times) or 1,
        what="tasks" if report.kind == TASK else "attempts",
        max_compared=MAX_COMPARED,
        **describe_causes(report.orphan_causes[:MAX_CAUSES]),
    )


def _join_modules() -> str:
    """Return the modules as one, which imports nothing."""
    parts = ((ASSETS / name).read_text("utf-8") for name in MODULES)
    joined = "\n".join(re.sub(r"^import .*$|^export ", "", part, flags=re.MULTILINE) for part in parts)
    return f"{joined}{START}"


def _hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embed(document: Any) -> Markup:
    """Return a document as JSON that no element of HTML can end."""
    return Markup(printable_json(to_json(document).decode(), only_ascii=True).replace("<", "\\u003c"))  # noqa: S704


def _list_lanes(found: Lanes, colours: StatusColours) -> Iterator[tuple[str, str, str, datetime, datetime]]:
    """Yield the first lanes for a table: the id, the last status with its colour, the beginning, and since when."""
    for lane in found["lanes"][:MAX_TABLE]:
        status = lane["statuses"][-1]
        times = [found["begin"] + timedelta(milliseconds=lane["times"][place]) for place in (0, -1)]
        yield lane["entity_id"], status, colours.of(status, found["kind"]).css, times[0], times[1]
