"""Text that the log keeps."""

import pytest

from domain.text import MAX_REASON_BYTES, cut_reason, is_storable


@pytest.mark.parametrize("end", ["", "x", "é", "🙂", "\0", "\ud800"])
@pytest.mark.parametrize("length", [0, 10, MAX_REASON_BYTES // 4, MAX_REASON_BYTES - 4, MAX_REASON_BYTES])
@pytest.mark.parametrize("character", ["x", "é", "日", "🙂", "\0", "\ud800"])
def test_a_reason_is_cut_only_where_it_is_too_long_and_is_storable(character: str, length: int, end: str) -> None:
    text = character * length + end
    whole = text.replace("\0", "�").replace("\ud800", "�")

    kept = cut_reason(text)

    assert is_storable(kept)
    if len(whole.encode()) <= MAX_REASON_BYTES:
        assert kept == whole
    else:
        assert MAX_REASON_BYTES - 4 < len(kept.encode()) <= MAX_REASON_BYTES
        assert kept.endswith(f" [cut: the reason has {len(whole.encode())} bytes]")
        assert whole.startswith(kept.partition(" [cut")[0])
