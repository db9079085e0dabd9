"""XES (IEEE 1849-2016), for process mining: a trace for each task, an event for each status that it entered.

A task whose lifecycle has attempts has a trace of its own for each of them, too: `sojourn:kind` tells them apart, so
that a miner that keeps one kind sees whole stories of one machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, Timeline
from domain.time import EPOCH

EXTENSIONS = {
    "Concept": "concept",
    "Lifecycle": "lifecycle",
    "Organizational": "org",
    "Time": "time",
}
"""The standard's extensions that are used here, and their prefixes."""

NOT_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF), "\ufffd")
"""Characters that no XML document may have, and what is written in their place."""

COMPLETE = "complete"
"""The lifecycle transition of every event: a status was entered."""


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of the source; rows are events."""
    xes = _Xes(output)
    with xes.element("log", {"xes.version": "1849.2016", "xes.features": ""}):
        _head(xes)
        return sum(_trace(xes, track) for record in source.tasks() for track in _tracks(record))


def _tracks(record: TaskTimelines) -> Iterator[Timeline]:
    yield record.task
    yield from record.attempts


def _head(xes: "_Xes") -> None:
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


def _trace(xes: "_Xes", track: Timeline) -> int:
    first = track.first
    with xes.element("trace"):
        xes.attribute("concept:name", str(track.entity))
        xes.attribute("sojourn:kind", first.kind)
        xes.attribute("sojourn:task", first.task_id)
        xes.attribute("sojourn:workflow", first.workflow_id)
        xes.attribute("sojourn:template", first.template)
        xes.attribute("sojourn:attempt", first.ordinal)
        for stay in track.stays:
            _event(xes, stay)
    return len(track.stays)


def _event(xes: "_Xes", stay: StatusInterval) -> None:
    with xes.element("event"):
        xes.attribute("concept:name", stay.status)
        xes.attribute("lifecycle:transition", COMPLETE)
        xes.attribute("time:timestamp", stay.entered_at)
        xes.attribute("org:resource", stay.worker)
        xes.attribute("sojourn:position", stay.position)
        xes.attribute("sojourn:reported", stay.reported)
        xes.attribute("sojourn:rule", stay.rule)
        xes.attribute("sojourn:reason", stay.reason)


class _Xes:
    """Writes elements, and attributes of the types that XES has."""

    def __init__(self, output: BinaryIO) -> None:
        self._xml = XMLGenerator(output, "utf-8", short_empty_elements=True)
        self._xml.startDocument()
        self._depth = 0

    @contextmanager
    def element(self, name: str, attributes: dict[str, str] | None = None) -> Iterator[None]:
        """An element with whatever is written in the block."""
        self._line()
        self._xml.startElement(name, AttributesImpl(attributes or {}))
        self._depth += 1
        yield
        self._depth -= 1
        self._line()
        self._xml.endElement(name)

    def empty(self, name: str, attributes: dict[str, str]) -> None:
        """An element with nothing in it."""
        self._line()
        self._xml.startElement(name, AttributesImpl(attributes))
        self._xml.endElement(name)

    def attribute(self, key: str, value: str | int | datetime | None) -> None:
        """An attribute of a log, trace or event, in the element of its type; nothing where there is no value."""
        if isinstance(value, str):
            self.empty("string", {"key": key, "value": value.translate(NOT_XML)})
        elif isinstance(value, datetime):
            self.empty("date", {"key": key, "value": value.isoformat(timespec="microseconds")})
        elif value is not None:
            self.empty("int", {"key": key, "value": str(value)})

    def _line(self) -> None:
        self._xml.ignorableWhitespace("\n" + "  " * self._depth)
