"""Files that are almost right: whatever is wrong in a line is that line's, and ends no import."""

import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.imports.change import BadLine, ParsedLine
from application.imports.formats import WrongFormat, check_format, find_format, format_names
from application.imports.formats.jobmon import MissingColumns
from application.imports.formats.sacct import MissingSacctFields
from application.imports.input_file import InputFile
from application.imports.options import Options
from application.imports.seqera_tasks import UnknownTaskList
from application.imports.trace_file import MissingTraceFields
from application.shared.lifecycle_source import find_lifecycle
from tests.support.almost_right import SACCT_JSON, SAMPLES, SEQERA_TASKS, almost_right, spoilt_document, spoilt_lines
from tests.support.examples import examples

OF_THE_WHOLE_FILE = (MissingColumns, MissingTraceFields, MissingSacctFields, UnknownTaskList, WrongFormat)


def parsed(format_name: str, content: bytes) -> list[ParsedLine | BadLine]:
    options = Options(find_lifecycle(find_format(format_name).LIFECYCLE), "sample", None, ZoneInfo("Europe/Berlin"))
    lines = check_format(format_name, "sample", InputFile(io.BytesIO(content)).lines())
    return list(find_format(format_name).read(lines, options))


@pytest.mark.parametrize("format_name", format_names())
def test_samples_are_right(format_name: str) -> None:
    found = parsed(format_name, "\n".join(SAMPLES[format_name]).encode())

    assert [line for line in found if isinstance(line, BadLine)] == []


def test_jobs_in_json_are_right() -> None:
    found = parsed("sacct", json.dumps(SACCT_JSON).encode())

    assert [len(line.changes) for line in found if isinstance(line, ParsedLine)] == [6, 4]


@examples(quick=60, long=300)
@given(document=spoilt_document(SACCT_JSON), indent=st.sampled_from([None, 1]))
def test_jobs_in_json_that_are_almost_right(document: Any, indent: int | None) -> None:
    content = json.dumps(document, indent=indent).encode(errors="replace")

    try:
        found = parsed("sacct", content)
    except OF_THE_WHOLE_FILE:
        return

    assert all(len(line.error) <= 1000 for line in found if isinstance(line, BadLine))


@examples(quick=60, long=300)
@given(document=spoilt_document(SEQERA_TASKS), indent=st.sampled_from([None, 1]))
def test_tasks_in_json_that_are_almost_right(document: Any, indent: int | None) -> None:
    content = json.dumps(document, indent=indent).encode(errors="replace")

    try:
        found = parsed("nextflow", content)
    except OF_THE_WHOLE_FILE:
        return

    assert all(len(line.error) <= 1000 for line in found if isinstance(line, BadLine))


@pytest.mark.parametrize("separator", [b",", b";"])
@examples(quick=60, long=300)
@given(data=st.data())
def test_a_trace_with_another_separator_that_is_almost_right(separator: bytes, data: st.DataObject) -> None:
    rows = [line.encode().replace(b"\t", separator) for line in SAMPLES["nextflow"]]

    try:
        found = parsed("nextflow", data.draw(spoilt_lines(rows)))
    except OF_THE_WHOLE_FILE:
        return

    assert all(len(line.error) <= 1000 for line in found if isinstance(line, BadLine))


@pytest.mark.parametrize("format_name", format_names())
@examples(quick=60, long=300)
@given(data=st.data())
def test_what_is_almost_right(format_name: str, data: st.DataObject) -> None:
    content = data.draw(almost_right(format_name))

    try:
        found = parsed(format_name, content)
    except OF_THE_WHOLE_FILE:
        return

    assert all(len(line.error) <= 1000 for line in found if isinstance(line, BadLine))
