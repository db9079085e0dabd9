"""XES (IEEE 1849-2016), for process mining: a trace for each task, an event for each status that it entered.

Each attempt of a task has a trace of its own too. `sojourn:kind` distinguishes them, so a miner that filters by one
kind sees complete traces of one state machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval
from application.exports.timeline import Timeline
from domain.time import EPOCH

EXTENSIONS = {
    "Concept": "concept",
    "Lifecycle": "lifecycle",
    "Organizational": "org",
    "Time": "time",
}
"""Standard extension that is used here -> its prefix."""

NOT_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), "\ufffd")
"""Character that no XML document may have -> its replacement."""

COMPLETE = "complete"
"""The lifecycle transition of every event, because each event is an entered status."""


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of events."""
    xes = _Xes(output)
    with xes.element("log", {"xes.version": "1849.2016", "xes.features": ""}):
        _write_head(xes)
        return sum(_write_trace(xes, timeline) for task in source.tasks() for timeline in task.timelines)


def _write_head(xes: "_Xes") -> None:
    for name, prefix in EXTENSIONS.items():
        uri = f"http://www.xes-standard.org/{prefix}.xesext"
        xes.empty("extension", {"name": name, "prefix": prefix, "uri": uri})
    with xes.element("global", {"scope": "trace"}):
        xes.attribute("concept:name", "name")
    with xes.element("global", {"scope": "event"}):
        xes.attribute("concept:name", "status")
        xes.attribute("lifecycle:transition", COMPLETE)
        xes.attribute("time:timestamp", EPOCH)
    xes.empty("classifier", {"name": "Status", "keys": "concept:name"})
    xes.attribute("concept:name", "Sojourn")
    xes.attribute("lifecycle:model", "standard")


def _write_trace(xes: "_Xes", timeline: Timeline) -> int:
    first = timeline.first
    with xes.element("trace"):
        xes.attribute("concept:name", str(timeline.entity))
        xes.attribute("sojourn:kind", first.kind)
        xes.attribute("sojourn:task", first.task_id)
        xes.attribute("sojourn:workflow", first.workflow_id)
        xes.attribute("sojourn:template", first.template)
        xes.attribute("sojourn:attempt", first.ordinal)
        for interval in timeline.intervals:
            _write_event(xes, interval)
    return len(timeline.intervals)


def _write_event(xes: "_Xes", interval: StatusInterval) -> None:
    with xes.element("event"):
        xes.attribute("concept:name", interval.status)
        xes.attribute("lifecycle:transition", COMPLETE)
        xes.attribute("time:timestamp", interval.entered_at)
        xes.attribute("org:resource", interval.worker)
        xes.attribute("sojourn:position", interval.position)
        xes.attribute("sojourn:reported", interval.reported)
        xes.attribute("sojourn:rule", interval.rule)
        xes.attribute("sojourn:reason", interval.reason)


class _Xes:
    """Writes XML elements, and attributes of the types that XES has."""

    def __init__(self, output: BinaryIO) -> None:
        self._xml = XMLGenerator(output, "utf-8", short_empty_elements=True)
        self._xml.startDocument()
        self._depth = 0

    @contextmanager
    def element(self, name: str, attributes: dict[str, str] | None = None) -> Iterator[None]:
        """Write an element around the content that the block writes."""
        self._indent()
        self._xml.startElement(name, AttributesImpl(attributes or {}))
        self._depth += 1
        yield
        self._depth -= 1
        self._indent()
        self._xml.endElement(name)

    def empty(self, name: str, attributes: dict[str, str]) -> None:
        """Write an element without content."""
        self._indent()
        self._xml.startElement(name, AttributesImpl(attributes))
        self._xml.endElement(name)

    def attribute(self, key: str, value: str | int | datetime | None) -> None:
        """Write an attribute of a log, trace or event as an element of its type; without a value, write nothing."""
        if isinstance(value, str):
            self.empty("string", {"key": key, "value": value.translate(NOT_XML)})
        elif isinstance(value, datetime):
            self.empty("date", {"key": key, "value": value.isoformat(timespec="microseconds")})
        elif value is not None:
            self.empty("int", {"key": key, "value": str(value)})

    def _indent(self) -> None:
        self._xml.ignorableWhitespace("\n" + "  " * self._depth)
