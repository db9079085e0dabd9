"""The lines of a file, however it is compressed."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from application.imports.input_file import UnreadableInput, input_size, input_stem, open_input

TEXT = b"".join(b"line %d\n" % number for number in range(1, 10_001))


def lines(path: Path) -> list[bytes]:
    with open_input(str(path)) as source:
        return [line for _, line in source.lines()]


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, zstandard.compress, bz2.compress, lzma.compress], ids=lambda of: of.__module__
)
def test_what_is_compressed_is_read_as_what_it_was(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "log"
    path.write_bytes(compress(TEXT[:30_000]) + compress(TEXT[30_000:]))

    assert lines(path) == TEXT.splitlines(keepends=True)
    with open_input(str(path)) as source:
        assert sum(1 for _ in source.lines()) == 10_000
        assert source.bytes_read == input_size(str(path))


def zstd_in_blocks(text: bytes) -> bytes:
    """As Spark writes it: flushed again and again."""
    frame = zstandard.ZstdCompressor().compressobj()
    blocks = [
        frame.compress(text[at : at + 10_000]) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for at in range(0, len(text), 10_000)
    ]
    return b"".join(blocks) + frame.flush()


@pytest.mark.parametrize("damage", [lambda whole: whole[:-3], lambda whole: whole + b"garbage"], ids=["cut", "garbage"])
@pytest.mark.parametrize("compress", [gzip.compress, zstd_in_blocks], ids=lambda of: of.__name__)
def test_damage_at_the_end_of_a_file_keeps_back_little_of_what_is_before_it(
    tmp_path: Path, compress: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "log"
    path.write_bytes(damage(compress(TEXT)))

    with open_input(str(path)) as source:
        read = [line for _, line in source.lines()]
        (bad,) = source.check_end()

    assert TEXT.startswith(b"".join(read))
    assert len(read) > 9_000
    assert bad.number == len(read) + 1
    assert "cannot be decompressed" in bad.error


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress], ids=lambda of: of.__module__)
def test_a_block_that_is_cut_off_is_said(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "log"
    whole = compress(TEXT)
    path.write_bytes(whole[: -len(whole) // 4])

    with open_input(str(path)) as source:
        read = [line for _, line in source.lines()]
        (bad,) = source.check_end()

    assert TEXT.startswith(b"".join(read))
    assert "cannot be decompressed" in bad.error


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")

    assert lines(path) == [b"one\n", b"\xef\xbb\xbftwo\n"]
    path.write_bytes(b"\xef\xbb\xbf")
    assert lines(path) == []


def test_the_parts_of_a_rolling_log_follow_one_another(tmp_path: Path) -> None:
    for number, part in ((1, b"one\n"), (2, b"two\n"), (10, b"ten\n")):
        (tmp_path / f"events_{number}_app").write_bytes(zstandard.compress(part))
    (tmp_path / "appstatus_app").write_bytes(b"")

    assert lines(tmp_path) == [b"one\n", b"two\n", b"ten\n"]


def test_the_parts_of_a_log_of_databricks_follow_one_another(tmp_path: Path) -> None:
    parts = {"eventlog": b"newest\n", "eventlog-2026-01-01--00-00": b"second\n"}
    for name, part in parts.items():
        (tmp_path / name).write_bytes(part)
    (tmp_path / "eventlog-2025-12-31--23-00.gz").write_bytes(gzip.compress(b"first\n"))
    (tmp_path / "stdout").write_bytes(b"other\n")
    (tmp_path / "eventlog-2026-01-01--01-00").mkdir()

    assert lines(tmp_path) == [b"first\n", b"second\n", b"newest\n"]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="rolling event log"):
        lines(tmp_path)
    path = tmp_path / "log.lz4"
    path.write_bytes(b"LZ4Block" + bytes(20))
    with pytest.raises(UnreadableInput, match="lz4"):
        lines(path)


def test_a_pipe_with_a_name_is_read_as_a_file_is() -> None:
    """As in `sojourn import jsonl <(zcat x.gz)`: a pipe has no position."""
    reading, writing = os.pipe()
    os.write(writing, gzip.compress(b"one\ntwo\n"))
    os.close(writing)

    with open_input(f"/dev/fd/{reading}") as source:
        read = list(source.lines())
        assert source.bytes_read == 8
    os.close(reading)

    assert read == [(1, b"one\n"), (2, b"two\n")]


def test_a_file_is_called_by_its_name_without_endings() -> None:
    assert [input_stem(name) for name in ("a/b.c.txt", "b.json.gz", "b.zst", "b")] == ["b.c", "b", "b", "b"]
