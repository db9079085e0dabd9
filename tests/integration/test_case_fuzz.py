"""Case files that are damaged, cut, edited and sealed again, or made up: a sentence, and nothing half-opened."""

import io
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zstandard import ZstdCompressor, ZstdDecompressor

from application.cases.bundle import bundle_workflow
from application.cases.case_file import MAX_LINE_BYTES, CaseFile, InvalidCase, UnsupportedCaseFormat, write_case
from application.cases.opened_case import forget_case, open_case
from application.transition_service import TaskSpec, TransitionService
from infrastructure.database.pool import Database
from tests.support.almost_right import VALUES, spoilt_document
from tests.support.attempts import attempt, register
from tests.support.command_line import run_program
from tests.support.examples import examples

pytestmark = pytest.mark.one_server

Case = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture
def case(service: TransitionService, tmp_path: Path) -> Case:
    """The header and the lines of a case of tasks with and without instances, owners and leases."""
    register(service, "t1", "t2")
    attempt(service, "t1")
    service.transition_task_instance("t1/1", "DONE")
    service.register_tasks("w", [TaskSpec("owned")], lifecycle="pynenc")
    service.transition_task("owned", "PENDING", runner_id="ann")
    service.heartbeat("ann", 600)
    path = tmp_path / "case.sojourn"
    bundle_workflow(service.store, "w", path)
    with path.open("rb") as stream:
        read = CaseFile(path, stream)
        lines = list(read.lines())
    return {key: value for key, value in read.header.items() if key != "case"}, lines


def sealed(header: dict[str, Any], lines: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    write_case(stream, header, lines)
    return stream.getvalue()


def read_whole(content: bytes) -> None:
    for _ in CaseFile(Path("case.sojourn"), io.BytesIO(content)).lines():
        pass


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 40)))
    inserted = draw(st.binary(max_size=30))
    tail = draw(st.sampled_from([b"", content, b"\0" * 100, b"PK\3\4"]))
    return content[:start] + inserted + content[end:] + tail


@examples(quick=60, long=150)
@given(data=st.data())
def test_damage_is_found(case: Case, data: st.DataObject) -> None:
    content = sealed(*case)
    damaged = data.draw(spoilt_bytes(content))
    if damaged == content:
        return

    with pytest.raises((InvalidCase, UnsupportedCaseFormat)) as refused:
        read_whole(damaged)

    assert len(str(refused.value)) < 1000


@examples(quick=60, long=150)
@given(data=st.data())
def test_whoever_seals_lines_of_anything_is_told_what_is_wrong(case: Case, data: st.DataObject) -> None:
    text = ZstdDecompressor().stream_reader(io.BytesIO(sealed(*case))).read()
    lines = [json.loads(line) for line in text.splitlines()]
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(spoilt_document(lines[number]) | VALUES)
    edited = "".join(json.dumps(line) + "\n" for line in lines).encode(errors="replace")

    refused = refusal_of(lambda: read_whole(ZstdCompressor().compress(edited)))

    assert refused is None or len(refused) < 1000


@examples(quick=5, long=20)
@given(data=st.data())
def test_a_case_that_somebody_made_up_is_opened_or_refused(
    service: TransitionService, case: Case, tmp_path: Path, data: st.DataObject
) -> None:
    header, lines = case
    if data.draw(st.booleans()):
        header = data.draw(spoilt_document(header))
    else:
        number = data.draw(st.integers(0, len(lines) - 1))
        lines = [*lines[:number], data.draw(spoilt_document(lines[number])), *lines[number + 1 :]]
    path = tmp_path / "made-up.sojourn"
    path.write_bytes(sealed(header, lines))

    refused = refusal_of(lambda: open_check_and_forget(service.store.database, path))

    assert refused is None or len(refused) < 1000
    with service.store.session() as connection:
        drafts = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%\\_draft'").fetchall()
    assert drafts == []


def refusal_of(call: Callable[[], object]) -> str | None:
    try:
        call()
    except (InvalidCase, UnsupportedCaseFormat) as refused:
        return str(refused)
    return None


def open_check_and_forget(server: Database, path: Path) -> None:
    opened = open_case(server, path)
    try:
        check_commands(opened["dsn"])
    finally:
        forget_case(server, opened["database"])


COMMANDS = (
    ("history", "task:t1"), ("history", "--full", "ti:t1/1"), ("why", "ti:t1/1"), ("status", "task:owned"), ("audit",),
    ("orphans", "--include-handled"), ("time-in-status",), ("verify",), ("replay", "--all"), ("attempts",),
    ("lifecycle", "list", "--log"), ("export", "--format", "jsonl", "-o", "/dev/null"),
)  # fmt: skip


def check_commands(dsn: str) -> None:
    for command in COMMANDS:
        done = run_program("--dsn", dsn, *command)
        assert done.status in (0, 1, 2), (command, done)
        assert "unexpected" not in done.stderr, (command, done)


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """A line of 400 MB in a file of some kB: what is read of it is bounded."""
    path = tmp_path / "bomb.sojourn"
    with path.open("wb") as file, ZstdCompressor(level=1).stream_writer(file) as compressed:
        compressed.write(b'{"case":1,"workflow":"')
        for _ in range(100):
            compressed.write(b"x" * 2**22)

    tracemalloc.start()
    with path.open("rb") as stream, pytest.raises(InvalidCase, match="is not a case file"):
        CaseFile(path, stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert path.stat().st_size < 100_000
    assert peak < 4 * MAX_LINE_BYTES
