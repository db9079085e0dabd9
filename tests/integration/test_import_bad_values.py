"""One value that cannot be, in each format and each kind of column: its line is bad, and the import goes on."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from application.imports.formats import check_format, find_format
from application.imports.importer import BYTES_PER_BATCH, import_lines
from application.imports.input_file import UnreadableInput, open_input
from application.imports.options import Options
from application.replay.verify import verify_log
from application.shared.lifecycle_source import find_lifecycle
from application.transition_service import TransitionService
from tests.support.almost_right import SAMPLES
from tests.support.importing import imported

pytestmark = pytest.mark.one_server

TOO_LARGE = "999999999999999999"
DIGITS = "9" * 5_000
LAST_YEAR = "9999-12-31T23:59:59"
QUOTE = '"' + "x" * 200_000
UNITS = "99999999999999999d"

OTHER_MACHINE = {"initial": "A", "transitions": {"A": []}, "terminal": []}

SACCT, NEXTFLOW, JOBMON = (SAMPLES[name][1] for name in ("sacct", "nextflow", "jobmon"))
SPARK_START = json.loads(SAMPLES["spark"][3])
REGISTERED = json.loads(SAMPLES["jsonl"][0]) | {"id": "bad"}


def spark(**values: object) -> str:
    info = SPARK_START["Task Info"] | {"Index": 4} | values
    return json.dumps(SPARK_START | {"Task Info": info})


def jsonl(**values: object) -> str:
    return json.dumps(REGISTERED | values)


def moved(**values: object) -> str:
    return json.dumps({"entity": "task", "id": "p1", "to": "RUNNING", "at": "2026-01-31T08:00:01Z"} | values)


def with_field(line: str, number: int, value: str, separator: str) -> str:
    fields = line.split(separator)
    fields[number] = value
    return separator.join(fields)


BAD = {
    "sacct: a time of too many seconds": ("sacct", with_field(SACCT, 3, TOO_LARGE, "|"), "is out of range"),
    "sacct: a time of too many digits": ("sacct", with_field(SACCT, 5, DIGITS, "|"), "is out of range"),
    "sacct: a year that no clock shows": ("sacct", with_field(SACCT, 6, LAST_YEAR, "|"), "is out of range"),
    "sacct: a digit that is no decimal": ("sacct", with_field(SACCT, 3, "²", "|"), "time '²' cannot be read"),
    "sacct: a long state": ("sacct", with_field(SACCT, 9, "x" * 200_000, "|"), "no status 'xxxxxxxx"),
    "sacct: an elapsed time over any": (
        "sacct",
        "19|c|bob|2026-10-25T02:30:00||2026-10-25T02:30:00|2026-10-25T02:30:00|9999999999999-00:00:00|0:0|FAILED||||n1|1"
        "|x",
        "is longer than any run",
    ),
    "nextflow: a duration of too many days": (
        "nextflow", with_field(NEXTFLOW, 12, UNITS, "\t"),
        "longer than a century",
    ),
    "nextflow: a duration of too many digits": (
        "nextflow", with_field(NEXTFLOW, 13, DIGITS, "\t"),
        "longer than a centu",
    ),
    "nextflow: a time of too many milliseconds": ("nextflow", with_field(NEXTFLOW, 9, DIGITS, "\t"), "is out of range"),
    "nextflow: no duration": ("nextflow", with_field(NEXTFLOW, 12, "soon", "\t"), "'soon' is not a duration"),
    "nextflow: an end after the last year": (
        "nextflow",
        with_field(with_field(NEXTFLOW, 9, "9998-12-31T00:00:00", "\t"), 12, "99d", "\t"),
        "is out of range",
    ),
    "jobmon: a quote without an end": (
        "jobmon", f"206,17,{QUOTE},Q,2026-01-31 08:00:00,",
        "has a quote without an end",
    ),
    "jobmon: a year that no clock shows": ("jobmon", f"206,17,G,Q,{LAST_YEAR},", "is out of range"),
    "jobmon: an id that is too long": (
        "jobmon", f"206,{'7' * 300},G,Q,2026-01-31 08:00:00,",
        "is not a text of 1 to 255",
    ),
    "spark: a time of too many milliseconds": ("spark", spark(**{"Launch Time": 10**18}), "is out of range"),
    "spark: a time that is no number": (
        "spark", spark(**{"Launch Time": "soon"}),
        "is not an event as Spark writes it",
    ),
    "spark: a time that is infinite": ("spark", spark(**{"Launch Time": 1e300}), "is out of range"),
    "spark: an index of too many digits": ("spark", spark(Index=DIGITS), "is not an event as Spark writes it"),
    "jsonl: too many attempts": ("jsonl", jsonl(max_attempts=2**31), "needs max_attempts of 1 to 2147483647"),
    "jsonl: attempts of too many digits": ("jsonl", jsonl().replace(": 3,", f": {DIGITS},"), "is not valid JSON"),
    "jsonl: a year that no clock shows": ("jsonl", jsonl(at=f"{LAST_YEAR}Z"), "is out of range"),
    "jsonl: deep brackets": ("jsonl", "[" * 5_000, "is not valid JSON: recursion limit"),
    "jsonl: NaN": ("jsonl", jsonl(attributes={"retries": float("nan")}), "is not valid JSON"),
    "jsonl: a version over any": (
        "jsonl", jsonl(lifecycle="prefect", lifecycle_version=2**31),
        "not a number from 1 to",
    ),
    "jsonl: an infinite detail": (
        "jsonl", moved(state={"details": {"a": 1}}).replace(": 1}", ": 1e999}"),
        '"state" is',
    ),
    "jsonl: another definition of a shipped lifecycle": (
        "jsonl",
        jsonl(definition={"name": "prefect", "version": 1, "task": OTHER_MACHINE}, lifecycle="prefect"),
        "ships with Sojourn, with another definition",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("format_name", "line", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_value_is_a_bad_line_and_the_import_goes_on(
    service: TransitionService, format_name: str, line: str, sentence: str
) -> None:
    header, *rest = SAMPLES[format_name]
    text = "\n".join([header, *rest[:-1], line, rest[-1]])

    answer = imported(service, format_name, text, zone="Europe/Berlin")
    without = imported(service, format_name, "\n".join(SAMPLES[format_name]), zone="Europe/Berlin")

    (bad,) = answer["bad_lines"]
    assert (bad["line"], sentence in bad["error"]) == (len(rest) + 1, True), bad
    assert len(bad["error"]) <= 500
    assert (without["bad"], without["transitions"]) == (0, 0), "every other line was imported"
    assert verify_log(service.store)["mismatches"] == []


@pytest.mark.parametrize("format_name", sorted(SAMPLES))
@pytest.mark.parametrize("first", ["x", '"', ",", "{"])
def test_a_first_line_that_is_no_line_of_any_format(tmp_path: Path, format_name: str, first: str) -> None:
    file = tmp_path / "odd"
    file.write_text(first * 200_000 + "\n" + "\n".join(SAMPLES[format_name]))

    with open_input(str(file)) as source:
        checked = [line for _, line in check_format(format_name, "odd", source.lines())]

    assert len(checked) == len(SAMPLES[format_name]) + 1


def test_a_read_error_is_a_sentence() -> None:
    with (
        pytest.raises(UnreadableInput, match="'/proc/self/mem' cannot be read: Input/output error"),
        open_input("/proc/self/mem"),
    ):
        pass


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_compression_is_a_bad_line(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    damaged = bytearray(compress(str(list(range(100_000))).replace(",", "\n").encode()))
    damaged[len(damaged) // 2 : len(damaged) // 2 + 20] = b"x" * 20
    (tmp_path / "damaged").write_bytes(damaged)

    with open_input(str(tmp_path / "damaged")) as source:
        read = sum(1 for _ in source.lines())
        (end,) = source.check_end()

    assert read < 100_000
    assert "cannot be decompressed: the file is cut off or damaged" in end.error


@pytest.mark.fresh_database  # a constraint of its own
def test_what_only_the_database_refuses_is_a_bad_line(
    service: TransitionService, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("ALTER TABLE sojourn.stored_event ADD CHECK (reason <> 'not here')")
    refused = moved(to="COMPLETED", at="2026-01-31T08:00:02Z", reason="not here")
    text = "\n".join([*SAMPLES["jsonl"], refused, *SAMPLES["jsonl"]])

    answer = imported(service, "jsonl", text)

    (bad,) = answer["bad_lines"]
    assert bad["line"] == len(SAMPLES["jsonl"]) + 1
    assert bad["error"].startswith("has a value that the database does not store: new row for relation")
    assert (answer["lines"], answer["duplicates"]) == (2 * len(SAMPLES["jsonl"]) + 1, len(SAMPLES["jsonl"]))
    assert verify_log(service.store)["mismatches"] == []


def test_long_lines_end_a_batch_early(service: TransitionService) -> None:
    line = moved(state={"details": {"a": "x" * 2**21}}).encode()  # the second and all others are known
    options = Options(find_lifecycle("jobmon"), "long")
    texts = [SAMPLES["jsonl"][6].encode(), *[line] * 40]
    lines = find_format("jsonl").read(enumerate(texts, 1), options)
    batches: list[int] = []

    tally = import_lines(service.store, options.lifecycle, lines, lambda so_far: batches.append(so_far.lines))

    assert (tally.lines, tally.bad, tally.duplicates) == (41, 0, 39)
    assert batches == [BYTES_PER_BATCH // len(line) + 2, 41]
