"""Case files: what was written is read, and what was damaged, cut or edited on the way is refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from zstandard import ZstdCompressor, ZstdDecompressor

from application.cases.case_file import CaseFile, CaseLine, InvalidCase, UnsupportedCaseFormat, write_case
from tests.support.examples import examples

PATH = Path("case.sojourn")
HEADER: CaseLine = {
    "workflow": "w",
    "until": "2026-01-31T08:00:00+00:00",
    "events": 5,
    "entities": 5,
    "leases": 1,
    "positions": [3, 15],
    "settings": {"sojourn.stuck_factor": "4"},
    "lifecycles": [],
}
EVENTS: list[CaseLine] = [
    {"position": 3 * n, "stream": f"task:t{n}", "version": 1, "data": {"status": "QUEUED", "reason": "début ✓"}}
    for n in range(1, 6)
]
LINES = [*EVENTS, {"holder": "runner:r", "heartbeat_at": "2026-01-31T08:00:00+00:00"}]


def written(header: CaseLine = HEADER, lines: list[CaseLine] = LINES) -> bytes:
    stream = io.BytesIO()
    write_case(stream, header, lines)
    return stream.getvalue()


def read(content: bytes) -> list[CaseLine]:
    return list(CaseFile(PATH, io.BytesIO(content)).lines())


def edited(change: Callable[[list[Any]], object]) -> bytes:
    """The case after `change` has edited its lines: 0 is the header, 1 to 5 are the events, 6 a lease, 7 the end."""
    text = ZstdDecompressor().stream_reader(io.BytesIO(written())).read()
    lines = [json.loads(line) for line in text.splitlines()]
    change(lines)
    return ZstdCompressor().compress("".join(json.dumps(line) + "\n" for line in lines).encode())


def test_what_was_written_is_read() -> None:
    case = CaseFile(PATH, io.BytesIO(written()))

    assert case.header == {"case": 1, **HEADER}
    assert list(case.lines()) == LINES
    assert len(case.digest) == 64


def test_how_a_line_is_written_makes_no_difference() -> None:
    assert read(edited(lambda _: None)) == LINES


EDITS: dict[str, tuple[Callable[[list[Any]], object], str | None]] = {
    "an event's data": (lambda lines: lines[3]["data"].update(status="DONE"), "event 3 of 5 (task:t3@1)"),
    "an event's position": (lambda lines: lines[5].update(position=99), "event 5 of 5 (task:t5@1)"),
    "an event's name": (lambda lines: lines[2].update(stream="task:x"), "event 2 of 5 (task:x@1)"),
    "an event without its seal": (lambda lines: lines[2].pop("seal"), "event 2 of 5 (task:t2@1)"),
    "an event that is gone": (lambda lines: lines.pop(2), "event 2 of 5 (task:t3@1)"),
    "an event that is there twice": (lambda lines: lines.insert(2, lines[2]), "event 3 of 5 (task:t2@1)"),
    "events in another order": (lambda lines: lines.insert(2, lines.pop(4)), "event 2 of 5 (task:t4@1)"),
    "the last event": (lambda lines: lines.pop(5), "event 5 of 5 (runner:r)"),
    "a lease": (lambda lines: lines[6].update(heartbeat_at=None), "lease 1 of 1 (runner:r)"),
    "a lease that is gone": (lambda lines: lines.pop(6), "lease 1 of 1"),
    "the last events and the end": (lambda lines: lines.__delitem__(slice(4, None)), "event 4 of 5"),
    "the end": (lambda lines: lines.pop(), "the end"),
    "the digest": (lambda lines: lines[-1].update(digest="0" * 64), "lease 1 of 1 (runner:r)"),
    "a line after the end": (lambda lines: lines.append(lines[3]), "lease 1 of 1 (runner:r)"),
    "the header": (lambda lines: lines[0].update(workflow="x"), "its header"),
    "no header": (lambda lines: lines.pop(0), None),
    "another thing": (lambda lines: lines.__setitem__(slice(None), [[1]]), None),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_case_is_refused_with_the_first_event_that_does_not_fit(edit: str) -> None:
    change, first = EDITS[edit]

    with pytest.raises(InvalidCase, match=r"'case\.sojourn' (does|is|has) ") as refused:
        read(edited(change))

    assert refused.value.event == first


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("events", "five"),
        ("until", "2026-01-31T08:00:00"),
        ("positions", []),
        ("settings", {"session_preload_libraries": "evil"}),
        ("settings", {"sojourn.x; drop": "1"}),
    ],
)
def test_a_sealed_header_with_an_invalid_field_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidCase, match=f"is not a valid case file: the header field '{name}"):
        read(written({**HEADER, name: value}))


def test_a_case_of_a_later_format() -> None:
    with pytest.raises(
        UnsupportedCaseFormat, match="has case format 2, but this Sojourn reads format 1; update Sojourn"
    ):
        read(edited(lambda lines: lines[0].update(case=2)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no case",
        b"\x28\xb5\x2f\xfd",
        ZstdCompressor().compress(b"no case\n"),
        ZstdCompressor().compress(b"[" * 100_000 + b"\n"),
    ],
)
def test_a_file_that_is_not_a_case(content: bytes) -> None:
    with pytest.raises(InvalidCase, match="is not a case file"):
        read(content)


LONG: list[CaseLine] = [{**EVENTS[0], "version": n, "data": {"noise": str(7 ** (1000 + n))}} for n in range(1, 301)]
"""More than one block of the compression, so that much is read before any damage is met."""


@examples(quick=25, long=100)
@for_all(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_damaged_or_cut_case_is_refused_wherever_it_was_hit(place: float, change: int) -> None:
    whole = written({**HEADER, "events": len(LONG), "leases": 0}, LONG)
    damaged = bytearray(whole)
    damaged[int(place * len(whole))] ^= change

    for content in (bytes(damaged), whole[: int(place * len(whole))]):
        try:
            found = read(content)
        except (InvalidCase, UnsupportedCaseFormat):
            continue
        assert found == LONG  # the compression has bits that mean nothing
